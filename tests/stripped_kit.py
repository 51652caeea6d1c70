"""Small generators of each kind whose norms have seen z, recovered from their weights alone, and what was decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ganlab import Gan, Hints, Stored, StoredNetwork
from ganlab.recovery.parts import parts_of
from ganlab.recovery.recover import recover
from tests.recovery_kit import Reshape, latents, scrambled

Z = 16
BATCH = 64
NEAR = 1 / 255  # of the pictures' range


def seen(network: nn.Module, law: str = "normal", dim: int = Z, batches: int = 60, seed: int = 0) -> nn.Module:
    """The network after its norms saw so many batches of z, with a scale and a shift of their own, for evaluation."""
    torch.manual_seed(seed)
    for layer in network.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)) and layer.affine:
            nn.init.normal_(layer.weight, 1, 0.2)
            nn.init.normal_(layer.bias, 0, 0.2)
    with torch.no_grad():
        for _ in range(batches):
            network.train()(latents(law, BATCH, dim))
    return network.eval()


def transposed(
    act: Callable[[], nn.Module] = nn.ReLU, end: Callable[[], nn.Module] = nn.Tanh, width: int = 12
) -> list[nn.Module]:
    """16x16, three channels."""
    return [
        *(Reshape(Z, 1, 1), nn.ConvTranspose2d(Z, 16, 4, bias=False), nn.BatchNorm2d(16), act()),
        *(nn.ConvTranspose2d(16, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), act()),
        *(nn.ConvTranspose2d(width, 3, 4, 2, 1), end()),
    ]


def linear_first() -> list[nn.Module]:
    return [
        *(nn.Linear(Z, 12 * 49), nn.BatchNorm1d(12 * 49), nn.ReLU(), Reshape(12, 7, 7)),
        *(nn.ConvTranspose2d(12, 8, 5, 2, 2, 1), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.ConvTranspose2d(8, 1, 5, 2, 2, 1), nn.Tanh()),
    ]


def upsampling() -> list[nn.Module]:
    return [
        *(nn.Linear(Z, 12 * 16), Reshape(12, 4, 4), nn.BatchNorm2d(12), nn.ReLU(), nn.Upsample(scale_factor=2)),
        *(nn.Conv2d(12, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Upsample(scale_factor=2)),
        *(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 3, 3, padding=1), nn.Tanh()),
    ]


def matrices() -> list[nn.Module]:
    return [
        *(nn.Linear(Z, 32), nn.BatchNorm1d(32), nn.LeakyReLU(0.2), nn.Linear(32, 48), nn.BatchNorm1d(48)),
        *(nn.LeakyReLU(0.2), nn.Linear(48, 784), nn.Tanh(), Reshape(1, 28, 28)),
    ]


def upsampling_right_after_norm(eps: float = 0.8) -> list[nn.Module]:
    """32x32, one channel: in a widely copied layout, whose first norm has no activation after it."""
    return [
        *(nn.Linear(Z, 16 * 64), Reshape(16, 8, 8), nn.BatchNorm2d(16), nn.Upsample(scale_factor=2)),
        *(nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16, eps), nn.LeakyReLU(0.2), nn.Upsample(scale_factor=2)),
        *(nn.Conv2d(16, 8, 3, padding=1), nn.BatchNorm2d(8, eps), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 3, padding=1)),
        nn.Tanh(),
    ]


KINDS: dict[str, Callable[[], list[nn.Module]]] = {
    "transposed": transposed,
    "linear first": linear_first,
    "upsampling": upsampling,
    "matrices": matrices,
}


def stored(generator: nn.Module, discriminator: nn.Module | None = None, scramble: bool = True) -> Stored:
    """Weights alone, under names that say nothing."""
    networks = []
    for name, network in (("g", generator), ("d", discriminator)):
        if network is not None:
            state = scrambled(network.state_dict(), 1, wholly=False) if scramble else network.state_dict()
            networks.append(StoredNetwork(name, parts_of(state)))
    return Stored(tuple(networks), "pytorch")


def recovered(generator: nn.Module, discriminator: nn.Module | None = None, scramble: bool = True, **hints: Any) -> Gan:
    return recover(stored(generator, discriminator, scramble), "made", Hints(**hints))


def far(gan: Gan, generator: nn.Module, labels: torch.Tensor | None = None, dim: int = Z) -> float:
    """The largest difference of the pictures for the same z, as a part of their range."""
    torch.manual_seed(5)
    z = latents(gan.prior.law, 10, dim)
    more = () if labels is None else (labels,)
    with torch.no_grad():
        difference = gan.generator(z, *more) - generator(z, *more)
    return float(difference.abs().max()) / (gan.image.high - gan.image.low)


def decided(gan: Gan) -> dict[str, dict[str, Any]]:
    return {one["what"]: one for one in gan.card.facts["decisions"]}


def chosen(gan: Gan, what: str) -> list[str]:
    """The answers to questions that begin so."""
    return [one["chosen"] for one in gan.card.facts["decisions"] if one["what"].startswith(what)]
