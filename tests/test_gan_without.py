"""A GAN can be cut for good: without filters it draws as with a hook that zeroes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ganlab.card import Card
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.imagespec import ImageSpec
from ganlab.latents import Prior
from ganlab.networks.surgery import zeroed
from ganlab.testing import tiny_gan
from tests.gan_kit import Block, small

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("layer", ["up4", "up8", "up16", "up4.act"])
@pytest.mark.parametrize("kernel", [4, 5])
def test_without_is_exactly_zeroing_by_a_hook(layer: str, kernel: int) -> None:
    from ganlab.architectures.dcgan import DcganSettings, build_dcgan

    card = DcganSettings(32, 3, 4, 10, kernel)
    gan = Gan(*build_dcgan(card), prior=Prior(10), image=ImageSpec(32), card=Card(architecture=card.to_card()))
    latents = gan.latents(70)
    plain = gan.generate(latents)
    filters = np.array([0, 2])
    cut = gan.without(layer, filters)
    with gan.edit({layer: zeroed(filters)}):
        by_hook = gan.generate(latents)
    assert torch.equal(cut.generate(latents), by_hook)
    assert not torch.allclose(by_hook, plain)
    assert torch.equal(gan.generate(latents), plain)  # the first GAN is as it was
    assert cut.hash != gan.hash


@given(filters=st.lists(st.integers(0, 3), max_size=6))
@settings(max_examples=10)
def test_without_takes_any_choice_of_filters(filters: list[int]) -> None:
    gan = tiny_gan()
    cut = gan.without("up8", filters)
    with gan.edit({"up8": zeroed(np.array(filters, dtype=np.int64))}):
        assert torch.equal(cut.generate(gan.latents(3)), gan.generate(gan.latents(3)))
    if not filters:
        assert cut.hash == gan.hash


def test_without_cuts_linear_layers_and_all_consumers() -> None:
    class Branching(nn.Module):
        def __init__(self, skip: float = 0.0, groups: int = 1, glu: bool = False) -> None:
            super().__init__()
            self.block, self.left, self.right = Block(), nn.Conv2d(6, 3, 3, padding=1), nn.Conv2d(6, 3, 1)
            self.third = nn.Conv2d(6, 3, 1, groups=groups)
            self.skip, self.glu = skip, glu

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            maps = self.block(z)
            out = self.left(maps) + self.right(maps) + self.third((-maps).relu() if self.glu else maps)
            return out + self.skip * maps[:, :3]

    gan = small(Branching())
    cut = gan.without("block", [1, 5])
    with gan.edit({"block": zeroed(np.array([1, 5]))}):
        assert torch.equal(cut.generate(gan.latents(5)), gan.generate(gan.latents(5)))
    # consumed by something that has no weights for the maps, or grouped ones: refused, never half done
    for changes in ({"skip": 0.01}, {"groups": 3}, {"glu": True}):
        with pytest.raises(GanlabError, match="cannot be removed"):
            small(Branching(**changes)).without("block", [1, 5])  # type: ignore[arg-type]

    flat = nn.Sequential(nn.Linear(2, 7), nn.ReLU(), nn.Linear(7, 48), nn.Unflatten(1, (3, 4, 4)))
    gan = small(flat)
    cut = gan.without("1", [0, 3])
    with gan.edit({"1": zeroed(np.array([0, 3]))}):
        assert torch.equal(cut.generate(gan.latents(5)), gan.generate(gan.latents(5)))


def test_maps_before_their_norm_cannot_be_removed() -> None:
    with pytest.raises(GanlabError, match="cannot be removed") as caught:
        tiny_gan().without("up8.conv", [0])
    assert "gan.edit" in caught.value.hint


@pytest.mark.parametrize(
    ("layer", "filters", "word"),
    [
        ("up9", [0], "no layer"),
        ("up8", [4], "no filter 4"),
        ("up8", [-1], "no filter -1"),
        ("up8", [0.5], "whole numbers"),
        ("up8", [True, False, True, False], "whole numbers"),
        ("up8", ["a"], "whole numbers"),
    ],
)
def test_filters_that_are_not_there_are_told(layer: str, filters: list[int], word: str) -> None:
    with pytest.raises(GanlabError, match=word):
        tiny_gan().without(layer, filters)


def test_a_layer_that_never_runs_has_no_filters() -> None:
    network = Block()
    network.idle = nn.Conv2d(3, 3, 1)
    with pytest.raises(GanlabError, match="no feature maps"):
        small(nn.Sequential(network, nn.Conv2d(6, 3, 1))).without("0.idle", [0])
