"""Networks that a plugin brings to be trained are held to their promise before a run leaves anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ganlab.architectures import build
from ganlab.architectures.dcgan import DcganSettings
from ganlab.architectures.mlp import MlpSettings
from ganlab.architectures.promises import Pair, check_networks, pair_of
from ganlab.architectures.settings import NetworkSettings
from ganlab.errors import GanlabError
from tests.conditional_kit import SHAPES
from tests.kit import command
from tests.test_trainable_plugins import TRAIN, shown

pytestmark = pytest.mark.usefixtures("one_thread")
SETTINGS = DcganSettings(16, 3, 2, 5)


def frozen(network: nn.Module) -> nn.Module:
    return network.requires_grad_(False)


class Answering(nn.Module):
    """A network that makes something else of its answer."""

    def __init__(self, network: nn.Module, make: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.network, self.make = network, make

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.make(self.network(*inputs))


@pytest.mark.parametrize(
    "settings", [SETTINGS, DcganSettings(32, 1, 2, 7, 5), MlpSettings(9, 4, 2, 3), *SHAPES], ids=str
)
def test_our_own_keep_it_and_nothing_changes(settings: NetworkSettings) -> None:
    networks = pair_of(settings, settings.build(1))
    networks[1].eval()
    before = [{key: value.clone() for key, value in network.state_dict().items()} for network in networks]
    random = torch.get_rng_state()
    check_networks(settings, networks)
    assert torch.equal(torch.get_rng_state(), random)
    assert [network.training for network in networks] == [True, False]
    for network, state in zip(networks, before, strict=True):
        assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (
            lambda g, d: (nn.Sequential(g, nn.Upsample(scale_factor=2)), d),
            r"draws \(2, 3, 32, 32\), not \(2, 3, 16, 16\)",
        ),
        (lambda g, d: (nn.Sequential(g, nn.Flatten()), d), r"the generator draws \(2, 768\)"),
        (lambda g, d: (g, nn.Sequential(d, nn.Unflatten(0, (2, 1)))), r"discriminator answers \(2, 1\), not \(2,\)"),
        (lambda g, d: (Answering(g, lambda drawn: (127 * drawn).to(torch.uint8)), d), "the generator draws uint8, not"),
        (lambda g, d: (g, Answering(d, lambda logits: logits.long())), "the discriminator answers int64, not"),
        (lambda g, d: (Answering(g, lambda drawn: drawn.log()), d), "the generator draws NaN or infinity"),
        (lambda g, d: (g, Answering(d, lambda logits: logits / 0)), "the discriminator answers NaN or infinity"),
        (
            lambda g, d: (nn.Sequential(nn.Linear(5, 768), nn.Unflatten(1, (3, 16, 16))), d),
            "draws pictures from -.* to .*, not within -1 and 1",
        ),
        (lambda g, d: (Answering(g, lambda drawn: [drawn]), d), r"the generator draws list, not \(2, 3, 16, 16\)"),
        (lambda g, d: (g, frozen(d)), "no weight of the discriminator can learn"),
        (lambda g, d: (frozen(g), d), "no weight of the generator can learn"),
    ],
)
def test_others_are_told(spoilt: Callable[[nn.Module, nn.Module], Pair], words: str) -> None:
    with pytest.raises(GanlabError, match=f"'dcgan' breaks its promise: .*{words}") as caught:
        check_networks(SETTINGS, spoilt(*SETTINGS.build(0)))
    assert "register_architectures" in caught.value.hint


@pytest.mark.parametrize("side", ["generator", "discriminator"])
@pytest.mark.parametrize("error", [ValueError("no such\nplace."), SystemExit(0)], ids=repr)
def test_a_network_that_fails_is_told_whose_it_is(side: str, error: BaseException) -> None:
    def fail(answer: torch.Tensor) -> None:
        raise error

    generator, discriminator = SETTINGS.build(0)
    networks = (
        (Answering(generator, fail), discriminator)
        if side == "generator"
        else (generator, Answering(discriminator, fail))
    )
    reason = "ValueError: no such place" if isinstance(error, ValueError) else "SystemExit: 0"
    with pytest.raises(GanlabError, match=rf"'dcgan' breaks its promise: its {side} fails .*\({reason}\)\.") as caught:
        check_networks(SETTINGS, networks)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [MemoryError(), GanlabError("Told.", "Mend it.")], ids=repr)
def test_what_is_no_fault_of_a_network_comes_through(error: Exception) -> None:
    def fail(answer: torch.Tensor) -> None:
        raise error

    generator, discriminator = SETTINGS.build(0)
    with pytest.raises(type(error)) as caught:
        check_networks(SETTINGS, (Answering(generator, fail), discriminator))
    assert caught.value is error


@pytest.mark.parametrize("built", [None, nn.Linear(1, 1), (nn.Linear(1, 1),), [nn.Linear(1, 1)] * 3, ("a", "b")])
def test_what_is_no_pair_of_networks_is_told(built: object, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GanlabError, match=r"build\(\) is to return a generator and a discriminator, and returned "):
        pair_of(SETTINGS, built)
    monkeypatch.setattr(DcganSettings, "build", lambda self, seed: built)
    with pytest.raises(GanlabError, match="breaks its promise"):
        build(SETTINGS.to_card())


def test_a_run_is_refused_before_it_leaves_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("thin.py").write_text(shown().replace("logit=nn.Flatten(0)", "logit=nn.Flatten(1)"))
    ended = command(capsys, "--plugin", "thin.py", "train", "rooms:40", *TRAIN, "--out", "run")
    assert ended.code == 2
    assert "The architecture 'thin' breaks its promise: of two latents the discriminator answers (2, 1)" in ended.err
    assert not Path("run").exists()
