"""Whole batches of pictures: as the networks see them, and filters, masks and colours, the same for every picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from ganlab import ImageSpec


def softened(mask: torch.Tensor) -> torch.Tensor:
    """The mask with a soft edge of two pixels."""
    return F.avg_pool2d(mask, 3, 1, 1, count_include_pad=False)


def shrunk(mask: torch.Tensor, pixels: int) -> torch.Tensor:
    """The mask without its outermost pixels."""
    return 1 - F.max_pool2d(1 - mask, 1 + 2 * pixels, 1, pixels)


def blurred(pictures: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian blur (sigma in pixels); nothing comes in from outside."""
    # two products with a band matrix: far quicker on a CPU than grouped convolutions
    size = pictures.shape[-1]
    steps = torch.arange(size).float()
    distance = (steps[:, None] - steps) / sigma
    band = torch.where(distance.abs() < 4, torch.exp(-0.5 * distance**2), 0.0)
    band = (band / band.sum(1, keepdim=True)).T.contiguous()
    for _ in range(2):
        flat = pictures.reshape(-1, size) @ band
        pictures = flat.reshape(pictures.shape).transpose(-1, -2)
    return pictures


def hue_rotation(angles: torch.Tensor) -> torch.Tensor:
    """Rotations of RGB about the grey axis, (n, 3, 3), for angles (n,) in radians."""
    axis = torch.full((3,), 1 / math.sqrt(3))
    cross = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / math.sqrt(3)
    cosine, sine = angles.cos()[:, None, None], angles.sin()[:, None, None]
    return cosine * torch.eye(3) + sine * cross + (1 - cosine) * torch.outer(axis, axis)


def cosine_basis() -> torch.Tensor:
    """The orthonormal cosine transform of 8 values, (8, 8)."""
    steps = torch.arange(8.0)
    basis = torch.cos(math.pi * (steps[None, :] + 0.5) * steps[:, None] / 8) / 2
    basis[0] /= math.sqrt(2)
    return basis


def as_batch(pictures: np.ndarray) -> torch.Tensor:
    """(n, h, w, 3) uint8 -> (n, 3, h, w) float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255


def as_seen(images: torch.Tensor, image: ImageSpec) -> torch.Tensor:
    """Pictures as the networks see them: float32 (n, 3, 64, 64) in [-1, 1], channels last.

    Args:
        images: (n, c, h, w) in ``image``'s range, of any size and 1, 3 or 4 channels; a fourth is left out.
    """
    seen = (images.float().cpu() - image.low) * (2 / (image.high - image.low)) - 1
    seen = seen.clamp(-1, 1)[:, :3].expand(-1, 3, -1, -1)
    if images.shape[2:] != (64, 64):
        seen = F.interpolate(seen, size=(64, 64), mode="bilinear", antialias=True)
    return seen.contiguous(memory_format=torch.channels_last)
