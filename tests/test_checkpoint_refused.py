"""What is no checkpoint of ganlab, or a damaged one, is told in one sentence."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
import torch
from safetensors.torch import load_file, save_file

from ganlab.checkpoints import load_gan, native, save_gan
from ganlab.errors import GanlabError
from ganlab.testing import tiny_gan
from tests.door_kit import refused

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_gan(tiny_gan(), tmp_path / "tiny")
    return tmp_path / "tiny"


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


BOMB = """
[architecture]
name = "chain"
generator = [
    {name = "a", kind = "linear", inputs = 1, outputs = 1, bias = false},
    {name = "r", kind = "reshape", shape = [1, 1, 1]},
    {name = "u", kind = "upsample", factor = 16000, mode = "nearest"},
    MORE
]
prior = {law = "normal", dim = 1}
image = {size = 64, channels = 1, low = -1.0, high = 1.0}
"""


@pytest.mark.parametrize("more", ["", '{name = "p", kind = "average_pool", kernel = 250},'])
def test_a_card_that_would_fill_the_memory_is_told_before_it_does(
    tmp_path: Path, more: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    top, tables = BOMB.replace("MORE", more).split("prior = ")
    (tmp_path / native.CARD).write_text("prior = " + tables + top)
    save_file({"generator.a.weight": torch.zeros(1, 1)}, tmp_path / native.WEIGHTS)
    drawn: list[object] = []
    monkeypatch.setattr("ganlab.gan.Gan.generate", lambda *given: drawn.append(given))
    refused(tmp_path, "256,000,000 numbers")
    assert not drawn


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


def test_flipped_bits_load_harmlessly_or_are_told(saved: Path) -> None:
    """The file has no checksum: a flipped bit may make another number, never a crash."""
    content = (saved / native.WEIGHTS).read_bytes()
    random = np.random.default_rng(0)
    loaded = 0
    for place in [*random.integers(0, len(content), 40), *random.integers(0, 400, 40)]:
        (saved / native.WEIGHTS).write_bytes(
            content[:place] + bytes([content[place] ^ (1 << int(random.integers(8)))]) + content[place + 1 :]
        )
        try:
            gan = load_gan(str(saved))
        except GanlabError:
            continue
        assert torch.isfinite(gan.generate(gan.latents(1))).all()
        loaded += 1
    assert 0 < loaded < 80


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
        gan = load_gan(str(path))
    except GanlabError:
        refused(path, path.name)
        return
    if gan.generator is not None:
        pictures = gan.generate(gan.latents(2, label=None if gan.classes is None else 0))
        assert torch.isfinite(pictures).all()
        assert gan.image.low <= pictures.min() <= pictures.max() <= gan.image.high
