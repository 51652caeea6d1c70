"""Runs that are stopped: how long they are, on what, and how far they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import safe_open

from ganlab.training import starting
from ganlab.training.state import STATE
from tests.kit import smooth_pictures

EPOCHS, STEPS = 5, 40
READING = starting.Reading(0, False)


def pictures_file(folder: Path) -> str:
    np.save(folder / "pictures.npy", smooth_pictures(8 * STEPS // EPOCHS))
    return str(folder / "pictures.npy")


def steps_noted(run: Path) -> int:
    """How far the state on disk is."""
    with safe_open(run / STATE, framework="pt") as file:
        return int(file.metadata()["step"])
