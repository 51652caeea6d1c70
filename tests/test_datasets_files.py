"""CelebA against what a real writer wrote, and damaged; what is no set, and sets that lie elsewhere than looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganlab import GanlabError, open_images
from tests import datasets_kit as kit
from tests.data_kit import encoded, pixels, refused
from tests.datasets_kit import shows, survives_a_process


@pytest.mark.parametrize("name", ["cifar", "svhn", "idx", "celeba", "lsun", "parquet", "tar"])
def test_a_format_named_before_something_else(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("some words")
    for path in (tmp_path / "empty", tmp_path / "text", tmp_path):
        with pytest.raises(GanlabError) as caught:
            open_images(f"{name}:{path}")
        assert str(path) in caught.value.message
        assert "not prepared" not in caught.value.message


# CelebA

ROWS = ["000001.png -1  1", "000002.png  1 -1", "000003.png  1  1"]


def celeba(folder: Path, lines: list[str], name: str = "list_attr_celeba.txt") -> Path:
    (folder / "img_align_celeba").mkdir(parents=True, exist_ok=True)
    for i in range(4):  # the last is not in the list
        (folder / "img_align_celeba" / f"{i + 1:06}.png").write_bytes(encoded(pixels(i)))
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder


def test_celeba(tmp_path: Path) -> None:
    folder = celeba(tmp_path / "celeba", ["3", "Smiling Male ", *ROWS])
    plain = open_images(str(folder))
    assert (len(plain), plain.parts, plain.label(0)) == (4, ("Smiling", "Male"), None)
    smiling = open_images(f"{folder}:Smiling")
    assert [smiling.label(i) for i in range(4)] == ["not Smiling", "Smiling", "Smiling", None]
    assert [open_images(f"{folder}:Male").label(i) for i in range(3)] == ["Male", "not Male", "Male"]
    assert shows(smiling, 2, 2)
    assert smiling.fingerprint() == plain.fingerprint()  # they are the same pictures
    assert smiling.first(2).label(1) == "Smiling"
    assert survives_a_process(smiling)
    refused(f"{folder}:smiling", "no attribute 'smiling'", f"Did you mean Smiling? Write {folder}:NAME")
    refused(f"{folder}:mal", "no attribute 'mal'", "Did you mean Male?")
    table = celeba(tmp_path / "kaggle", ["image_id,Smiling", "000002.png,1", "000001.png,-1"], "list_attr_celeba.csv")
    assert [open_images(f"{table}:Smiling").label(i) for i in range(3)] == ["not Smiling", "Smiling", None]


def test_damaged_celeba(tmp_path: Path) -> None:
    def no(lines: list[str], message: str) -> None:
        celeba(tmp_path, lines)
        refused(f"{tmp_path}:Smiling", message)

    no(["4", "Smiling Male", *ROWS], "says that it lists 4 pictures, and lists 3")
    no(["3", "Smiling Male", *ROWS[:2], "000003.png 1"], "line 5")
    no(["3", "Smiling Male", *ROWS[:2], "000003.png 1 x"], "line 5")
    no([], "names no attributes")
    no(["1", "Smiling Male", "other.png 1 1"], "names none of the 4 pictures")
    (tmp_path / "list_attr_celeba.txt").write_bytes(b"\xff\xfe\x00")
    refused(tmp_path, "is no text")


@pytest.mark.parametrize("row", ['"000002.png,1', "000002.png,1" + "0" * 200_000])
def test_a_row_that_csv_cannot_read(tmp_path: Path, row: str) -> None:
    rows = ["image_id,Smiling", "000001.png,1", row, *("000003.png,1" for _ in range(20_000))]
    folder = celeba(tmp_path, rows, "list_attr_celeba.csv")
    refused(f"{folder}:Smiling", "line 3: it does not give 1 attributes")


def test_classify_says_how_to_choose_an_attribute(tmp_path: Path) -> None:
    from ganlab_classify.labelled import open_task

    folder = celeba(tmp_path / "celeba", ["3", "Smiling Male ", *ROWS])
    with pytest.raises(GanlabError) as caught:
        open_task(open_images(str(folder)), None, 0)
    assert f"{folder}:Smiling" in caught.value.hint


# where sets lie


def test_a_set_one_folder_below_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "cifar10" / "plain_text").mkdir(parents=True)
    (home / "cifar10" / "README.md").write_text("about it")
    (home / "cifar10" / "plain_text" / "train-00000-of-00001.parquet").write_bytes(b"PAR1")
    refused(home / "cifar10", "holds no pictures, only other files (2, of", f"Did you mean {home}/cifar10/plain_text?")
    for part in ("test", "train"):
        (home / "sets" / part).mkdir(parents=True)
        kit.tar_of(home / "sets" / part / "000.tar", kit.shard(0, 2))
    (home / "sets" / "more").mkdir()
    refused(home / "sets", "holds no pictures", f"Did you mean {home}/sets/test or {home}/sets/train?")
    (home / "lsun" / "bedroom_train_lmdb").mkdir(parents=True)
    (home / "lsun" / "bedroom_train_lmdb" / "data.mdb").write_bytes(bytes(100))
    refused(home / "lsun", "holds no pictures", f"Did you mean {home}/lsun/bedroom_train_lmdb?")
    refused(home, "holds no pictures", "Give a folder with files like .jpg")
