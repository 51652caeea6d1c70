"""Zip files of pictures, whole, damaged and hostile."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganlab.data import BrokenPicture, open_images, sources
from tests.data_kit import bomb_png, encoded, make_folder, make_zip, pixels, refused, same
from tests.kit import read_or_refused


def test_a_zip_gives_what_the_folder_gives(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set")
    members = {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.*"), reverse=True) if p.is_file()
    }
    members["__MACOSX/a/._000.png"] = b"resource fork"
    path = make_zip(tmp_path / "set.zip", members)
    zipped, plain = open_images(str(path)), open_images(str(folder))
    assert [zipped.name(i) for i in range(6)] == [plain.name(i) for i in range(6)]
    assert same(zipped, plain)
    assert zipped.ignored == 1


def test_the_fingerprint_of_a_zip(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "set.zip", {"a.png": encoded(pixels(0)), "b.png": encoded(pixels(1))})
    images = open_images(str(path))
    assert not images.changed()
    assert images.first(1).fingerprint() != images.fingerprint()
    stamp = path.stat().st_mtime_ns
    make_zip(path, {"a.png": encoded(pixels(0)), "b.png": encoded(pixels(2))})
    os.utime(path, ns=(stamp, stamp))
    assert images.changed()


def test_damaged_zips(tmp_path: Path) -> None:
    whole = make_zip(tmp_path / "set.zip", {f"{i}.png": encoded(pixels(i)) for i in range(4)}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "cut.zip", "is no complete zip file", "again")
    (tmp_path / "text.zip").write_text("not found")
    refused(tmp_path / "text.zip", "is no complete zip file", "again")
    refused(make_zip(tmp_path / "empty.zip", {}), "holds no pictures: it is empty")
    refused(
        make_zip(tmp_path / "other.zip", {"a.txt": b"", "d/": b""}), "holds no pictures, only other files (1, of .txt)"
    )


def test_an_encrypted_zip(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "set.zip", {"a.png": encoded(pixels(0))})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    refused(path, "encrypted", "Unpack")


def test_broken_members_of_a_zip(tmp_path: Path) -> None:
    damaged = encoded(pixels(1))
    path = make_zip(tmp_path / "set.zip", {"a.png": damaged, "b.png": encoded(pixels(2)), "c.png": bomb_png(13_400)})
    data = bytearray(path.read_bytes())
    data[data.index(damaged) + 100] ^= 0xFF
    path.write_bytes(bytes(data))
    images = open_images(str(path))
    with pytest.raises(BrokenPicture, match="CRC"):
        images.array(0, 16, 3)
    assert images.array(1, 16, 3).shape == (16, 16, 3)
    with pytest.raises(BrokenPicture, match="decompression bomb"):
        images.array(2, 16, 3)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LARGEST_MEMBER", 1 << 24)
    with (
        zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.png", "w") as member,
    ):
        for _ in range(17):
            member.write(bytes(1 << 20))
    assert (tmp_path / "bomb.zip").stat().st_size < 1 << 20
    with pytest.raises(BrokenPicture, match="zip bomb"):
        open_images(str(tmp_path / "bomb.zip")).array(0, 16, 3)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000), st.integers(1, 6), st.booleans())
def test_zips_with_flipped_bytes(tmp_path: Path, seed: int, flips: int, cut: bool) -> None:
    rng = np.random.default_rng(seed)
    path = make_zip(tmp_path / "set.zip", {f"{i}.png": encoded(pixels(i)) for i in range(2)}, compression=8)
    data = bytearray(path.read_bytes())
    for place in rng.integers(0, len(data), flips):
        data[place] ^= int(rng.integers(1, 256))
    path.write_bytes(bytes(data[: rng.integers(len(data))] if cut else data))
    with read_or_refused():
        images = open_images(str(path))
        for i in range(len(images)):
            assert images.array(i, 8, 3).shape == (8, 8, 3)
