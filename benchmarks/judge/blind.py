"""Is the judge right? Blind labels by eye on original, dropped and randomly dropped samples, against the labeler.

    python benchmarks/judge/blind.py sheets FOLDER   # 300 samples in random order, numbered, 30 on a sheet
    python benchmarks/judge/blind.py score           # compare labels.json with the labeler

Whoever labels sees the sheets only. Which sample is of which kind follows from the seed alone and is worked out again
when scoring; the three kinds are drawn from different z, so that no picture gives another away. Beside the sheets lies
a labels.json that says which filters were dropped; what each person saw goes into it, one character a sample: 1 for a
window, 0 for none. What most people saw is what the labeler is held to; the people are compared with it too, for nobody
can agree better with them than they do among themselves.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from sheets import write_numbered

from ganlab import Gan, Labeler, Metric, load_gan, random_bits
from ganlab_probe import probe
from ganlab_probe.dropping import pictures_without, random_filters

HERE = Path(__file__).parent
LABELS = HERE / "labels.json"
KINDS = ("original", "dropped", "random drop")
EACH = 100  # samples of a kind
FIRST = 4_000_000  # index of the first sample: nothing else is drawn from here on
RANDOM_DRAWS = 20  # the samples with random drops share these sets of filters
SEED, ACROSS = 0, 6


def draw(gan: Gan, layer: str, filters: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
    """The samples (300, c, h, w) in the order they are shown, and the kind (300,) of each."""
    maps = next(known.shape[0] for known in gan.hidden_layers() if known.name == layer)
    original, dropped, randomly = (
        gan.latents(EACH, seed=SEED, first=FIRST + EACH * kind) for kind in range(len(KINDS))
    )
    by_chance = random_filters(maps, len(filters), RANDOM_DRAWS, SEED)
    share = EACH // RANDOM_DRAWS
    parts = [gan.generate(original), pictures_without(gan, layer, dropped, filters)]
    for number, chosen in enumerate(by_chance):
        parts.append(pictures_without(gan, layer, randomly[number * share : (number + 1) * share], chosen))
    images, kinds = torch.cat(parts), np.repeat(np.arange(len(KINDS)), EACH)
    order = np.argsort(random_bits(SEED, np.arange(len(images)), 1, stream=4077)[:, 0], kind="stable")
    return images[order], kinds[order]


def write_sheets(gan: Gan, layer: str, folder: Path) -> None:
    """Numbered sheets of the samples, enlarged, and a labels.json to fill in."""
    filters = probe(gan, "window", layer=layer, seed=SEED).arrays["filters"]
    images = gan.image.to_uint8(draw(gan, layer, filters)[0])
    write_numbered(images, folder, ACROSS)
    document = {"checkpoint": gan.hash, "layer": layer, "filters": filters.tolist(), "labels": {}}
    (folder / LABELS.name).write_text(json.dumps(document) + "\n")


def score(gan: Gan, labeler: Labeler) -> None:
    """Print how often labeler and people agree, kind by kind, and what the people say of the drop itself."""
    document = json.loads(LABELS.read_text())
    if document["checkpoint"] != gan.hash:
        raise SystemExit(f"The labels were given on {document['checkpoint']}, but {gan.name} is {gan.hash}.")
    images, kinds = draw(gan, document["layer"], np.array(document["filters"]))
    judged = labeler.shows(images, gan.image)[:, labeler.column("window")]
    people = {name: np.array([sign == "1" for sign in text]) for name, text in document["labels"].items()}
    most = np.mean(list(people.values()), axis=0) > 0.5
    for name, seen in (people | {"the labeler": judged}).items():
        print(f"{name} and most people:")
        for kind, kind_name in enumerate(KINDS):
            here = kinds == kind
            agree = seen[here] == most[here]
            share = Metric.of_share(agree)
            print(
                f"  {kind_name:12} agree on {share.value:.0%} [{share.low:.0%}, {share.high:.0%}] of {here.sum()}; "
                f"windows seen in {seen[here].mean():.0%}, by most in {most[here].mean():.0%}; "
                f"alone {np.sum(seen[here] & ~most[here])}, others alone {np.sum(~seen[here] & most[here])}"
            )
    before, after = (most[kinds == kind].mean() for kind in (0, 1))
    print(f"by eye {1 - after / before:.0%} of the windows are gone")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sheets", "score"])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--gan", default="rooms-64")
    parser.add_argument("--layer", default="up8", help="whose filters are dropped")
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
        write_sheets(gan, arguments.layer, arguments.folder)


if __name__ == "__main__":
    main()
