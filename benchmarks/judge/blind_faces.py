"""Is the judge of faces right? Blind labels by eye on generated faces, against the labeler.

    python benchmarks/judge/blind_faces.py sheets FOLDER   # 100 samples of faces-64, numbered, 25 on a sheet
    python benchmarks/judge/blind_faces.py score           # compare faces.json with the labeler

Whoever labels sees the sheets only. For each observer faces.json holds a text a concept, one character a sample: 1 for
yes, 0 for no; ``facing`` holds l, r or c, for where the face turns in the picture, c where it looks straight ahead; u
where an observer cannot say, which counts neither way.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from sheets import write_numbered

from ganlab import Gan, Labeler, Metric, load_gan

ANSWERS = {"1": 1.0, "0": 0.0, "u": np.nan}
LABELS = Path(__file__).with_name("faces.json")
SAMPLES, SEED, FIRST = 100, 0, 4_000_000
ACROSS = 5
STRAIGHT = 0.25  # measured turns up to this, either way, may as well be called straight


def write_sheets(gan: Gan, folder: Path) -> None:
    """Numbered sheets of the samples, enlarged, and a faces.json to fill in."""
    images = gan.image.to_uint8(gan.generate(gan.latents(SAMPLES, seed=SEED, first=FIRST)))
    write_numbered(images, folder, ACROSS)
    (folder / LABELS.name).write_text(json.dumps({"checkpoint": gan.hash, "labels": {}}) + "\n")


def score(gan: Gan, labeler: Labeler) -> None:
    """Print how often the labeler agrees with what most observers saw, and each observer with it."""
    document = json.loads(LABELS.read_text())
    if document["checkpoint"] != gan.hash:
        raise SystemExit(f"The labels were given on {document['checkpoint']}, but {gan.name} is {gan.hash}.")
    images = gan.generate(gan.latents(SAMPLES, seed=SEED, first=FIRST))
    shown = labeler.shows(images, gan.image)
    observers = document["labels"]
    for column, concept in enumerate(labeler.concepts):
        seen = {name: np.array([ANSWERS[sign] for sign in texts[concept]]) for name, texts in observers.items()}
        most = np.nanmean(list(seen.values()), axis=0) > 0.5
        for name, told in (seen | {"the labeler": shown[:, column].astype(float)}).items():
            answered = ~np.isnan(told)
            agree = Metric.of_share(told[answered] == most[answered])
            share = f"{agree.value:.0%} [{agree.low:.0%}, {agree.high:.0%}]"
            print(f"{concept:8} {name:12} agrees on {share}; yes {np.nanmean(told):.0%}, most {most.mean():.0%}")
    yaw = labeler.measure(images, gan.image)[:, labeler.measures.index("yaw")]
    for name, texts in observers.items():
        told = np.array([sign != "u" for sign in texts["facing"]])
        sides, turn = np.array([{"l": -1, "r": 1}.get(sign, 0) for sign in texts["facing"]])[told], yaw[told]
        right = np.where(
            sides == 0, np.abs(turn) <= STRAIGHT, (np.sign(turn) == sides) | (np.abs(turn) <= STRAIGHT / 2)
        )
        print(f"facing   {name:12} the labeler's yaw fits on {right.mean():.0%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sheets", "score"])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--gan", default="faces-64")
    arguments = parser.parse_args()
    gan = load_gan(arguments.gan)
    labeler = Labeler.of_checkpoint(gan)
    if labeler is None:
        parser.error(f"the card of {gan.name} names no labeler")
    if arguments.what == "score":
        score(gan, labeler)
    elif arguments.folder is None:
        parser.error("sheets need a FOLDER")
    else:
        write_sheets(gan, arguments.folder)


if __name__ == "__main__":
    main()
