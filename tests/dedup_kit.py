"""Pictures that are all different."""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def scenes(count: int, seed: int = 0) -> np.ndarray:
    """(count, 64, 64, 3) uint8: clouds with rectangles on them, somewhat coloured, all different."""
    random = np.random.default_rng(seed)
    pictures = ndimage.gaussian_filter(random.normal(size=(count, 64, 64, 1)), (0, 9, 9, 0)) * 9 + np.zeros(3)
    for picture in pictures:
        for _ in range(9):
            top, left = random.integers(0, 56, 2)
            height, width = random.integers(6, 30, 2)
            picture[top : top + height, left : left + width] = random.normal(0, 0.6) + random.normal(0, 0.15, 3)
    return np.clip(128 + 80 * pictures, 0, 255).astype(np.uint8)


def bars(count: int, seed: int = 0) -> np.ndarray:
    """(count, 64, 64, 3) uint8: a bar each, anywhere and at any angle: all different, many alike, flipped or not."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:64, :64] - 31.5
    pictures = np.full((count, 64, 64, 3), 30, np.uint8)
    for picture in pictures:
        angle, left, top, half = random.uniform([0, -14, -14, 3], [np.pi, 14, 14, 6])
        along = (x - left) * np.cos(angle) + (y - top) * np.sin(angle)
        across = (y - top) * np.cos(angle) - (x - left) * np.sin(angle)
        picture[(abs(along) < 16) & (abs(across) < half)] = 220
    return pictures
