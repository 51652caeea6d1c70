"""A GAN whose filters are known, and boxes on what it draws."""

from __future__ import annotations

import numpy as np
import pytest

from ganlab import Boxes, Gan, PictureName
from ganlab.labels.marks import Box

from .planted import SIZE, Truth, planted_gan

FAST = {"fresh": 60, "draws": 12, "n": 60, "layer": "paper"}


@pytest.fixture(name="gan", scope="module")
def known_gan() -> Gan:
    return planted_gan()


def drawn_boxes(gan: Gan, n: int = 40, seed: int = 5) -> Boxes:
    """Boxes as a careful person would draw them: the tight box around each red square."""
    latents = gan.latents(n, seed=seed)
    masks = Truth().masks(gan.generate(latents), gan.image)[:, 0]
    pictures = [PictureName(gan.hash, seed, int(index)) for index in latents.index]
    boxes = []
    for picture, mask in zip(pictures, masks, strict=True):
        if mask.any():
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            boxes.append(Box(picture, "window", columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1))
    return Boxes(boxes, pictures, (SIZE, SIZE), "by-hand.json")


def boxed(gan: Gan, x: int, y: int, size: int) -> Boxes:
    """The same box on twenty pictures."""
    names = [PictureName(gan.hash, 0, index) for index in range(20)]
    return Boxes([Box(name, "lamp", x, y, size, size) for name in names], names, (32, 32), "same.json")
