"""What cannot be worked out of weights is refused or said to be open, never wrong in silence."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganlab import Gan, GanlabError, Hints, ImageSpec, Prior, Stored, StoredNetwork, load_gan
from ganlab.checkpoints.exporting import export_gan
from ganlab.recovery import hearing, witness
from ganlab.recovery.parts import parts_of
from ganlab.recovery.recover import _looked_at, recover
from ganlab.recovery.stored import Part
from tests.recovery_kit import Reshape
from tests.stripped_kit import KINDS, NEAR, Z, decided, far, recovered, seen, transposed

pytestmark = pytest.mark.usefixtures("one_thread")


def opened(generator: nn.Module) -> tuple[Gan | None, list[str]]:
    """The GAN and its notes, or none and why it is refused."""
    try:
        gan = recovered(generator)
    except GanlabError as error:
        return None, [error.message]
    return gan, gan.card.notes


@pytest.mark.parametrize(
    "kind",
    [
        "matrices",
        "transposed",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("upsampling", "linear first")),
    ],
)
def test_statistics_of_another_gan_are_not_believed_in_silence(kind: str) -> None:
    network = seen(nn.Sequential(*KINDS[kind]()), seed=0)
    assert opened(network)[1] == []
    torch.manual_seed(77)
    other = seen(nn.Sequential(*KINDS[kind]()), seed=1)
    foreign = {key: value for key, value in other.state_dict().items() if "running" in key}
    network.load_state_dict({**network.state_dict(), **foreign})
    assert any("see what it remembers" in one for one in opened(network)[1])


def test_statistics_that_training_begins_with_are_told() -> None:
    network = nn.Sequential(*transposed()).eval()
    gan, words = opened(network)
    assert gan is not None
    assert any("never trained" in one for one in words)
    assert far(recovered(network, activation="relu"), network) <= NEAR


@pytest.mark.parametrize("act", [nn.Softplus, nn.Hardtanh, nn.Softsign, nn.Hardswish])
def test_an_activation_that_is_not_known_is_not_taken_for_another_in_silence(act: type[nn.Module]) -> None:
    network = seen(nn.Sequential(*transposed(act)))
    gan, _ = opened(network)
    if gan is not None:
        hidden = [one["certain"] for what, one in decided(gan).items() if what.startswith("activation after")]
        assert hidden
        assert not any(hidden) or far(gan, network) <= NEAR


def test_constant_pictures_are_told() -> None:
    network = seen(nn.Sequential(*transposed()))
    with torch.no_grad():
        network[5].weight.zero_()
    gan, words = opened(network)
    assert gan is None or any("all but constant" in one for one in words)


@pytest.mark.parametrize(("away", "certain"), [(0.0, True), (3.0, False)])
def test_the_prior_of_stated_layers_is_certain_only_where_the_norms_fit_it(away: float, certain: bool) -> None:
    network = seen(nn.Sequential(nn.Linear(Z, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 48), Reshape(3, 4, 4)))
    state = network.state_dict()
    state["1.running_mean"] += away * state["1.running_var"].sqrt()  # statistics of another moment
    layers = (
        {"kind": "linear", "name": "0", "inputs": Z, "outputs": 64},
        {"kind": "batch_norm", "name": "1", "maps": 64, "flat": True},
        {"kind": "relu", "name": "2"},
        {"kind": "linear", "name": "3", "inputs": 64, "outputs": 48},
        {"kind": "reshape", "name": "4", "shape": [3, 4, 4]},
        {"kind": "tanh", "name": "5"},
    )
    whole = Stored((StoredNetwork("g", parts_of(state), layers, "generator"),), "torch7")
    prior = decided(recover(whole, "made", Hints()))["prior of z"]
    assert prior["chosen"] == "normal"
    assert prior.get("certain", True) is certain


def pixel_shuffling() -> list[nn.Module]:
    return [
        *(nn.Linear(Z, 16 * 16), Reshape(16, 4, 4), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.PixelShuffle(2), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 12, 3, padding=1), nn.PixelShuffle(2), nn.Tanh()),
    ]


@pytest.mark.parametrize("scramble", [True, False])
def test_norms_behind_a_pixel_shuffle_are_refused_in_words(scramble: bool) -> None:
    with pytest.raises(GanlabError, match="fit none of its layers") as refusal:
        recovered(seen(nn.Sequential(*pixel_shuffling())), scramble=scramble)
    assert "PixelShuffle" in str(refusal.value.hint)


class Told(nn.Module):
    """z is the picture, and its first class is darker by so much than its second."""

    def __init__(self, apart: float) -> None:
        super().__init__()
        self.apart = apart

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return (z + self.apart * labels[:, None]).reshape(-1, 1, 4, 4)


@pytest.mark.parametrize(("apart", "told"), [(0.0, True), (0.1, True), (0.7, False), (3.0, False)])
def test_a_class_that_hardly_matters_is_told(apart: float, told: bool) -> None:
    gan = _looked_at(Gan(Told(apart), prior=Prior(Z, "normal"), image=ImageSpec(4, 1), classes=2))
    assert gan.card.notes == (["Its pictures hardly depend on the class."] if told else [])


class Residual(nn.Module):
    """Norm, activation and a convolution that enlarges, beside a way around them."""

    def __init__(self, maps: int = 8) -> None:
        super().__init__()
        self.fc = nn.Linear(Z, maps * 16)
        self.norms = nn.ModuleDict({name: nn.BatchNorm2d(maps) for name in "abcd"})
        self.convs = nn.ModuleDict({name: nn.Conv2d(maps, maps, 3, padding=1) for name in "abc"})
        self.out = nn.Conv2d(maps, 3, 3, padding=1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        maps = self.fc(z).reshape(len(z), -1, 4, 4)
        for name in "abc":
            up = F.interpolate(maps, scale_factor=2)
            maps = up + self.convs[name](F.relu(self.norms[name](maps)).repeat_interleave(2, 2).repeat_interleave(2, 3))
        return torch.tanh(self.out(F.relu(self.norms["d"](maps))))


def test_no_norm_is_heard_after_one_that_fits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    def listening(norm: Part, features: torch.Tensor) -> Any:
        heard.append(norm.name)
        return witness.testify(norm, features)

    monkeypatch.setattr(hearing, "testify", listening)
    network = seen(Residual())
    with pytest.raises(GanlabError, match=r"no network known here lets norms\.[bc] see"):
        recovered(network, scramble=False)
    assert "norms.a" in heard
    assert "norms.d" not in heard


@pytest.mark.parametrize("dropped", ["weight", "bias"])
def test_a_norm_learnt_with_a_shift_alone_scales_by_one_and_a_file_of_torch_says_so(
    dropped: str, tmp_path: Path
) -> None:
    network = seen(nn.Sequential(*transposed()))
    layer = network[5]
    assert isinstance(layer, nn.BatchNorm2d)
    getattr(layer, dropped).data.fill_(1 if dropped == "weight" else 0)
    state = network.state_dict()
    del state[f"5.{dropped}"]
    torch.save(state, tmp_path / "it.pth")
    gan = load_gan(str(tmp_path / "it.pth"))
    assert far(gan, network) < NEAR
    assert any("changes nothing, so that pictures may differ: 5." in note for note in gan.card.notes)
    export_gan(gan, tmp_path / "it.pth", tmp_path / "same.pth")
    same = torch.load(tmp_path / "same.pth", weights_only=True)
    assert same.keys() == state.keys()
    edited = copy.deepcopy(gan)
    norms = [part for part in edited.network("generator").modules() if isinstance(part, nn.BatchNorm2d)]
    getattr(norms[1], dropped).data.add_(1)
    with pytest.raises(GanlabError, match="does not say what") as caught:
        export_gan(edited, tmp_path / "it.pth", tmp_path / "edited.pth")
    assert "scale or shift" in caught.value.hint
