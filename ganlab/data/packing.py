"""Decode a set of pictures once, into a cache that training reads at the speed of memory."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ganlab.data.images import BrokenPicture, Images
from ganlab.data.opening import open_images
from ganlab.errors import GanlabError

LAYOUT = 1  # raised when the same pictures would be packed differently
HEADER = 128  # bytes before the pixels of a pack
CHUNK_BYTES = 2 << 20
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
ABANDONED = 3600  # seconds without a write after which a temporary file has no owner any more

Progress = Callable[[int, int], None]


@dataclass
class PackedImages:
    """Pictures ready for training: `array` is uint8 (n, size, size, channels), read-only and mapped from disk.

    `rows` (n,) says which picture of the source each one is, `broken` names those left out,
    `fingerprint` changes when the source, the size or the channels do.
    """

    array: np.ndarray
    fingerprint: str
    broken: list[str] = field(default_factory=list)
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.array)

    def batch(self, indices: np.ndarray) -> np.ndarray:
        """The pictures at `indices`, uint8 (len(indices), size, size, channels), in memory."""
        return np.asarray(self.array[indices])


def default_cache() -> Path:
    """`GANLAB_CACHE`, or `~/.cache/ganlab`."""
    return Path(os.environ.get("GANLAB_CACHE") or Path.home() / ".cache" / "ganlab").expanduser()


def pack(
    images: Images,
    size: int,
    channels: int,
    *,
    cache: Path | None = None,
    workers: int = 2,
    skip_broken: bool = False,
    progress: Progress | None = None,
) -> PackedImages:
    """Every picture of `images` as `images.array(i, size, channels)`, decoded once and kept in `cache`.

    A later call finds the pack again as long as the fingerprint of `images` is the same. The pack is written beside and
    renamed, so that a crash leaves nothing that could be taken for whole, and two processes may pack the same set at once.
    Memory stays bounded whatever the number of pictures. `workers` threads decode; 0 decodes in the calling thread.
    `progress(done, total)` is called as pictures are done.

    Raises `GanlabError` for broken pictures (unless `skip_broken`), a full disk, an unwritable cache,
    or pictures that change meanwhile.
    """
    place = _Place(images, size, channels, cache or default_cache())
    packed = place.load()
    if packed is None:
        _write(images, place, workers, progress)
        packed = place.load()
        if packed is None:
            raise GanlabError(f"The pack in {place.folder} vanished while it was written.", "Try again.")
        place.drop_outdated()
    if packed.broken and not skip_broken:
        raise _broken(packed.broken, len(images))
    if not len(packed):
        raise GanlabError(f"None of the {len(images)} pictures in {images.spec} can be read.", "Check the data.")
    return packed


class _Place:
    """Where in the cache the pack of these pictures lies."""

    def __init__(self, images: Images, size: int, channels: int, folder: Path) -> None:
        self.images, self.size, self.channels, self.folder = images, size, channels, folder
        facts = (LAYOUT, images.fingerprint(), size, channels)
        self.fingerprint = hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()
        source = hashlib.blake2b(repr((images.source, images.limit)).encode("utf-8", "replace"), digest_size=6)
        self.family = f"{source.hexdigest()}-{size}x{channels}"
        self.array = folder / f"{self.family}-{self.fingerprint}.npy"
        self.facts = self.array.with_suffix(".json")  # written last: without it there is no pack

    def load(self) -> PackedImages | None:
        try:
            facts = json.loads(self.facts.read_text())
            array = np.load(self.array, mmap_mode="r", allow_pickle=False) if facts["count"] else self._empty()
            broken = {int(row): name for row, name in facts["broken"]}
        except (FileNotFoundError, ValueError, KeyError, TypeError, EOFError):
            return None
        except OSError as error:
            raise GanlabError(f"The cache {self.folder} cannot be read: {error.strerror}.", _CACHE_HINT) from error
        if array.shape != (facts["count"], self.size, self.size, self.channels) or array.dtype != np.uint8:
            return None
        rows = np.delete(np.arange(len(self.images)), list(broken))
        return PackedImages(array, self.fingerprint, list(broken.values()), rows)

    def _empty(self) -> np.ndarray:
        return np.zeros((0, self.size, self.size, self.channels), np.uint8)

    def drop_outdated(self) -> None:
        """Remove packs of earlier states of the same source, and what killed processes left."""
        for path in self.folder.glob(f"{self.family}-*"):
            if path.stem != self.array.stem:
                _remove(path)
        for path in self.folder.glob("*.partial"):
            try:
                abandoned = time.time() - path.stat().st_mtime > ABANDONED
            except OSError:
                continue
            if abandoned:
                _remove(path)


_CACHE_HINT = "Set GANLAB_CACHE to a folder you can write to."


def _write(images: Images, place: _Place, workers: int, progress: Progress | None) -> None:
    needed = HEADER + len(images) * place.size * place.size * place.channels
    temporary: list[Path] = []
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(place.folder).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with _beside(place.folder, temporary) as file:
            broken = _write_pictures(file, images, place, workers, progress)
        facts = {"count": len(images) - len(broken), "broken": broken, "source": images.source, "spec": images.spec}
        with _beside(place.folder, temporary) as file:
            file.write(json.dumps(facts, indent=1).encode())
        if _changed(images):
            raise GanlabError(f"{images.spec} changed while it was being packed.", "Try again when it is complete.")
        os.replace(temporary[0], place.array)
        os.replace(temporary[1], place.facts)
    except OSError as error:
        if error.errno in FULL:
            hint = "Make room, or set GANLAB_CACHE to a folder on another disk."
            message = f"Packing {images.spec} needs {needed:,} bytes in {place.folder}, which has not that much room."
            raise GanlabError(message, hint) from error
        raise GanlabError(f"The cache {place.folder} cannot be written: {error.strerror}.", _CACHE_HINT) from error
    finally:
        for path in temporary:
            _remove(path)


def _changed(images: Images) -> bool:
    again = open_images(images.spec)
    if images.limit is not None:
        again = again.first(images.limit)
    return again.fingerprint() != images.fingerprint()


def _beside(folder: Path, temporary: list[Path]) -> BinaryIO:
    file = tempfile.NamedTemporaryFile(dir=folder, suffix=".partial", delete=False)
    temporary.append(Path(file.name))
    return file  # type: ignore[return-value]


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        pass  # still mapped by another process, where that matters


def _write_pictures(
    file: BinaryIO, images: Images, place: _Place, workers: int, progress: Progress | None
) -> list[tuple[int, str]]:
    total = len(images)
    file.write(_header((total, place.size, place.size, place.channels)))
    step = max(1, min(256, CHUNK_BYTES // (place.size * place.size * place.channels)))
    broken: list[tuple[int, str]] = []
    done = 0

    def decode(start: int) -> tuple[list[np.ndarray], list[tuple[int, str]]]:
        good, bad = [], []
        for i in range(start, min(start + step, total)):
            try:
                good.append(images.array(i, place.size, place.channels))
            except BrokenPicture as error:
                bad.append((i, f"{error.name} ({error.reason})"))
        return good, bad

    for good, bad in _in_order(decode, range(0, total, step), workers):
        for array in good:
            file.write(array.data)
        broken += bad
        done += len(good) + len(bad)
        if progress is not None:
            progress(done, total)
    file.seek(0)
    file.write(_header((total - len(broken), place.size, place.size, place.channels)))
    return broken


def _in_order(work: Callable[[int], object], starts: range, workers: int) -> Iterator:
    """`work` of each start, in order, on `workers` threads, never more than a few results ahead."""
    if workers < 1:
        yield from map(work, starts)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="pack")
    waiting: deque[Future] = deque()
    try:
        for start in starts:
            waiting.append(pool.submit(work, start))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _header(shape: tuple[int, ...]) -> bytes:
    """The first 128 bytes of an .npy file of uint8, always that many so that the count can be mended afterwards."""
    fields = repr({"descr": "|u1", "fortran_order": False, "shape": shape})
    return b"\x93NUMPY\x01\x00" + (HEADER - 10).to_bytes(2, "little") + fields.ljust(HEADER - 11).encode() + b"\n"


def _broken(broken: list[str], total: int) -> GanlabError:
    few = ", ".join(broken[:3]) + (f" and {len(broken) - 3} more" if len(broken) > 3 else "")
    word = "picture" if len(broken) == 1 else "pictures"
    return GanlabError(
        f"{len(broken)} of {total} {word} cannot be read: {few}.", "Mend or remove them, or pass --skip-broken."
    )
