"""Discriminators to look into: one of known layers, one with a planted filter."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from ganlab import Gan, ImageSpec, Prior

from .planted import SIZE, Planted

SHAPE = (3, 32, 32)
Act = Callable[[torch.Tensor], torch.Tensor]


class Net(nn.Module):
    """A discriminator with a skip connection around one of its rectifiers; its maps are those of ``maps``."""

    def __init__(self, act: Act, before: Act = lambda x: x) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 4, 2, 1)
        self.second = nn.Conv2d(8, 12, 4, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(12)
        self.maps = nn.Identity()
        self.logit = nn.Conv2d(12, 1, 8)
        self.act = act
        self.before = before
        with torch.no_grad():
            generator = torch.Generator().manual_seed(1)
            for parameter in self.parameters():
                if parameter.numel() > 1:
                    parameter.normal_(0, 0.3, generator=generator)
            self.norm.running_mean.normal_(0, 0.3, generator=generator)
        self.eval().requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(self.before(x))
        x = x + self.act(x.clone())
        return self.logit(self.maps(self.act(self.norm(self.second(x))))).flatten()


def pictures(n: int = 9, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def maps_of(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    kept: list[torch.Tensor] = []
    handle = network.get_submodule("maps").register_forward_hook(lambda module, inputs, output: kept.append(output))
    network(images.clone())
    handle.remove()
    return kept[0]


def planted(discriminator: nn.Module | None = None) -> Gan:
    """A GAN whose samples hold red squares, and whose discriminator's filter 2 finds them."""
    discriminator = discriminator or nn.Sequential(
        nn.Conv2d(3, 6, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(6, 4, 1), nn.LeakyReLU(0.2)
    )
    with torch.no_grad():
        for parameter in discriminator.parameters():
            parameter.normal_(0, 0.05, generator=torch.Generator().manual_seed(parameter.numel()))
        discriminator[0].weight[0] = torch.tensor([1.0, -0.5, -0.5])[:, None, None] / 16
        discriminator[2].weight[:, 0] = 0
        discriminator[2].weight[2] = torch.tensor([1.0, 0, 0, 0, 0, 0])[:, None, None]
    head = nn.Sequential(nn.Conv2d(4, 1, SIZE // 2), nn.Flatten(0))
    return Gan(Planted(), nn.Sequential(*discriminator, *head), prior=Prior(8), image=ImageSpec(SIZE, 3))
