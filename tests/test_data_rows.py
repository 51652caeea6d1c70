"""Any rows of any set, read together: the same pictures as one by one, and nothing beyond a limit."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from ganlab.data import BrokenPicture, Dataset, Images, open_images, sources, stored
from ganlab.data.images import Pictures
from ganlab.data.sources import DrawnImages
from tests.data_kit import encoded, pixels

COUNT = 20
ASKED: list[Sequence[int]] = [range(0, COUNT, 5), [3, 17, 17, 0], range(9, -1, -3), range(4, 11), np.array([12, 2]), []]


def speckled(index: int, size: int) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 256, (size, size, 3), dtype=np.uint8)


def folder(place: Path) -> Images:
    (place / "folder").mkdir()
    for index in range(COUNT):
        (place / "folder" / f"{index:02}.png").write_bytes(encoded(pixels(index)))
    return open_images(str(place / "folder"))


def zipped(place: Path) -> Images:
    with zipfile.ZipFile(place / "set.zip", "w") as archive:
        for index in range(COUNT):
            archive.writestr(f"{index:02}.png", encoded(pixels(index)))
    return open_images(str(place / "set.zip"))


def array(place: Path) -> Images:
    np.save(place / "set.npy", np.stack([pixels(index) for index in range(COUNT)]))
    return open_images(str(place / "set.npy"))


def drawn(place: Path) -> Images:
    return DrawnImages(Dataset("speckles", "", "1", COUNT, speckled), COUNT, "speckles")


def chosen(place: Path) -> Images:
    np.save(place / "more.npy", np.stack([pixels(index) for index in range(2 * COUNT)]))
    rows = [*range(5), 6, *range(15, 38, 2), 36, 38]
    return open_images(str(place / "more.npy")).only(f"number {row}" for row in rows)


def relabelled(place: Path) -> Images:
    return array(place).with_labels(["a"] * COUNT)


KINDS = [folder, zipped, array, drawn, chosen, relabelled]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def images(request: pytest.FixtureRequest, tmp_path: Path) -> Images:
    return request.param(tmp_path)


@pytest.fixture(params=[0, 2], ids=["here", "children"])
def workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    for module in (stored, sources):
        monkeypatch.setattr(module, "WORTH_PROCESSES", 1)
    return request.param


@pytest.fixture
def read(images: Images, workers: int) -> Iterator[Callable[[Sequence[int]], Pictures]]:
    with images._in_bulk(workers, COUNT) as read_sized:
        yield lambda rows: read_sized(rows, 8, 3)


def test_rows_are_the_same_together_as_one_by_one(images: Images, read: Callable[[Sequence[int]], Pictures]) -> None:
    assert len(images) == COUNT
    for rows in ASKED:
        found = read(rows)
        assert len(found) == len(rows)
        for row, picture in zip(rows, found, strict=True):
            assert isinstance(picture, np.ndarray)
            np.testing.assert_array_equal(picture, images.array(row, 8, 3))


def test_rows_that_are_not_there_are_refused(images: Images, read: Callable[[Sequence[int]], Pictures]) -> None:
    for rows in (range(15, 25), [0, COUNT], [-1]):
        with pytest.raises(IndexError):
            read(rows)


def test_rows_beyond_a_limit_are_refused(images: Images, workers: int) -> None:
    with images.first(10)._in_bulk(workers, COUNT) as read:
        assert len(read(range(5, 10), 8, 3)) == 5
        with pytest.raises(IndexError):
            read(range(5, 15), 8, 3)


def test_broken_pictures_are_named_whatever_the_rows(tmp_path: Path, workers: int) -> None:
    images = folder(tmp_path)
    for index in (4, 9, 12):
        (tmp_path / "folder" / f"{index:02}.png").write_bytes(b"no picture")
    part = images.only(images.name(i) for i in range(2, 20))
    for whole, rows in ((images, [12, 3, 4, 9]), (part, [10, 1, 2, 7])):
        with whole._in_bulk(workers, COUNT) as read:
            found = read(rows, 8, 3)
        names = [one.name if isinstance(one, BrokenPicture) else "" for one in found]
        assert names == ["12.png", "", "04.png", "09.png"]
