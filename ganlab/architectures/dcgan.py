"""The DCGAN of Radford, Metz and Chintala (2015), sections 3 and 4, at any power-of-two size.

Blocks are named after the side of their output, so that a layer's name says where it stands:
``up4 -> up8 -> up16 -> up32 -> output`` and ``down32 -> down16 -> down8 -> down4 -> logit`` at 64 pixels.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ganlab.devices import enough_memory
from ganlab.errors import GanlabError

if TYPE_CHECKING:
    from ganlab.gan import Gan

SIZES = (16, 32, 64, 128, 256)
CHANNELS = (1, 3, 4)
KERNELS = (4, 5)
LEAKY_SLOPE = 0.2
INITIAL_DEVIATION = 0.02
LARGEST = 65536  # width and dimensions of z: more could not even be counted in a layer's size
WIDEST = 16  # no layer has more than 16 times the width: 1024 maps at width 64, the paper's widest


@dataclass(frozen=True)
class DcganSettings:
    """What a DCGAN's shape is.

    Attributes:
        size: side of the picture in pixels, a power of two from 16 to 256.
        channels: 1 (grey), 3 (RGB) or 4 (RGBA).
        width: feature maps beside the picture; every halving of the side doubles them. 64 is the widely used port's,
            128 the paper's.
        z_dim: dimensions of z.
        kernel: 4 (the port) or 5 (the paper).
    """

    size: int = 64
    channels: int = 3
    width: int = 64
    z_dim: int = 100
    kernel: int = 4

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise GanlabError(
                f"A DCGAN's size must be a power of two from 16 to 256, not {self.size}.",
                f"Choose one of: {', '.join(map(str, SIZES))}.",
            )
        if self.channels not in CHANNELS:
            raise GanlabError(f"A picture has 1, 3 or 4 channels, not {self.channels}.", "1 grey, 3 RGB, 4 RGBA.")
        if self.kernel not in KERNELS:
            raise GanlabError(f"There are 4x4 and 5x5 kernels, not {self.kernel}.", "4 is the port's, 5 the paper's.")
        if not (1 <= self.width <= LARGEST and 1 <= self.z_dim <= LARGEST):
            raise GanlabError(
                f"The width and the dimension of z go from 1 to {LARGEST}.", "The usual values: 64 and 100."
            )

    @classmethod
    def from_card(cls, settings: Mapping[str, Any]) -> DcganSettings:
        """Settings as a card holds them.

        Raises:
            GanlabError: a setting this architecture does not have, or of the wrong type.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(settings) - known)
        if unknown:
            raise GanlabError(f"A DCGAN has no setting {unknown[0]!r}.", f"It has: {', '.join(sorted(known))}.")
        wrong = sorted(name for name, value in settings.items() if type(value) is not int)
        if wrong:
            raise GanlabError(f"A DCGAN's {wrong[0]!r} must be a whole number.", "Mend the card's [architecture].")
        return cls(**settings)

    def to_card(self) -> dict[str, Any]:
        """Settings as a card holds them, with the architecture's name."""
        return {"name": "dcgan", **asdict(self)}

    def sides(self) -> list[int]:
        """Sides of the hidden feature maps in the generator's order: 4, 8, ... size / 2."""
        return [4 << step for step in range((self.size // 4).bit_length() - 1)]

    def maps(self, side: int) -> int:
        """How many feature maps the hidden layer of this side has."""
        return self.width * min(self.size // 2 // side, WIDEST)


class Generator(nn.Sequential):
    """z (n, dim), uniform on [-1, 1] by default -> pictures (n, c, h, w) in [-1, 1]."""

    def __init__(self, settings: DcganSettings) -> None:
        sides = settings.sides()
        first = nn.ConvTranspose2d(settings.z_dim, settings.maps(4), 4, bias=False)
        blocks = [("up4", _block(first, nn.ReLU()))]
        for below, side in pairwise(sides):
            up = _upsample(settings.maps(below), settings.maps(side), settings.kernel)
            blocks.append((f"up{side}", _block(up, nn.ReLU())))
        last = _upsample(settings.width, settings.channels, settings.kernel)
        blocks.append(("output", _block(last, nn.Tanh(), norm=False)))
        super().__init__(OrderedDict(blocks))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return super().forward(z.reshape(*z.shape[:2], 1, 1))


class Discriminator(nn.Sequential):
    """Pictures (n, c, h, w) in [-1, 1] -> logits (n,), above 0 for real."""

    def __init__(self, settings: DcganSettings) -> None:
        sides = settings.sides()[::-1]
        maps = [settings.channels, *map(settings.maps, sides)]
        blocks = []
        for position, side in enumerate(sides):
            down = nn.Conv2d(
                maps[position], maps[position + 1], settings.kernel, 2, (settings.kernel - 1) // 2, bias=False
            )
            # every layer but the first has BatchNorm (section 3)
            blocks.append((f"down{side}", _block(down, nn.LeakyReLU(LEAKY_SLOPE), norm=position > 0)))
        blocks.append(("logit", nn.Sequential(OrderedDict(conv=nn.Conv2d(maps[-1], 1, 4, bias=False)))))
        super().__init__(OrderedDict(blocks))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images).flatten()


def dcgan_settings(gan: Gan) -> DcganSettings:
    """The shape of a GAN of this architecture.

    Raises:
        GanlabError: it is of another one.
    """
    card = dict(gan.card.architecture)
    if card.pop("name", None) != "dcgan":
        raise GanlabError(f"{gan.name} is no DCGAN of ganlab.", "Only one of those can be trained on.")
    return DcganSettings.from_card(card)


def build_dcgan(settings: DcganSettings, seed: int = 0) -> tuple[Generator, Discriminator]:
    """A generator and a discriminator with the paper's initial weights; the global random state stays untouched.

    Raises:
        GanlabError: a seed outside 0 to 2**63 - 1, networks that do not fit into memory.
    """
    if not 0 <= seed < 2**63:
        raise GanlabError(f"The seed of a network must lie between 0 and 2**63 - 1, not {seed}.", "Try --seed 0.")
    with (
        enough_memory(f"A DCGAN of width {settings.width} does not fit into memory.", "Choose a smaller --width."),
        torch.random.fork_rng(devices=[]),  # torch's own initialisation draws from the global random state
    ):
        generator, discriminator = Generator(settings), Discriminator(settings)
    initialise(generator, 2 * seed)
    initialise(discriminator, 2 * seed + 1)
    return generator, discriminator


def initialise(network: nn.Module, seed: int) -> None:
    """Weights from N(0, 0.02); BatchNorm's scale from N(1, 0.02), its shift 0, its statistics fresh (section 4)."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()
                module.weight.normal_(1.0, INITIAL_DEVIATION, generator=random)
                module.bias.zero_()
            elif isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                module.weight.normal_(0.0, INITIAL_DEVIATION, generator=random)


def _block(conv: nn.Module, activation: nn.Module, norm: bool = True) -> nn.Sequential:
    parts: OrderedDict[str, nn.Module] = OrderedDict(conv=conv)
    if norm:
        maps = conv.out_channels
        assert isinstance(maps, int)
        parts["norm"] = nn.BatchNorm2d(maps)
    parts["act"] = activation
    return nn.Sequential(parts)


def _upsample(inputs: int, outputs: int, kernel: int) -> nn.ConvTranspose2d:
    """A fractionally-strided convolution that doubles the side exactly, whichever the kernel."""
    return nn.ConvTranspose2d(inputs, outputs, kernel, 2, (kernel - 1) // 2, kernel - 4, bias=False)
