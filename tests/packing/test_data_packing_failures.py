"""Packing that fails, is interrupted or killed leaves nothing that counts, and says why."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ganlab.data import open_images
from ganlab.data.packing import pack
from ganlab.data.sources import FolderImages
from ganlab.errors import GanlabError
from tests.packing.kit import add_a_picture, leftovers, one_by_one, run


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
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("reading")]


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
from ganlab.data import open_images, packing, reading
reading.PART_BYTES = 1
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
    pack(images, 16, 3, cache=cache)  # which is found
    assert len(leftovers(cache)) == 2


def test_two_processes_at_once(folder: Path, cache: Path) -> None:
    both = [run(SLOWLY, folder, cache, 0.03) for _ in range(2)]
    outputs = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert len({output.splitlines()[-1] for output, _ in outputs}) == 1
    assert len(leftovers(cache)) == 2


def replaces_nothing_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = os.replace

    def replace(source: Path, target: Path) -> None:
        if target.exists():
            raise PermissionError(errno.EACCES, "Access is denied", str(target))
        plain(source, target)

    monkeypatch.setattr("os.replace", replace)


def test_a_pack_that_another_process_has_open_is_taken(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows it cannot be replaced by its like, which was packed at the same time."""
    replaces_nothing_in_use(monkeypatch)
    others = []

    def meanwhile(done: int, total: int) -> None:
        others.append(pack(open_images(str(folder)), 16, 3, cache=cache))

    packed = pack(open_images(str(folder)), 16, 3, cache=cache, progress=meanwhile)
    assert [other.fingerprint for other in others] == [packed.fingerprint]
    assert (packed.array == one_by_one(open_images(str(folder)), 16, 3)).all()
    assert len(leftovers(cache)) == 2


def test_half_a_pack_that_cannot_be_replaced_is_told(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(open_images(str(folder)), 16, 3, cache=cache)
    (facts,) = cache.glob("*.json")
    facts.unlink()
    replaces_nothing_in_use(monkeypatch)
    with pytest.raises(GanlabError, match="cannot be written: Access is denied"):
        pack(open_images(str(folder)), 16, 3, cache=cache)


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
