"""What export wrote is opened again: where the file alone misleads, a card beside it does not."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ganlab import Gan, load_gan, save_gan
from ganlab.checkpoints.reopening import _difference
from ganlab.testing import tiny_gan
from tests.door_kit import KNOWN, Pair
from tests.kit import Ended, command
from tests.recovery_kit import Reshape
from tests.stripped_kit import seen
from tests.test_recovery_search import Conditional

pytestmark = pytest.mark.usefixtures("one_thread")
SIGMOID = {**KNOWN, "output": "sigmoid"}  # which no norm tells


def export(capsys: pytest.CaptureFixture[str], gan: Gan, like: Path, out: Path) -> Ended:
    folder = out.parent / f"gan of {out.name}"
    save_gan(gan, folder)
    ended = command(capsys, "checkpoints", "export", folder, "--like", like, "--out", out)
    assert ended.code == 0, ended.err
    return ended


def same_pictures(one: Gan, other: Gan, label: int | None = None) -> bool:
    latents = one.latents(4, label=label)
    return torch.allclose(one.generate(latents), other.generate(latents), atol=1e-5)


def test_where_the_file_says_enough_there_is_no_card(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gan = load_gan(str(saved / "netG.pth"))
    ended = export(capsys, gan, saved / "netG.pth", saved / "new.pth")
    assert "card" not in ended.out
    assert not list(saved.glob("*.toml"))


def test_what_was_said_of_a_file_is_in_the_card_beside_its_copy(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gan = load_gan(str(saved / "netG.pth"), **SIGMOID)
    ended = export(capsys, gan, saved / "netG.pth", saved / "new.pth")
    assert "3x16x16 from -1 to 1, not pictures of 3x16x16 from 0 to 1" in ended.out
    card = saved / "new.card.toml"
    assert f"give it the card too, --gan {saved / 'new.pth'} --card {card}." in ended.out
    assert same_pictures(gan, load_gan(str(saved / "new.pth"), card=card))
    # a second copy finds a card of somebody's there, and names the GAN's own
    (saved / "other.card.toml").write_text("[prior]\nlaw = 'uniform'\n")
    ended = export(capsys, gan, saved / "netG.pth", saved / "other.pth")
    assert "--card" in ended.out
    assert "gan of other.pth/card.toml" in ended.out
    assert (saved / "other.card.toml").read_text() == "[prior]\nlaw = 'uniform'\n"


def test_one_of_several_generators_is_named(tmp_path: Path, made: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    state = made.generator.state_dict()
    torch.save({"first": state, "second": {key: value.clone() for key, value in state.items()}}, tmp_path / "two.pth")
    gan = load_gan(f"{tmp_path}/two.pth#second", **SIGMOID)
    ended = export(capsys, gan, tmp_path / "two.pth", tmp_path / "new.pth")
    assert f"--gan '{tmp_path}/new.pth#second' --card {tmp_path}/new.card.toml." in ended.out


def test_a_card_spells_out_the_layers_of_a_conditional_gan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Classes that are joined one-hot have no weights in the file."""
    layers = (nn.Linear(42, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 784), nn.Tanh(), Reshape(1, 28, 28))
    network = seen(Conditional(*layers), dim=32)
    torch.save(network.state_dict(), tmp_path / "net.pth")
    gan = load_gan(f"{tmp_path}/net.pth", output="sigmoid")
    assert gan.classes == 10
    export(capsys, gan, tmp_path / "net.pth", tmp_path / "new.pth")
    again = load_gan(f"{tmp_path}/new.pth", card=tmp_path / "new.card.toml")
    assert (again.classes, again.prior, again.image) == (10, gan.prior, gan.image)
    assert same_pictures(gan, again, label=7)


def test_a_card_finds_the_layers_by_their_keys(tmp_path: Path, made: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    """A file may list its norms behind its convolutions."""
    state = made.generator.state_dict()
    order = {"main.0": "conv1", "main.3": "conv2", "main.6": "conv3", "main.1": "bn1", "main.4": "bn2"}
    shuffled = {
        f"{name}.{key.rpartition('.')[2]}": value
        for place, name in order.items()
        for key, value in state.items()
        if key.startswith(f"{place}.")
    }
    torch.save(shuffled, tmp_path / "net.pth")
    gan = load_gan(f"{tmp_path}/net.pth", **SIGMOID)
    ended = export(capsys, gan, tmp_path / "net.pth", tmp_path / "new.pth")
    assert "new.card.toml" in ended.out
    assert same_pictures(gan, load_gan(f"{tmp_path}/new.pth", card=tmp_path / "new.card.toml"))


@pytest.mark.parametrize(
    ("dropped", "size", "said"),
    [
        (np.arange(0, 64, 2), 24, "takes it for another network (pictures of 3x24x24"),
        (np.arange(0, 64, 4), 32, "takes it for another network (its pictures differ"),
        (np.delete(np.arange(64), np.s_[::4]), None, "refuses it"),
    ],
    ids=["every second", "every fourth", "all but every fourth"],
)
def test_norms_that_remember_removed_maps(
    dropped: np.ndarray,
    size: int | None,
    said: str,
    shared_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    like = shared_data / "checkpoints/anime32-example-layout/generator.pt"
    gan = load_gan(str(like))
    assert not gan.card.notes
    edited = gan.without("up8", dropped)
    ended = export(capsys, edited, like, tmp_path / "new.pt")
    assert said in ended.out
    assert same_pictures(edited, load_gan(f"{tmp_path}/new.pt", card=tmp_path / "new.card.toml"))
    if size is not None:
        assert f"may be of another size than {size}x{size}" in load_gan(f"{tmp_path}/new.pt").card.notes[0]


def test_a_name_that_hides_the_format_is_told_with_it(
    made: Pair, saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_file(made.generator.state_dict(), saved / "G.safetensors")
    gan = load_gan(str(saved / "G.safetensors"))
    ended = export(capsys, gan, saved / "G.safetensors", saved / "edited")
    assert f"Its name hides its format: open it as --gan safetensors:{saved / 'edited'}" in ended.out
    assert same_pictures(gan, load_gan(f"safetensors:{saved / 'edited'}"))


@pytest.mark.parametrize(
    ("side", "layer", "said"), [("generator", "output", "pictures"), ("discriminator", "logit", "scores")]
)
def test_a_network_of_slightly_other_weights_is_another(side: str, layer: str, said: str) -> None:
    gan = tiny_gan()
    networks = {one: copy.deepcopy(gan.network(one)) for one in ("generator", "discriminator")}
    networks[side].get_submodule(layer).conv.weight.data *= 1.2
    assert f"its {said} differ" in _difference(gan, gan.with_networks(**networks))
    assert _difference(gan, gan) == ""
