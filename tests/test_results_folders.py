"""Where a run is written: whole or not at all, and nothing is overwritten."""

from __future__ import annotations

import os
import resource
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganlab import Card, Gan
from ganlab.checkpoints import store_folder
from ganlab.errors import GanlabError
from ganlab.runs.folders import load_result, new_run_folder, save_result
from ganlab.testing import tiny_gan
from ganlab.writing import FolderTaken, check_new_folder, new_folder, write_file, write_new_files

from .results_kit import a_result, contents

ACCENT = "\N{LATIN SMALL LETTER E WITH ACUTE}"


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    with pytest.raises(FolderTaken, match="already holds") as caught:
        save_result(a_result(), tmp_path / "full")
    assert "does not exist yet" in caught.value.hint  # no option named: `plugins new` calls it --folder
    save_result(a_result(), tmp_path / "run")
    with pytest.raises(FolderTaken):
        save_result(a_result(), tmp_path / "run")
    assert contents(tmp_path / "full") == {"mine.txt": b"mine"}
    with pytest.raises(GanlabError, match="is a file"):
        check_new_folder(tmp_path / "full/mine.txt")
    with pytest.raises(GanlabError, match=r"cannot be written: .*mine\.txt is a file"):
        check_new_folder(tmp_path / "full/mine.txt/below")


def test_an_empty_folder_is_filled_in_place(tmp_path: Path) -> None:
    before = tmp_path.stat().st_ino
    assert save_result(a_result(), tmp_path) == tmp_path
    assert tmp_path.stat().st_ino == before
    assert load_result(tmp_path).summary == a_result().summary


def test_somebody_else_took_the_number_meanwhile(tmp_path: Path) -> None:
    folder = new_run_folder("probe", "rooms-64", tmp_path)
    assert folder == tmp_path / "probe/rooms-64-0001"
    save_result(a_result(), folder)
    with pytest.raises(FolderTaken):
        save_result(a_result(), folder)
    assert save_result(a_result(), folder, renumber=True) == tmp_path / "probe/rooms-64-0002"
    (tmp_path / "probe/rooms-64-0041").mkdir()
    (tmp_path / "probe/rooms-64-x").mkdir()
    assert new_run_folder("probe", "rooms-64", tmp_path).name == "rooms-64-0042"
    assert new_run_folder("probe", "../a b", tmp_path).name == "a-b-0001"


@pytest.mark.parametrize(
    ("there", "name"),
    [
        ("Rooms-0001", "rooms"),
        ("rooms-0001", "Rooms"),
        ("stra\N{LATIN SMALL LETTER SHARP S}e-0001", "STRASSE"),
        (unicodedata.normalize("NFD", f"{ACCENT}-0001"), ACCENT),
    ],
)
def test_a_number_is_free_on_every_disk(there: str, name: str, tmp_path: Path) -> None:
    """Some take names for the same that differ in capitals only, or in how accents are stored."""
    (tmp_path / "walk" / there).mkdir(parents=True)
    assert new_run_folder("walk", name, tmp_path).name == f"{name}-0002"
    assert new_run_folder("probe", unicodedata.normalize("NFD", ACCENT), tmp_path).name == f"{ACCENT}-0001"


def test_a_gan_that_cannot_be_written_costs_only_itself(tmp_path: Path) -> None:
    """As of networks by the user's own code."""
    gan = tiny_gan()
    bare = Gan(gan.generator, gan.discriminator, prior=gan.prior, image=gan.image, card=Card("bare"))
    result = a_result(gans={"kept": gan, "lost": bare})
    save_result(result, tmp_path / "run")
    back = load_result(tmp_path / "run")
    assert list(back.gans) == list(result.gans) == ["kept"]
    assert back.notes == result.notes
    assert "'lost' was not kept" in back.notes[-1]
    assert (back.summary, back.metrics) == (a_result().summary, a_result().metrics)


def test_runs_go_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANLAB_RUNS", str(tmp_path))
    assert new_run_folder("probe", "x") == tmp_path / "probe/x-0001"
    monkeypatch.delenv("GANLAB_RUNS")
    assert new_run_folder("probe", "x") == Path("runs/probe/x-0001")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GANLAB_RUNS", "~/elsewhere")
    assert new_run_folder("probe", "x") == tmp_path / "elsewhere/probe/x-0001"
    assert store_folder() == tmp_path / "elsewhere/checkpoints"


def test_an_error_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("ganlab.runs.page.render", fail)
    with pytest.raises(KeyboardInterrupt):
        save_result(a_result(), tmp_path / "new/run")
    assert not any(tmp_path.iterdir())
    (tmp_path / "empty").mkdir()
    with pytest.raises(KeyboardInterrupt):
        save_result(a_result(), tmp_path / "empty")
    assert list(tmp_path.rglob("*")) == [tmp_path / "empty"]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    big = a_result(arrays={"noise": np.random.default_rng(0).random(100_000)})
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limit[1]))
    try:
        with pytest.raises(GanlabError, match="could not be written: File too large") as caught:
            save_result(big, tmp_path / "run")
        with pytest.raises(GanlabError, match="File too large"):
            write_file(tmp_path / "file", bytes(300_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert caught.value.hint
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unwritable for root")
def test_an_unwritable_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0o500)
    with pytest.raises(GanlabError, match="cannot be written"):
        check_new_folder(tmp_path / "shut/run")


def test_a_name_too_long_for_the_disk_is_said(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 300)
    for write in (
        lambda: check_new_folder(folder),
        lambda: save_result(a_result(), folder),
        lambda: new_folder(folder, replace=True).__enter__(),
        lambda: write_new_files(folder, {"a": b"1"}),
    ):
        with pytest.raises(GanlabError, match="could not be written: File name too long") as caught:
            write()
        assert "ame another folder" in caught.value.hint
    assert not any(tmp_path.iterdir())


def test_a_folder_that_cannot_be_looked_into_is_said(tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)  # nothing is shut for root
        with pytest.raises(GanlabError, match="could not be written: Permission denied") as caught:
            check_new_folder(tmp_path / "shut/run")
    finally:
        os.seteuid(user)
    assert caught.value.hint == "Name another folder."


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_folder_is_filled_with_all_or_nothing(
    failure: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, moved = os.rename, []

    def failing(old: Any, new: Any) -> None:
        if Path(new).parent == tmp_path and len(moved) == 2:
            moved.append("once")
            raise failure
        rename(old, new)
        moved.append(Path(new).name)

    monkeypatch.setattr("ganlab.writing.os.rename", failing)

    def fill() -> None:
        with new_folder(tmp_path) as temporary:
            for name in "abc":
                (temporary / name).write_text(name)

    with pytest.raises((GanlabError, KeyboardInterrupt)):
        fill()
    assert len(moved) > 2
    assert not any(tmp_path.iterdir())


def test_a_folder_taken_while_it_was_filled_is_left_alone(tmp_path: Path) -> None:
    def race() -> None:
        with new_folder(tmp_path / "run") as temporary:
            (temporary / "mine").write_text("x")
            (tmp_path / "run").mkdir()
            (tmp_path / "run/theirs").write_text("y")

    with pytest.raises(FolderTaken):
        race()
    assert contents(tmp_path) == {"run/theirs": b"y"}


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    write_file(tmp_path / "a/b.json", b"one")
    write_file(tmp_path / "a/b.json", b"two")
    assert contents(tmp_path) == {"a/b.json": b"two"}
    with pytest.raises(GanlabError, match="could not be written"):
        write_file(tmp_path / "a", b"x")
    assert contents(tmp_path) == {"a/b.json": b"two"}
