"""A GAN of which we know what each filter draws, and a labeler that sees it without error."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import torch
from torch import nn

from ganlab import Gan, ImageSpec, Labeler, Prior

SIDE, SIZE, MAPS = 16, 32, 24
SQUARE, STRIPE = (2, 7, 9), (4,)  # the filters that draw a red square ("window") and a green stripe ("lamp")


class Scene(nn.Module):
    """z (n, 8) -> feature maps (n, 24, 16, 16): a square at a place that z names, a stripe, and textures."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        cells = torch.arange(SIDE)
        x, y = ((z[:, place] * 0.5 + 0.5) * (SIDE - 6) + 3 for place in (0, 1))
        across = (cells[None, :] - x[:, None]).abs() < 2.5
        down = (cells[None, :] - y[:, None]).abs() < 2.5
        shown = (z[:, 2] > -0.6)[:, None, None]
        square = (down[:, :, None] & across[:, None, :] & shown).float()
        waves = torch.sin(
            z[:, 3:, None, None] * 3 + cells[None, None, :, None] * 0.7 + cells[None, None, None, :] * 0.4
        )
        maps = 0.3 * waves.repeat(1, 5, 1, 1)[:, :MAPS]
        for which in SQUARE:
            maps[:, which] = square - 0.1
        for which in STRIPE:
            maps[:, which] = ((cells[None, :, None] == 14) & (z[:, 7, None, None] > 0)).float() - 0.1
        return maps


class Planted(nn.Sequential):
    """Scene, two hidden layers, picture: the first hidden layer is the second-last one that the paper probes."""

    def __init__(self) -> None:
        scene, mix, out = Scene(), nn.Conv2d(MAPS, 6, 1, bias=False), nn.ConvTranspose2d(6, 3, 2, 2)
        nn.init.zeros_(mix.weight)
        nn.init.zeros_(out.weight)
        nn.init.constant_(out.bias, -2.0)  # the square needs all three of its filters
        for which in SQUARE:
            mix.weight.data[0, which] = 1.0
        for which in STRIPE:
            mix.weight.data[1, which] = 4.0
        others = [which for which in range(MAPS) if which not in SQUARE + STRIPE]
        mix.weight.data[2, others] = 0.1
        for channel in range(3):
            out.weight.data[channel, channel] = 1.0
        super().__init__(scene, nn.ReLU(), mix, nn.ReLU(), out, nn.Tanh())


class Truth(Labeler):
    """Sees red as window and green as lamp: right by construction of :class:`Planted`."""

    name = "truth"
    concepts = ("window", "lamp")
    domain = "planted scenes"
    # of 64x64 pixels: a quarter as many of the planted pictures
    card = MappingProxyType({"min_pixels": {"window": 80, "lamp": 40}})

    def masks(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        return (images[:, : len(self.concepts)] > 0.0).numpy()


def planted_gan() -> Gan:
    return Gan(Planted(), prior=Prior(8), image=ImageSpec(SIZE, 3))
