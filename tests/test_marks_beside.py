"""Marks that lie beside a file of weights come with its GAN where they are of its pictures, and else are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganlab import Box, Boxes, Exemplars, Gan, GanlabError, PictureName, load_gan
from tests.door_kit import Pair

OTHER = "0" * 12


def mark(folder: Path, checkpoint: str, size: int) -> None:
    """Boxes and groups of one checkpoint, as they are kept in a folder."""
    picture = PictureName(checkpoint, 0, 1)
    Boxes([Box(picture, "window", 1, 1, 4, 4)], [picture], (size, size)).save(folder / "boxes.json")
    Exemplars(checkpoint, {"left": [picture]}).save(folder / "exemplars.json")


def notes_of_marks(gan: Gan) -> list[str]:
    return [note for note in gan.card.notes if "beside it" in note]


@pytest.mark.parametrize("spec", ["netG.pth", "netG.pth+netD.pth", "pytorch:netG.pth", "."])
def test_marks_of_its_pictures_come_with_a_file(saved: Path, monkeypatch: pytest.MonkeyPatch, spec: str) -> None:
    monkeypatch.chdir(saved)
    plain = load_gan(spec)
    assert plain.folder is None
    mark(saved, plain.hash, plain.image.size)
    gan = load_gan(spec)
    assert Boxes.of_checkpoint(gan).concepts == ["window"]  # type: ignore[union-attr]
    assert list(Exemplars.of(gan, None).groups) == ["left"]
    assert gan.hash == plain.hash
    assert not notes_of_marks(gan)


def test_marks_of_another_checkpoint_are_named_and_not_read(saved: Path, made: Pair) -> None:
    plain = load_gan(str(saved / "netG.pth"))
    mark(saved, OTHER, plain.image.size)
    gan = load_gan(str(saved / "netG.pth"))
    assert Boxes.of_checkpoint(gan) is Exemplars.of_checkpoint(gan) is None
    boxes, groups = notes_of_marks(gan)
    assert boxes.startswith("boxes.json beside it is not read: ")
    assert groups.startswith("exemplars.json beside it is not read: ")
    assert OTHER in boxes
    assert plain.hash in groups


def test_a_file_that_only_has_the_name_is_named(saved: Path) -> None:
    (saved / "boxes.json").write_text("{}")
    gan = load_gan(str(saved / "netG.pth"))
    assert gan.folder is None
    assert "boxes.json beside it is not read: " in notes_of_marks(gan)[0]


def test_of_two_files_the_one_that_belongs_is_read_and_the_other_refused(saved: Path) -> None:
    plain = load_gan(str(saved / "netG.pth"))
    mark(saved, plain.hash, plain.image.size)
    Exemplars(OTHER, {"left": [PictureName(OTHER, 0, 1)]}).save(saved / "exemplars.json")
    gan = load_gan(str(saved / "netG.pth"))
    assert Boxes.of_checkpoint(gan) is not None
    assert len(notes_of_marks(gan)) == 1
    with pytest.raises(GanlabError, match="were chosen on the checkpoint"):
        Exemplars.of_checkpoint(gan)


@pytest.mark.parametrize(
    ("spec", "missing", "place", "hint"),
    [
        ("netg.pth", "netg.pth", ".", "Did you mean netG.pth"),
        ("netG.pth+mine/netD.pth", "mine", ".", "`ganlab checkpoints`"),
        ("pytorch:netG.pht", "netG.pht", ".", "Did you mean netG.pth"),
        ("runs/train/photos-0001", "photos-0001", "runs/train", "Did you mean photos-0002?"),
        ("netG.pth/weights", "weights", "netG.pth", "`ganlab checkpoints`"),
        ("else.pickle", "else.pickle", ".", "`ganlab checkpoints`"),
    ],
)
def test_a_path_that_leads_nowhere_is_told_where_it_ends(
    saved: Path, monkeypatch: pytest.MonkeyPatch, spec: str, missing: str, place: str, hint: str
) -> None:
    (saved / "runs/train/photos-0002").mkdir(parents=True)
    monkeypatch.chdir(saved)
    with pytest.raises(GanlabError) as caught:
        load_gan(spec)
    wrong = spec.partition("+")[2] or spec
    assert caught.value.message == f"There is no checkpoint {wrong!r}: no {missing!r} lies in {saved / place}."
    assert hint in caught.value.hint
    assert "rooms-64" not in caught.value.hint


@pytest.mark.parametrize("spec", ["netG", "netG.pth+netG"])
def test_a_name_without_its_ending_is_asked_about(saved: Path, monkeypatch: pytest.MonkeyPatch, spec: str) -> None:
    monkeypatch.chdir(saved)
    (saved / "netG.txt").write_text("how it was trained")
    with pytest.raises(GanlabError, match="There is no checkpoint 'netG'") as caught:
        load_gan(spec)
    assert caught.value.hint == "Did you mean netG.pth?"


@pytest.mark.parametrize("side", ["generator", "discriminator"])
def test_a_network_that_is_missing_may_lie_in_another_file(made: Pair, saved: Path, side: str) -> None:
    gan = load_gan(f"{saved / 'netG.pth'}+{saved / 'netD.pth'}")
    alone = gan.alone("discriminator" if side == "generator" else "generator")
    with pytest.raises(GanlabError, match=f"has no {side}") as caught:
        alone.layers(side)  # type: ignore[arg-type]
    assert "--gan GENERATOR+DISCRIMINATOR" in caught.value.hint
