"""The spaces in which pictures are compared: each turns uint8 pictures into float32 vectors."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch.nn import functional as F

from ganlab import Gan, GanlabError, pooled_features

COARSE = 32  # side to which pictures are averaged down before they are shifted
BATCH = 64  # pictures whose feature maps are in memory at once


class Space(Protocol):
    """Where distance is measured.

    Attributes:
        name: as in ``--space``.
        title: in words, for captions.
        unit: of the distances that :meth:`scaled` gives.
    """

    name: str
    title: str
    unit: str

    def candidates(self, pictures: np.ndarray) -> torch.Tensor:
        """Vectors (b, d) of pictures (b, h, w, c) uint8 that are searched."""

    def queries(self, pictures: np.ndarray) -> torch.Tensor:
        """Vectors (n, d), or (n, windows, d), of pictures that are looked up."""

    def scaled(self, distances: np.ndarray) -> np.ndarray:
        """Euclidean distances in ``unit``."""


class Pixels:
    """Pictures as they are, in levels from 0 to 255."""

    name, title, unit = "pixels", "pixels", "levels of 255 (root mean square)"

    def __init__(self, gan: Gan) -> None:
        self.size = gan.image.channels * gan.image.size**2

    def candidates(self, pictures: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(pictures.reshape(len(pictures), -1)).float()

    queries = candidates

    def scaled(self, distances: np.ndarray) -> np.ndarray:
        return distances / self.size**0.5


class Shifted:
    """Pictures averaged down to about 32x32; the nearest of nine shifts by one of those pixels counts.

    The shifted windows lose a margin of one pixel, and so does what they are compared with.
    """

    name, title = "shifted", "pixels, nearest of nine shifts"
    unit = Pixels.unit

    def __init__(self, gan: Gan) -> None:
        self.factor = max(1, gan.image.size // COARSE)
        self.side = gan.image.size // self.factor
        self.size = gan.image.channels * (self.side - 2) ** 2

    def candidates(self, pictures: np.ndarray) -> torch.Tensor:
        return self._averaged(pictures)[:, :, 1:-1, 1:-1].flatten(1)

    def queries(self, pictures: np.ndarray) -> torch.Tensor:
        coarse, inner = self._averaged(pictures), self.side - 2
        windows = [
            coarse[:, :, y : y + inner, x : x + inner].flatten(1) for y in range(3) for x in range(3)
        ]  # fmt: skip
        return torch.stack(windows, dim=1)

    def scaled(self, distances: np.ndarray) -> np.ndarray:
        return distances / self.size**0.5

    def _averaged(self, pictures: np.ndarray) -> torch.Tensor:
        levels = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
        return F.avg_pool2d(levels, self.factor)


class Features:
    """All hidden layers of the discriminator, max-pooled to 4x4, each scaled to the same mean square.

    Args:
        gan: with a discriminator.
        sample: (s, h, w, c) uint8, pictures that the layers' scales are taken from.
    """

    name, title, unit = "features", "features of the discriminator", "times a picture's usual length"

    def __init__(self, gan: Gan, sample: np.ndarray) -> None:
        self.gan = gan
        self.layers = _layers_of(gan)
        parts = self._pooled(sample)
        self.scales = [1 / max(float(part.square().sum(1).mean()) ** 0.5, 1e-12) for part in parts]
        self.length = len(parts) ** 0.5

    def candidates(self, pictures: np.ndarray) -> torch.Tensor:
        parts = self._pooled(pictures)
        return torch.cat([part * scale for part, scale in zip(parts, self.scales, strict=True)], dim=1)

    queries = candidates

    def scaled(self, distances: np.ndarray) -> np.ndarray:
        return distances / self.length

    def _pooled(self, pictures: np.ndarray) -> list[torch.Tensor]:
        """For each layer (n, values)."""
        batches = [
            pooled_features(self.gan, self.layers, self.gan.image.from_uint8(pictures[first : first + BATCH]))
            for first in range(0, len(pictures), BATCH)
        ]
        return [torch.cat(parts) for parts in zip(*batches, strict=True)]


def _layers_of(gan: Gan) -> list[str]:
    layers = [layer.name for layer in gan.feature_layers()]
    if not layers:
        raise GanlabError(
            f"The discriminator of {gan.name!r} has no hidden layer to compare pictures by.", "Use --space pixels."
        )
    return layers
