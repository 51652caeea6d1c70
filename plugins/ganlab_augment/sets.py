"""What a nearest-neighbour classifier learns from, block by block, and what it is asked about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch

from ganlab import Gan, Images, ImageSpec, progress, random_bits, shuffled

BLOCK = 2048  # pictures at once, fewer where they are large
BLOCK_BYTES = 1 << 26  # of them as float32
STREAM_SHOWN, STREAM_CLASSES = 911, 912  # keep draws for different purposes apart


class Labelled(Protocol):
    """Pictures with classes, in a fixed order.

    Attributes:
        name: in tables and figures.
        metric: what the error after learning from it is called, or of samples that are asked about the error on them.
    """

    name: str
    metric: str

    def __len__(self) -> int: ...

    def blocks(self) -> Iterator[torch.Tensor]:
        """All of them in order, each block (b, values) float32 from 0 to 1."""

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """The classes (k,) of these."""

    def pictures(self, rows: np.ndarray) -> np.ndarray:
        """These, (k, h, w, c) uint8."""

    def some(self, label: int, count: int, seed: int) -> np.ndarray:
        """The rows of at most so many of a class."""


class Real:
    """Pictures of a data set as a GAN's would be: its size and channels."""

    metric = "error_real"

    def __init__(self, name: str, images: Images, labels: np.ndarray, image: ImageSpec) -> None:
        self.name = name
        self._images, self._labels, self._image = images, labels, image

    def __len__(self) -> int:
        return len(self._labels)

    def blocks(self) -> Iterator[torch.Tensor]:
        size, channels, step = self._image.size, self._image.channels, _block(self._image)
        batches = self._images.batches(range(len(self)), size, channels, step)
        for batch in progress(batches, f"reading {self._images.spec}"):
            yield _vectors(batch.pictures)

    def labels(self, rows: np.ndarray) -> np.ndarray:
        return self._labels[rows]

    def pictures(self, rows: np.ndarray) -> np.ndarray:
        return np.stack([self._images.array(int(row), self._image.size, self._image.channels) for row in rows])

    def some(self, label: int, count: int, seed: int) -> np.ndarray:
        rows = np.flatnonzero(self._labels == label)
        return np.sort(shuffled(rows, seed, STREAM_SHOWN)[:count])


class Samples:
    """Samples of a GAN, index after index of a seed, of all classes in turn; rounded to 256 levels as pictures are."""

    def __init__(self, name: str, metric: str, gan: Gan, count: int, seed: int) -> None:
        self.name, self.metric = name, metric
        self._gan, self._count, self._seed = gan, count, seed
        assert gan.classes is not None
        self._classes = gan.classes

    def __len__(self) -> int:
        return self._count

    def blocks(self) -> Iterator[torch.Tensor]:
        step = _block(self._gan.image)
        for first in progress(range(0, len(self), step), f"drawing from {self._gan.name}"):
            latents = self._gan.latents_in_turn(min(step, len(self) - first), seed=self._seed, first=first)
            yield _vectors(self._gan.image.to_uint8(self._gan.generate(latents)))

    def labels(self, rows: np.ndarray) -> np.ndarray:
        return rows % self._classes

    def pictures(self, rows: np.ndarray) -> np.ndarray:
        drawn = [self._gan.latents_in_turn(1, seed=self._seed, first=int(row)) for row in rows]
        return np.concatenate([self._gan.image.to_uint8(self._gan.generate(latents)) for latents in drawn])

    def some(self, label: int, count: int, seed: int) -> np.ndarray:
        return np.arange(label, self._count, self._classes)[:count]

    def first(self, count: int) -> Samples:
        """The first of them, at most so many, to ask a classifier about."""
        metric = self.metric.replace("error", "error_of_samples")
        return Samples(self.name, metric, self._gan, min(count, self._count), self._seed)


def random_classes(rows: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """For each row a class drawn at random, the same one whenever it is asked for."""
    bits = random_bits(seed, rows, 1, STREAM_CLASSES)[:, 0]
    return ((bits.astype(np.uint64) * np.uint64(classes)) >> np.uint64(32)).astype(np.int64)


def _block(image: ImageSpec) -> int:
    """Pictures at once."""
    return max(1, min(BLOCK, BLOCK_BYTES // (4 * image.channels * image.size**2)))


def _vectors(pictures: np.ndarray) -> torch.Tensor:
    """Pictures (n, h, w, c) uint8 -> (n, values) float32 from 0 to 1."""
    return torch.from_numpy(pictures.reshape(len(pictures), -1)).float() / 255
