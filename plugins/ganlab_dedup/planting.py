"""Copies as they come back from the web: cropped, moved, recompressed, brighter or darker."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

CROP, SHIFT, QUALITY, BRIGHTNESS = 0.95, 3, 50, 0.15  # of the side; pixels of 64; of JPEG; by so much up or down
KINDS = ("crop", "shift", "JPEG", "brightness", "all")


def planted_copy(picture: np.ndarray, kind: str, seed: int, number: int) -> np.ndarray:
    """A picture (64, 64, 3) uint8 distorted as far as that kind goes, or by all kinds a random part of the way."""
    random = np.random.default_rng([seed, number])
    if kind == "crop":
        return _cropped(picture, CROP, random)
    if kind == "shift":
        return _shifted(picture, SHIFT, random)
    if kind == "JPEG":
        return _recompressed(picture, QUALITY)
    if kind == "brightness":
        return _brightened(picture, 1 + random.choice([-BRIGHTNESS, BRIGHTNESS]))
    picture = _cropped(picture, random.uniform(CROP, 1), random)
    picture = _shifted(picture, int(random.integers(SHIFT + 1)), random)
    picture = _brightened(picture, 1 + random.uniform(-BRIGHTNESS, BRIGHTNESS))
    return _recompressed(picture, int(random.integers(QUALITY, 96)))


def _cropped(picture: np.ndarray, part: float, random: np.random.Generator) -> np.ndarray:
    """A square of that part of the side, anywhere, enlarged again."""
    side = picture.shape[0]
    left, top = random.uniform(0, side * (1 - part), 2)
    box = (left, top, left + part * side, top + part * side)
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC, box))


def _shifted(picture: np.ndarray, pixels: int, random: np.random.Generator) -> np.ndarray:
    """So far along one axis and up to as far along the other; the edges go on where nothing is known."""
    side = picture.shape[0]
    move = [pixels * random.choice([-1, 1]), int(random.integers(-pixels, pixels + 1))]
    top, left = random.permutation(move) + pixels
    wide = np.pad(picture, ((pixels, pixels), (pixels, pixels), (0, 0)), "edge")
    return wide[top : top + side, left : left + side]


def _recompressed(picture: np.ndarray, quality: int) -> np.ndarray:
    data = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(data, "JPEG", quality=quality)
    with Image.open(data) as image:
        return np.asarray(image.convert("RGB"))


def _brightened(picture: np.ndarray, factor: float) -> np.ndarray:
    return np.clip(np.rint(picture * factor), 0, 255).astype(np.uint8)
