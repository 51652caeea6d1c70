"""Faces for the labeler to learn from: samples of a GAN, to be labelled by eye.

    python benchmarks/judge/collect_faces.py draw GAN FOLDER [--first N]  # numbered sheets to look at, and samples.png
    python benchmarks/judge/collect_faces.py join FOLDER LABELS ...       # add what several saw to the plugin's set

Half of the samples are such as the labeler hesitates about. LABELS are JSON files {number: five characters}, one
an observer: smile, glasses, woman, hat (1 yes, 0 no, u unsure) and where the face turns (l, r, c straight). Questions
on which observers differ stay open. Nothing that the judge is tested on is among them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image
from sheets import write_numbered

from ganlab import Gan, Labeler, load_gan
from ganlab_synthetic.faces.seen import QUESTIONS, UNSURE, VALUES, SeenFaces, read_seen, write_seen
from ganlab_synthetic.labelers.sheets import tiled, untiled

FIRST = 3_000_000  # index of the first sample, below those of blind_faces.py
ACROSS = 5
DRAWN_AT_ONCE, OF = 100, 3  # of so many times as many samples are those chosen that the labeler hesitates about
DOUBT = (0.1, 0.9)  # probabilities between which it is held to hesitate


def draw(gan: Gan, labeler: Labeler, n: int, first: int) -> np.ndarray:
    """Samples (n, h, w, 3) uint8, half of them doubtful, in the order of their indices."""
    images, doubtful = [], []
    for start in range(first, first + OF * n, DRAWN_AT_ONCE):
        drawn = gan.generate(gan.latents(DRAWN_AT_ONCE, seed=0, first=start))
        likely = labeler.probabilities(drawn, gan.image)
        images.append(gan.image.to_uint8(drawn))
        doubtful.append(((likely > DOUBT[0]) & (likely < DOUBT[1])).any(1))
    unsure = np.concatenate(doubtful)
    chosen = np.concatenate([np.flatnonzero(unsure)[: n // 2], np.flatnonzero(~unsure)])[:n]
    return np.concatenate(images)[np.sort(chosen)]


def write(images: np.ndarray, folder: Path) -> None:
    """The sheets to look at, and all pictures in one file to be joined from."""
    write_numbered(images, folder, ACROSS)
    tiled(images).save(folder / "samples.png")


def agreed(answers: list[str]) -> str:
    """For each question what all observers said, or that it is open."""
    together = ("".join(set(signs)) for signs in zip(*answers, strict=True))
    return "".join(signs if signs in VALUES else UNSURE for signs in together)


def join(folder: Path, labels: list[Path]) -> None:
    """Add the faces that all observers labelled to what the labeler learns from."""
    observers = [json.loads(path.read_text()) for path in labels]
    numbers = sorted(
        {int(number) for number in observers[0]}.intersection(*({int(n) for n in p} for p in observers[1:]))
    )
    new = [agreed([observer[str(number)] for observer in observers]) for number in numbers]
    old = read_seen()
    texts = {
        question: old.texts[question] + "".join(answer[place] for answer in new)
        for place, question in enumerate(QUESTIONS)
    }
    with Image.open(folder / "samples.png") as sheet:
        write_seen(SeenFaces(np.concatenate([old.images, untiled(sheet)[numbers]]), texts))
    for question, text in texts.items():
        print(f"{question}: " + ", ".join(f"{sign} {text.count(sign)}" for sign in sorted(set(text))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["draw", "join"])
    parser.add_argument("first_word", metavar="GAN|FOLDER", help="GAN to draw, FOLDER to join")
    parser.add_argument(
        "rest", nargs="+", type=Path, metavar="FOLDER|LABELS", help="FOLDER to draw into, LABELS to join"
    )
    parser.add_argument("--n", type=int, default=300)
    parser.add_argument("--first", type=int, default=FIRST, help="index of the first sample to choose from")
    arguments = parser.parse_args()
    if arguments.what == "draw":
        gan = load_gan(arguments.first_word)
        write(draw(gan, Labeler.from_spec("faces"), arguments.n, arguments.first), arguments.rest[0])
    else:
        join(Path(arguments.first_word), arguments.rest)


if __name__ == "__main__":
    main()
