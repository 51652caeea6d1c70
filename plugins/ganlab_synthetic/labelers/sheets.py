"""Samples that were labelled by eye: all of them in one picture, and what was seen in a document beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganlab import GanlabError

SHEET, LABELS = "seen.jpg", "seen.json"
SIDE, ACROSS = 64, 20  # pixels of a picture, pictures in a row of the sheet


def read_sheet(folder: Path) -> tuple[np.ndarray, Any]:
    """Pictures (n, 64, 64, 3) uint8 of ``seen.jpg``, blank ones at the end, and the document ``seen.json``.

    Raises:
        GanlabError: they are not there: megabytes that only a training needs are left out of the wheel.
    """
    if not (folder / SHEET).exists():
        raise GanlabError(
            "The samples labelled by eye, which labelers learn from, are not installed with ganlab.",
            "They lie in its source tree: train labelers there.",
        )
    with Image.open(folder / SHEET) as sheet:
        return untiled(sheet), json.loads((folder / LABELS).read_text())


def tiled(images: np.ndarray) -> Image.Image:
    """All pictures side by side, twenty in a row."""
    blank = np.zeros((-len(images) % ACROSS, SIDE, SIDE, 3), np.uint8)
    rows = np.concatenate([images, blank]).reshape(-1, ACROSS, SIDE, SIDE, 3)
    return Image.fromarray(rows.swapaxes(1, 2).reshape(-1, ACROSS * SIDE, 3))


def untiled(sheet: Image.Image) -> np.ndarray:
    """The pictures of a sheet again, with the blank ones at its end."""
    pixels = np.asarray(sheet.convert("RGB"))
    return pixels.reshape(-1, SIDE, ACROSS, SIDE, 3).swapaxes(1, 2).reshape(-1, SIDE, SIDE, 3)
