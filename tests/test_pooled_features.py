"""Section 5.1's description of pictures: what the discriminator's layers see, max-pooled to 4x4."""

from __future__ import annotations

import pytest
import torch

from ganlab import GanlabError, pooled_features
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
