"""The DCGAN of Radford, Metz and Chintala (2015), sections 3 and 4, at any power-of-two size.

Blocks are named after the side of their output, so that a layer's name says where it stands:
``up4 -> up8 -> up16 -> up32 -> output`` and ``down32 -> down16 -> down8 -> down4 -> logit`` at 64 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

import torch
from torch import nn

from ganlab.architectures.classes import Block, Network, code_width, fresh_networks, joined
from ganlab.architectures.convolutions import ToPicture, downsample, upsample
from ganlab.architectures.settings import NetworkSettings
from ganlab.errors import GanlabError
from ganlab.networks.weights import torch_seed

SIZES = (16, 32, 64, 128, 256)
KERNELS = (4, 5)
LEAKY_SLOPE = 0.2
INITIAL_DEVIATION = 0.02
WIDEST = 16  # no layer has more than 16 times the width: 1024 maps at width 64, the paper's widest


@dataclass(frozen=True)
class DcganSettings(NetworkSettings):
    """What a DCGAN's shape is.

    Attributes:
        size: side of the picture in pixels, a power of two from 16 to 256.
        width: feature maps beside the picture; every halving of the side doubles them. 64 is the widely used port's,
            128 the paper's.
        kernel: 4 (the port) or 5 (the paper).
        affine: BatchNorm scales and shifts what it has normalised; the appendix's conditional networks do not.
    """

    kernel: int = 4
    affine: bool = field(default=True, kw_only=True)

    name: ClassVar[str] = "dcgan"
    title: ClassVar[str] = "DCGAN"

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise GanlabError(
                f"A DCGAN's size must be a power of two from 16 to 256, not {self.size}.",
                f"Choose one of: {', '.join(map(str, SIZES))}.",
            )
        if self.kernel not in KERNELS:
            raise GanlabError(f"There are 4x4 and 5x5 kernels, not {self.kernel}.", "4 is the port's, 5 the paper's.")
        super().__post_init__()

    def build(self, seed: int) -> tuple[nn.Module, nn.Module]:
        return build_dcgan(self, seed)

    def sides(self) -> list[int]:
        """Sides of the hidden feature maps in the generator's order: 4, 8, ... size / 2."""
        return [4 << step for step in range((self.size // 4).bit_length() - 1)]

    def maps(self, side: int) -> int:
        """How many feature maps the hidden layer of this side has."""
        return self.width * min(self.size // 2 // side, WIDEST)


class Generator(Network):
    """z (n, dim), uniform on [-1, 1] by default -> pictures (n, c, h, w) in [-1, 1]; perhaps of classes (n,)."""

    def __init__(self, settings: DcganSettings) -> None:
        sides, code = settings.sides(), code_width(settings)
        first = nn.ConvTranspose2d(settings.z_dim + code, settings.maps(4), 4, bias=False)
        blocks = [("up4", _block(settings, first, nn.ReLU()))]
        for below, side in pairwise(sides):
            up = upsample(settings.maps(below) + code, settings.maps(side), settings.kernel)
            blocks.append((f"up{side}", _block(settings, up, nn.ReLU())))
        maps, channels, kernel = settings.width + code, settings.channels, settings.kernel
        last = ToPicture(maps, channels) if kernel == 4 else upsample(maps, channels, kernel)
        blocks.append(("output", _block(settings, last, nn.Tanh(), norm=False)))
        super().__init__(blocks, settings)

    def forward(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(z.reshape(*z.shape[:2], 1, 1), labels)


class Discriminator(Network):
    """Pictures (n, c, h, w) in [-1, 1], perhaps of classes (n,) -> logits (n,), above 0 for real."""

    def __init__(self, settings: DcganSettings) -> None:
        sides, code = settings.sides()[::-1], code_width(settings)
        maps = [settings.channels, *map(settings.maps, sides)]
        blocks = []
        for position, side in enumerate(sides):
            down = downsample(maps[position] + code, maps[position + 1], settings.kernel)
            # every layer but the first has BatchNorm (section 3)
            blocks.append((f"down{side}", _block(settings, down, nn.LeakyReLU(LEAKY_SLOPE), norm=position > 0)))
        logit = nn.Conv2d(maps[-1] + code, 1, 4, bias=False)
        blocks.append(("logit", Block(*joined(settings), ("conv", logit))))
        super().__init__(blocks, settings)

    def forward(self, images: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(images, labels).flatten()


def build_dcgan(settings: DcganSettings, seed: int = 0) -> tuple[Generator, Discriminator]:
    """A generator and a discriminator with the paper's initial weights; the global random state stays untouched.

    Raises:
        GanlabError: a seed outside 0 to 2**63 - 1, networks that do not fit into memory.
    """
    with fresh_networks(seed, f"A DCGAN of width {settings.width} does not fit into memory."):
        generator, discriminator = Generator(settings), Discriminator(settings)
    initialise(generator, 2 * seed)
    initialise(discriminator, 2 * seed + 1)
    return generator, discriminator


def initialise(network: nn.Module, seed: int, linear: bool = False) -> None:
    """Weights from N(0, 0.02); BatchNorm's scale from N(1, 0.02), its shift 0, its statistics fresh (section 4).

    Args:
        linear: of linear layers and their BatchNorm, too, which otherwise keep torch's own.
    """
    norms = (nn.BatchNorm2d, nn.BatchNorm1d) if linear else (nn.BatchNorm2d,)
    layers = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear) if linear else (nn.Conv2d, nn.ConvTranspose2d)
    random = torch.Generator().manual_seed(torch_seed(seed))
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, norms):
                module.reset_running_stats()
                if module.affine:
                    module.weight.normal_(1.0, INITIAL_DEVIATION, generator=random)
                    module.bias.zero_()
            elif isinstance(module, layers):
                module.weight.normal_(0.0, INITIAL_DEVIATION, generator=random)
            elif isinstance(module, nn.Embedding):
                module.weight.normal_(generator=random)


def _block(settings: DcganSettings, conv: nn.Module, activation: nn.Module, norm: bool = True) -> Block:
    layers = [*joined(settings), ("conv", conv)]
    if norm:
        maps = conv.out_channels
        assert isinstance(maps, int)
        layers.append(("norm", nn.BatchNorm2d(maps, affine=settings.affine)))
    return Block(*layers, ("act", activation))
