"""Numbered sheets of pictures, enlarged, for people who label by eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganlab import figures

ENLARGED, ROWS = 4, 5


def write_numbered(images: np.ndarray, folder: Path, across: int) -> None:
    """Pictures (n, h, w, c) uint8, five rows of ``across`` on a sheet, as sheet-000.png and so on in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    each = ROWS * across
    for first in range(0, len(images), each):
        sheet = figures.numbered_grid(images[first : first + each], across, first=first, scale=ENLARGED, pad=6)
        sheet.save(folder / f"sheet-{first:03d}.png")
