"""How dedup reads: each picture once as long as it is remembered, the same ones as one by one, broken ones told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ganlab import GanlabError, open_images
from ganlab.data.sources import FolderImages
from ganlab_dedup import reading
from ganlab_dedup.reading import Reader

from .data_kit import make_folder

COUNT, BROKEN = 20, (2, 11)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """How often each row was decoded."""
    rows: Counter[int] = Counter()
    plain = FolderImages._decode

    def counting(self: FolderImages, row: int, size: int | None) -> object:
        rows[row] += 1
        return plain(self, row, size)

    monkeypatch.setattr(FolderImages, "_decode", counting)
    monkeypatch.setattr(reading, "BATCH", 6)
    return rows


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    images = open_images(str(make_folder(tmp_path, COUNT)))
    for row in BROKEN:
        (tmp_path / images.name(row)).write_bytes(b"no picture")
    return Reader(images, skip_broken=True)


def whole(reader: Reader, rows: list[int]) -> np.ndarray:
    return np.stack([reader.images.array(row, reading.SIDE, 3) for row in rows])


def test_batches_leave_out_what_is_broken_and_decode_nothing_twice(reader: Reader, decoded: Counter[int]) -> None:
    reader.memory = {row: np.full((64, 64, 3), row, np.uint8) for row in (0, 1, 7, 19)}
    for _ in range(2):
        batches = list(reader.batches(np.arange(COUNT), "reading"))
        assert [rows.tolist() for rows, _ in batches] == [
            [0, 1, 3, 4, 5], [6, 7, 8, 9, 10], [12, 13, 14, 15, 16, 17], [18, 19]
        ]  # fmt: skip
        pictures = {int(row): picture for rows, some in batches for row, picture in zip(rows, some, strict=True)}
        assert reader.broken.keys() == set(BROKEN)
        assert all("cannot be read" in why for why in reader.broken.values())
    assert decoded == {row: 1 if row in BROKEN else 2 for row in range(COUNT) if row not in reader.memory}
    assert all((pictures[row] == reader.memory[row]).all() for row in reader.memory)
    others = [row for row in pictures if row not in reader.memory]
    np.testing.assert_array_equal(np.stack([pictures[row] for row in others]), whole(reader, others))


def test_a_batch_of_nothing_but_broken_pictures_is_left_out(reader: Reader, decoded: Counter[int]) -> None:
    rows = np.array([*BROKEN, *BROKEN, *BROKEN, 5])
    assert [rows.tolist() for rows, _ in reader.batches(rows, "reading")] == [[5]]


def test_pictures_are_remembered_as_long_as_there_is_room(
    reader: Reader, decoded: Counter[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "KEPT", 3)
    asked = [[5, 4, 5, 0], [4, 0], [6], [5], [0]]  # 6 drives out 5, the one that was not asked for again
    found = [reader.pictures(np.array(rows)) for rows in asked]
    assert decoded == {5: 2, 4: 1, 0: 1, 6: 1}
    for rows, pictures in zip(asked, found, strict=True):
        np.testing.assert_array_equal(pictures, whole(reader, rows))
    np.testing.assert_array_equal(reader.picture(7), whole(reader, [7])[0])


def test_a_picture_that_breaks_meanwhile_is_told(reader: Reader) -> None:
    with pytest.raises(GanlabError, match="changed while"):
        reader.picture(BROKEN[0])
    strict = Reader(reader.images, skip_broken=False)
    with pytest.raises(GanlabError, match="cannot be read"):
        strict.pictures(np.array([1, BROKEN[0]]))
