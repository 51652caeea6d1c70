"""The cache: right pixels, found again, never half, never out of date."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganlab.data import Images, open_images, packing
from ganlab.data.packing import PackedImages, pack
from ganlab.data.sources import FolderImages
from ganlab.errors import GanlabError
from tests.data_kit import broken_png, encoded, make_folder, make_zip, pixels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "set")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows that were decoded since the test began."""
    rows: list[int] = []
    plain = FolderImages._decode

    def counting(self: FolderImages, row: int, size: int | None) -> object:
        rows.append(row)
        return plain(self, row, size)

    monkeypatch.setattr(FolderImages, "_decode", counting)
    return rows


def one_by_one(images: Images, size: int, channels: int) -> np.ndarray:
    return np.stack([images.array(i, size, channels) for i in range(len(images))])


def leftovers(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*")) if cache.exists() else []


def run(code: str, *arguments: object) -> subprocess.Popen[str]:
    start = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(start, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=12),
    st.sampled_from([4, 16]),
    st.sampled_from([1, 3, 4]),
    st.sampled_from([0, 1, 3]),
)
def test_a_pack_is_every_picture_in_turn(
    tmp_path_factory: pytest.TempPathFactory,
    sides: list[tuple[int, int]],
    size: int,
    channels: int,
    workers: int,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    for index, (height, width) in enumerate(sides):
        (folder / f"{index:02}.png").write_bytes(encoded(pixels(index, height, width)))
    images = open_images(str(folder))
    packed = pack(images, size, channels, cache=folder / ".cache", workers=workers)
    assert isinstance(packed.array, np.memmap)
    assert packed.array.dtype == np.uint8
    assert (packed.array == one_by_one(images, size, channels)).all()
    assert packed.rows.tolist() == list(range(len(sides)))
    assert packed.broken == []


def test_many_small_chunks_keep_their_order(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "CHUNK_BYTES", 1)
    images = open_images(str(folder))
    seen: list[tuple[int, int]] = []
    packed = pack(images, 16, 3, cache=cache, workers=3, progress=lambda done, total: seen.append((done, total)))
    assert (packed.array == one_by_one(images, 16, 3)).all()
    assert seen == [(i, 6) for i in range(1, 7)]


def test_batches(folder: Path, cache: Path) -> None:
    packed = pack(open_images(str(folder)), 8, 3, cache=cache)
    batch = packed.batch(np.array([5, 0, 0, 3]))
    assert batch.shape == (4, 8, 8, 3)
    assert batch.dtype == np.uint8
    assert (batch == packed.array[[5, 0, 0, 3]]).all()
    assert len(packed) == 6
    batch[:] = 0  # the caller's own
    with pytest.raises(ValueError, match="read-only"):
        packed.array[0] = 0


def test_folder_zip_and_array_give_the_same_pack(folder: Path, cache: Path, tmp_path: Path) -> None:
    images = open_images(str(folder))
    members = {images.name(i): (folder / images.name(i)).read_bytes() for i in range(6)}
    make_zip(tmp_path / "set.zip", members)
    np.save(tmp_path / "set.npy", np.stack([pixels(i) for i in range(6)]))
    packs = [pack(open_images(str(tmp_path / name)), 16, 3, cache=cache) for name in ("set", "set.zip", "set.npy")]
    assert len({one.fingerprint for one in packs}) == 1
    assert all((one.array == packs[0].array).all() for one in packs)
    assert pack(images, 16, 1, cache=cache).fingerprint != packs[0].fingerprint
    assert pack(images.first(5), 16, 3, cache=cache).fingerprint != packs[0].fingerprint


# the cache


def test_a_pack_is_found_again(folder: Path, cache: Path, decoded: list[int]) -> None:
    first = pack(open_images(str(folder)), 16, 3, cache=cache)
    assert len(decoded) == 6
    again = pack(open_images(str(folder)), 16, 3, cache=cache)
    assert len(decoded) == 6
    assert again.fingerprint == first.fingerprint
    assert (again.array == first.array).all()
    assert len(leftovers(cache)) == 2


def test_other_sizes_and_limits_are_other_packs(folder: Path, cache: Path, decoded: list[int]) -> None:
    images = open_images(str(folder))
    for _ in range(2):
        assert pack(images, 16, 3, cache=cache).array.shape == (6, 16, 16, 3)
        assert pack(images, 8, 3, cache=cache).array.shape == (6, 8, 8, 3)
        assert pack(images, 16, 1, cache=cache).array.shape == (6, 16, 16, 1)
        assert pack(images.first(2), 16, 3, cache=cache).array.shape == (2, 16, 16, 3)
    assert len(decoded) == 6 + 6 + 6 + 2


def change_a_picture(folder: Path) -> None:
    (folder / "a" / "000.png").write_bytes(encoded(pixels(77)))


def add_a_picture(folder: Path) -> None:
    (folder / "new.png").write_bytes(encoded(pixels(77)))


def remove_a_picture(folder: Path) -> None:
    (folder / "a" / "000.png").unlink()


@pytest.mark.parametrize("change", [change_a_picture, add_a_picture, remove_a_picture])
def test_a_changed_folder_is_packed_anew(folder: Path, cache: Path, change: Callable[[Path], None]) -> None:
    before = pack(open_images(str(folder)), 16, 3, cache=cache)
    old = np.array(before.array)
    change(folder)
    images = open_images(str(folder))
    after = pack(images, 16, 3, cache=cache)
    assert after.fingerprint != before.fingerprint
    assert (after.array == one_by_one(images, 16, 3)).all()
    assert (before.array == old).all()  # whoever trains on the old pack goes on
    assert len(leftovers(cache)) == 2  # but it does not fill the disk


def test_a_touched_folder_has_the_same_pixels(folder: Path, cache: Path) -> None:
    before = pack(open_images(str(folder)), 16, 3, cache=cache).fingerprint
    os.utime(folder / "a" / "000.png", ns=(0, 0))
    assert pack(open_images(str(folder)), 16, 3, cache=cache).fingerprint == before


@pytest.mark.parametrize("damage", ["cut array", "no array", "cut facts", "no facts", "other facts", "empty array"])
def test_a_damaged_pack_is_packed_anew(folder: Path, cache: Path, damage: str, decoded: list[int]) -> None:
    whole = np.array(pack(open_images(str(folder)), 16, 3, cache=cache).array)
    (array,) = cache.glob("*.npy")
    (facts,) = cache.glob("*.json")
    how, which = damage.split()
    path = array if which == "array" else facts
    if how == "no":
        path.unlink()
    else:
        data = path.read_bytes()
        path.write_bytes({"cut": data[: len(data) * 2 // 3], "other": b'{"count": "x"}', "empty": b""}[how])
    assert (pack(open_images(str(folder)), 16, 3, cache=cache).array == whole).all()
    assert len(decoded) == 12


def test_where_the_cache_is(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANLAB_CACHE", str(tmp_path / "elsewhere"))
    pack(open_images(str(folder)), 8, 3)
    assert len(leftovers(tmp_path / "elsewhere")) == 2
    monkeypatch.delenv("GANLAB_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert packing.default_cache() == tmp_path / "home" / ".cache" / "ganlab"


# broken pictures


def broken_folder(folder: Path, count: int = 2) -> Path:
    for index in range(count):
        (folder / f"broken-{index}.png").write_bytes(broken_png(index))
    return folder


def test_broken_pictures_are_counted_and_named(folder: Path, cache: Path, decoded: list[int]) -> None:
    images = open_images(str(broken_folder(folder, 5)))
    for _ in range(2):
        with pytest.raises(GanlabError) as caught:
            pack(images, 16, 3, cache=cache)
        assert caught.value.message.startswith("5 of 11 pictures cannot be read: broken-0.png (")
        assert "broken-2.png" in caught.value.message
        assert caught.value.message.endswith(" and 2 more.")
        assert "--skip-broken" in caught.value.hint
    packed = pack(images, 16, 3, cache=cache, skip_broken=True)
    assert len(decoded) == 11  # once, not once for each attempt
    assert len(packed) == 6
    assert [name.split(" ")[0] for name in packed.broken] == [f"broken-{i}.png" for i in range(5)]
    assert packed.rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert (packed.array == one_by_one(images.first(6), 16, 3)).all()


def test_rows_say_which_picture_is_which(folder: Path, cache: Path) -> None:
    (folder / "a" / "001.png").write_bytes(broken_png())
    images = open_images(str(folder))
    packed = pack(images, 16, 3, cache=cache, skip_broken=True)
    assert packed.rows.tolist() == [0, 2, 3, 4, 5]
    assert all((packed.array[k] == images.array(int(i), 16, 3)).all() for k, i in enumerate(packed.rows))


def test_nothing_but_broken_pictures(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "set").mkdir()
    images = open_images(str(broken_folder(tmp_path / "set")))
    with pytest.raises(GanlabError, match="2 of 2 pictures"):
        pack(images, 16, 3, cache=cache)
    with pytest.raises(GanlabError, match="None of the 2 pictures"):
        pack(images, 16, 3, cache=cache, skip_broken=True)


def test_an_impossible_shape(folder: Path, cache: Path) -> None:
    with pytest.raises(GanlabError, match="2 channels"):
        pack(open_images(str(folder)), 16, 2, cache=cache)
    assert leftovers(cache) == []


# failures leave nothing


def test_a_full_disk(folder: Path, cache: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
from types import SimpleNamespace
from ganlab.data import open_images
from ganlab.data.packing import pack
from ganlab.errors import GanlabError
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
try:
    pack(open_images(sys.argv[1]), 64, 3, cache=Path(sys.argv[2]))
except GanlabError as error:
    print(error.message, error.hint)
"""
    output, errors = run(code, folder, cache).communicate()
    assert f"takes {128 + 6 * 64 * 64 * 3:,} bytes" in output, errors
    assert "GANLAB_CACHE" in output
    assert errors == ""
    assert leftovers(cache) == []


def test_a_disk_too_small_is_noticed_before_decoding(
    folder: Path, cache: Path, decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=9))
    with pytest.raises(GanlabError, match="bytes, for which"):
        pack(open_images(str(folder)), 16, 3, cache=cache)
    assert decoded == []
    assert leftovers(cache) == []


def test_an_unwritable_cache(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for cache in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(GanlabError, match=r"cannot be (read|written)") as caught:
            pack(open_images(str(folder)), 16, 3, cache=cache)
        assert "GANLAB_CACHE" in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_cache_without_permission(folder: Path, cache: Path) -> None:
    cache.mkdir(mode=0o500)
    with pytest.raises(GanlabError, match="cannot be written"):
        pack(open_images(str(folder)), 16, 3, cache=cache)


def test_pictures_that_change_meanwhile(folder: Path, cache: Path) -> None:
    with pytest.raises(GanlabError, match="changed while it was being packed"):
        pack(open_images(str(folder)), 16, 3, cache=cache, progress=lambda done, total: add_a_picture(folder))
    assert leftovers(cache) == []


def test_an_interruption_leaves_nothing(folder: Path, cache: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(open_images(str(folder)), 16, 3, cache=cache, progress=interrupt)
    assert leftovers(cache) == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pack")]


def test_too_little_memory(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(self: FolderImages, row: int, size: int | None) -> object:
        raise MemoryError

    monkeypatch.setattr(FolderImages, "_decode", hungry)
    for workers in (0, 2):
        with pytest.raises(GanlabError, match="not enough memory"):
            pack(open_images(str(folder)), 16, 3, cache=cache, workers=workers)
    assert leftovers(cache) == []


def test_a_failing_disk_is_no_broken_picture(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(GanlabError, match="Input/output error"):
        pack(open_images(str(folder)), 16, 3, cache=cache, skip_broken=True)
    assert leftovers(cache) == []


SLOWLY = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from ganlab.data import open_images, packing
packing.CHUNK_BYTES = 1
def progress(done, total):
    print(done, flush=True)
    time.sleep(float(sys.argv[3]))
packed = packing.pack(open_images(sys.argv[1]), 16, 3, cache=Path(sys.argv[2]), progress=progress)
print("packed", packed.fingerprint)
"""


def test_a_killed_process_leaves_nothing_that_counts(folder: Path, cache: Path) -> None:
    process = run(SLOWLY, folder, cache, 60)
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (partial,) = cache.glob("*.partial")
    images = open_images(str(folder))
    packed = pack(images, 16, 3, cache=cache)
    assert (packed.array == one_by_one(images, 16, 3)).all()
    assert partial.exists()  # it might have had an owner
    for path in (*partial.iterdir(), partial):
        os.utime(path, (time.time() - 4000,) * 2)
    add_a_picture(folder)
    pack(open_images(str(folder)), 16, 3, cache=cache)
    assert len(leftovers(cache)) == 2


def test_two_processes_at_once(folder: Path, cache: Path) -> None:
    both = [run(SLOWLY, folder, cache, 0.03) for _ in range(2)]
    outputs = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert len({output.splitlines()[-1] for output, _ in outputs}) == 1
    assert len(leftovers(cache)) == 2


def test_memory_does_not_grow_with_the_data(tmp_path: Path, cache: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
from ganlab.data import open_images
from ganlab.data.packing import pack
images = open_images(sys.argv[1])
images.array(0, 8, 3)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
packed = pack(images, 128, 3, cache=Path(sys.argv[2]))
print(packed.array.nbytes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    np.save(tmp_path / "set.npy", np.zeros((2000, 8, 8), np.uint8))
    output, errors = run(code, tmp_path / "set.npy", cache).communicate()
    packed, grown = map(int, output.split() or [0, 0])
    assert packed > 98_000_000, errors
    assert grown * (1 if sys.platform == "darwin" else 1024) < packed / 2


def test_the_facts_of_a_pack_can_be_read(folder: Path, cache: Path) -> None:
    images = open_images(str(broken_folder(folder, 1)))
    packed = pack(images, 16, 3, cache=cache, skip_broken=True)
    (facts,) = (json.loads(path.read_text()) for path in cache.glob("*.json"))
    assert facts["count"] == 6
    assert facts["pixels"] == packed.fingerprint
    assert facts["spec"] == str(folder)
    assert facts["broken"] == [[6, packed.broken[0]]]
    assert isinstance(packed, PackedImages)
