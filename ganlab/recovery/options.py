"""What a file of weights leaves open, and the answers that are worth trying, the usual one first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganlab.recovery.words import ACTIVATION_NAMES

Table = Mapping[str, Any]


def _table_of(activation: str) -> Table | None:
    """``leaky_relu 0.2`` -> the table of that layer; None for no activation."""
    kind, _, slope = activation.partition(" ")
    if kind == "none":
        return None
    return {"kind": kind, "slope": float(slope)} if slope else {"kind": kind}


ACTIVATIONS: dict[str, Table | None] = {name: _table_of(name) for name in ACTIVATION_NAMES}
OUTPUTS = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "none": (-1.0, 1.0)}
LAWS = ("normal", "uniform", "uniform01")
NORM_EPS = (1e-5, 1e-3, 0.8)  # torch's, Keras's, and that of a widely copied tutorial, which gave it for the momentum
SIZES = (64, 32, 28, 128, 256, 16, 48, 96, 512, 224, 112, 80, 56, 40, 24, 36, 100, 160, 192, 320, 384)
LARGEST = 1024  # pixels
Z_DIMS = (100, 64, 128, 32, 50, 16, 62, 10, 20, 200, 256, 512)  # as they usually are
CLASSES = (10, 2, 3, 5, 26, 40, 47, 62, 100)


def one_hot_classes(inputs: int) -> list[int]:
    """How many inputs of a first layer may be one-hot classes: what is left must be a usual z, and all must be none."""
    return [] if inputs in Z_DIMS else [classes for classes in CLASSES if inputs - classes in Z_DIMS]


def size_rank(size: int) -> int:
    """0 for the usual sides of pictures."""
    return 0 if size in (0, 28) or size & (size - 1) == 0 else 2


def plausible(size: int, given: int | None = None) -> bool:
    """Whether pictures are of this side: as the user says, else as they usually are."""
    return size == given if given is not None else size in SIZES
