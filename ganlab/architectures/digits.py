"""The network of the paper's appendix: what its authors trained on MNIST, with linear layers between z and small maps.

Their published code for it differs from their DCGAN of sections 3 and 4: both networks have one hidden linear layer,
there are only two convolutions, of 5x5, and pictures keep their 28x28 pixels. The sigmoid of their code, whose pictures
go from 0 to 1, is a tanh here, the same curve: all that ganlab trains is in [-1, 1].

Layers at 28 pixels: ``hidden -> up7 -> up14 -> output`` and ``down14 -> down7 -> hidden -> logit``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import nn

from ganlab.architectures.classes import Block, Network, code_width, fresh_networks, joined
from ganlab.architectures.convolutions import downsample, upsample
from ganlab.architectures.dcgan import LEAKY_SLOPE, initialise
from ganlab.architectures.settings import NetworkSettings
from ganlab.errors import GanlabError

LARGEST_SIZE = 128  # the linear layer beside the maps grows with the picture's area
KERNEL = 5
HIDDEN = 16  # units of the hidden layer for each map beside the picture: 1024 of 64, the authors'


@dataclass(frozen=True)
class DigitsSettings(NetworkSettings):
    """What the shape of the appendix's network is.

    Attributes:
        size: side of the picture in pixels, a multiple of 4 up to 128.
        width: feature maps beside the picture, 64 in the authors' code; the smaller maps are twice, the units of the
            hidden layer sixteen times as many.
        affine: BatchNorm scales and shifts what it has normalised; the authors' does not.
    """

    size: int = 28
    affine: bool = field(default=True, kw_only=True)

    name: ClassVar[str] = "digits"
    title: ClassVar[str] = "DCGAN with linear layers"

    def __post_init__(self) -> None:
        if self.size % 4 or not 4 <= self.size <= LARGEST_SIZE:
            raise GanlabError(
                f"The side of a picture must be a multiple of 4 from 4 to {LARGEST_SIZE}, not {self.size}.",
                "MNIST: 28.",
            )
        super().__post_init__()

    def build(self, seed: int) -> tuple[nn.Module, nn.Module]:
        return build_digits(self, seed)

    @property
    def sides(self) -> tuple[int, int]:
        """Of the hidden feature maps, the smaller first."""
        return self.size // 4, self.size // 2


class Generator(Network):
    """z (n, dim), uniform on [-1, 1] by default -> pictures (n, c, h, w) in [-1, 1]; perhaps of classes (n,)."""

    def __init__(self, settings: DigitsSettings) -> None:
        small, large = settings.sides
        code, width = code_width(settings), settings.width
        maps, units = 2 * width, HIDDEN * width
        hidden = _linear(settings, settings.z_dim + code, units)
        grown = _linear(settings, units + code, maps * small**2)  # normalised unit by unit, not map by map
        up = _convolution(settings, upsample(maps + code, width, KERNEL), width)
        last = [*joined(settings), ("conv", upsample(width + code, settings.channels, KERNEL))]
        blocks = [
            ("hidden", Block(*hidden, ("act", nn.ReLU()))),
            (f"up{small}", Block(*grown, ("act", nn.ReLU()), ("maps", nn.Unflatten(1, (maps, small, small))))),
            (f"up{large}", Block(*up, ("act", nn.ReLU()))),
            ("output", Block(*last, ("act", nn.Tanh()))),
        ]
        super().__init__(blocks, settings)


class Discriminator(Network):
    """Pictures (n, c, h, w) in [-1, 1], perhaps of classes (n,) -> logits (n,), above 0 for real."""

    def __init__(self, settings: DigitsSettings) -> None:
        small, large = settings.sides
        code, width = code_width(settings), settings.width
        maps, units = 2 * width, HIDDEN * width
        first = [*joined(settings), ("conv", downsample(settings.channels + code, width, KERNEL))]  # without BatchNorm
        down = _convolution(settings, downsample(width + code, maps, KERNEL), maps)
        hidden = _linear(settings, maps * small**2 + code, units)
        logit = nn.Linear(units + code, 1, bias=False)
        blocks = [
            (f"down{large}", Block(*first, ("act", nn.LeakyReLU(LEAKY_SLOPE)))),
            (f"down{small}", Block(*down, ("act", nn.LeakyReLU(LEAKY_SLOPE)))),
            ("hidden", Block(("units", nn.Flatten()), *hidden, ("act", nn.LeakyReLU(LEAKY_SLOPE)))),
            ("logit", Block(*joined(settings), ("linear", logit))),
        ]
        super().__init__(blocks, settings)

    def forward(self, images: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(images, labels).flatten()


def build_digits(settings: DigitsSettings, seed: int = 0) -> tuple[Generator, Discriminator]:
    """Both networks with weights from N(0, 0.02), as the DCGAN's; the global random state stays untouched.

    Raises:
        GanlabError: a seed outside 0 to 2**63 - 1, networks that do not fit into memory.
    """
    with fresh_networks(seed, f"Layers of width {settings.width} do not fit into memory."):
        generator, discriminator = Generator(settings), Discriminator(settings)
    initialise(generator, 2 * seed, linear=True)
    initialise(discriminator, 2 * seed + 1, linear=True)
    return generator, discriminator


def _linear(settings: DigitsSettings, inputs: int, outputs: int) -> list[tuple[str, nn.Module]]:
    linear = nn.Linear(inputs, outputs, bias=False)
    return [*joined(settings), ("linear", linear), ("norm", nn.BatchNorm1d(outputs, affine=settings.affine))]


def _convolution(settings: DigitsSettings, conv: nn.Module, maps: int) -> list[tuple[str, nn.Module]]:
    return [*joined(settings), ("conv", conv), ("norm", nn.BatchNorm2d(maps, affine=settings.affine))]
