"""A generator and a discriminator in the words of a thousand repositories, saved as people save them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn

from ganlab import Gan, GanlabError, load_gan

Z = 16
NEAR = 1 / 255
KNOWN = {"z": "normal", "activation": "relu", "output": "tanh"}  # of what follows; what is stated need not be searched


class Generator(nn.Module):
    """16x16, three channels, in the words of a thousand repositories."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *(nn.ConvTranspose2d(Z, 2 * width, 4, 1, 0, bias=False), nn.BatchNorm2d(2 * width), nn.ReLU(True)),
            *(nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True)),
            *(nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh()),
        )

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.main(z)


class Discriminator(nn.Module):
    """Of such pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *(nn.Conv2d(3, 6, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)),
            *(nn.Conv2d(6, 12, 4, 2, 1, bias=False), nn.BatchNorm2d(12), nn.LeakyReLU(0.2, inplace=True)),
            *(nn.Conv2d(12, 1, 4, 1, 0, bias=False), nn.Sigmoid()),
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.main(pictures)


class Pair(NamedTuple):
    generator: nn.Module
    discriminator: nn.Module


def pair() -> Pair:
    """Networks whose norms have seen normal z and their pictures."""
    torch.manual_seed(0)
    made = Pair(Generator(), Discriminator())
    with torch.no_grad():
        for network in made:
            for value in network.parameters():
                if value.ndim > 1:
                    nn.init.normal_(value, 0, 0.1)
        for _ in range(60):
            made.discriminator.train()(made.generator.train()(torch.randn(32, Z, 1, 1)))
    return Pair(made.generator.eval(), made.discriminator.eval())


def draws_as(gan: Gan, generator: nn.Module) -> bool:
    """Whether pictures are equal within one step of 8 bits."""
    latents = gan.latents(6)
    with torch.no_grad():
        expected = generator(latents.z.reshape(6, Z, 1, 1))
    return bool((gan.generate(latents) - expected).abs().max() <= 2 * NEAR)


def scores_as(gan: Gan, discriminator: nn.Module) -> bool:
    """Whether the scores are the logits of those."""
    pictures = gan.generate(gan.latents(6))
    with torch.no_grad():
        expected = torch.logit(discriminator(pictures).flatten(), 1e-6)
    return torch.allclose(gan.score(pictures), expected, atol=1e-3)


def refused(spec: str | Path, words: str, **hints: Any) -> GanlabError:
    with pytest.raises(GanlabError, match=words) as caught:
        load_gan(str(spec), **hints)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value
