"""Pictures that no screen shows as they are, such as one-hot tiles of ten kinds: a colour for every channel."""

from __future__ import annotations

import numpy as np

VISIBLE = (1, 3, 4)  # channels of grey, RGB and RGBA

# Okabe and Ito's eight, then those farthest from all before, in the worst of normal, protan and deutan vision
PALETTE = np.array(
    [
        *((0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115)),
        *((240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167)),
        *((0, 0, 255), (240, 255, 180), (0, 0, 75), (90, 45, 0)),
        *((240, 255, 255), (105, 105, 255), (45, 0, 165), (75, 60, 90)),
    ],
    np.uint8,
)


def coloured(index: np.ndarray) -> np.ndarray:
    """Numbers of channels (...) -> (..., 3) uint8; beyond the last colour they begin again."""
    return PALETTE[index % len(PALETTE)]


def visible(pictures: np.ndarray) -> np.ndarray:
    """Pictures (..., c) as they are for 1, 3 or 4 channels; of others (..., 3), the colour of the largest channel."""
    return pictures if pictures.shape[-1] in VISIBLE else coloured(pictures.argmax(-1))
