"""Layers in a list are numbered like a sequence's, and what the forward pass does between them is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.stripped_kit import NEAR, Z, decided, far, recovered, seen, transposed

pytestmark = pytest.mark.usefixtures("one_thread")


class Listed(nn.Module):
    """Layers with weights in a list; an activation after every norm, or after every layer but the last."""

    def __init__(self, layers: Sequence[nn.Module], *shape: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.shape = shape
        self.active = nn.BatchNorm2d if any(isinstance(one, nn.BatchNorm2d) for one in layers) else nn.Module

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        features = z if isinstance(self.layers[0], nn.Linear) else z[:, :, None, None]
        for layer in self.layers[:-1]:
            features = layer(features)
            features = F.relu(features) if isinstance(layer, self.active) else features
        return torch.tanh(self.layers[-1](features)).reshape(len(z), *self.shape)


def weighing() -> Listed:
    return Listed([one for one in transposed() if list(one.parameters())], 3, 16, 16)


def matrices() -> Listed:
    torch.manual_seed(0)
    return Listed([nn.Linear(Z, 32), nn.Linear(32, 48), nn.Linear(48, 784)], 1, 28, 28)


@pytest.mark.parametrize("hints", [{}, {"activation": "relu"}])
def test_norms_tell_what_stands_between_the_layers_of_a_list(hints: dict[str, Any]) -> None:
    network = seen(weighing())
    assert far(recovered(network, scramble=False, **hints), network) < NEAR


def test_a_stated_activation_stands_between_the_layers_of_a_list() -> None:
    network = matrices().eval()
    gan = recovered(network, scramble=False, activation="relu", z="normal")
    assert far(gan, network) < NEAR
    assert {one["evidence"] for what, one in decided(gan).items() if what.startswith("activation")} == {"as you said"}


def test_what_no_norm_tells_of_a_list_is_open() -> None:
    decisions = decided(recovered(matrices().eval(), scramble=False))
    assert [one["certain"] for what, one in decisions.items() if what.startswith("activation")] == [False, False]


def test_what_was_not_said_is_not_called_so() -> None:
    """The numbers of this sequence leave a place for an activation behind its first layer, and none behind others."""
    layers = [nn.Linear(Z, 32), nn.ReLU(), nn.Linear(32, 48), nn.Linear(48, 784)]
    gan = recovered(nn.Sequential(*layers).eval(), scramble=False, activation="relu")
    decisions = decided(gan)
    assert decisions["activation after 0"]["evidence"] == "as you said"
    second = decisions["activation after 2"]
    assert second["chosen"] == "none"
    assert "numbers" in second["evidence"]
    assert not second["certain"]
