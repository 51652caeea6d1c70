"""A block of feature maps, and GANs around networks that are smaller still."""

from __future__ import annotations

import torch
from torch import nn

from ganlab.gan import Gan
from ganlab.imagespec import ImageSpec
from ganlab.latents import Prior


def small(generator: nn.Module, **changes: object) -> Gan:
    return Gan(generator, **{"prior": Prior(2), "image": ImageSpec(4), **changes})  # type: ignore[arg-type]


class Block(nn.Module):
    """z (n, 2) -> 6 maps of 4 x 4."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(2, 6, 4)
        self.act = nn.ReLU()

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.act(self.conv(z[:, :, None, None]))
