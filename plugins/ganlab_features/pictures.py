"""Pictures to look at, a batch at a time: those of a data set, or a GAN's own samples."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Protocol

import numpy as np
import torch

from ganlab import Gan, Images, shuffled

AT_ONCE = 64  # pictures in a batch; of a data set as many again are being decoded


class Pictures(Protocol):
    """Pictures in a fixed order, (n, c, h, w) in the GAN's range, the same ones whenever they are asked for."""

    def __len__(self) -> int: ...

    def batches(self) -> Iterator[torch.Tensor]:
        """All of them, at most AT_ONCE at a time."""
        ...

    def some(self, rows: np.ndarray) -> torch.Tensor:
        """These."""
        ...


class Data:
    """Pictures of a data set, brought to a GAN's size and channels.

    Args:
        skip_broken: leave out those that do not decode; ``images`` are the others, and ``notes`` say how many.

    Raises:
        GanlabError: a picture cannot be read, or, with ``skip_broken``, none can.
    """

    def __init__(self, images: Images, gan: Gan, skip_broken: bool = False) -> None:
        self._spec = gan.image
        self.images, self.notes = images, list[str]()
        if skip_broken:
            self.images, self.notes = images.readable(self._spec.size, self._spec.channels)
        self._rows = np.arange(len(self.images))

    def drawn(self, count: int, seed: int) -> Data:
        """Some of them at random, all where there are no more: the first of a set sorted by class show one class."""
        some = copy(self)
        some._rows = shuffled(self._rows, seed)[:count]
        return some

    def __len__(self) -> int:
        return len(self._rows)

    def batches(self) -> Iterator[torch.Tensor]:
        for batch in self.images.batches(self._rows, self._spec.size, self._spec.channels, AT_ONCE):
            yield self._spec.from_uint8(batch.pictures)

    def some(self, rows: np.ndarray) -> torch.Tensor:
        arrays = [self.images.array(int(row), self._spec.size, self._spec.channels) for row in self._rows[rows]]
        return self._spec.from_uint8(np.stack(arrays))


class Samples:
    """The first pictures that a GAN draws from a seed: of its own class, or of all classes in turn."""

    def __init__(self, gan: Gan, count: int, seed: int) -> None:
        self._gan = gan
        self._latents = gan.latents_in_turn(count, seed=seed)

    def __len__(self) -> int:
        return len(self._latents)

    def batches(self) -> Iterator[torch.Tensor]:
        for start in range(0, len(self), AT_ONCE):
            yield self.some(np.arange(start, min(start + AT_ONCE, len(self))))

    def some(self, rows: np.ndarray) -> torch.Tensor:
        return self._gan.generate(self._latents[rows])
