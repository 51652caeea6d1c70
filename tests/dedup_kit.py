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
