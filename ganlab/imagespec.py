"""What a picture of a GAN is: its size, its channels, its range."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ganlab.errors import GanlabError
from ganlab.figures.palette import VISIBLE, coloured

if TYPE_CHECKING:
    import torch

CHUNK_BYTES = 2**26  # of float32 pictures that are worked on at once
LARGEST_CHUNK = 64  # things that are worked on at once, however small their pictures


@dataclass(frozen=True)
class ImageSpec:
    """What a picture of this GAN is: (channels, size, size) with values from ``low`` to ``high``."""

    size: int = 64
    channels: int = 3
    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.size < 1 or self.channels < 1 or not -math.inf < self.low < self.high < math.inf:
            raise GanlabError(
                f"{self} fits no picture.", "It needs a size and channels of at least 1, and a finite low below high."
            )

    def chunks(self, count: int, each: int = 1) -> list[slice]:
        """Slices of ``count`` things of ``each`` pictures, so that the pictures of a slice fit a fixed space."""
        step = max(1, min(LARGEST_CHUNK, CHUNK_BYTES // (4 * self.channels * self.size**2 * each)))
        return [slice(start, min(start + step, count)) for start in range(0, count, step)]

    def to_uint8(self, images: torch.Tensor) -> np.ndarray:
        """Pictures (n, c, h, w) in [low, high], clipped to it -> (n, h, w, c) uint8."""
        levels = (images.detach().float() - self.low) * (255.0 / (self.high - self.low))
        return levels.round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()

    def shown(self, images: torch.Tensor) -> np.ndarray:
        """Pictures (n, c, h, w) for the eye, (n, h, w, 1, 3 or 4) uint8.

        As :meth:`to_uint8` has them; of other than 1, 3 or 4 channels the largest's own colour at each pixel.
        """
        if self.channels in VISIBLE:
            return self.to_uint8(images)
        return coloured(images.detach().argmax(1).cpu().numpy())

    def from_uint8(self, pictures: np.ndarray | torch.Tensor) -> torch.Tensor:
        """Pictures (n, h, w, c) uint8 -> (n, c, h, w) float32 in [low, high], where the pictures are."""
        import torch

        held = pictures if isinstance(pictures, torch.Tensor) else torch.from_numpy(np.ascontiguousarray(pictures))
        levels = held.permute(0, 3, 1, 2).float()
        return levels * ((self.high - self.low) / 255.0) + self.low
