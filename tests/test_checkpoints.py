"""Checkpoints come back as they were saved, and nothing that is no checkpoint gets in or runs."""

from __future__ import annotations

import io
import os
import pickle
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ganlab.card import Card
from ganlab.checkpoints import load_gan, named_checkpoints, native, save_gan, shipped_folder, store_folder
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.imagespec import ImageSpec
from ganlab.latents import Prior
from ganlab.testing import tiny_gan
from tests.kit import one_thread, ship_from, tree  # noqa: F401 (one_thread is a fixture)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_gan(tiny_gan(), tmp_path / "tiny")
    return tmp_path / "tiny"


def refused(spec: str | Path, word: str) -> GanlabError:
    """Loading must end in one sentence that says where and what, with a hint."""
    with pytest.raises(GanlabError, match=word) as caught:
        load_gan(str(spec))
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value


# there and back


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


def test_what_ships_loads() -> None:
    folders = [folder for folder in shipped_folder().glob("*") if (folder / native.CARD).is_file()]
    for folder in folders:
        gan = load_gan(str(folder))
        assert gan.name == folder.name
        assert gan.generate(gan.latents(2)).std() > 0.05


def test_a_run_is_its_newest_epoch(tmp_path: Path) -> None:
    for epoch in (1, 2, 9999, 10000):
        save_gan(tiny_gan(seed=epoch), tmp_path / "epochs" / f"{epoch:04d}")
    save_gan(tiny_gan(seed=99), tmp_path / "epochs/.ganlab-unfinished-1-ab")  # a killed process left it
    assert load_gan(str(tmp_path)).hash == tiny_gan(seed=10000).hash


# what is no checkpoint


@pytest.mark.parametrize("spec", ["nowhere", "", "no/such/folder", "ganlab:nowhere", "pytorch:no.pth"])
def test_what_is_not_there_is_told(spec: str) -> None:
    refused(spec, "no checkpoint" if spec else "no checkpoint|holds no")


def test_a_format_that_nobody_brings_is_told(tmp_path: Path) -> None:
    error = refused("nobody:x", "'nobody' cannot be imported")  # it could be a module
    assert "pytorch" in error.hint


def test_folders_and_files_of_something_else_are_told(tmp_path: Path) -> None:
    refused(tmp_path, "folder holds no checkpoint")
    refused(f"ganlab:{tmp_path}", "no checkpoint of ganlab")
    (tmp_path / "epochs/0001").mkdir(parents=True)
    refused(tmp_path, "folder holds no checkpoint")
    for name, content in {"a.png": b"\x89PNG\r\n", "b.txt": b"hello", "c.npz": b"PK\x03\x04", "d": b""}.items():
        (tmp_path / name).write_bytes(content)
        error = refused(tmp_path / name, "no format known here")
        assert "ganlab" in error.hint
    (tmp_path / "card.toml").write_text("")
    refused(tmp_path / "card.toml", "no format known here")


def edit_card(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    card = tomllib.loads((folder / native.CARD).read_text())
    change(card)
    (folder / native.CARD).write_text(tomli_w.dumps(card))


CARDS: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda card: card.pop("architecture"), r"has no \[architecture\]"),
    (lambda card: card.update(architecture="dcgan"), r"has no \[architecture\]"),
    (lambda card: card.pop("prior"), r"has no \[prior\]"),
    (lambda card: card.pop("image"), r"has no \[image\]"),
    (lambda card: card["architecture"].update(name="stylegan"), "architecture called 'stylegan'"),
    (lambda card: card["architecture"].pop("name"), "architecture called ''"),
    (lambda card: card["architecture"].update(size="big"), "'size' must be a whole number"),
    (lambda card: card["architecture"].update(depth=3), "no setting 'depth'"),
    (lambda card: card["architecture"].update(width=10**12), "width"),
    (lambda card: card["architecture"].update(width=8), "has the shape"),
    (lambda card: card["architecture"].update(channels=1), "has the shape"),
    (lambda card: card["architecture"].update(size=32), "lacks"),
    (lambda card: card["prior"].update(law="cauchy"), "cauchy"),
    (lambda card: card["prior"].update(dim="ten"), "dimension"),
    (lambda card: card["prior"].update(dim=2.5), "dimension"),
    (lambda card: card["prior"].update(dim=11), "cannot draw"),
    (lambda card: card["prior"].update(mean=0), "missing or wrong"),
    (lambda card: card["image"].update(size=32), "where its card says"),
    (lambda card: card["image"].update(channels=1), "where its card says"),
    (lambda card: card["image"].update(size="16"), "missing or wrong"),
    (lambda card: card["image"].update(low=1.0), "fits no picture"),
    (lambda card: card["image"].update(low="dark"), "has a field that is missing or wrong: '<' not supported"),
    (lambda card: card["image"].update(depth=1), "missing or wrong"),
    (lambda card: card.update(labeler=3), "labeler = 3, which is no name"),
]


@pytest.mark.parametrize(("change", "word"), CARDS)
def test_cards_that_do_not_fit_are_told(saved: Path, change: Callable[[dict[str, Any]], Any], word: str) -> None:
    edit_card(saved, change)
    refused(saved, word)


@pytest.mark.parametrize("content", [b"[architecture", b"\xff\xfe", b"a = 1\na = 2"])
def test_cards_that_are_no_toml_are_told(saved: Path, content: bytes) -> None:
    (saved / native.CARD).write_bytes(content)
    refused(saved, "not valid TOML")


def test_a_card_without_a_name_takes_the_folders(saved: Path) -> None:
    edit_card(saved, lambda card: (card.pop("name"), card.pop("summary")))
    assert load_gan(str(saved)).name == "tiny"


WEIGHTS: list[tuple[Callable[[dict[str, torch.Tensor]], Any], str]] = [
    (lambda tensors: tensors.pop("generator.up4.conv.weight"), "lacks 'up4.conv.weight'"),
    (lambda tensors: tensors.update({"generator.extra": torch.zeros(1)}), "holds 'extra'"),
    (lambda tensors: tensors.update({"encoder.weight": torch.zeros(1)}), "of neither network"),
    (lambda tensors: tensors.update({"generator.up4.conv.weight": torch.zeros(2, 3)}), "has the shape"),
    (lambda tensors: tensors["generator.up8.norm.bias"].fill_(float("nan")), "NaN"),
    (lambda tensors: tensors["discriminator.logit.conv.weight"].fill_(float("inf")), "NaN or infinity"),
    (lambda tensors: tensors["generator.up8.norm.running_var"].fill_(-1.0), "draws NaN"),
    (lambda tensors: tensors.clear(), "lacks"),
]


@pytest.mark.parametrize(("change", "word"), WEIGHTS)
def test_weights_that_do_not_fit_are_told(
    saved: Path, change: Callable[[dict[str, torch.Tensor]], Any], word: str
) -> None:
    tensors = load_file(saved / native.WEIGHTS)
    change(tensors)
    save_file(tensors, saved / native.WEIGHTS)
    assert str(saved) in refused(saved, word).message


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_truncated_weights_are_told(saved: Path, keep: int) -> None:
    content = (saved / native.WEIGHTS).read_bytes()
    (saved / native.WEIGHTS).write_bytes(content[:keep])
    refused(saved, "damaged or is no safetensors file")


def test_missing_or_foreign_weights_are_told(saved: Path) -> None:
    torch.save({"a": torch.zeros(1)}, saved / native.WEIGHTS)
    refused(saved, "damaged or is no safetensors file")
    (saved / native.WEIGHTS).unlink()
    refused(saved, "has no weights.safetensors")
    (saved / native.WEIGHTS).mkdir()
    refused(saved, "has no weights.safetensors")


def test_a_generator_alone_is_a_gan(saved: Path) -> None:
    tensors = {key: value for key, value in load_file(saved / native.WEIGHTS).items() if key.startswith("generator")}
    save_file(tensors, saved / native.WEIGHTS)
    gan = load_gan(str(saved))
    assert gan.discriminator is None
    assert gan.hash == tiny_gan().hash


# pickles


class Payload:
    """What a hostile pickle does when it is loaded."""

    def __init__(self, evidence: Path) -> None:
        self.evidence = evidence

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.evidence, "it ran"))


def hostile_files(folder: Path, evidence: Path) -> list[Path]:
    """A pickle that would write a file, in every wrapping in which one comes."""
    payload = Payload(evidence)
    paths = []
    for protocol in (0, 2, 5):
        paths.append(folder / f"pickle{protocol}.pkl")
        paths[-1].write_bytes(pickle.dumps(payload, protocol))
    for name, legacy in (("new.pth", False), ("old.pt", True)):
        paths.append(folder / name)
        torch.save({"weight": torch.zeros(2), "more": payload}, paths[-1], _use_new_zipfile_serialization=not legacy)
    paths.append(folder / "no_suffix")
    paths[-1].write_bytes(pickle.dumps(payload))
    return paths


def test_no_pickle_ever_runs(tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    paths = hostile_files(tmp_path, evidence)
    for path in paths:
        refused(path, "pickles whole objects")
        assert not evidence.exists(), path
        refused(f"pytorch:{path}", "pickles whole objects")
        assert not evidence.exists(), path
    for path in paths:  # under the names of a checkpoint, too
        folder = tmp_path / f"{path.name}-folder"
        save_gan(tiny_gan(), folder)
        (folder / native.WEIGHTS).write_bytes(path.read_bytes())
        refused(folder, "damaged or is no safetensors file")
        assert not evidence.exists(), path
    pickle.loads(paths[0].read_bytes())
    assert evidence.read_text() == "it ran"  # the payload was a live one


def test_pickled_modules_are_told_from_bare_weights(tmp_path: Path) -> None:
    network = nn.Linear(2, 2)
    torch.save(network, tmp_path / "module.pth")
    error = refused(tmp_path / "module.pth", r"whole objects \(torch\.nn\.modules\.linear\.Linear\)")
    assert "state_dict" in error.hint
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    refused(tmp_path / "weights.pth", "2 numbers make no square picture")
    torch.save(network.state_dict(), tmp_path / "old.pkl", _use_new_zipfile_serialization=False)
    refused(tmp_path / "old.pkl", "2 numbers make no square picture")


def test_damaged_pytorch_files_are_told(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save(nn.Linear(50, 50).state_dict(), buffer)
    whole = buffer.getvalue()
    for number, content in enumerate([b"", whole[:10], whole[: len(whole) // 2], b"\x80", b"\x80\x05" + bytes(50)]):
        path = tmp_path / f"{number}.pth"
        path.write_bytes(content)
        refused(path, "damaged")
    with zipfile.ZipFile(tmp_path / "other.pt", "w") as archive:
        archive.writestr("notes.txt", "hello")
    refused(tmp_path / "other.pt", "damaged")


def test_flipped_bits_load_harmlessly_or_are_told(saved: Path) -> None:
    """The file has no checksum: a flipped bit may make another number, never a crash."""
    content = (saved / native.WEIGHTS).read_bytes()
    random = np.random.default_rng(0)
    for place in [*random.integers(0, len(content), 40), *random.integers(0, 400, 40)]:
        (saved / native.WEIGHTS).write_bytes(
            content[:place] + bytes([content[place] ^ (1 << int(random.integers(8)))]) + content[place + 1 :]
        )
        try:
            gan = load_gan(str(saved))
        except GanlabError:
            continue
        assert torch.isfinite(gan.generate(gan.latents(1))).all()


def foreign_files() -> list[Path]:
    from tests.conftest import shared_data_folder

    root = shared_data_folder()
    folder = None if root is None else root / "checkpoints"
    if folder is None or not folder.is_dir():
        return []
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md")


@pytest.mark.slow
@pytest.mark.parametrize("path", foreign_files() or [None], ids=str)
def test_foreign_checkpoints_end_in_a_sentence_or_load(path: Path | None) -> None:
    if path is None:
        pytest.skip("no foreign checkpoints here")
    try:
        assert isinstance(load_gan(str(path)), Gan)
    except GanlabError:
        refused(path, path.name)


def test_the_door_takes_a_prior_and_an_image_of_any_kind() -> None:
    """What a plugin's format hands over is a Gan like any other."""
    generator = nn.Sequential(nn.Linear(3, 12), nn.Unflatten(1, (3, 2, 2)), nn.Sigmoid())
    gan = Gan(generator, prior=Prior(3, "normal"), image=ImageSpec(2, 3, 0.0, 1.0), card=Card("theirs"))
    pictures = gan.image.to_uint8(gan.generate(gan.latents(4)))
    assert pictures.shape == (4, 2, 2, 3)
