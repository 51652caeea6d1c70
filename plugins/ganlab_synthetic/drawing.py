"""Perspective, walls, colours and a canvas that records which object every pixel belongs to.

World coordinates are metres: x to the right (0 in the middle of the room), y up from the floor and z away
from the camera (the back wall stands at ``View.depth``).  Image coordinates are fractions of the image side,
u to the right and v down, so that nothing but ``Canvas`` knows the resolution.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

MIN_SIZE, MAX_SIZE = 16, 512  # pixels of a side
Colour = tuple[int, int, int]
Point = tuple[float, float]
Span = tuple[float, float]


@dataclass(frozen=True)
class View:
    """A box-shaped room in metres and the camera that looks straight at its back wall."""

    width: float
    height: float
    depth: float
    camera_x: float
    camera_height: float
    focal: float
    vanishing: Point

    def scale(self, z: float) -> float:
        """Image fraction that one metre covers at distance ``z``."""
        return self.focal / z

    def project(self, x: float, y: float, z: float) -> Point:
        """Image point (u, v) of a world point."""
        scale = self.focal / z
        return (
            self.vanishing[0] + (x - self.camera_x) * scale,
            self.vanishing[1] - (y - self.camera_height) * scale,
        )


@dataclass(frozen=True)
class Wall:
    """A wall with coordinates of its own: ``along`` (x on the back wall, z on the sides) and height."""

    view: View
    side: str  # "back", "left" or "right"

    def point(self, along: float, height: float, out: float = 0.0) -> Point:
        """Image point of a place on the wall, or ``out`` metres in front of it."""
        view = self.view
        if self.side == "back":
            return view.project(along, height, view.depth - out)
        x = view.width / 2 - out
        return view.project(-x if self.side == "left" else x, height, along)

    def quad(self, box: WallBox, out: float = 0.0) -> list[Point]:
        """The four image corners of a rectangle on the wall."""
        return [
            self.point(box.left, box.bottom, out),
            self.point(box.right, box.bottom, out),
            self.point(box.right, box.top, out),
            self.point(box.left, box.top, out),
        ]


@dataclass(frozen=True)
class WallBox:
    """A rectangle in wall coordinates, metres."""

    left: float
    right: float
    bottom: float
    top: float

    @property
    def width(self) -> float:
        """Extent along the wall."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Vertical extent."""
        return self.top - self.bottom

    def inset(self, along: float, up: float | None = None) -> WallBox:
        """The rectangle shrunk by ``along`` on the left and right and by ``up`` at the top and bottom."""
        up = along if up is None else up
        return WallBox(self.left + along, self.right - along, self.bottom + up, self.top - up)

    def part(self, left: float, right: float, bottom: float, top: float) -> WallBox:
        """The sub-rectangle given by fractions of the width and the height."""
        return WallBox(
            self.left + left * self.width,
            self.left + right * self.width,
            self.bottom + bottom * self.height,
            self.bottom + top * self.height,
        )

    def clamp(self, along: float, height: float) -> Point:
        """The nearest point of the rectangle."""
        return min(max(along, self.left), self.right), min(max(height, self.bottom), self.top)


@dataclass(frozen=True)
class Glow:
    """Warm light around a lit lamp: image centre, radius (image fraction) and strength."""

    centre: Point
    radius: float
    strength: float


class Canvas:
    """A supersampled colour image and, drawn alongside, the image of object numbers.

    Every pixel of ``ids`` holds ``2 * object + emissive``; object 0 is the bare room.  The object image is
    never smoothed and agrees with the colour image pixel by pixel.  As Pillow rounds, the left and top edges of a
    rectangle lie half to one and a half of these pixels outside it, in both images alike.
    """

    def __init__(self, size: int, factor: int) -> None:
        self.size = size
        self.factor = factor
        self.pixels = size * factor
        self.colour = Image.new("RGB", (self.pixels, self.pixels))
        self.ids = Image.new("L", (self.pixels, self.pixels))
        self.concepts: list[str | None] = [None]
        self.glows: list[Glow] = []
        self._current = 0
        self._draw_colour = ImageDraw.Draw(self.colour)
        self._draw_ids = ImageDraw.Draw(self.ids)

    def begin(self, concept: str | None) -> None:
        """Start a new object; what is drawn next belongs to it.  ``None``: furniture without a label."""
        self.concepts.append(concept)
        self._current = len(self.concepts) - 1

    def polygon(self, points: Sequence[Point], colour: Colour, emissive: bool = False) -> None:
        """Fill a polygon given in image fractions; ``emissive`` parts keep their colour in any light."""
        side = self.pixels
        scaled = [(u * side - 0.5, v * side - 0.5) for u, v in points]
        self._draw_colour.polygon(scaled, fill=colour)
        self._draw_ids.polygon(scaled, fill=2 * self._current + emissive)


def begin(seed: int, index: int, size: int, kind: int = 0) -> tuple[Canvas, np.random.Generator]:
    """A blank canvas for picture ``index`` of the endless series ``seed``, and its random numbers.

    Args:
        kind: keeps the random numbers of other kinds of picture apart.

    Raises:
        ValueError: a size outside 16..512, a negative seed or index.
    """
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise ValueError(f"size must be within {MIN_SIZE}..{MAX_SIZE}, not {size}")
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index must not be negative, got {seed} and {index}")
    # The generator advances the lowest word of its counter, so each index owns a stream of its own.
    random = np.random.Generator(np.random.Philox(key=seed, counter=[0, index, kind, 0]))
    return Canvas(size, factor=min(8, max(2, 256 // size))), random


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (factor < 1) or lighter (factor > 1)."""
    red, green, blue = (min(255, int(channel * factor)) for channel in colour)
    return red, green, blue


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour ``share`` of the way from ``first`` to ``second``."""
    red, green, blue = (int(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def random_colour(rng: np.random.Generator, saturation: Span, value: Span, hue: Span = (0.0, 1.0)) -> Colour:
    """A colour with hue, saturation and value uniform in the given spans (each within 0..1)."""
    h, s, v = rng.uniform((hue[0], saturation[0], value[0]), (hue[1], saturation[1], value[1])).tolist()
    red, green, blue = (int(255 * channel) for channel in colorsys.hsv_to_rgb(h % 1.0, s, v))
    return red, green, blue


def wood(rng: np.random.Generator) -> Colour:
    """A wood colour, from pale birch to dark walnut."""
    return random_colour(rng, (0.3, 0.6), (0.28, 0.8), (0.05, 0.11))


def painted(rng: np.random.Generator) -> Colour:
    """A painted or textile colour: mostly soft, sometimes strong."""
    if rng.random() < 0.35:
        return random_colour(rng, (0.35, 0.75), (0.35, 0.85))
    return random_colour(rng, (0.0, 0.3), (0.5, 0.97))


def jitter(rng: np.random.Generator, colour: Colour, amount: float = 18.0) -> Colour:
    """The colour moved by up to ``amount`` levels in each channel."""
    moved = rng.uniform(-amount, amount, 3).tolist()
    red, green, blue = (int(min(255, max(0, a + b))) for a, b in zip(colour, moved, strict=True))
    return red, green, blue


def draw_block(canvas: Canvas, view: View, x: Span, y: Span, z: Span, colour: Colour) -> None:
    """A box standing in the room: its visible side, its top and its front, each in its own shade."""
    (x0, x1), (y0, y1), (z0, z1) = x, y, z
    project = view.project
    for edge, visible in ((x0, view.camera_x < x0), (x1, view.camera_x > x1)):
        if visible:
            side = [
                project(edge, y0, z0),
                project(edge, y0, z1),
                project(edge, y1, z1),
                project(edge, y1, z0),
            ]
            canvas.polygon(side, shade(colour, 0.72))
    if y1 < view.camera_height:
        top = [project(x0, y1, z0), project(x1, y1, z0), project(x1, y1, z1), project(x0, y1, z1)]
        canvas.polygon(top, shade(colour, 1.06))
    front = [project(x0, y0, z0), project(x1, y0, z0), project(x1, y1, z0), project(x0, y1, z0)]
    canvas.polygon(front, shade(colour, 0.86))
