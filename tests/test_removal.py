"""Filters taken out for good: what reads them unseen is found, however rarely they fire."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, spectral_norm, weight_norm

from ganlab import Gan, GanlabError, ImageSpec, Prior

pytestmark = pytest.mark.usefixtures("one_thread")

RARE = 5  # a map that fires for one latent in thirty


class Hiding(nn.Module):
    """A generator with a map that fires rarely, and a last convolution that is no call of a module."""

    def __init__(self, hide: bool, beside: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.act = nn.Linear(2, 6 * 16), nn.ReLU()
        self.out, self.other = nn.Conv2d(6, 3, 3, padding=1), nn.Conv2d(6, 3, 1)
        self.first.weight.data[RARE * 16 :] = torch.tensor([1.0, 0.0])
        self.first.bias.data[RARE * 16 :] = -0.94
        self.block = nn.Sequential(self.first, nn.Unflatten(1, (6, 4, 4)), self.act)
        self.hide, self.beside = hide, beside

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        maps = self.block(z)
        drawn = F.conv2d(maps, self.out.weight, self.out.bias, padding=1) if self.hide else self.out(maps)
        return drawn + self.other(maps) if self.beside else drawn


def small(network: nn.Module) -> Gan:
    return Gan(network, prior=Prior(2), image=ImageSpec(4))


@pytest.mark.parametrize("beside", [False, True])
def test_a_reader_that_is_no_module_is_found_although_the_map_is_silent(beside: bool) -> None:
    gan = small(Hiding(hide=True, beside=beside))
    with gan.record("block") as recorded:
        gan.generate(gan.latents(400))
    fires = recorded["block"][:, RARE].flatten(1).any(1)
    assert not fires[:4].any()
    assert 5 < fires.sum() < 30
    with pytest.raises(GanlabError, match="cannot be removed"):
        gan.without("block", [RARE])


def test_a_map_that_is_silent_is_removed_where_all_its_readers_are_known() -> None:
    gan = small(Hiding(hide=False, beside=True))
    cut, latents = gan.without("block", [RARE]), gan.latents(400)
    with gan.edit({"block": lambda features, rows: features.index_fill(1, torch.tensor([RARE]), 0.0)}):
        expected = gan.generate(latents)
    assert torch.equal(cut.generate(latents), expected)
    assert not torch.equal(gan.generate(latents), expected)


def test_no_filters_are_removed_from_anything() -> None:
    gan = small(Hiding(hide=True))
    assert gan.without("block", []).hash == gan.hash


@pytest.mark.parametrize("normed", [spectral_norm, weight_norm, parametrizations.spectral_norm])
@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated")
def test_normalised_weights_are_no_place_to_cut(normed: object) -> None:
    """Zeros in what a norm is taken of change all other weights."""
    network = Hiding(hide=False)
    network.out = normed(network.out)
    with pytest.raises(GanlabError, match="cannot be removed") as caught:
        small(network.eval().requires_grad_(False)).without("block", [0])
    assert "gan.edit" in caught.value.hint


def test_maps_of_any_size_are_told_from_silence() -> None:
    """Large maps, and a reader that looks only at large values."""

    class Threshold(Hiding):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            maps = 1e4 * self.block(z)
            return self.out(self.wide(maps)) + (self.wide(maps)[:, :3] > 100).float()

        def __init__(self) -> None:
            super().__init__(hide=False)
            self.wide = nn.Identity()

    with pytest.raises(GanlabError, match="cannot be removed"):
        small(Threshold()).without("wide", np.arange(3))
