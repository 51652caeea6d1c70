"""Files and folders are put where nothing is, whole and on disk; what is replaced stays until they are."""

from __future__ import annotations

import errno
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch

from ganlab import GanlabError, load_gan, save_gan
from ganlab.checkpoints import native
from ganlab.testing import tiny_gan
from ganlab.training import loop
from ganlab.training.state import STATE
from ganlab.training.trainer import Trainer
from ganlab.writing import new_folder, write_file, write_new_files
from tests.kit import Pictures, tiny_settings


def unfinished(folder: Path) -> list[Path]:
    return list(folder.glob(".ganlab-*"))


DISK = dict[int, int]  # what outlasts a power cut: inode -> size


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> DISK:
    """What the disk was asked to hold; whatever is named before all of it is there fails."""
    held: DISK = {}

    def keep(descriptor: int) -> None:
        held[os.fstat(descriptor).st_ino] = os.fstat(descriptor).st_size

    def careful(name: str) -> None:
        real = getattr(os, name)

        def move(old: Any, new: Any) -> None:
            for path in [Path(old), *Path(old).rglob("*")]:
                assert held.get(path.stat().st_ino) == path.stat().st_size, f"{path} is not on disk"
            held.pop(Path(new).parent.stat().st_ino, None)  # which has another name in it now
            real(old, new)

        monkeypatch.setattr(os, name, move)

    monkeypatch.setattr(os, "fsync", keep)
    for name in ("rename", "replace", "link"):
        careful(name)
    return held


def test_what_is_written_outlasts_a_power_cut(tmp_path: Path, disk: DISK) -> None:
    made, empty = tmp_path / "made" / "too", tmp_path / "empty"
    empty.mkdir()
    for folder in (made, empty):
        with new_folder(folder) as temporary:
            (temporary / "below").mkdir()
            (temporary / "below" / "file").write_bytes(b"1")
            (temporary / "file").write_bytes(b"2")
    write_file(tmp_path / "deep" / "file", b"3")
    write_new_files(tmp_path / "other", {"a": b"4", "b": b"5"})
    named_in = (made.parent, empty, tmp_path / "deep", tmp_path / "other", tmp_path)
    assert {folder.stat().st_ino for folder in named_in} <= set(disk)


@pytest.mark.parametrize(("number", "passes"), [(errno.EINVAL, True), (errno.EIO, False)])
def test_a_file_system_that_cannot_be_waited_for_is_no_fault_of_the_file(
    number: int, passes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(os, "fsync", refuse)
    with nullcontext() if passes else pytest.raises(GanlabError, match="could not be written"):
        write_file(tmp_path / "file", b"1")
    assert [path.name for path in tmp_path.iterdir()] == (["file"] if passes else [])


@pytest.mark.usefixtures("no_plots", "one_thread")
def test_no_state_is_ahead_of_its_history(tmp_path: Path, disk: DISK, monkeypatch: pytest.MonkeyPatch) -> None:
    history, replace, held = tmp_path / "history.csv", os.replace, []

    def move(old: Any, new: Any) -> None:
        if Path(new).name == STATE and history.exists():
            held.append(disk.get(history.stat().st_ino) == history.stat().st_size)
        replace(old, new)

    monkeypatch.setattr(os, "replace", move)
    trainer = Trainer(tiny_settings(epochs=2), "cpu")
    assert not loop.train(Pictures(16), tmp_path, trainer, stop=lambda: trainer.step == 3)
    assert held == [True]
    assert history.read_text().count("\n") == 4


@pytest.mark.parametrize("links", [True, False], ids=["links", "a disk without links"])
def test_files_never_replace_what_appears_meanwhile(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def late(old: Any, new: Any) -> None:
        if Path(new).name == "b":
            Path(new).write_bytes(b"somebody's")
        if not links:
            raise OSError(errno.EPERM, "Operation not permitted")
        link(old, new)

    monkeypatch.setattr("ganlab.writing.os.link", late)
    with pytest.raises(GanlabError, match="b already exists"):
        write_new_files(tmp_path, {"a": b"1", "b": b"2"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"b": b"somebody's"}
    write_new_files(tmp_path, {"a": b"1", "c": b"2"})
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "c"}
    assert (tmp_path / "a").stat().st_nlink == 1


def test_a_link_to_nothing_is_something(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("nowhere")
    with pytest.raises(GanlabError, match="already exists"):
        write_new_files(tmp_path, {"a": b"1"})
    assert os.readlink(tmp_path / "a") == "nowhere"


def test_a_checkpoint_goes_into_the_empty_folder_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    save_gan(tiny_gan(), tmp_path / "link")
    assert {path.name for path in (tmp_path / "real").iterdir()} == {native.CARD, native.WEIGHTS}
    assert (tmp_path / "link").is_symlink()
    assert load_gan(str(tmp_path / "link")).generator is not None
    assert not unfinished(tmp_path)


def test_a_replaced_checkpoint_is_there_until_the_new_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "0001"
    networks = {"generator": torch.nn.Linear(2, 2), "discriminator": None}
    native.write(folder, {"name": "old"}, networks)
    with pytest.raises(GanlabError, match="already holds something"):
        native.write(folder, {"name": "new"}, networks)
    rename = os.rename

    def failing(old: Any, new: Any) -> None:
        if Path(new) == folder and b"new" in (Path(old) / native.CARD).read_bytes():
            raise OSError(errno.ENOSPC, "No space left on device")
        rename(old, new)

    with monkeypatch.context() as patched:
        patched.setattr("ganlab.writing.os.rename", failing)
        with pytest.raises(GanlabError, match="No space left"):
            native.write(folder, {"name": "new"}, networks, replace=True)
    assert b"old" in (folder / native.CARD).read_bytes()
    native.write(folder, {"name": "new"}, networks, replace=True)
    assert b"new" in (folder / native.CARD).read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["0001"]
