"""Parquet: against what a real writer wrote, in bounded memory, and damaged."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from ganlab import GanlabError, open_images
from ganlab.data.packing import pack
from tests.data_kit import encoded, pixels, refused
from tests.datasets_kit import shows, survives_a_process
from tests.kit import read_or_refused


def test_a_library_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "train-00000-of-00001.parquet").write_bytes(b"PAR1")
    refused(tmp_path, "which is not installed", 'pip install "ganlab[parquet]"')


def parquet(file: Path, first: int, count: int, *, classes: bool = True) -> None:
    """As the datasets library writes it: a column of bytes and path, one of labels, and what they mean."""
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra parquet")
    import pyarrow.parquet

    file.parent.mkdir(parents=True, exist_ok=True)
    pictures = [{"bytes": encoded(pixels(i)), "path": f"{i}.png"} for i in range(first, first + count)]
    columns = {"image": arrow.array(pictures), "label": arrow.array([i % 2 for i in range(first, first + count)])}
    table = arrow.table(columns)
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    if classes:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pyarrow.parquet.write_table(table, file, row_group_size=4)


def test_parquet(tmp_path: Path) -> None:
    for number in range(2):
        parquet(tmp_path / "set" / "data" / f"train-{number:05}-of-00002.parquet", number * 10, 10)
    parquet(tmp_path / "set" / "data" / "test-00000-of-00001.parquet", 50, 3)
    (tmp_path / "set" / "README.md").write_text("about it")
    (tmp_path / "set" / "data" / "._test-00000-of-00001.parquet").write_bytes(b"macOS's")
    images = open_images(str(tmp_path / "set"))
    assert (len(images), images.parts) == (23, ("train", "test"))
    assert all(shows(images, i, i) for i in (0, 3, 4, 9, 10, 19))
    assert shows(images, 22, 52)
    assert [images.name(i) for i in (1, 22)] == ["train/dog/0000001", "test/cat/0000002"]
    assert open_images(f"{tmp_path / 'set'}:test").name(2) == images.name(22), (
        "a list of the part's names fits the whole"
    )
    assert len(open_images(f"{tmp_path / 'set'}:test")) == 3
    assert survives_a_process(images)
    packed = pack(images, 16, 3, cache=tmp_path / "cache", workers=4)
    assert all((packed.array[i] == images.array(i, 16, 3)).all() for i in range(23))
    refused(f"{tmp_path / 'set'}:valid", "no part 'valid'", "train, test")
    parquet(tmp_path / "plain.parquet", 0, 3, classes=False)
    assert open_images(str(tmp_path / "plain.parquet")).name(1) == "1/0000001"


def test_parquet_of_which_shards_are_missing_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    there = [tmp_path / f"train-{number:05}-of-00007.parquet" for number in (0, 2)]
    for file in there:
        parquet(file, 0, 2)
    parquet(tmp_path / "test-00000-of-00001-abc123.parquet", 0, 2)
    missing = "lacks 5 of 7 shards: train-00001-of-00007, train-00003-of-00007, train-00004-of-00007, ..."
    refused(tmp_path, missing, f"One file alone can be opened too: {there[0]}")
    refused(f"{tmp_path}:train", missing)
    assert len(open_images(f"{tmp_path}:test")) == len(open_images(str(there[1]))) == 2
    for number in (1, 3, 4, 6):
        parquet(tmp_path / f"train-{number:05}-of-00007.parquet", 0, 2)
    refused(tmp_path, "lacks 1 of 7 shards: train-00005-of-00007.")


def test_shards_of_parquet_may_be_counted_from_one(tmp_path: Path) -> None:
    for number in (1, 2):
        parquet(tmp_path / f"train-{number:05}-of-00002.parquet", 0, 2)
    parquet(tmp_path / "metadata.parquet", 0, 2)
    assert len(open_images(str(tmp_path))) == 4


def test_columns_of_parquet_in_memory_are_bounded_by_their_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ganlab_datasets import parquet as reader

    for number in range(3):
        parquet(tmp_path / f"train-{number:05}-of-00003.parquet", 10 * number, 10)
    monkeypatch.setattr(reader, "KEPT", 1)
    images = open_images(str(tmp_path))
    for _ in range(2):
        assert [shows(images, i, i) for i in (0, 29, 11)] == [True] * 3
        assert len(reader._columns.held) == 1
        assert reader._columns.bytes == next(iter(reader._columns.held.values())).nbytes


def test_of_parquet_with_many_groups_of_rows_neither_labels_nor_footers_are_read_again_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet(tmp_path / "a.parquet", 0, 40)
    import pyarrow.parquet

    footers: list[bool] = []  # of each opened file: whether it was read
    opened = pyarrow.parquet.ParquetFile

    def opening(file: Path, metadata: object = None) -> object:
        footers.append(metadata is None)
        return opened(file, metadata=metadata)

    monkeypatch.setattr(pyarrow.parquet, "ParquetFile", opening)
    images = open_images(str(tmp_path / "a.parquet"))
    assert [images.label(i) for i in range(40)] == ["cat", "dog"] * 20
    assert footers == [True, False], "one more for all labels"
    assert all(shows(images, i, i) for i in range(40))
    assert footers[2:] == [False] * 10


def test_parquet_that_was_written_again_is_read_again(tmp_path: Path) -> None:
    for first in (0, 5):
        parquet(tmp_path / "a.parquet", first, 3)
        images = open_images(str(tmp_path / "a.parquet"))
        assert [shows(images, i, first + i) for i in range(3)] == [True] * 3
        assert images.label(0) == ("cat", "dog")[first % 2]


def test_which_column_of_parquet_has_the_pictures(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra parquet")
    tables = pytest.importorskip("pyarrow.parquet")

    def written(*names: str) -> Path:
        columns = {name: [{"bytes": encoded(pixels(names.index(name))), "path": ""}] for name in names}
        tables.write_table(arrow.table(columns), tmp_path / "a.parquet")
        return tmp_path / "a.parquet"

    assert shows(open_images(str(written("audio", "image"))), 0, 1)
    assert shows(open_images(str(written("scan"))), 0, 0)
    refused(written("scan", "audio"), "any of the columns scan, audio", "called image")
    refused(written("image", "png"), "any of the columns image, png")


def test_a_row_of_parquet_without_its_class(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra parquet")
    tables = pytest.importorskip("pyarrow.parquet")

    parquet(tmp_path / "a.parquet", 0, 3)
    table = tables.read_table(tmp_path / "a.parquet")
    table = table.set_column(1, "label", arrow.array([1, -1, None]))
    tables.write_table(table, tmp_path / "a.parquet")
    images = open_images(str(tmp_path / "a.parquet"))
    assert [images.label(i) for i in range(3)] == ["dog", None, None]
    assert images.name(1) == "0000001"
    tables.write_table(table.replace_schema_metadata({}), tmp_path / "b.parquet")
    assert open_images(str(tmp_path / "b.parquet")).label(1) == "-1", "a class like any other where none has a name"


def test_damaged_parquet(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    parquet(file, 0, 9)
    whole = file.read_bytes()
    for broken in (whole[: len(whole) // 2], b"PAR1", b"", whole[:-60] + b"\xff" * 52 + whole[-8:]):
        file.write_bytes(broken)
        refused(file, "is damaged, or no parquet file")
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"]}), file)
    refused(file, "has no column of pictures; it has text", f"Pictures in files: folder:{tmp_path}")
    rows = [{"bytes": encoded(pixels(0)), "path": ""}, {"bytes": None, "path": "elsewhere.png"}]
    pyarrow.parquet.write_table(pyarrow.table({"image": rows}), file)
    images = open_images(str(file))
    assert shows(images, 0, 0)
    with pytest.raises(GanlabError, match="bytes are not in the file"):
        images.picture(1)
    rng = np.random.default_rng(0)
    for _ in range(30):
        content = bytearray(whole)
        for place in rng.integers(4, len(content), 5):
            content[place] ^= int(rng.integers(1, 256))
        flipped = tmp_path / f"{rng.integers(1 << 60)}.parquet"
        flipped.write_bytes(bytes(content))
        with read_or_refused():
            opened = open_images(str(flipped))
            for i in range(len(opened)):
                opened.label(i)
                assert opened.array(i, 8, 3).shape == (8, 8, 3)


@pytest.mark.parametrize("table", ["00000.parquet", "metadata.parquet"])
def test_a_table_about_pictures_in_files_is_not_taken_for_them(tmp_path: Path, table: str) -> None:
    (tmp_path / "00000").mkdir()
    (tmp_path / "00000" / "1.png").write_bytes(encoded(pixels(0)))
    (tmp_path / table).write_bytes(b"PAR1 of urls and captions")
    images = open_images(str(tmp_path))
    assert (len(images), images.ignored) == (1, 1)
