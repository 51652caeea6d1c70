"""What a user states of a stripped GAN holds, is told where it says nothing, and refused where it cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from ganlab import GanlabError, Hints
from tests.stripped_kit import NEAR, chosen, decided, far, recovered, seen, transposed, upsampling

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_stated_activation_that_the_norms_contradict_is_said() -> None:
    network = seen(nn.Sequential(*transposed(width=16)))
    notes = recovered(network, activation="sigmoid").card.facts["notes"]
    assert any("is --activation right?" in note for note in notes)


def test_a_wrong_hint_wins_and_is_said_to_be_a_hint() -> None:
    network = seen(nn.Sequential(*transposed()))
    gan = recovered(network, z="uniform", activation="tanh")
    assert gan.prior.law == "uniform"
    assert decided(gan)["prior of z"]["evidence"] == "as you said"
    assert set(chosen(gan, "activation after")) == {"tanh"}


def test_upsampling_is_as_stated_layer_by_layer() -> None:
    layers = upsampling()
    modes = ["nearest", "bilinear"]
    for layer, mode in zip([one for one in layers if isinstance(one, nn.Upsample)], modes, strict=True):
        layer.mode = mode
    network = nn.Sequential(*layers).eval()  # its norms remember nothing: only what is said can tell
    gan = recovered(network, z="normal", activation="relu", output="tanh", upsampling="nearest,bilinear", image_size=16)
    assert far(gan, network) < NEAR
    assert [value.split()[0] for value in chosen(gan, "geometry") if "upsampling" in value] == modes
    other = recovered(network, z="normal", activation="relu", output="tanh", upsampling="bilinear", image_size=16)
    assert far(other, network) > NEAR


def test_upsampling_that_there_is_none_of_is_told() -> None:
    gan = recovered(seen(nn.Sequential(*transposed())), upsampling="bilinear")
    assert any("--upsampling says nothing" in note for note in gan.card.facts["notes"])


def test_saying_how_maps_are_enlarged_does_not_say_that_they_are() -> None:
    gan = recovered(seen(nn.Sequential(*upsampling())), upsampling="nearest")
    evidence = [one["evidence"] for one in gan.card.facts["decisions"] if "upsampling" in one["chosen"]]
    assert evidence
    assert "as you said" not in evidence


def test_eps_is_as_stated() -> None:
    layers = transposed()
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = 0.3
    network = nn.Sequential(*layers).eval()  # its norms remember nothing: only what is said can tell
    stated = recovered(network, z="normal", activation="relu", output="tanh", eps=0.3)
    assert far(stated, network) < NEAR
    assert far(recovered(network, z="normal", activation="relu", output="tanh"), network) > NEAR


@pytest.mark.parametrize("eps", [0.0, 1.0, "0.1,", "small"])
def test_no_eps_is_told(eps: Any) -> None:
    with pytest.raises(GanlabError, match="--eps cannot be"):
        Hints(eps=eps)


def test_a_size_that_no_chain_reaches_is_refused() -> None:
    with pytest.raises(GanlabError, match="99 pixels"):
        recovered(seen(nn.Sequential(*transposed()), batches=2), image_size=99)


def test_fresh_statistics_do_away_with_wrong_ones() -> None:
    network = seen(nn.Sequential(*transposed()))
    right = {key: value.clone() for key, value in network.state_dict().items()}
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.zero_()  # type: ignore[union-attr]
            layer.running_var.fill_(1.0)  # type: ignore[union-attr]
    gan = recovered(network, statistics="fresh", activation="relu", z="normal")
    network.load_state_dict(right)
    assert far(gan, network) < 0.05
    assert any("estimated" in note for note in gan.card.facts["notes"])


class Began(nn.Module):
    """Ordinary convolutions that look like transposed ones, and no norm that would tell."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 64 * width)
        for number, outputs in enumerate((width, width, width, 3)):
            self.add_module(f"conv{number}", nn.Conv2d(width, outputs, 3, 1, 1))


def test_a_reading_in_which_a_stated_upsampling_enlarges_is_preferred() -> None:
    stated = {"activation": "elu", "output": "none", "z": "uniform", "image_size": 32}
    gan = recovered(Began(), **stated, upsampling="nearest")
    kinds = [(table["kind"], table.get("mode")) for table in gan.card.architecture["generator"]]
    assert kinds.count(("upsample", "nearest")) == 2
    assert all(kind != "conv_transpose" for kind, _ in kinds)
    assert not any("says nothing" in note for note in gan.card.notes)
    assert "conv_transpose" in {table["kind"] for table in recovered(Began(), **stated).card.architecture["generator"]}
