from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import ganlab_directions
from ganlab import Card, Gan, GanlabError, ImageSpec, Prior
from ganlab.testing import check_analysis, check_plugin, tiny_gan
from ganlab_directions import directions
from ganlab_directions.space import find_space

FEW = {"n": 64, "components": 3, "pictures": 1}


def test_it_keeps_the_contract_of_plugins() -> None:
    check_plugin(ganlab_directions)


def test_it_keeps_the_contract_of_analyses() -> None:
    result = check_analysis(directions, **FEW)
    assert set(result.figures) == {"sample-0"}
    assert result.arrays["directions"].shape == (3, 10)
    assert len(result.tables["components"].rows) == 3


def test_components_beat_a_random_basis_and_random_directions() -> None:
    result = directions(gan=tiny_gan(), **FEW)
    assert result.metrics["explained"].value > 3 * result.metrics["explained_random"].value
    assert result.metrics["steering"].value > 2 * result.metrics["steering_random"].value


class Fixed(nn.Linear):
    """Whose weights nobody can draw anew."""

    def reset_parameters(self) -> None:
        pass


class Linear(nn.Module):
    """16x16 pictures that are a linear function of z, which varies ten times as much along the first axis."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = Fixed(4, 16 * 16, bias=False)
        self.layer = nn.ReLU()
        with torch.no_grad():
            generator = torch.Generator().manual_seed(0)
            self.hidden.weight.copy_(torch.randn(256, 4, generator=generator) * torch.tensor([10.0, 1.0, 1.0, 1.0]))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.layer(self.hidden(z)).view(-1, 1, 16, 16).tanh()


def linear_gan() -> Gan:
    return Gan(Linear(), prior=Prior(4), image=ImageSpec(16, 1), card=Card("linear"))


def test_the_first_direction_is_the_axis_that_matters() -> None:
    gan = linear_gan()
    space = find_space(gan, "hidden", 2, gan.latents(800, seed=0))
    first = np.abs(space.directions[0]) / np.linalg.norm(space.directions[0])
    assert first[0] > 0.98
    assert np.allclose(space.basis @ space.basis.T, np.eye(2), atol=1e-4)


def test_without_weights_that_can_be_drawn_anew_there_is_no_untrained_control() -> None:
    result = directions(gan=linear_gan(), layer="hidden", components=2, n=64, pictures=1)
    assert "explained_untrained" not in result.metrics
    assert any("untrained" in note for note in result.notes)


def test_more_components_than_the_layer_has() -> None:
    with pytest.raises(GanlabError, match="varies in 4 ways"):
        directions(gan=linear_gan(), layer="hidden", components=5, n=64)


def test_an_unknown_layer_is_named_with_those_there_are() -> None:
    with pytest.raises(GanlabError, match="no layer called 'nowhere'"):
        directions(gan=tiny_gan(), layer="nowhere", n=64)
