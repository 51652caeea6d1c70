"""Blocks that are called with arguments by name, and generators that end in more than an activation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganlab import Gan, ImageSpec, Prior
from ganlab_probe.layers import asked_for, paper_layer

pytestmark = pytest.mark.usefixtures("one_thread")


class Scaled(nn.Module):
    """A block whose scale is given by name."""

    def __init__(self, given: int, made: int) -> None:
        super().__init__()
        self.conv, self.act = nn.ConvTranspose2d(given, made, 4, 2, 1), nn.ReLU()

    def forward(self, x: torch.Tensor, *, scale: float) -> torch.Tensor:
        return self.act(scale * self.conv(x))


class Named(nn.Module):
    """z (n, 6) -> pictures (n, 3, 16, 16) from 0 to 1, as the last activation leaves them or brought there."""

    def __init__(self, functional: bool = False) -> None:
        super().__init__()
        self.b1, self.b2, self.out = Scaled(6, 5), Scaled(5, 4), nn.ConvTranspose2d(4, 3, 4, 4)
        self.tanh, self.functional = nn.Tanh(), functional

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        maps = self.b2(self.b1(z[:, :, None, None], scale=2.0), scale=3.0)
        drawn = F.conv_transpose2d(maps, self.out.weight, self.out.bias, 4) if self.functional else self.out(maps)
        return (self.tanh(drawn) + 1) / 2


def named(**changes: bool) -> Gan:
    torch.manual_seed(0)
    return Gan(Named(**changes), prior=Prior(6), image=ImageSpec(16, 3, low=0.0))


def test_a_block_with_arguments_by_name_is_replayed() -> None:
    gan = named()
    latents = gan.latents(5)
    with gan.record(*gan.layers_until("b2")) as recording:
        expected = gan.generate(latents)
    rows = np.array([3, 0])
    with gan.replay(recording, rows):
        assert torch.equal(gan.generate(latents[rows]), expected[rows])


@pytest.mark.parametrize("functional", [False, True])
def test_the_pictures_own_activation_is_no_hidden_layer(functional: bool) -> None:
    """Also where something without weights comes behind it; what a function with weights reads stays hidden."""
    gan = named(functional=functional)
    assert [layer.name for layer in gan.hidden_layers()] == ["b1", "b2"]
    assert paper_layer(gan) == "b1"
    assert asked_for(gan, "auto") == ["b1", "b2"]


def test_maps_with_as_many_channels_as_the_picture_stay_hidden() -> None:
    generator = nn.Sequential(
        nn.Unflatten(1, (6, 1, 1)),
        nn.ConvTranspose2d(6, 3, 16),
        nn.ReLU(),
        nn.Conv2d(3, 3, 1),
        nn.Tanh(),
        nn.Identity(),
    )
    gan = Gan(generator, prior=Prior(6), image=ImageSpec(16))
    assert [layer.name for layer in gan.hidden_layers()] == ["2"]


def test_maps_that_a_discriminator_only_averages_stay_hidden() -> None:
    class Averaging(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x).mean((1, 2, 3))

    network = Averaging(nn.Conv2d(3, 8, 4, 2), nn.LeakyReLU(0.2), nn.Conv2d(8, 9, 4, 2), nn.LeakyReLU(0.2))
    gan = Gan(None, network, image=ImageSpec(16))
    assert [layer.name for layer in gan.hidden_layers("discriminator")] == ["1", "3"]
