"""A picture's name, which survives any annotation tool, and a box drawn on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

# no number has more digits than the largest seed: more would take Python long, or be refused by it
_FILE = re.compile(
    r"(?<![0-9a-z])([0-9a-f]{12})[-_]s(\d{1,20})[-_]i(\d{5,20})(?!\d)(?:[-_]c(\d{1,20})(?![0-9a-z]))?", re.IGNORECASE
)


class PictureName(NamedTuple):
    """What a picture of a GAN is called: it can be drawn again from this alone.

    Attributes:
        checkpoint: the GAN's ``hash``, 12 hexadecimal digits.
        seed, index: which latent.
        label: the class, for a conditional GAN.
    """

    checkpoint: str
    seed: int
    index: int  # type: ignore[assignment]
    label: int | None = None


@dataclass(frozen=True)
class Box:
    """A rectangle around a thing, in pixels of its picture; x and y of the top left corner."""

    picture: PictureName
    concept: str
    x: float
    y: float
    w: float
    h: float


def picture_file(name: PictureName, extension: str = ".png") -> str:
    """``3fa9c1d2e4b0-s0-i00012.png``; with ``-c3`` at the end for class 3 of a conditional GAN."""
    label = "" if name.label is None else f"-c{name.label}"
    return f"{name.checkpoint}-s{name.seed}-i{name.index:05d}{label}{extension}"


def parse_picture_file(text: str) -> PictureName | None:
    """The name in a file name or address, whatever a tool put before and after it; None where none is."""
    found = _FILE.findall(unquote(text).replace("\\", "/").rpartition("/")[2])
    if not found:
        return None
    checkpoint, seed, index, label = found[-1]
    return PictureName(checkpoint.lower(), int(seed), int(index), int(label) if label else None)
