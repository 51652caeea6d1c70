"""Pictures chosen by name, and training on them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganlab.data import Dataset, Images, open_images
from ganlab.data.chosen import read_names
from ganlab.data.packing import pack
from ganlab.data.sources import DrawnImages
from ganlab.errors import GanlabError
from ganlab.training import starting
from ganlab.training.state import load_state
from tests.kit import command, smooth_pictures, tiny_settings

pytestmark = pytest.mark.usefixtures("no_plots", "one_thread")

READING = starting.Reading(0, False)


@pytest.fixture
def pictures() -> np.ndarray:
    return smooth_pictures(24)


@pytest.fixture
def data(tmp_path: Path, pictures: np.ndarray) -> str:
    np.save(tmp_path / "pictures.npy", pictures)
    return str(tmp_path / "pictures.npy")


def names(*rows: int) -> list[str]:
    return [f"number {row}" for row in rows]


def grey(index: int, size: int) -> np.ndarray:
    return np.full((size, size, 3), index, np.uint8)


def test_chosen_pictures_keep_the_order_of_the_set(data: str, pictures: np.ndarray, tmp_path: Path) -> None:
    chosen = open_images(data).only(names(7, 2, 3, 2))
    assert [chosen.name(i) for i in range(len(chosen))] == names(2, 3, 7)
    np.testing.assert_array_equal(chosen.array(2, 16, 3), pictures[7])
    np.testing.assert_array_equal(np.asarray(chosen.picture(0)), pictures[2])
    assert len(chosen.first(2)) == 2
    with pytest.raises(IndexError):
        chosen.array(3, 16, 3)
    packed = pack(chosen, 16, 3, cache=tmp_path / "cache", workers=2)
    np.testing.assert_array_equal(packed.array, pictures[[2, 3, 7]])


def test_readable_pictures_keep_their_labels_and_the_others_are_counted(tmp_path: Path) -> None:
    for row, picture in enumerate(smooth_pictures(6)):
        (tmp_path / "ab"[row % 2]).mkdir(exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "ab"[row % 2] / f"{row}.png")
    whole = open_images(str(tmp_path))
    assert whole.readable(8, 3) == (whole, [])
    (tmp_path / "a" / "2.png").write_bytes((tmp_path / "a" / "2.png").read_bytes()[:60])
    good, notes = whole.readable(8, 3)
    assert [(good.name(i), good.label(i)) for i in range(len(good))] == [
        ("a/0.png", "a"), ("a/4.png", "a"), ("b/1.png", "b"), ("b/3.png", "b"), ("b/5.png", "b"),
    ]  # fmt: skip
    assert notes == [f"Left out 1 of 6 pictures of {tmp_path} that do not decode: a/2.png."]
    np.testing.assert_array_equal(good.array(2, 8, 3), whole.array(3, 8, 3))
    with pytest.raises(GanlabError, match="None of the 1 pictures"):
        whole.only(["a/2.png"]).readable(8, 3)


def test_other_choices_are_other_packs(data: str, pictures: np.ndarray, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    images = open_images(data)
    for rows in ([1, 2], [1, 3], list(range(24)), [1, 2]):
        chosen = images.only(names(*rows))
        np.testing.assert_array_equal(pack(chosen, 16, 3, cache=cache, workers=0).array, pictures[rows])
    np.testing.assert_array_equal(pack(images, 16, 3, cache=cache, workers=0).array, pictures)
    kept = [pack(images.only(names(*rows)), 16, 3, cache=cache, workers=0).path for rows in ([1, 2], [1, 3])]
    assert all(path.exists() for path in kept)  # one does not take the other's place
    assert images.only(names(1)).fingerprint() != images.only(names(2)).fingerprint()
    assert not images.only(names(1)).changed()


def test_of_limited_and_of_drawn_sets(data: str, tmp_path: Path) -> None:
    with pytest.raises(GanlabError, match="1 of 2 names are not in"):
        open_images(data).first(5).only(names(4, 5))
    drawn: Images = DrawnImages(Dataset("greys", "greys", "1", 30, grey), 30, "greys")
    packed = pack(drawn.only([f"greys {i}" for i in (3, 4, 9, 20)]), 16, 3, cache=tmp_path, workers=2)
    assert packed.array[:, 0, 0, 0].tolist() == [3, 4, 9, 20]


def test_broken_pictures_are_called_by_their_own_names(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(b"no picture")
    chosen = open_images(str(tmp_path)).only(["b.png"])
    with pytest.raises(GanlabError, match=r"picture b\.png"):
        chosen.array(0, 16, 3)
    with pytest.raises(GanlabError, match=r"b\.png"):
        pack(chosen, 16, 3, cache=tmp_path / "cache", workers=0)


def test_names_that_are_not_there_are_counted_and_some_told(data: str) -> None:
    with pytest.raises(GanlabError, match=r"4 of 5 names are not in .*: a, b, c and 1 more"):
        open_images(data).only(["d", "c", "b", "a", "number 1"])
    with pytest.raises(GanlabError, match="No picture"):
        open_images(data).only([])


def test_a_name_that_several_pictures_have_chooses_none(tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.png", b"2")
    with pytest.raises(GanlabError, match="more than one picture"):
        open_images(str(path)).only(["a.png"])


def test_lists_are_read_whatever_wrote_them(tmp_path: Path) -> None:
    path = tmp_path / "keep.txt"
    path.write_bytes("\ufeffein Bild.png\r\n\r\nüber/b\u2028.png".encode())
    assert read_names(path) == ["ein Bild.png", "über/b\u2028.png"]
    path.write_bytes(b"\n\n")
    with pytest.raises(GanlabError, match="names no picture"):
        read_names(path)
    path.write_bytes(b"\xff\xd8\xff")
    with pytest.raises(GanlabError, match="no list of names"):
        read_names(path)
    with pytest.raises(GanlabError, match="cannot be read"):
        read_names(tmp_path / "nowhere.txt")


def test_training_sees_only_what_is_kept_and_goes_on_with_it(data: str, pictures: np.ndarray, tmp_path: Path) -> None:
    keep = tmp_path / "keep.txt"
    keep.write_text("\n".join(names(*range(0, 24, 2))))
    np.save(tmp_path / "half.npy", pictures[::2])
    starting.start(tiny_settings(data, keep=str(keep), epochs=1), READING, "cpu", tmp_path / "kept")
    starting.start(tiny_settings(str(tmp_path / "half.npy"), epochs=1), READING, "cpu", tmp_path / "half")
    kept, half = (load_state(tmp_path / run, "cpu") for run in ("kept", "half"))
    assert kept.settings.keep == str(keep)
    assert kept.settings.fingerprint == half.settings.fingerprint
    for ours, theirs in zip(kept.generator.parameters(), half.generator.parameters(), strict=True):
        assert (ours == theirs).all()
    keep.unlink()  # the run has its own copy
    starting.resume(tmp_path / "kept", None, {"epochs": 2}, READING, "cpu")
    starting.resume(tmp_path / "half", None, {"epochs": 2}, READING, "cpu")
    kept, half = (load_state(tmp_path / run, "cpu") for run in ("kept", "half"))
    assert kept.step == half.step == 2
    for ours, theirs in zip(kept.generator.parameters(), half.generator.parameters(), strict=True):
        assert (ours == theirs).all()


def test_command_refuses_a_list_of_other_data(data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep = tmp_path / "keep.txt"
    keep.write_text("number 1\nbedroom/17.jpg\n")
    ended = command(capsys, "train", data, "--keep", keep, "--out", tmp_path / "run")
    assert ended.code == 2
    assert "1 of 2 names are not in" in ended.err
    assert not (tmp_path / "run").exists()
