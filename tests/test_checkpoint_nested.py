"""Networks in what torch saved: among other things, below other names, in lists."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ganlab import load_gan
from tests.door_kit import KNOWN, Generator, Pair, Z, draws_as, scores_as

pytestmark = pytest.mark.usefixtures("one_thread")

State = dict[str, Any]


def both(generator: str, judge: str, made: Pair) -> State:
    """One state dict of two networks, whose keys begin so."""
    return {**made.generator.state_dict(prefix=generator), **made.discriminator.state_dict(prefix=judge)}


def states(made: Pair) -> tuple[State, State]:
    return made.generator.state_dict(), made.discriminator.state_dict()


def ema_pytorch(made: Pair, online: torch.nn.Module | None = None) -> State:
    """What the EMA of ema-pytorch saves, with the network that it averages or without."""
    kept = {} if online is None else online.state_dict(prefix="online_model.")
    average = made.generator.state_dict(prefix="ema_model.")
    return {**kept, **average, "initted": torch.tensor(True), "step": torch.tensor(5)}


LAYOUTS: dict[str, Callable[[Pair], Any]] = {
    "noise beside them": lambda made: {
        **dict(zip(("generator", "discriminator"), states(made), strict=True)),
        "fixed_noise": torch.randn(64, Z, 1, 1),
        "epoch": 3,
    },
    "noise beside them in a mapping": lambda made: {
        **dict(zip(("netG", "netD"), states(made), strict=True)),
        "fixed": {"z": torch.randn(64, Z)},
    },
    "noise among them": lambda made: {
        "state_dict": {**both("generator.", "discriminator.", made), "validation_z": torch.randn(8, Z)}
    },
    "one within the other's mapping": lambda made: {**states(made)[0], "discriminator": states(made)[1]},
    "one wrapper around both": lambda made: both("module.generator.", "module.discriminator.", made),
    "one model of both": lambda made: both("model.netG.", "model.netD.", made),
    "averages in one state dict": lambda made: {
        **both("netG_ema.", "netD.", made),
        **Generator().state_dict(prefix="netG."),
    },
    "ema-pytorch beside its network": lambda made: {
        "G": Generator().state_dict(),
        "D": made.discriminator.state_dict(),
        "ema": ema_pytorch(made, Generator()),
    },
    "a tuple": states,
    "a list in a mapping": lambda made: {"models": list(states(made)), "history": [1.0, {"lr": 2e-4}]},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_both_networks_are_found(tmp_path: Path, made: Pair, layout: str) -> None:
    torch.save(LAYOUTS[layout](made), tmp_path / "state.pth")
    gan = load_gan(str(tmp_path / "state.pth"), **KNOWN)
    assert draws_as(gan, made.generator)
    assert scores_as(gan, made.discriminator)


def test_of_joined_files_averages_are_told_by_what_the_files_call_them(tmp_path: Path, made: Pair) -> None:
    """The file's own name may say ema as well."""
    torch.save({"g": Generator().state_dict(), "g_ema": made.generator.state_dict()}, tmp_path / "snapshot_ema.pth")
    torch.save(made.discriminator.state_dict(), tmp_path / "d.pth")
    both_files = f"{tmp_path / 'snapshot_ema.pth'}+{tmp_path / 'd.pth'}"
    for spec in (both_files, f"{both_files}#g_ema"):
        gan = load_gan(spec, **KNOWN)
        assert draws_as(gan, made.generator)
        assert scores_as(gan, made.discriminator)


def test_two_averages_in_one_state_dict_are_two_generators(tmp_path: Path, made: Pair) -> None:
    state = {**Generator().state_dict(prefix="netG."), **made.generator.state_dict(prefix="netG_ema.")}
    torch.save(state, tmp_path / "state.pth")
    gan = load_gan(str(tmp_path / "state.pth"), **KNOWN)
    assert draws_as(gan, made.generator)
    assert any("netG_ema" in note for note in gan.card.notes)


def test_noise_beside_one_network_is_no_network(tmp_path: Path, made: Pair) -> None:
    torch.save({"g": made.generator.state_dict(), "noise": torch.randn(64, Z)}, tmp_path / "state.pth")
    assert draws_as(load_gan(str(tmp_path / "state.pth"), **KNOWN), made.generator)


def test_tensors_of_no_known_layer_are_said_to_be_left_out(tmp_path: Path, made: Pair) -> None:
    more = {"main.3.log_gain": torch.full((6, 1, 1), 1.5), "main.6.noise_strength": torch.ones(1)}
    torch.save({**made.generator.state_dict(), **more}, tmp_path / "state.pth")
    gan = load_gan(str(tmp_path / "state.pth"), **KNOWN)
    assert any("main.3.log_gain, main.6.noise_strength" in note for note in gan.card.notes)
    torch.save(made.generator.state_dict(), tmp_path / "plain.pth")
    assert not load_gan(str(tmp_path / "plain.pth"), **KNOWN).card.notes


def test_a_network_that_is_not_read_is_said_to_be_left_out(tmp_path: Path, made: Pair) -> None:
    judge = {**made.discriminator.state_dict(), "main.0.scale": torch.ones(6)}
    torch.save({"netG": made.generator.state_dict(), "netD": judge}, tmp_path / "state.pth")
    gan = load_gan(str(tmp_path / "state.pth"), **KNOWN)
    assert gan.discriminator is None
    assert any("netD was left out: 'main.0.weight' and 'main.0.scale'" in note for note in gan.card.notes)


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("online", [True, False])
def test_of_ema_pytorch_the_average_is_taken(tmp_path: Path, made: Pair, online: bool, counted: bool) -> None:
    state = ema_pytorch(made, Generator() if online else None)
    torch.save({key: value for key, value in state.items() if counted or "." in key}, tmp_path / "it.pth")
    gan = load_gan(str(tmp_path / "it.pth"), **KNOWN)
    assert draws_as(gan, made.generator)
    assert any("averaged one, ema_model, was taken, not online_model" in note for note in gan.card.notes) == online
