"""Means, sums and neighbours of points in Z, and the same on pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from ganlab import Gan, Latents, random_bits

STREAM_NOISE = 710  # far from the core's streams and those of other analyses
VARIANCE = {"uniform": 1 / 3, "normal": 1.0, "uniform01": 1 / 12}  # of a coordinate, by the prior's law


@dataclass(frozen=True)
class Space:
    """The Z of one GAN, and of one class where it draws classes.

    Attributes:
        rescaled: means and sums are brought to the length that a z of the prior has.
    """

    gan: Gan
    label: int | None
    rescaled: bool

    @property
    def middle(self) -> float:
        """The mean of each coordinate of a z of the prior, from which lengths are measured."""
        return 0.5 if self.gan.prior.law == "uniform01" else 0.0

    @property
    def length(self) -> float:
        """Root mean square distance of a z of the prior from the middle."""
        return math.sqrt(self.gan.prior.dim * VARIANCE[self.gan.prior.law])

    def scaled(self, z: torch.Tensor) -> torch.Tensor:
        """z (n, dim), at the prior's length if that was asked for."""
        return self._at_length(z - self.middle) if self.rescaled else z

    def summed(self, signs: torch.Tensor, means: torch.Tensor) -> torch.Tensor:
        """Y (n, dim) of the terms' means (terms, n, dim).

        At the prior's length, if that was asked for, it lies around the prior's middle whatever the signs add up to.
        """
        if not self.rescaled:
            return combined(signs, means)
        return self._at_length(combined(signs, means - self.middle))

    def _at_length(self, apart: torch.Tensor) -> torch.Tensor:
        """The points (n, dim) that lie these ways from the middle, as far as a z of the prior does."""
        return self.middle + apart * (self.length / apart.norm(dim=1, keepdim=True).clamp_min(1e-12))

    def generate(self, z: torch.Tensor) -> torch.Tensor:
        """Pictures (n, c, h, w) of points (n, dim) that have no name."""
        return self.gan.generate(Latents(z, None, np.arange(len(z)), self._labels(len(z))))

    def score(self, images: torch.Tensor) -> torch.Tensor:
        """The discriminator's logits (n,) of pictures (n, c, h, w)."""
        told = self.gan.conditional_discriminator
        return self.gan.score(images, self._labels(len(images)) if told else None)

    def _labels(self, count: int) -> torch.Tensor | None:
        return None if self.label is None else torch.full((count,), self.label)

    def around(self, y: torch.Tensor, noise: float, seed: int) -> torch.Tensor:
        """Nine points (9, dim), row by row of a 3x3 grid: Y in the middle, uniform noise on the others."""
        bits = random_bits(seed, np.arange(9), len(y), STREAM_NOISE)
        moves = torch.from_numpy((bits / 2**31 - 1.0) * noise).float()
        moves[4] = 0
        return y + moves


def combined(signs: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """The sum of terms (terms, ...), each with its sign (terms,)."""
    return torch.tensordot(signs.to(values), values, dims=1)


def combined_pixels(gan: Gan, signs: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """The same sum on pictures (terms, ...); what leaves the range is clipped to it."""
    return combined(signs, pictures).clamp(gan.image.low, gan.image.high)
