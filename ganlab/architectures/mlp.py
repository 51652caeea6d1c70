"""The GAN of Goodfellow et al. (2014) in linear layers: the baseline of the paper's appendix (table 3).

As in that paper's experiments on digits, the generator has rectifiers, and the discriminator maxout units (the largest
of five linear ones, Goodfellow et al. 2013) with dropout: it is the baseline as its authors trained it, not a DCGAN
without convolutions. Two things are the DCGAN's, so that both are compared on the same pictures: a tanh at the output,
and pictures in [-1, 1].

Layers: ``hidden1 -> hidden2 -> output`` and ``hidden1 -> hidden2 -> logit``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from ganlab.architectures.classes import Block, Network, code_width, fresh_networks, joined
from ganlab.architectures.settings import NetworkSettings
from ganlab.errors import GanlabError
from ganlab.networks.weights import torch_seed

LARGEST_SIZE = 256
PIECES = 5  # linear units in a maxout unit; the generator has as many rectifiers for each of them
CLASS_DEVIATION = 0.5  # of the weights that tell the discriminator's layers the class
DROPPED_PIXELS, DROPPED_UNITS = 0.2, 0.5  # what dropout leaves out in training


@dataclass(frozen=True)
class MlpSettings(NetworkSettings):
    """What the baseline's shape is.

    Attributes:
        size: side of the picture in pixels, up to 256.
        width: maxout units in each hidden layer of the discriminator; the generator has five times as many rectifiers.
            240 and 1,200 are those of the published experiments on MNIST.
    """

    width: int = 240

    name: ClassVar[str] = "mlp"
    title: ClassVar[str] = "GAN of linear layers"

    def __post_init__(self) -> None:
        if not 1 <= self.size <= LARGEST_SIZE:
            raise GanlabError(f"A picture's side goes from 1 to {LARGEST_SIZE} pixels, not {self.size}.", "MNIST: 28.")
        super().__post_init__()

    def build(self, seed: int) -> tuple[nn.Module, nn.Module]:
        return build_mlp(self, seed)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a picture: (c, h, w)."""
        return self.channels, self.size, self.size

    @property
    def values(self) -> int:
        """How many numbers a picture is."""
        return self.channels * self.size**2


class Generator(Network):
    """z (n, dim), uniform on [-1, 1] by default -> pictures (n, c, h, w) in [-1, 1]; perhaps of classes (n,)."""

    def __init__(self, settings: MlpSettings) -> None:
        code, units = code_width(settings), PIECES * settings.width
        blocks = [
            (
                f"hidden{number}",
                Block(*joined(settings), ("linear", nn.Linear(inputs + code, units)), ("act", nn.ReLU())),
            )
            for number, inputs in enumerate((settings.z_dim, units), 1)
        ]
        output = Block(
            *joined(settings),
            ("linear", nn.Linear(units + code, settings.values)),
            ("act", nn.Tanh()),
            ("picture", nn.Unflatten(1, settings.shape)),
        )
        super().__init__([*blocks, ("output", output)], settings)


class Discriminator(Network):
    """Pictures (n, c, h, w) in [-1, 1], perhaps of classes (n,) -> logits (n,), above 0 for real."""

    def __init__(self, settings: MlpSettings) -> None:
        code = code_width(settings)
        ends = (  # name, inputs, outputs, part of the inputs that training leaves out
            ("hidden1", settings.values, PIECES * settings.width, DROPPED_PIXELS),
            ("hidden2", settings.width, PIECES * settings.width, DROPPED_UNITS),
            ("logit", settings.width, 1, DROPPED_UNITS),
        )
        blocks = []
        for name, inputs, outputs, dropped in ends:
            layers = [
                ("dropout", nn.Dropout(dropped)),
                *joined(settings),
                ("linear", nn.Linear(inputs + code, outputs)),
            ]
            blocks.append((name, Block(*layers, *([] if name == "logit" else [("act", Maxout(PIECES))]))))
        super().__init__(blocks, settings)

    def forward(self, images: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(images.flatten(1), labels).flatten()


class Maxout(nn.Module):
    """(n, units * pieces) -> (n, units): the largest of each unit's pieces."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features.unflatten(1, (-1, self.pieces)).amax(2)


def build_mlp(settings: MlpSettings, seed: int = 0) -> tuple[Generator, Discriminator]:
    """Both networks with fresh weights; the global random state stays untouched.

    Raises:
        GanlabError: a seed outside 0 to 2**63 - 1, networks that do not fit into memory.
    """
    with fresh_networks(seed, f"Layers of width {settings.width} do not fit into memory."):
        generator, discriminator = Generator(settings), Discriminator(settings)
    _initialise(generator, 2 * seed)
    _initialise(discriminator, 2 * seed + 1, code_width(settings))
    return generator, discriminator


def _initialise(network: nn.Module, seed: int, code: int = 0) -> None:
    """Weights from N(0, 2 / inputs), biases 0 (He et al. 2015): with no BatchNorm to mend it, N(0, 0.02) would fade.

    The last ``code`` inputs of the discriminator's layers tell the class: their weights are from N(0, 1/4). As small as
    those of a thousand pixels they would not be heard among them, and the class would not be learnt. The generator's
    stay as they are: as large, they drown z instead, and every class becomes one picture (both tried on digits).
    """
    random = torch.Generator().manual_seed(torch_seed(seed))
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear):
                own = module.in_features - code
                module.weight[:, :own].normal_(0.0, (2 / own) ** 0.5, generator=random)
                module.weight[:, own:].normal_(0.0, CLASS_DEVIATION, generator=random)
                module.bias.zero_()
            elif isinstance(module, nn.Embedding):
                module.weight.normal_(generator=random)
