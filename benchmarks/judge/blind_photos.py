"""Is the judge right about photographs of another data set? Labels by eye, given blind, against the labelers of rooms.

    python benchmarks/judge/blind_photos.py sheets PHOTOS SHEETS   # the photographs, numbered, 25 on a sheet
    python benchmarks/judge/blind_photos.py score PHOTOS           # compare photos.json with rooms-real and rooms

PHOTOS is ``eval/bedroom`` of the photographs of rooms at 64x64: 100 bedrooms of the validation part of Places365,
sorted by name. ``photos.json`` says what one observer saw before any labeler looked, one character a photograph: 1 for
a window, 0 for none, ? for "cannot say"; those count neither way.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sheets import write_numbered

from ganlab import ImageSpec, Labeler, Metric

LABELS = Path(__file__).with_name("photos.json")
ACROSS = 5
BYTES = ImageSpec(64, 3, 0, 255)


def read(folder: Path) -> np.ndarray:
    """The photographs, sorted by name: (n, 64, 64, 3) uint8."""
    return np.stack([np.asarray(Image.open(file).convert("RGB")) for file in sorted(folder.glob("*.jpg"))])


def score(images: np.ndarray) -> None:
    """Print for each labeler how often it agrees with the observer, and in which direction it does not."""
    seen = np.array(list(json.loads(LABELS.read_text())["window"]))
    if len(seen) != len(images):
        raise SystemExit(f"{len(seen)} photographs were labelled, but there are {len(images)}.")
    sure = seen != "?"
    window = seen[sure] == "1"
    print(f"{len(seen)} photographs: a window in {window.sum()}, none in {(~window).sum()}, {(~sure).sum()} undecided")
    print(f"  always the commoner answer: {max(window.mean(), 1 - window.mean()):.1%}, balanced 50%")
    pictures = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    for name in ("rooms-real", "rooms"):
        labeler = Labeler.from_spec(name)
        judged = labeler.shows(pictures, BYTES)[:, labeler.column("window")]
        found, imagined = judged[sure][window].mean(), judged[sure][~window].mean()
        agrees = Metric.of_share(judged[sure] == window)
        print(f"  {name}: agrees on {agrees.value:.1%} [{agrees.low:.0%}, {agrees.high:.0%}], ", end="")
        print(f"balanced {(found + 1 - imagined) / 2:.1%}: found {found:.1%}, imagined {imagined:.1%}; ", end="")
        print(f"a window in {judged[~sure].mean():.0%} of the undecided")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sheets", "score"])
    parser.add_argument("photos", type=Path)
    parser.add_argument("sheets", nargs="?", type=Path)
    arguments = parser.parse_args()
    images = read(arguments.photos)
    if arguments.what == "score":
        score(images)
    elif arguments.sheets is None:
        parser.error("sheets need a second folder")
    else:
        write_numbered(images, arguments.sheets, ACROSS)


if __name__ == "__main__":
    main()
