"""Sets of pictures that are one array, in memory or in a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganlab.data import geometry
from ganlab.data.images import Images
from ganlab.data.stored import shown, stamp
from ganlab.errors import GanlabError
from ganlab.figures.palette import VISIBLE

if TYPE_CHECKING:
    from PIL import Image

ROUNDING = 1e-3  # beyond a range that floats may lie: a quarter of a step of 8 bits, clipped
RANGE_BYTES = 1 << 22  # of floats that are looked at together: they are read from the disk once, as they fit a cache


class ArrayImages(Images):
    """The pictures of one array: (n, h, w) or (n, h, w, c), uint8, or floats in [0, 1] or [-1, 1].

    Pictures of other than 1, 3 or 4 channels are given as that many, and shown in colours.
    """

    def __init__(self, array: np.ndarray, spec: str = "an array", labels: np.ndarray | None = None) -> None:
        self.spec = spec
        self.labels = labels  # (n,) whole numbers, truth values or texts
        self.pictures = array[..., None] if array.ndim == 3 else array
        self.low, self.high = (0.0, 255.0) if array.dtype == np.uint8 else _float_range(array, spec)
        self._identify()

    def _identify(self) -> None:
        """Say what `source` and `facts` are, of an array in memory by its contents."""
        digest = self._digest()
        self.source = f"array {digest}"
        self.facts: tuple[object, ...] = (digest,)

    def name(self, i: int) -> str:
        return f"number {self._row(i)}"

    def label(self, i: int) -> str | None:
        return None if self.labels is None else str(self.labels[self._row(i)])

    def _total(self) -> int:
        return len(self.pictures)

    def _facts(self) -> Iterable[object]:
        return [*self.facts, len(self)]

    def changed(self) -> bool:
        return self._digest() != self.facts[0]

    def _digest(self) -> str:
        digest = hashlib.blake2b(repr((self.pictures.shape, self.pictures.dtype.str)).encode(), digest_size=16)
        for picture in self.pictures:
            digest.update(np.ascontiguousarray(picture).data)
        return digest.hexdigest()

    def array(self, i: int, size: int, channels: int) -> np.ndarray:
        held = self.pictures.shape[-1]
        if held in VISIBLE:
            return super().array(i, size, channels)
        if channels != held:
            raise GanlabError(
                f"{self.spec} holds pictures of {held} channels, and {channels} are asked for.",
                "Give pictures as the GAN draws them, or convert them before.",
            )
        return geometry.square_planes(self._pixels(self._row(i)), size)

    def _decode(self, row: int, size: int | None) -> Image.Image:
        return shown(self._pixels(row))

    def _pixels(self, row: int) -> np.ndarray:
        """(h, w, c) uint8."""
        pixels = self.pictures[row]
        if pixels.dtype == np.uint8:
            return pixels
        scaled = (np.asarray(pixels, np.float64) - self.low) * (255 / (self.high - self.low))
        return np.rint(scaled).astype(np.uint8)  # ROUNDING is less than half a level


class FileArray(ArrayImages):
    """An array that lies in a file: opened again, it is the same as long as the file is.

    Args:
        name: which of the file's arrays it is; empty where it holds one.
    """

    def __init__(self, array: np.ndarray, path: Path, spec: str, name: str, labels: np.ndarray | None = None) -> None:
        self.path, self.array_name = path.absolute(), name
        super().__init__(array, spec, labels)

    def _identify(self) -> None:
        self.stamp = stamp(self.path)
        self.source = f"{self.path.resolve()}:{self.array_name}"
        self.facts = (self.array_name, self.pictures.shape, self.pictures.dtype.str, *self.stamp)

    def changed(self) -> bool:
        return stamp(self.path) != self.stamp


def _float_range(array: np.ndarray, spec: str) -> tuple[float, float]:
    """Which of the two ranges the floats are of, `ROUNDING` beside it too. They are read once, and up to one beyond."""
    low, high = np.inf, -np.inf
    step = max(1, RANGE_BYTES // (array[0].size * array.itemsize))
    for start in range(0, len(array), step):
        part = array[start : start + step]
        low, high = float(np.minimum(low, part.min())), float(np.maximum(high, part.max()))  # a NaN stays
        if not -1 - ROUNDING <= low <= high <= 1 + ROUNDING:
            among = "" if start + step >= len(array) else f" among its first {start + step:,} pictures"
            raise GanlabError(
                f"{spec} holds floats from {low:.9g} to {high:.9g}{among}, which could mean anything.",
                "Save uint8 (0 to 255), or floats in [0, 1] or [-1, 1].",
            )
    return (0.0, 1.0) if low >= -ROUNDING else (-1.0, 1.0)
