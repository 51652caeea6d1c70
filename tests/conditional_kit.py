"""Shapes of networks that are told classes, and pictures to tell them of. Holds no test itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganlab.architectures.dcgan import DcganSettings
from ganlab.architectures.digits import DigitsSettings
from ganlab.architectures.mlp import MlpSettings
from ganlab.architectures.settings import NetworkSettings
from tests.kit import smooth_pictures

CLASSES = 3
DCGAN = DcganSettings(16, 3, 4, 10, classes=CLASSES, affine=False)
SHAPES: list[NetworkSettings] = [
    DCGAN,
    DcganSettings(32, 1, 2, 7, 5, classes=CLASSES, classes_as="embedding"),
    DigitsSettings(12, 1, 3, 10, classes=CLASSES, affine=False),
    DigitsSettings(8, 3, 2, 5, classes=CLASSES, classes_as="embedding"),
    MlpSettings(12, 1, 4, 10, classes=CLASSES),
    MlpSettings(9, 3, 3, 5, classes=CLASSES, classes_as="embedding"),
]


def labelled(folder: Path, count: int = 60, name: str = "set.npz", **others: np.ndarray) -> str:
    """Pictures that their class makes bright or dark; the file's spec."""
    labels = np.arange(count) % CLASSES
    pictures = (smooth_pictures(count).astype(int) // 4 + 60 * labels[:, None, None, None]).astype(np.uint8)
    np.savez(folder / name, x_train=pictures, y_train=labels, **others)
    return str(folder / name)
