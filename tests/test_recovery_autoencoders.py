"""Networks that make pictures of pictures, such as BEGAN's discriminator: none is taken for a generator."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from ganlab import load_gan
from ganlab.recovery.chaining import is_autoencoder, skeletons
from ganlab.recovery.parts import parts_of
from ganlab.recovery.stored import StoredNetwork
from tests.door_kit import KNOWN, Pair, draws_as, refused

pytestmark = pytest.mark.usefixtures("one_thread")


class Autoencoder(nn.Module):
    """Of pictures of 16x16, in the layers of widely copied code."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(3, 16, 4, 2, 1), nn.ReLU())
        self.fc = nn.Sequential(nn.Linear(1024, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 1024))
        self.deconv = nn.Sequential(nn.ConvTranspose2d(16, 3, 4, 2, 1))


@pytest.fixture
def folder(made: Pair, tmp_path: Path) -> Path:
    torch.save(made.generator.state_dict(), tmp_path / "G.pkl")
    torch.save(Autoencoder().state_dict(), tmp_path / "D.pkl")
    return tmp_path


def test_a_generator_opens_beside_an_autoencoder(made: Pair, folder: Path) -> None:
    both = f"{folder / 'G.pkl'}+{folder / 'D.pkl'}"
    for spec in (both, f"{both}#G.pkl", str(folder), f"{folder}#G.pkl"):
        gan = load_gan(spec, **KNOWN)
        assert draws_as(gan, made.generator)
        assert gan.discriminator is None
        assert any(
            "discriminator was left out: the network 'D.pkl' makes pictures of pictures" in n for n in gan.card.notes
        )


def test_alone_it_is_told(folder: Path) -> None:
    refused(folder / "D.pkl", "makes pictures of pictures")
    refused(f"{folder}#D.pkl", "makes pictures of pictures")


def test_networks_of_joined_files_are_called_after_them(made: Pair, folder: Path) -> None:
    other = folder / "more" / "G.pkl"
    other.parent.mkdir()
    torch.save({"netG": made.generator.state_dict()}, other)
    (folder / "H.pkl").write_bytes((folder / "G.pkl").read_bytes())
    two = f"{folder / 'G.pkl'}+{folder / 'H.pkl'}"
    hint = refused(two, "holds 2 generators: 'G.pkl', 'H.pkl'").hint
    assert f"{two}#G.pkl" in hint
    assert draws_as(load_gan(f"{two}#H.pkl", **KNOWN), made.generator)
    same = f"{folder / 'G.pkl'}+{other}"  # files of one name are told apart by what was typed
    refused(same, f"2 generators: '{folder / 'G.pkl'}', '{other}.netG'")
    assert draws_as(load_gan(f"{same}#{other}.netG", **KNOWN), made.generator)


@pytest.mark.parametrize("kernel", [3, 4])
def test_a_discriminator_of_grey_pictures_is_no_autoencoder(kernel: int) -> None:
    judge = nn.Sequential(nn.Conv2d(1, 8, 4, 2, 1), nn.Conv2d(8, 8, kernel, 2, 1), nn.Conv2d(8, 1, 4, bias=False))
    network = StoredNetwork("", parts_of(judge.state_dict()))
    assert not is_autoencoder(network)
    assert skeletons(network)[0].side == "discriminator"
