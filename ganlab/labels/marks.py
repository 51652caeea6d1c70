"""What people mark on a picture: a box."""

from __future__ import annotations

from dataclasses import dataclass

from ganlab.labels.pictures import PictureName


@dataclass(frozen=True)
class Box:
    """A rectangle around a thing, in pixels of its picture; x and y of the top left corner."""

    picture: PictureName
    concept: str
    x: float
    y: float
    w: float
    h: float
