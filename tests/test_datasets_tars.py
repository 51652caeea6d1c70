"""Tars of pictures and shards of webdataset: against what a real writer wrote, and damaged."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from ganlab import GanlabError, open_images, progressbar
from ganlab.data.packing import pack
from tests import datasets_kit as kit
from tests.data_kit import broken_png, encoded, pixels, refused
from tests.datasets_kit import shows, survives_a_process


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


def test_a_shard_that_is_there_packed_and_unpacked_counts_once(tmp_path: Path) -> None:
    kit.tar_of(tmp_path / "0.tar.gz", kit.shard(0, 4), "w:gz")
    kit.tar_of(tmp_path / "0.tar", kit.shard(0, 4))
    assert len(open_images(str(tmp_path))) == 4


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
    for no_json in (b"[" * 100_000, b"{"):
        kit.tar_of(tmp_path / "f.tar", {"a.png": encoded(pixels(0)), "a.json": no_json, "b.png": broken_png()})
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
