"""Places that the numbers of layers leave: maps reflected at their borders are found, the rest is said."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganlab import GanlabError, Hints, Stored
from ganlab.architectures.chain import build_layers
from ganlab.recovery.recover import recover
from tests.recovery_kit import Reshape
from tests.stripped_kit import NEAR, Z, decided, far, recovered, seen, stored

pytestmark = pytest.mark.usefixtures("one_thread")


def resized(pad: type[nn.Module], normed: bool = True) -> nn.Module:
    """16x16, three channels: upsampling, a padding of its own and a convolution without one."""
    layers: list[nn.Module] = [nn.Linear(Z, 16 * 16), Reshape(16, 4, 4), nn.BatchNorm2d(16), nn.ReLU()]
    for _ in range(2):
        layers += [nn.Upsample(scale_factor=2), pad(1), nn.Conv2d(16, 16, 3), nn.BatchNorm2d(16), nn.ReLU()]
    layers = [layer for layer in layers if normed or not isinstance(layer, nn.BatchNorm2d)]
    return seen(nn.Sequential(*layers, pad(1), nn.Conv2d(16, 3, 3), nn.Tanh()), batches=100)


@pytest.mark.parametrize("pad", [nn.ReflectionPad2d, nn.ZeroPad2d])
def test_maps_reflected_at_their_borders_are_told_from_zeros(pad: type[nn.Module]) -> None:
    network = resized(pad)
    gan = recovered(network, scramble=False, activation="relu", image_size=16)
    assert far(gan, network) <= NEAR
    border = decided(gan).get("border of its convolutions")
    if pad is nn.ReflectionPad2d:
        assert border is not None
        assert (border["chosen"], border.get("certain", True)) == ("reflected", True)
    else:
        assert border is None
    assert not any("place" in note for note in gan.card.notes)


def test_without_norms_the_border_is_open_and_places_are_counted() -> None:
    gan = recovered(resized(nn.ReflectionPad2d, normed=False), scramble=False, activation="relu", image_size=16)
    border = decided(gan)["border of its convolutions"]
    assert (border["chosen"], border["runner_up"], border["certain"]) == ("zeros", "reflected", False)
    assert any("3 places that nothing found here fills" in note for note in gan.card.notes)


def test_norms_without_weights_leave_a_place_in_a_discriminator() -> None:
    judge = nn.Sequential(
        *(nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 8, 4, 2, 1), nn.InstanceNorm2d(8)),
        *(nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 4)),
    )
    alone = Stored(stored(judge, scramble=False).networks, "made")
    gan = recover(alone, "made", Hints(image_size=16))
    assert any("discriminator's layers leave 1 place that" in note for note in gan.card.notes)


def test_a_pad_says_what_stands_around() -> None:
    table = {"name": "pad", "kind": "pad", "sides": [1, 1, 1, 1]}
    maps = torch.randn(1, 2, 4, 4)
    torch.testing.assert_close(build_layers([{**table, "mode": "reflect"}])(maps), nn.ReflectionPad2d(1)(maps))
    torch.testing.assert_close(build_layers([table])(maps), nn.ZeroPad2d(1)(maps))
    with pytest.raises(GanlabError, match="cannot be built: its mode is none of"):
        build_layers([{**table, "mode": "mirror"}])


def test_constant_pictures_of_no_norm_are_not_blamed_on_statistics() -> None:
    network = nn.Sequential(nn.Linear(Z, 32), nn.ReLU(), nn.Linear(32, 784), nn.Tanh()).eval()
    for layer in network:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, 0, 1e-4)
    (note,) = recovered(network, scramble=False, activation="relu", z="normal").card.notes
    assert "constant" in note
    assert "lack one that has no weights" in note
    assert "--statistics" not in note
