"""A GAN and its layers have names: the hash of its weights, and the order in which layers run."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganlab.errors import GanlabError
from ganlab.networks.weights import weights_digest
from ganlab.testing import tiny_gan
from tests.gan_kit import Block, small

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_hash_names_the_generators_weights() -> None:
    gan = tiny_gan()
    assert len(gan.hash) == 12
    assert tiny_gan().hash == gan.hash
    assert tiny_gan(seed=1).hash != gan.hash
    assert gan.renamed("other", "name").hash == gan.hash
    gan.generator.to(memory_format=torch.channels_last)
    assert tiny_gan().hash == gan.hash
    next(gan.discriminator.parameters()).add_(1)  # type: ignore[union-attr]
    assert tiny_gan().hash == gan.hash
    parameter = next(gan.generator.parameters())
    parameter[0, 0, 0, 0] += 1e-3
    assert tiny_gan().hash != gan.hash


def test_the_hash_is_pinned() -> None:
    """Boxes and pictures carry it: it must not change from one version to the next."""
    tensors = {"b": torch.arange(3.0), "a": torch.tensor(7)}
    assert weights_digest(tensors) == "9d87fdff5bd0b256f4ee9d0780a3be6c8ade5cc76fbc224f8603f02eaf8f960d"
    assert (
        weights_digest({"a": torch.tensor(7), "b": torch.arange(3.0)})
        == "9d87fdff5bd0b256f4ee9d0780a3be6c8ade5cc76fbc224f8603f02eaf8f960d"
    )
    assert weights_digest({"a": torch.ones(2, dtype=torch.bfloat16)})  # types that numpy does not know, too


def test_layers_are_named_in_the_order_they_run() -> None:
    gan = tiny_gan(size=32)
    layers = {layer.name: layer.shape for layer in gan.layers()}
    assert list(layers)[:4] == ["up4.conv", "up4.norm", "up4.act", "up4"]
    assert layers["up8"] == (8, 8, 8)
    assert layers["output"] == (3, 32, 32)
    assert [layer.name for layer in gan.hidden_layers()] == ["up4", "up8", "up16"]
    assert [layer.name for layer in gan.hidden_layers("discriminator")] == ["down16", "down8", "down4"]
    assert gan.layers("discriminator")[-1].name == "logit"


def test_a_view_of_the_output_is_no_hidden_layer() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block, self.last, self.tanh = Block(), nn.Conv2d(6, 3, 1), nn.Tanh()

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return self.tanh(self.last(self.block(z))).view(-1, 3, 4, 4)

    assert [layer.name for layer in small(Flat()).hidden_layers()] == ["block"]


class Shared(nn.Module):
    """One activation for all layers, and one convolution that runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.relu = nn.ConvTranspose2d(2, 6, 2), nn.BatchNorm2d(6), nn.ReLU()
        self.same, self.up = nn.Conv2d(6, 6, 1), nn.ConvTranspose2d(6, 5, 2, 2)
        self.last, self.tanh = nn.Conv2d(5, 3, 1), nn.Tanh()

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        maps = self.relu(self.norm(self.first(z[:, :, None, None])))
        maps = self.relu(self.same(self.relu(self.same(maps))))
        return self.tanh(self.last(self.relu(self.up(maps))))


def test_of_a_shared_activation_the_maps_that_go_into_it_are_named() -> None:
    gan = small(Shared())
    assert [(layer.name, layer.shape) for layer in gan.hidden_layers()] == [("norm", (6, 2, 2)), ("up", (5, 4, 4))]
    assert gan.feature_layers("generator") == gan.hidden_layers()
    with gan.record("norm", "up", "relu") as recording:
        gan.generate(gan.latents(3))
    assert [len(recording[name]) for name in ("norm", "up")] == [3, 3]
    with pytest.raises(GanlabError, match="'relu' runs several times"):
        recording["relu"]


def test_where_no_module_makes_hidden_maps_whatever_ends_before_the_last_layer_describes() -> None:
    class Functional(Shared):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            maps = self.norm(self.first(z[:, :, None, None])).relu()
            return self.last(self.up(self.same(self.same(maps).relu()).relu()).relu())

    gan = small(Functional())
    assert gan.hidden_layers() == []
    assert [layer.name for layer in gan.feature_layers("generator")] == ["first", "norm", "up"]
