"""LSUN's LMDB: against the library that writes them, and damaged."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganlab import GanlabError, open_images
from ganlab.data.packing import pack
from ganlab_datasets.lmdb_pages import Entries
from tests.data_kit import broken_png, encoded, pixels, refused
from tests.datasets_kit import shows, survives_a_process
from tests.kit import read_or_refused

PAGE = 4096
BRANCH, LEAF = 1, 2


def opened(folder: Path, **options: Any) -> Any:
    lmdb = pytest.importorskip("lmdb", reason="lmdb is not installed: the extra dev")
    return lmdb.open(str(folder), map_size=1 << 26, sync=False, **options)


def lsun(folder: Path, count: int, filling: int = 0) -> Path:
    """Pictures, each followed by so many bytes of nothing."""
    with opened(folder) as environment, environment.begin(write=True) as transaction:
        for i in range(count):
            picture = encoded(pixels(i), "WEBP" if i % 2 else "PNG")
            transaction.put(f"{i * 7919 % 10007:040x}".encode(), picture + bytes(filling))
    return folder


def test_lsun(tmp_path: Path) -> None:
    folder = lsun(tmp_path / "bedroom_val_lmdb", 150)
    by_key = sorted(range(150), key=lambda i: i * 7919 % 10007)
    images = open_images(str(folder))
    assert (len(images), images.label(0)) == (150, None)
    for i in (149, 0, 64, 63, 128, 7):
        assert images.name(i) == f"{by_key[i] * 7919 % 10007:040x}"
        assert by_key[i] % 2 or shows(images, i, by_key[i])
    assert open_images(str(folder / "data.mdb")).name(3) == images.name(3)
    assert survives_a_process(images)
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(open_images(str(folder)).name, range(150)))
    assert names == [images.name(i) for i in range(150)]
    packed = pack(images.first(100), 16, 3, cache=tmp_path / "cache", workers=3)
    assert (packed.array[77] == images.array(77, 16, 3)).all()
    assert not images.changed()
    refused(f"{folder}:train", "no part 'train'", "as it is")
    refused(lsun(tmp_path / "empty", 0), "holds no pictures")


@pytest.mark.parametrize("length", [3, 40, 500])
@pytest.mark.parametrize("count", [0, 1, 10, 1500])
def test_entries_are_those_of_the_library(tmp_path: Path, count: int, length: int) -> None:
    """Of values that lie in the leaf, of those that do not, and at the border; after many were deleted, too."""
    rng = np.random.default_rng([count, length])
    with opened(tmp_path) as environment:
        for round_ in range(4):
            with environment.begin(write=True) as transaction:
                keys = [key for key, _ in transaction.cursor()]
                for number in rng.permutation(len(keys))[: len(keys) // 2]:
                    transaction.delete(keys[number])
                for number in rng.integers(0, 1 << 24, count if round_ == 0 else count // 4).tolist():
                    size = int(rng.choice([0, 1, 300, *range(2020, 2044, 4), 4080, 4081, 20_000]))
                    transaction.put(number.to_bytes(3, "big").ljust(length, b"k"), rng.bytes(size))
            with environment.begin() as transaction:
                expected = list(transaction.cursor())
                leaves = transaction.stat()["leaf_pages"]
            entries = Entries(tmp_path / "data.mdb")
            assert len(entries) == len(expected)
            for i in rng.permutation(len(expected))[:300]:
                assert (entries.key(int(i)), entries.value(int(i))) == expected[i]
            assert [entries.key(i) for i in range(len(entries))] == [key for key, _ in expected]
            assert len(entries.leaves) == leaves


def test_a_part_of_many_is_there_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = lsun(tmp_path / "x", 400)
    read = []
    original = Entries._read
    monkeypatch.setattr(Entries, "_read", lambda *args: read.append(args[1]) or original(*args))
    images = open_images(str(folder))
    images.array(0, 16, 3)
    assert len(read) < 12  # the way down to the first leaf, which is read again for each answer
    images.array(399, 16, 3)
    few = len(read)
    images.array(200, 16, 3)
    assert len(read) - few <= 2


def test_other_databases(tmp_path: Path) -> None:
    with opened(tmp_path / "named", max_dbs=1) as environment:
        inner = environment.open_db(b"images")
        with environment.begin(write=True, db=inner) as transaction:
            transaction.put(b"a", b"b")
    refused(tmp_path / "named", "several databases", "one picture for each key")
    whole = bytearray((lsun(tmp_path / "x", 3) / "data.mdb").read_bytes())
    for number in (0, 1):
        whole[number * PAGE + 16 + 72 + 4] = 4  # several values of a key, as the tree's flags say it
    (tmp_path / "x" / "data.mdb").write_bytes(whole)
    refused(tmp_path / "x", "several values")
    for number in (0, 1):
        whole[number * PAGE + 20] = 2
    (tmp_path / "x" / "data.mdb").write_bytes(whole)
    refused(tmp_path / "x", "of version 2")


def test_a_file_that_is_not_whole(tmp_path: Path) -> None:
    whole = (lsun(tmp_path / "x_lmdb", 40) / "data.mdb").read_bytes()
    used = (struct.unpack_from("<Q", whole, PAGE + 136)[0] + 1) * PAGE
    for number, broken in enumerate((whole[: used - PAGE], whole[:5000], whole[:100], b"", bytes(20_000))):
        place = tmp_path / f"{number}"
        place.mkdir()
        (place / "data.mdb").write_bytes(broken)
        refused(place, str(place), "download it again")


def test_pages_that_lead_astray(tmp_path: Path) -> None:
    """A branch that leads to itself, to its first leaf again, to nowhere; entries that are not there."""
    folder = lsun(tmp_path / "x", 400)
    whole = (folder / "data.mdb").read_bytes()
    kinds = {n: struct.unpack_from("<H", whole, n * PAGE + 10)[0] for n in range(2, len(whole) // PAGE)}
    root = next(number for number, kind in kinds.items() if kind == BRANCH)
    nodes = [root * PAGE + place for place in struct.unpack_from("<3H", whole, root * PAGE + 16)]
    first = struct.unpack_from("<I", whole, nodes[0])[0]
    entries = max((0, PAGE), key=lambda start: whole[start + 144]) + 16 + 72 + 32
    for place, number in ((nodes[1], root), (nodes[1], first), (nodes[1], 1 << 30), (nodes[1], 0), (entries, 401)):
        content = bytearray(whole)
        struct.pack_into("<I", content, place, number)
        (folder / "data.mdb").write_bytes(content)
        images = open_images(str(folder))
        assert shows(images, 0, 0)  # what is before it can be read
        for _ in range(2):  # whoever asks again is told the same
            with pytest.raises(GanlabError, match="is damaged, or no LMDB") as caught:
                images.array(len(images) - 1, 16, 3)
            assert not caught.value.message.endswith("..")
    struct.pack_into("<Q", content, entries, 1 << 60)
    (folder / "data.mdb").write_bytes(content)
    refused(folder, "says that it holds")


def test_a_broken_picture_in_lsun(tmp_path: Path) -> None:
    with opened(tmp_path / "x") as environment, environment.begin(write=True) as transaction:
        transaction.put(b"a", encoded(pixels(0)))
        transaction.put(b"b", broken_png())
    packed = pack(open_images(str(tmp_path / "x")), 16, 3, cache=tmp_path / "cache", skip_broken=True)
    assert len(packed) == 1
    assert packed.broken[0].startswith("b (")


@pytest.mark.parametrize("filling", [0, 3000])
def test_flipped_bytes(tmp_path: Path, filling: int) -> None:
    """Nothing but an error in words, or a picture, whatever is overwritten."""
    folder = lsun(tmp_path / "x", 60, filling)
    whole = (folder / "data.mdb").read_bytes()
    heads = [n for n in range(len(whole) // PAGE) if n < 2 or struct.unpack_from("<H", whole, n * PAGE + 10)[0] < 4]
    rng = np.random.default_rng(filling)
    for number in range(60):
        content = bytearray(whole)
        for page in rng.choice(heads, 3):
            place = int(page) * PAGE + int(rng.integers(160 if number % 2 else PAGE))
            content[place] = int(rng.choice([0, 255, rng.integers(256)]))
        flipped = tmp_path / f"{number}.mdb"
        flipped.write_bytes(bytes(content))
        with read_or_refused():
            images = open_images(f"lsun:{flipped}")
            for i in range(min(len(images), 100)):
                images.name(i)
                assert images.array(i, 8, 3).shape == (8, 8, 3)
