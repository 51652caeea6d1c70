"""Generators whose steps and jumps are known."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from torch import nn

from ganlab import Gan, ImageSpec, Prior, Result

SIZE, DIM = 8, 64
FAST = {"points": 3, "stored": 8}


@pytest.fixture(autouse=True)
def no_curves(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots take most of a walk's time on tiny networks; only the contract draws them."""
    if "contract" not in request.node.name:
        monkeypatch.setattr("ganlab.figures.curve", lambda *_, **__: Image.new("RGB", (4, 4)))


class Picture(nn.Module):
    """z (n, 64) is the picture itself, and beyond ``edge`` in its first value much brighter."""

    def __init__(self, jump: float = 0.0, edge: float = 0.0) -> None:
        super().__init__()
        self.jump, self.edge = jump, edge

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        picture = 0.2 * z.reshape(-1, 1, SIZE, SIZE)
        return picture + self.jump * (z[:, 0] > self.edge)[:, None, None, None]


class Grid(nn.Module):
    """z (n, 64) rounded to multiples of 1 / ``cells`` is the picture: it does nothing but jump, by little."""

    def __init__(self, cells: int) -> None:
        super().__init__()
        self.cells = cells

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return 0.2 * torch.round(z * self.cells).reshape(-1, 1, SIZE, SIZE) / self.cells


class Copier(nn.Module):
    """Learnt by heart: the stored picture whose own z is nearest."""

    def __init__(self, n: int, seed: int = 0) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.keys = nn.Parameter(torch.rand(n, DIM, generator=rng) * 2 - 1)
        self.pictures = nn.Parameter(torch.rand(n, 1, SIZE, SIZE, generator=rng) * 2 - 1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.pictures[torch.cdist(z, self.keys).argmin(1)]


class Classes(nn.Module):
    """A conditional generator: the class is the brightness."""

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return 0.1 * z.reshape(-1, 1, SIZE, SIZE) + labels[:, None, None, None] / 4


class Discriminator(nn.Module):
    """A discriminator that uses one activation for all its layers, or a function."""

    def __init__(self, *, functional: bool) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.first, self.second = nn.Conv2d(1, 4, 4, 2, 1), nn.Conv2d(4, 8, 4, 2, 1)
            self.last = nn.Linear(32, 1)
        self.act = None if functional else nn.LeakyReLU(0.2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        act = self.act or (lambda features: nn.functional.leaky_relu(features, 0.2))
        return self.last(act(self.second(act(self.first(images)))).flatten(1)).flatten()


def known(
    generator: nn.Module, law: str = "uniform", discriminator: nn.Module | None = None, classes: int | None = None
) -> Gan:
    return Gan(generator, discriminator, prior=Prior(DIM, law), image=ImageSpec(SIZE, 1), classes=classes)


def values(result: Result) -> dict[str, float]:
    return {name: metric.value for name, metric in result.metrics.items()}
