"""Pictures of a set, a batch at a time: the right ones, the broken ones told, few ahead, no process for a few."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ganlab.data import BrokenPicture, Images, decoding, open_images, reading, stored
from tests.data_kit import answers_of_children, make_folder, pixels

ROWS = [5, 0, 3, 3, 11, 8, 1]


@pytest.fixture(params=["here", "children"])
def where(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(reading, "on_each_core", lambda: 2)
    monkeypatch.setattr(stored, "WORTH_PROCESSES", 1 if request.param == "children" else 1000)
    return request.param


@pytest.fixture
def images(tmp_path: Path) -> Images:
    return open_images(str(make_folder(tmp_path / "set", 12)))


def test_batches_are_the_rows_asked_for_in_their_order(images: Images, where: str) -> None:
    batches = images.batches(ROWS, 8, 3, 3)
    assert len(batches) == 3
    for _ in range(2):  # once more from the beginning
        found = list(batches)
        assert [batch.rows.tolist() for batch in found] == [[5, 0, 3], [3, 11, 8], [1]]
        pictures = np.concatenate([batch.pictures for batch in found])
        np.testing.assert_array_equal(pictures, np.stack([images.array(row, 8, 3) for row in ROWS]))
        assert pictures.dtype == np.uint8
        assert not any(batch.broken for batch in found)


@pytest.mark.parametrize("at_once", [1, 4, 5, 12, 100])
def test_any_size_of_batch_gives_every_picture(images: Images, at_once: int) -> None:
    batches = images.batches(range(12), 8, 1, at_once)
    found = list(batches)
    assert len(found) == len(batches) == -(-12 // at_once)
    assert [len(batch.rows) for batch in found[:-1]] == [at_once] * (len(found) - 1)
    assert np.concatenate([batch.rows for batch in found]).tolist() == list(range(12))
    assert all(batch.pictures.shape == (len(batch.rows), 8, 8, 1) for batch in found)


def test_no_rows_are_no_batches(images: Images) -> None:
    assert len(images.batches([], 8, 3, 4)) == 0
    assert list(images.batches([], 8, 3, 4)) == []


def test_broken_pictures_stop_it_or_are_told(images: Images, tmp_path: Path, where: str) -> None:
    for row in (5, 6, 7, 9):
        (tmp_path / "set" / images.name(row)).write_bytes(b"no picture")
    stopped = iter(images.batches(range(12), 8, 3, 3))
    assert next(stopped).rows.tolist() == [0, 1, 2]
    with pytest.raises(BrokenPicture, match=images.name(5)):
        next(stopped)
    found = list(images.batches([6, 5, 7, 4, 9], 8, 3, 3, skip_broken=True))
    assert [batch.rows.tolist() for batch in found] == [[], [4]]
    assert found[0].pictures.shape == (0, 8, 8, 3)
    assert {row: error.name for batch in found for row, error in batch.broken.items()} == {
        row: images.name(row) for row in (5, 6, 7, 9)
    }
    for error in (error for batch in found for error in batch.broken.values()):  # whoever keeps it keeps no bytes
        assert error.__traceback__ is error.__cause__ is error.__context__ is None


def test_rows_that_are_not_there_are_refused(images: Images) -> None:
    with pytest.raises(IndexError):
        list(images.first(6).batches([0, 6], 8, 3, 4))


def test_one_batch_is_read_ahead_and_no_more(monkeypatch: pytest.MonkeyPatch, images: Images, where: str) -> None:
    read: list[int] = []
    plain = type(images)._stored

    def counted(self: Images, row: int) -> object:
        read.append(row)
        return plain(self, row)  # type: ignore[arg-type]

    monkeypatch.setattr(type(images), "_stored", counted)
    batches = iter(images.batches(range(12), 8, 3, 2))
    next(batches)
    deadline = time.monotonic() + 10
    while len(read) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert sorted(read) == [0, 1, 2, 3]


def test_leaving_early_leaves_nobody_behind(images: Images, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    children: list[decoding.Decoders] = []
    enter = decoding.Decoders.__enter__
    monkeypatch.setattr(decoding.Decoders, "__enter__", lambda self: children.append(self) or enter(self))
    for batch in images.batches(range(12), 8, 3, 2):
        assert len(batch.rows) == 2
        break
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("reading")]
    (decoders,) = children
    assert bool(decoders.started) == (where == "children")
    assert all(child.process.poll() is not None for child in decoders.started)


def test_an_interruption_ends_it(images: Images, where: str) -> None:
    def look() -> None:
        for _ in images.batches(range(12), 8, 3, 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("reading")]


def test_few_of_many_start_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is how many are read, not how many there are."""
    monkeypatch.setattr(reading, "on_each_core", lambda: 2)
    monkeypatch.setattr(stored, "WORTH_PROCESSES", 12)
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a process was started"))
    images = open_images(str(make_folder(tmp_path / "set", 12)))
    chosen = images.only(images.name(row) for row in (1, 4, 9))
    assert len(next(iter(images.batches(range(11), 8, 3, 20))).rows) == 11
    assert len(next(iter(chosen.batches(range(3), 8, 3, 20))).rows) == 3


def test_arrays_start_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "WORTH_PROCESSES", 1)
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a process was started"))
    np.save(tmp_path / "set.npy", np.stack([pixels(row) for row in range(12)]))
    images = open_images(str(tmp_path / "set.npy"))
    assert [len(batch.rows) for batch in images.batches(range(12), 8, 3, 8)] == [8, 4]


def test_children_decode_any_rows_of_a_chosen_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "on_each_core", lambda: 2)
    monkeypatch.setattr(stored, "WORTH_PROCESSES", 1)
    asked = answers_of_children(monkeypatch)
    whole = open_images(str(make_folder(tmp_path / "set", 12)))
    chosen = whole.only(whole.name(row) for row in (0, 2, 3, 7, 11))
    (batch,) = chosen.batches([4, 1, 2], 8, 3, 8)
    np.testing.assert_array_equal(batch.pictures, np.stack([whole.array(row, 8, 3) for row in (11, 2, 3)]))
    assert asked
    assert all(asked)
