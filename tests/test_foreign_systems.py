"""What names and drives are like on other systems, tried on this one."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from ganlab import locations
from ganlab.card import read_card
from ganlab.checkpoints import load_gan
from ganlab.cli import checkpoints
from ganlab.cli.explaining import explain
from ganlab.cli.running import publish_gans
from ganlab.data.opening import open_images
from ganlab.errors import GanlabError
from ganlab.fetching import load_hub
from ganlab.locations import names_a_place, on_a_drive
from ganlab.results import Result
from ganlab.shell import shell_line, shell_word
from ganlab.testing import tiny_gan
from ganlab.wording import quoted
from ganlab.writing import check_new_folder
from tests.kit import Run, command, smooth_pictures

NOT_UTF8 = "z\udcfcge"  # how Python reads a name in Latin-1


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    return partial(command, capsys)


@contextmanager
def no_drive() -> Iterator[None]:
    """Nothing is there, not even what every path begins with; asking for ever is noticed."""
    asked: list[Path] = []

    def exists(path: Path) -> bool:
        asked.append(path)
        assert len(asked) < 100, path
        return False

    with patch.object(Path, "exists", exists):
        yield


# drives


def test_a_checkpoint_on_a_drive_that_is_missing() -> None:
    with no_drive(), pytest.raises(GanlabError, match=r"no checkpoint '/nets/rooms\.pth': / is not there\."):
        load_gan("/nets/rooms.pth")


def test_a_folder_on_a_drive_that_is_missing() -> None:
    with no_drive(), pytest.raises(GanlabError, match=r"/runs/new cannot be written: / is not there\."):
        check_new_folder(Path("/runs/new"))


def test_what_begins_with_a_drive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert on_a_drive(r"C:\nets\x.pt")
    assert on_a_drive("c:/nets")
    assert not any(map(on_a_drive, ["rooms:5000", "C", "hf:OWNER/REPO", "Z:make", "C:make", ""]))
    monkeypatch.setattr(locations, "WINDOWS", True)
    (tmp_path / "C:\\").touch()  # stands for a drive that is there
    assert on_a_drive("C:make")
    assert not on_a_drive("Z:make")  # the function of a module


@pytest.mark.parametrize("name", ["mine", "mine.bf16", "größe"])
def test_a_name_is_no_place(name: str) -> None:
    assert not names_a_place(name)


@pytest.mark.parametrize("place", ["nets/x", "./x", "x/", "/x", r"C:\nets\x", "."])
def test_a_place_is_no_name(place: str) -> None:
    assert names_a_place(place)


def test_a_checkpoint_is_written_where_its_path_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GANLAB_RUNS", str(tmp_path))
    assert checkpoints._place(r"C:\nets\mine") == Path(r"C:\nets\mine")
    assert checkpoints._place("mine") == tmp_path / "checkpoints/mine"


def test_pictures_on_a_drive_are_no_data_set() -> None:
    with pytest.raises(GanlabError, match=r"There is no C:\\pictures\.") as caught:
        open_images(r"C:\pictures")
    assert caught.value.hint == "Check the path."


def test_a_drive_is_no_module_and_no_format(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(locations, "WINDOWS", True)
    (tmp_path / "C:\\").touch()
    (tmp_path / "C.py").write_text("raise SystemExit('code ran')")
    (tmp_path / "net.pt").touch()  # on Windows without its drive: one of the current drive
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(GanlabError, match="no checkpoint 'C:net'"):
        load_gan("C:net")
    with pytest.raises(GanlabError, match=r"no checkpoint 'C:net\.pt'"):
        load_gan("C:net.pt")


@pytest.mark.parametrize("folder", ["C:/nets", r"C:\nets\gan"])
def test_a_folder_of_torch_hub_on_a_drive(folder: str) -> None:
    with pytest.raises(GanlabError) as caught:
        load_hub(f"hub:{folder}:generator", trust=False)
    assert caught.value.message.endswith(f"the function generator in hubconf.py of {folder}.")


# names that are not UTF-8


def test_a_checkpoint_takes_no_name_that_is_not_utf8(run: Run, tmp_path: Path) -> None:
    for place in (NOT_UTF8, f"./{NOT_UTF8}"):
        ended = run("checkpoints", "convert", "rooms-64", "--out", place)
        assert ended.code == 2
        assert "z?ge is not UTF-8" in ended.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("what", ["data", "out"])
def test_training_takes_no_name_that_is_not_utf8(run: Run, tmp_path: Path, what: str) -> None:
    """Else the first epoch is over when its card cannot be written."""
    data = f"{NOT_UTF8 if what == 'data' else 'pictures'}.npy"
    try:
        np.save(data, smooth_pictures(16))
    except OSError:
        pytest.skip("this file system has no such names")
    ended = run("train", data, "--size", 16, "--width", 4, "--batch", 8, "--out", NOT_UTF8 if what == "out" else "run")
    assert ended.code == 2
    assert "is not UTF-8" in ended.err
    assert [path.name for path in tmp_path.iterdir()] == [data]


# what is said and read


def test_a_card_may_begin_with_a_mark_of_its_encoding(tmp_path: Path) -> None:
    """As editors of Windows save it."""
    (tmp_path / "card.toml").write_bytes("summary = 'groß'".encode("utf-8-sig"))
    assert read_card(tmp_path / "card.toml") == {"summary": "groß"}


def test_a_path_in_a_message_is_the_one_that_was_typed() -> None:
    with pytest.raises(GanlabError, match=r"no checkpoint 'D:\\nets\\x\.pth': no 'D:\\nets"):
        load_gan(r"D:\nets\x.pth")
    assert quoted("it's") == '"it\'s"'
    assert quoted("two\nlines\x1b") == r"'two\nlines\x1b'"
    assert quoted(NOT_UTF8) == r"'z\udcfcge'"


@pytest.mark.parametrize("windows", [True, False])
def test_a_pager_that_ends_is_no_crash_on_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], windows: bool
) -> None:
    monkeypatch.setattr(locations, "WINDOWS", windows)
    with (tmp_path / "pager").open("w") as pager, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", pager)
        assert explain(OSError(errno.EINVAL, "Invalid argument"), None) == 1
    assert ("crashed" in capsys.readouterr().err) is not windows


@pytest.mark.parametrize("word", ["two words", 'a "word"', "C:\\two words\\", 'back\\" slash', ""])
def test_words_to_paste_are_quoted_as_windows_takes_them(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setattr(locations, "WINDOWS", True)
    assert shell_word(word) == subprocess.list2cmdline([word])


def test_what_shells_of_windows_take_for_their_own_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locations, "WINDOWS", True)
    plain = ["ganlab", "--gan", r"C:\nets\größe-1.pt", "a+b", "0:12"]
    assert shell_line(plain) == " ".join(plain)
    assert shell_line(["a&b", "0:1,0:2", "net.pt#g"]) == '"a&b" "0:1,0:2" "net.pt#g"'


def test_what_to_type_next_can_be_pasted(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("pictures.npy", smooth_pictures(8))
    words = ("--size", 16, "--width", 4, "--batch", 8, "--epochs", 1, "--out", "my run")
    assert "use it with --gan 'my run'" in run("train", "pictures.npy", *words).out
    publish_gans(Result("", gans={"my rooms": tiny_gan()}), tmp_path)
    assert "GAN saved: --gan 'my rooms'" in capsys.readouterr().err


def test_words_to_paste_are_quoted_in_one_place() -> None:
    """What is quoted elsewhere is quoted for one system."""
    files = [
        path for room in ("ganlab", "plugins") for path in Path(locations.__file__).parents[1].glob(f"{room}/**/*.py")
    ]
    assert [path.name for path in files if "import shlex" in path.read_text(encoding="utf-8")] == ["shell.py"]
