"""Checkpoints come back as they were saved, under their names."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ganlab.card import Card
from ganlab.checkpoints import load_gan, named_checkpoints, native, save_gan, shipped_folder, store_folder
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.imagespec import ImageSpec
from ganlab.labels.boxes import Boxes
from ganlab.labels.exemplars import Exemplars
from ganlab.latents import Prior
from ganlab.testing import tiny_gan
from tests.door_kit import refused
from tests.kit import ship_from, tree

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_gan(tiny_gan(), tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("prior", ["uniform", "normal"])
def test_a_gan_comes_back_as_it_was(tmp_path: Path, channels: int, prior: str) -> None:
    gan = tiny_gan(size=32, channels=channels, prior=prior)
    save_gan(gan, tmp_path / "gan")
    again = load_gan(str(tmp_path / "gan"))
    assert again.hash == gan.hash
    assert (again.prior, again.image, again.card) == (gan.prior, gan.image, gan.card)
    assert again.folder == tmp_path / "gan"
    images = gan.generate(gan.latents(5))
    assert torch.equal(again.generate(gan.latents(5)), images)
    assert torch.equal(again.score(images), gan.score(images))
    save_gan(again, tmp_path / "twice")
    for file in (native.CARD, native.WEIGHTS):
        assert (tmp_path / "twice" / file).read_bytes() == (tmp_path / "gan" / file).read_bytes()


def test_facts_of_the_card_come_back(tmp_path: Path) -> None:
    gan = tiny_gan()
    facts = {"licence": "CC0", "training": {"data": 'räume "64"\nzwei', "steps": 7}, "seen": {"windows": [0.5, 2]}}
    card = Card("ein name", "a sentence", gan.card.architecture, facts)
    save_gan(Gan(gan.generator, prior=gan.prior, image=gan.image, card=card), tmp_path / "gan")
    again = load_gan(str(tmp_path / "gan"))
    assert again.card == card
    assert again.discriminator is None
    assert tomllib.loads((tmp_path / "gan/card.toml").read_text(encoding="utf-8"))["training"] == facts["training"]


def test_bfloat16_halves_the_file(tmp_path: Path) -> None:
    gan = tiny_gan(size=32, width=8)
    save_gan(gan, tmp_path / "whole")
    save_gan(gan, tmp_path / "half", dtype=torch.bfloat16)
    sizes = [(tmp_path / name / native.WEIGHTS).stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.55 * sizes[0] + 8000
    stored = load_file(tmp_path / "half" / native.WEIGHTS)
    assert stored["generator.up4.conv.weight"].dtype == torch.bfloat16
    assert stored["generator.up4.norm.num_batches_tracked"].dtype == torch.int64
    half = load_gan(str(tmp_path / "half"))
    assert all(value.dtype != torch.bfloat16 for value in half.generator.state_dict().values())
    images, rounded = gan.generate(gan.latents(20)), half.generate(gan.latents(20))
    assert (images - rounded).abs().mean() < 0.02
    save_gan(half, tmp_path / "again", dtype=torch.bfloat16)  # rounding once is rounding for good
    assert load_gan(str(tmp_path / "again")).hash == half.hash


def test_what_is_saved_can_be_read_by_others_and_is_whole(saved: Path) -> None:
    assert tree(saved) == {"card.toml", "weights.safetensors"}
    assert os.listdir(saved.parent) == ["tiny"]
    assert (saved / native.WEIGHTS).stat().st_mode & 0o444 == 0o444 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_nothing_of_others_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "mine", tmp_path / "file", tmp_path / "file/below", Path("/proc/gan")):
        with pytest.raises(GanlabError):
            save_gan(tiny_gan(), folder)
    assert tree(tmp_path) == {"mine/thesis.txt", "file"}


def test_a_gan_of_unknown_networks_or_broken_weights_is_not_saved(tmp_path: Path) -> None:
    gan = tiny_gan()
    with pytest.raises(GanlabError, match="does not say how to build"):
        save_gan(Gan(gan.generator, prior=gan.prior, image=gan.image), tmp_path / "gan")
    gan.generator.up4.conv.weight.data[0, 0, 0, 0] = float("nan")  # type: ignore[union-attr,operator,index]
    with pytest.raises(GanlabError, match=r"generator\.up4\.conv\.weight holds NaN"):
        save_gan(gan, tmp_path / "gan")
    assert tree(tmp_path) == set()


def test_networks_that_share_weights_are_saved(tmp_path: Path) -> None:
    gan = tiny_gan()
    gan.generator.up8.norm.bias = gan.generator.up8.norm.weight  # type: ignore[union-attr]
    save_gan(gan, tmp_path / "gan")
    images = load_gan(str(tmp_path / "gan")).generate(gan.latents(2))
    torch.testing.assert_close(images, gan.generate(gan.latents(2)))


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(GanlabError, match="No space left on device"):
        save_gan(tiny_gan(), tmp_path / "gan")
    assert list(tmp_path.iterdir()) == []


# names


def test_checkpoints_have_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ship_from(tmp_path / "shipped", monkeypatch)
    save_gan(tiny_gan(seed=1), tmp_path / "shipped/rooms")
    save_gan(tiny_gan(seed=2), store_folder() / "no-windows")
    save_gan(tiny_gan(seed=3), store_folder() / "rooms")
    (store_folder() / "notes").mkdir()
    assert list(named_checkpoints()) == ["rooms", "no-windows"]
    assert load_gan("rooms").hash == tiny_gan(seed=1).hash  # the shipped one wins
    assert load_gan("no-windows").hash == tiny_gan(seed=2).hash
    assert "no-windows" in refused("no-window", "no checkpoint 'no-window'").hint
    assert load_gan(f"ganlab:{store_folder() / 'rooms'}").hash == tiny_gan(seed=3).hash


def test_a_run_that_is_named_without_its_folder_is_found_and_so_are_those_in_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GANLAB_RUNS", str(tmp_path / "runs"))
    trained = tmp_path / "runs/train"
    for name in ("photos-0001", "photos-0002"):
        save_gan(tiny_gan(), trained / name / "epochs/0001")
    (trained / "notes.txt").touch()
    hint = refused("photos-0002", "no checkpoint 'photos-0002'").hint
    assert hint == f"The run is named by its folder: {trained / 'photos-0002'}."
    hint = refused(str(trained), "this folder holds checkpoints").hint
    assert hint == f"Name one: {trained / 'photos-0001'}, {trained / 'photos-0002'}."
    assert "rooms-64" in refused("photos-0003", "no checkpoint 'photos-0003'").hint


def test_what_ships_loads() -> None:
    folders = [folder for folder in shipped_folder().glob("*") if (folder / native.CARD).is_file()]
    assert folders
    for folder in folders:
        gan = load_gan(str(folder))
        assert gan.name == folder.name
        assert gan.generate(gan.latents(2)).std() > 0.05
        assert gan.discriminator is not None
        assert (folder / native.WEIGHTS).stat().st_size <= 16e6
        card = tomllib.loads((folder / native.CARD).read_text())
        assert all(card[fact] for fact in ("summary", "licence", "made_from"))
        assert card["training"]["command"].startswith("ganlab train")
        assert Boxes.of_checkpoint(gan) is not None or Exemplars.of(gan, None).groups


def test_a_run_is_its_newest_epoch(tmp_path: Path) -> None:
    for epoch in (1, 2, 9999, 10000):
        save_gan(tiny_gan(seed=epoch), tmp_path / "epochs" / f"{epoch:04d}")
    save_gan(tiny_gan(seed=99), tmp_path / "epochs/.ganlab-unfinished-1-ab")  # a killed process left it
    assert load_gan(str(tmp_path)).hash == tiny_gan(seed=10000).hash


def test_a_generator_alone_is_a_gan(saved: Path) -> None:
    tensors = {key: value for key, value in load_file(saved / native.WEIGHTS).items() if key.startswith("generator")}
    save_file(tensors, saved / native.WEIGHTS)
    gan = load_gan(str(saved))
    assert gan.discriminator is None
    assert gan.hash == tiny_gan().hash


def test_the_door_takes_a_prior_and_an_image_of_any_kind() -> None:
    """What a plugin's format hands over is a Gan like any other."""
    generator = nn.Sequential(nn.Linear(3, 12), nn.Unflatten(1, (3, 2, 2)), nn.Sigmoid())
    gan = Gan(generator, prior=Prior(3, "normal"), image=ImageSpec(2, 3, 0.0, 1.0), card=Card("theirs"))
    pictures = gan.image.to_uint8(gan.generate(gan.latents(4)))
    assert pictures.shape == (4, 2, 2, 3)
