"""Background, light and soft shades of a drawn face."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..drawing import Canvas
from .sitter import Sitter

BODY, HEAD, HAIR = "body", "head", "hair"  # what ``Canvas.begin`` is told


def render(canvas: Canvas, sitter: Sitter, rng: np.random.Generator) -> np.ndarray:
    """Reduce the canvas to the output size, light it and lay it over a background.  (size, size, 3) uint8."""
    size, head = canvas.size, sitter.head
    steps = (np.arange(size, dtype=np.float32) + 0.5) / size
    u, v = steps[None, :], steps[:, None]
    image = np.asarray(canvas.colour.reduce(canvas.factor), dtype=np.float32)
    on_body, on_hair = _coverage(canvas, BODY), _coverage(canvas, HAIR)
    on_head = _coverage(canvas, HEAD) + on_hair
    x, y = (u - head.centre[0]) / head.unit, (v - head.centre[1]) / head.unit
    lit = np.ones((size, size), np.float32)
    lit += on_head * (_roundness(x / 0.95, (y + 0.05) / 1.15, sitter.light) - 1)
    chin = 0.16 * np.sin(head.turn)
    under_chin = 0.36 * np.exp(-(((x - chin) / 0.5) ** 2) - ((y - 1.0) / 0.2) ** 2)
    lit += on_body * (0.14 * sitter.light * x - under_chin - 0.05)
    image *= lit[..., None]
    image += on_head[..., None] * _glow(sitter, x, y)
    image += (on_hair * _sheen(sitter, x, y))[..., None] * (np.array(sitter.hair, np.float32) + 60)
    bare = 1 - on_head - on_body
    return np.clip(image + bare[..., None] * _background(sitter, u, v, rng), 0, 255).astype(np.uint8)


def _coverage(canvas: Canvas, part: str) -> np.ndarray:
    """Share of each output pixel covered by a part: (size, size) float32."""
    table = [0] * 256
    for number, name in enumerate(canvas.concepts):
        if name == part:
            table[2 * number] = 255
    selected: Image.Image = canvas.ids.point(table).reduce(canvas.factor)
    return np.asarray(selected, dtype=np.float32) / 255


def _roundness(x: np.ndarray, y: np.ndarray, light: float) -> np.ndarray:
    """Light on a ball, 1 on average, from one side and a little above."""
    z = np.sqrt(np.clip(1 - x**2 - y**2, 0.05, None))
    facing = (0.62 * light * x - 0.3 * y + 0.72 * z) / np.sqrt(x**2 + y**2 + z**2)
    return 0.78 + 0.33 * np.clip(facing, -0.35, 1.0)


def _glow(sitter: Sitter, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Light on the tip of the nose and colour in the cheeks, more of it in a smile: (size, size, 3)."""
    head, smile = sitter.head, sitter.attributes.smile
    strength = (26.0 if smile else 14.0) * (1.0 if sitter.attributes.woman else 0.7)
    cheeks = np.zeros_like(x + y)
    for side in (-1, 1):
        narrow = 0.2 * (1 - 0.45 * (side != sitter.near) * abs(np.sin(head.turn)))
        cheeks += _spot(x, y, (head.place(side * 0.66, 0.25 - 0.06 * smile) - head.centre) / head.unit, narrow, 0.15)
    tip = _spot(x, y, (head.place(0.12 * sitter.light, 0.14, 0.13) - head.centre) / head.unit, 0.075, 0.1)
    blush = np.array([1.0, -0.25, -0.1], dtype=np.float32)
    return (strength * cheeks)[..., None] * blush + 22 * tip[..., None]


def _sheen(sitter: Sitter, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A soft band of light around the lit side of the crown, (size, size) from 0 to about 0.5."""
    band = np.exp(-(((np.hypot(x * 0.9, y + 0.1) - 0.8) / 0.1) ** 2))
    direction = (0.75 * np.sign(sitter.light) * x - 0.65 * (y + 0.1)) / np.maximum(np.hypot(x, y + 0.1), 1e-3)
    return 0.5 * band * np.clip(direction, 0, 1) ** 2


def _spot(x: np.ndarray, y: np.ndarray, centre: np.ndarray, width: float, height: float) -> np.ndarray:
    """A soft round spot, (size, size)."""
    return np.exp(-(((x - centre[0]) / width) ** 2)) * np.exp(-(((y - centre[1]) / height) ** 2))


def _background(sitter: Sitter, u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One colour, lighter towards the light and darker at the far corner: (size, size, 3)."""
    slope = float(rng.uniform(0.08, 0.2))
    level = 1 + slope * (np.sign(sitter.light) * (2 * u - 1) - 0.6 * (2 * v - 1))
    return level[..., None] * np.array(sitter.background, dtype=np.float32)
