"""CelebA, parquet and tars: against what a real writer wrote, and damaged."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sys
import tarfile
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganlab import GanlabError, open_images, progressbar
from ganlab.data.packing import pack
from tests import datasets_kit as kit
from tests.data_kit import broken_png, encoded, pixels, refused
from tests.datasets_kit import shows, survives_a_process
from tests.kit import read_or_refused


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


# parquet


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


# tars


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.xz", "tar.bz2"])
def test_a_tar_of_pictures(tmp_path: Path, kind: str, format: int) -> None:
    long = "x" * (60 if format == tarfile.USTAR_FORMAT else 120)
    members = {f"set/train/{'cat' if i < 2 else 'dog'}/{long}{i}.png": encoded(pixels(i)) for i in range(4)}
    others = {"set/readme": b"x", "set/.hidden.png": b"x"}
    mode = "w" if kind == "tar" else f"w:{kind[4:]}"
    path = kit.tar_of(tmp_path / f"a.{kind}", members | others, mode, format)
    images = open_images(str(path))
    assert (len(images), images.ignored) == (4, 1)
    assert all(shows(images, i, i) for i in (3, 0, 1, 2))
    assert images.name(2) == f"set/train/dog/{long}2.png"
    assert images.label(2) == "dog"
    assert len(images.first(2)) == 2
    assert survives_a_process(images)


@pytest.mark.parametrize("library", [gzip, lzma, bz2])
@pytest.mark.parametrize("ending", [".tar.x", ".packed"])
def test_a_tar_in_many_streams(tmp_path: Path, library: Any, ending: str) -> None:
    """As tools write it that pack parts of a file at the same time."""
    plain = kit.tar_of(tmp_path / "a.tar", {f"{i}.png": encoded(pixels(i)) for i in range(4)}).read_bytes()
    path = tmp_path / f"a{ending}"
    streams = [library.compress(plain[start : start + 700]) for start in range(0, len(plain), 700)]
    path.write_bytes(b"".join(streams))
    images = open_images(str(path))
    assert len(images) == 4
    assert all(shows(images, i, i) for i in range(4))
    path.write_bytes(b"".join(streams[: len(streams) // 4]))
    refused(path, "is damaged, or no packed tar")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_links_in_a_tar_are_the_files_that_they_stand_for(tmp_path: Path, mode: str) -> None:
    links = {
        "set/hard.png": (tarfile.LNKTYPE, "set/a/1.png"),
        "set/b/soft.png": (tarfile.SYMTYPE, "../a/./1.png"),
        "set/b/again.png": (tarfile.SYMTYPE, "soft.png"),
        "set/gone.png": (tarfile.SYMTYPE, "nowhere.png"),
        "set/outside.png": (tarfile.SYMTYPE, "/etc/1.png"),
        "set/notes": (tarfile.SYMTYPE, "a/1.png"),
        "set/.hidden.png": (tarfile.SYMTYPE, "a/1.png"),
    }
    path = tmp_path / ("a.tar" if mode == "w" else "a.tar.gz")
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for i in range(2):
            member = tarfile.TarInfo(f"./set/a/{i}.png")
            member.size = len(encoded(pixels(i)))
            archive.addfile(member, io.BytesIO(encoded(pixels(i))))
        for name, (kind, target) in links.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
    images = open_images(str(path))
    assert [images.name(i) for i in range(2, len(images))] == ["set/hard.png", "set/b/soft.png", "set/b/again.png"]
    assert [shows(images, i, (0, 1, 1, 1, 1)[i]) for i in range(5)] == [True] * 5
    assert images.ignored == 3, "two that lead nowhere, and one that is no picture by its name"
    assert survives_a_process(images)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_it_is_told_how_far_a_tar_was_gone_through(
    tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progressbar, "EVERY", 0)
    (tmp_path / "set").mkdir()
    for shard in ("0", "1"):
        kit.tar_of(tmp_path / "set" / f"{shard}.tar", {f"{i}.png": encoded(pixels(i)) for i in range(4)}, mode)
    with progressbar.shown_progress():
        open_images(str(tmp_path / "set"))
    said = capsys.readouterr().err
    assert "looking through shards 1 of 2" in said
    assert f"{'unpacking' if mode == 'w:gz' else 'looking through'} 1.tar 3" in said


def test_a_full_temporary_folder_is_not_the_tars_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kit.tar_of(tmp_path / "a.tar.gz", {f"{i}.png": encoded(pixels(i)) for i in range(4)}, "w:gz")

    resource = pytest.importorskip("resource", reason="no limits of files here")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))
    try:
        refused(path, f"Unpacking {path} into a temporary file failed: File too large.", "Set TMPDIR")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    refused(path, f"Unpacking {path} into a temporary file failed: No such file", "Set TMPDIR")


def test_one_picture_of_each_key_of_webdataset(tmp_path: Path) -> None:
    members = {
        "000.seg.png": encoded(pixels(9)), "000.jpg": encoded(pixels(0)), "000.cls": b"3",
        "001.jpg": encoded(pixels(1)), "001.png": encoded(pixels(9)), "001.cls": b"4",
    }  # fmt: skip
    images = open_images(str(kit.tar_of(tmp_path / "a.tar", members)))
    assert [(images.name(i), images.label(i)) for i in range(len(images))] == [("000.jpg", "3"), ("001.jpg", "4")]
    assert images.ignored == 2
    frames = {f"frame.{i:04}.png": encoded(pixels(i)) for i in range(3)}
    assert len(open_images(str(kit.tar_of(tmp_path / "b.tar", frames)))) == 3, "only dots in their names"


def test_shards(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    for number in range(3):
        kit.tar_of(folder / f"train-{number:03}.tar", kit.shard(number * 4, 4))
    (folder / "sizes.json").write_text("{}")
    for spec in (folder, folder / "train-{000..002}.tar"):
        images = open_images(str(spec))
        assert (len(images), images.spec) == (12, str(spec))
        assert all(shows(images, i, i) for i in range(12))
        assert [images.label(i) for i in range(12)] == [str(i % 3) for i in range(12)]
    assert images.name(5) == "train-001/000005.png"
    assert len(open_images(f"{folder}/train-{{001..002}}.tar")) == 8
    refused(f"{folder}/train-{{001..004}}.tar", "train-003.tar", "only shards that are there")
    refused(f"{folder}/train-{{3..1}}.tar", "names no shards")
    packed = pack(images, 16, 3, cache=tmp_path / "cache", workers=4)
    assert all((packed.array[i] == images.array(i, 16, 3)).all() for i in range(12))


def test_what_tools_leave_beside_shards(tmp_path: Path) -> None:
    """As img2dataset writes them, and NeMo Curator."""
    for number in range(2):
        kit.tar_of(tmp_path / f"{number:05}.tar", kit.shard(number * 4, 4))
        (tmp_path / f"{number:05}.parquet").write_bytes(b"PAR1 of urls and captions")
        (tmp_path / f"{number:05}_stats.json").write_text("{}")
        (tmp_path / f"{number:05}.idx").write_text("v1.2 1")
    assert len(open_images(str(tmp_path))) == 8
    kit.tar_of(tmp_path / "notes.zip", {})
    refused(tmp_path, "holds no pictures", f"{tmp_path}/00000.tar")
    assert len(open_images(f"tar:{tmp_path}")) == 8, "whatever else there is"


@pytest.mark.parametrize("kind", ["tar.gz", "tgz", "TAR"])
def test_shards_of_any_kind_of_tar(tmp_path: Path, kind: str) -> None:
    for number in range(2):
        kit.tar_of(tmp_path / f"{number}.{kind}", kit.shard(number * 4, 4), "w" if kind == "TAR" else "w:gz")
    images = open_images(str(tmp_path))
    assert all(shows(images, i, i) for i in range(8))


@pytest.mark.parametrize("table", ["00000.parquet", "metadata.parquet"])
def test_a_table_about_pictures_in_files_is_not_taken_for_them(tmp_path: Path, table: str) -> None:
    (tmp_path / "00000").mkdir()
    (tmp_path / "00000" / "1.png").write_bytes(encoded(pixels(0)))
    (tmp_path / table).write_bytes(b"PAR1 of urls and captions")
    images = open_images(str(tmp_path))
    assert (len(images), images.ignored) == (1, 1)


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


def test_damaged_tars(tmp_path: Path) -> None:
    whole = kit.tar_of(tmp_path / "a.tar", {f"{i}.png": encoded(pixels(i)) for i in range(4)}).read_bytes()
    ends = 4 * (512 + -(-len(encoded(pixels(0))) // 512) * 512)
    second = ends // 4
    overwritten = whole[:second] + b"\xff" * 512 + whole[second + 512 :]
    for broken in (whole[: ends // 2], whole[: ends - 512], whole[:ends], whole[:600], b"", overwritten):
        (tmp_path / "a.tar").write_bytes(broken)
        refused(tmp_path / "a.tar", "is damaged, or no tar")
    packed = kit.tar_of(tmp_path / "b.tar.gz", {f"{i}.png": encoded(pixels(i)) for i in range(4)}, "w:gz")
    content = packed.read_bytes()
    for broken in (content[: len(content) // 2], content[:40], b"\x1f\x8b"):
        packed.write_bytes(broken)
        refused(packed, str(packed))
    huge = tarfile.TarInfo("x.png")
    huge.size = 1 << 40
    (tmp_path / "c.tar").write_bytes(huge.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
    refused(tmp_path / "c.tar", "would take")
    refused(kit.tar_of(tmp_path / "e.tar", {"a.txt": b"x"}), "holds no pictures, only other files (1)")
    kit.tar_of(tmp_path / "f.tar", {"a.png": encoded(pixels(0)), "a.json": b"{", "b.png": broken_png()})
    images = open_images(str(tmp_path / "f.tar"))
    with pytest.raises(GanlabError, match=r"a\.json cannot be read"):
        images.label(0)
    with pytest.raises(GanlabError, match=r"picture b\.png cannot be read"):
        images.picture(1)


@pytest.mark.parametrize("kind", [b"x", b"g", b"X", b"L", b"K"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_header_that_would_take_much_memory(tmp_path: Path, kind: bytes, packed: bool) -> None:
    """A name of 300 MB, which gzip makes small; and one that is only said to be so long."""
    for size, there in ((300 << 20, 300 << 20 if packed else 0), (1 << 40, 0)):
        header = tarfile.TarInfo("x")
        header.type, header.size = kind, size
        content = header.tobuf(tarfile.GNU_FORMAT)
        path = tmp_path / ("a.tar.gz" if packed else "a.tar")
        with gzip.open(path, "wb", 1) if packed else path.open("wb") as file:
            file.write(content)
            for _ in range(there >> 20):
                file.write(bytes(1 << 20))
        tracemalloc.start()
        refused(path, "a name or note in it takes")
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 8 << 20


def test_a_sparse_tar(tmp_path: Path) -> None:
    header = tarfile.TarInfo("a.png")
    header.type = tarfile.GNUTYPE_SPARSE
    (tmp_path / "a.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    refused(tmp_path / "a.tar", "a file with holes", "without --sparse")
    noted = tarfile.TarInfo("a.png")
    noted.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9"}
    with tarfile.open(tmp_path / "b.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(noted)
    refused(tmp_path / "b.tar", "a file with holes", "without --sparse")


def test_real_pictures_in_a_packed_tar(shared_data: Path) -> None:
    images = open_images(str(shared_data / "nyuv2-128.tar.xz"))
    assert len(images) > 1449
    assert images.picture(len(images) - 1).size == (128, 128)


def test_classify_says_how_to_choose_an_attribute(tmp_path: Path) -> None:
    from ganlab_classify.labelled import open_task

    folder = celeba(tmp_path / "celeba", ["3", "Smiling Male ", *ROWS])
    with pytest.raises(GanlabError) as caught:
        open_task(open_images(str(folder)), None, 0)
    assert f"{folder}:Smiling" in caught.value.hint
