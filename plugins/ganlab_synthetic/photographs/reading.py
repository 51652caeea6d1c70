"""Photographs of rooms with the masks of people: NYU Depth v2 as a folder, and which of them are held out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch.nn import functional as F

from ganlab import GanlabError, progress

from ..labelers.augmentation import IGNORED
from ..labelers.pixels import as_batch
from ..rooms import CONCEPTS
from ..rooms.labeler_training import Rooms

IMAGES, MASKS = "images", "labels40"
LAYOUT = f"It holds {IMAGES}/NUMBER.jpg and {MASKS}/NUMBER.png, all of one size; a mask's values are NYU40 classes - 1."
# Value of a mask -> concept. A person who is asked for a window says yes to blinds: they are the only sign of one in
# 189 of the 1,449 photographs, and in 22 of 25 looked at it is plain that they hang before a window.
VALUES = {8: "window", 12: "window", 10: "picture", 3: "bed", 34: "lamp", 7: "door"}
CURTAIN = 15  # before a window, beside one, or before a shower (13 of 25 show a window): teaches neither way
UNKNOWN = 39  # things without a class of their own, and pixels that nobody labelled
SMALLEST = 64  # pixels of a side: what the network sees

BLOCK = 25  # neighbouring numbers show the same flat: whole runs of them are held out
GAP = 6  # numbers on either side of such a run that nothing learns from
HELD_OUT, CHOOSING = 2, 4  # of each five runs: the one to measure on, and the one on which thresholds are chosen


@dataclass(frozen=True)
class Photographs:
    """Photographs in memory, by their numbers.

    Attributes:
        images: (n, h, w, 3) uint8.
        labels: (n, h, w) uint8: 0 for none of the concepts, else 1 + the concept's place, ``IGNORED`` where unknown.
        curtains: (n,) float64 in [0, 1]: the share of each picture that is curtain.
        numbers: (n,) int64.
    """

    images: np.ndarray
    labels: np.ndarray
    curtains: np.ndarray
    numbers: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Photographs:
        return Photographs(self.images[rows], self.labels[rows], self.curtains[rows], self.numbers[rows])

    def batch(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures (n, 3, h, w) float32 in [0, 1] and labels (n, h, w) int64."""
        return as_batch(self.images[rows]), torch.from_numpy(self.labels[rows]).long()

    def at64(self) -> Rooms:
        """Pictures and labels at 64x64, as a judge sees them."""
        pictures = F.interpolate(as_batch(self.images), size=(64, 64), mode="bilinear", antialias=True)
        labels = F.interpolate(torch.from_numpy(self.labels)[:, None].float(), size=(64, 64), mode="nearest-exact")
        seen = (255 * pictures).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
        return Rooms(seen.contiguous().numpy(), labels[:, 0].to(torch.uint8).numpy())


@dataclass(frozen=True)
class Split:
    """The parts of a folder: rows to learn from, those of them to choose thresholds with, and rows held out."""

    learn: np.ndarray
    rehearse: np.ndarray
    choose: np.ndarray
    held_out: np.ndarray


def split(numbers: np.ndarray) -> Split:
    """Every fifth run of 25 numbers is held out, another one is to choose on, and their neighbours teach nothing.

    ``rehearse`` is what is left of ``learn`` without ``choose`` and its neighbours.

    Raises:
        GanlabError: a part is empty.
    """

    def near(place: int) -> np.ndarray:
        around = np.arange(-GAP, GAP + 1)
        return ((numbers[:, None] + around) // BLOCK % 5 == place).any(1)

    place = numbers // BLOCK % 5
    learn = ~near(HELD_OUT)
    parts = (learn, learn & ~near(CHOOSING), place == CHOOSING, place == HELD_OUT)
    if not all(part.any() for part in parts):
        raise GanlabError(
            f"{len(numbers)} photographs are too few to learn from some and to measure on others.",
            f"Every fifth run of {BLOCK} numbers is held out: give a folder whose numbers go to {5 * BLOCK} at least.",
        )
    return Split(*(np.flatnonzero(part) for part in parts))


def read_photographs(folder: Path) -> Photographs:
    """All photographs of a folder with their masks, in the order of their numbers.

    Raises:
        GanlabError: the folder is not laid out so, is empty, or a file cannot be read or differs in size.
    """
    for part in (IMAGES, MASKS):
        if not (folder / part).is_dir():
            raise GanlabError(f"{folder} has no folder {part}.", LAYOUT)
    files = _by_number(folder / IMAGES)
    if not files:
        raise GanlabError(f"{folder / IMAGES} holds no pictures.", LAYOUT)
    images, masks = [], []
    for number, file in progress(sorted(files.items()), "reading photographs"):
        images.append(_pixels(file, "RGB"))
        masks.append(_pixels(folder / MASKS / f"{number}.png"))
        _check_size(images[-1], masks[-1], images[0], file)
    stacked = np.stack(masks)
    curtains = (stacked == CURTAIN).mean((1, 2))
    return Photographs(np.stack(images), as_labels(stacked), curtains, np.array(sorted(files)))


def as_labels(masks: np.ndarray) -> np.ndarray:
    """Values of NYU40, uint8, as numbers of concepts: 0 for none, ``IGNORED`` for what is unknown."""
    table = np.zeros(256, np.uint8)
    for value, concept in VALUES.items():
        table[value] = 1 + CONCEPTS.index(concept)
    table[[CURTAIN, *range(UNKNOWN, 256)]] = IGNORED
    return table[masks]


def _by_number(folder: Path) -> dict[int, Path]:
    files = [path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
    strange = next((path for path in files if not path.stem.isdecimal()), None)
    if strange:
        raise GanlabError(f"{strange} is not called by a number.", LAYOUT)
    return {int(path.stem): path for path in files}


def _pixels(file: Path, mode: str | None = None) -> np.ndarray:
    """A picture's pixels, in colour if ``mode`` says so, else the numbers as they are stored."""
    try:
        with Image.open(file) as picture:
            return np.asarray(picture.convert(mode) if mode else picture)
    except FileNotFoundError:
        raise GanlabError(f"{file} is not there.", LAYOUT) from None
    except (UnidentifiedImageError, OSError) as error:
        raise GanlabError(f"{file} cannot be read: {error}.", "Unpack the photographs again.") from error


def _check_size(image: np.ndarray, mask: np.ndarray, first: np.ndarray, file: Path) -> None:
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise GanlabError(f"The mask of {file} is no grey picture of 8 bits.", LAYOUT)
    if image.shape[:2] != mask.shape or image.shape != first.shape:
        sizes = f"{_size(image)}, its mask {_size(mask)}, the first photograph {_size(first)}"
        raise GanlabError(f"Sizes differ: {file} has {sizes}.", LAYOUT)
    if min(mask.shape) < SMALLEST:
        raise GanlabError(
            f"{file} has {_size(image)} pixels.", f"The judge sees {SMALLEST}x{SMALLEST}: give larger ones."
        )


def _size(pixels: np.ndarray) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[0]}"
