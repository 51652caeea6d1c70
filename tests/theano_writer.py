"""The DCGAN authors' Theano networks, dumped as joblib 0.8 did."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


class Wrapper:
    """What joblib 0.8 pickles for an array."""

    def __init__(self, filename: str) -> None:
        self.filename, self.allow_mmap, self.subclass = filename, True, np.ndarray


def write(path: Path, arrays: Sequence[np.ndarray], names: Sequence[str] = ()) -> Path:
    """A dump as joblib 0.8 writes it."""
    files = [f"{path.name}_{number:02}.npy" for number in range(1, len(arrays) + 1)]
    for file, array in zip(files, arrays, strict=True):
        np.save(path.with_name(file), array)
    path.write_bytes(pickled([Wrapper(name) for name in names or files]))
    return path


def pickled(content: Any) -> bytes:
    own = f"{Wrapper.__module__}\n{Wrapper.__name__}\n".encode()
    return pickle.dumps(content, protocol=2).replace(own, b"sklearn.externals.joblib.numpy_pickle\nNDArrayWrapper\n")


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def generator() -> list[np.ndarray]:
    return [random(7, 128), random(128), random(128), random(8, 4, 5, 5), random(4), random(4), random(4, 3, 5, 5)]


def discriminator() -> list[np.ndarray]:
    return [random(4, 3, 5, 5), random(8, 4, 5, 5), random(8), random(8), random(128, 1)]
