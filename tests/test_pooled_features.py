"""Section 5.1's description of pictures: what the discriminator's layers see, max-pooled to 4x4."""

from __future__ import annotations

import pytest
import torch

from ganlab import GanlabError, pooled_features
from ganlab.networks import activations, pooling
from ganlab.networks.pooling import pooled
from ganlab.testing import tiny_gan


def test_features_are_the_largest_of_each_cell() -> None:
    maps = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = [maps[n, m, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].max() for n in range(2) for m in range(3)
                for y in range(4) for x in range(4)]  # fmt: skip
    assert torch.equal(pooled(maps).flatten(), torch.stack(expected))
    small = maps[..., :2, :2]
    assert torch.equal(pooled(small), small.flatten(1))
    assert torch.equal(pooled(maps[:, 0, 0]), maps[:, 0, 0])


def test_layers_come_in_the_order_asked_for() -> None:
    gan = tiny_gan(32)
    images = gan.generate(gan.latents(3))
    first, last = pooled_features(gan, ["down16", "down4"], images)
    again = pooled_features(gan, ["down4", "down16"], images)
    assert torch.equal(again[0], last)
    assert torch.equal(again[1], first)
    assert first.shape != last.shape
    with pytest.raises(GanlabError, match="down5"):
        pooled_features(gan, ["down5"], images)


@pytest.mark.parametrize("size", [16, 64])
def test_maps_are_pooled_as_they_lie_while_the_network_runs(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No whole maps are kept or brought into another order, and what comes of them is the same to the last bit."""
    gan = tiny_gan(size)
    layers = [layer.name for layer in gan.feature_layers()]
    images = gan.generate(gan.latents(70))  # more than are run at once
    with gan.record(*layers, side="discriminator") as recording:
        gan.score(images)
    expected = [pooled(recording[name]) for name in layers]
    last: list[bool] = []
    kept: list[torch.Size] = []
    add = activations.Recording.add

    def seen(features: torch.Tensor) -> torch.Tensor:
        last.append(features.is_contiguous(memory_format=torch.channels_last))
        return pooled(features)

    def added(self: activations.Recording, name: str, features: torch.Tensor) -> None:
        add(self, name, features)
        kept.append(self._running[-1][-1].shape)

    monkeypatch.setattr(pooling, "pooled", seen)
    monkeypatch.setattr(activations.Recording, "add", added)
    found = pooled_features(gan, layers, images)
    assert len(found) == len(expected) > 0
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    assert all(last)
    assert {len(shape) for shape in kept} == {2}
