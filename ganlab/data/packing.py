"""Decode a set of pictures once, into a cache that training reads at the speed of memory."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ganlab.data.images import BrokenPicture, Images
from ganlab.data.labelled import classes_and_labels
from ganlab.data.reading import in_parts, on_each_core, part_of
from ganlab.errors import GanlabError
from ganlab.locations import cache_folder
from ganlab.wording import few
from ganlab.writing import to_disk

LAYOUT = 2  # raised when the same pictures would be packed differently
HEADER = 128  # bytes before the pixels of a pack
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
PARTIAL = ".partial"
ABANDONED = 3600  # seconds without a write after which a partial pack has no owner any more
CACHE_HINT = "Set GANLAB_CACHE to a folder you can write to."

Progress = Callable[[int, int], None]


@dataclass
class PackedImages:
    """Pictures ready for training: `array` is uint8 (n, size, size, channels), read-only, mapped from disk.

    `fingerprint` is a digest of the pixels, and of the classes where there are any: the same pictures have the
    same one, wherever they were read from. `path` is the file in the cache. `rows` (n,) says which picture of the
    source each one is, `broken` names those left out and says why. `labels` (n,) int32 are each picture's place
    among `classes`, or None.
    """

    array: np.ndarray
    fingerprint: str
    path: Path
    broken: list[str] = field(default_factory=list)
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.array)

    def batch(self, indices: np.ndarray) -> np.ndarray:
        """The pictures at `indices`, uint8 (len(indices), size, size, channels), in memory."""
        return np.asarray(self.array[indices])


def pack(
    images: Images,
    size: int,
    channels: int,
    *,
    cache: Path | None = None,
    workers: int | None = None,
    skip_broken: bool = False,
    labelled: bool = False,
    progress: Progress | None = None,
) -> PackedImages:
    """Every picture of `images` as `images.array(i, size, channels)`, decoded once and kept in `cache`.

    A later call finds the pack again as long as the fingerprint of `images` is the same. The pack is written
    beside and renamed, so that a crash leaves nothing that could be taken for whole, and two processes may
    pack the same set at once. Memory stays bounded whatever the number of pictures. `workers` processes decode or
    draw, one for each core by default; 0 is the calling thread alone. `labelled` adds
    the class of every picture, which is asked of `images` each time: a pack holds pixels alone.
    `progress(done, total)` is called as pictures are done.

    Raises `GanlabError` for broken pictures (unless `skip_broken`), a full disk, an unwritable cache,
    pictures that change meanwhile, or that have no class where it is wanted.
    """
    # before all are decoded, which may take long: one without a class is told at once
    classes, labels = classes_and_labels(images) if labelled else ((), None)
    place = _Place(images, size, channels, cache or cache_folder())
    packed = place.load()
    if packed is None:
        _write(images, place, on_each_core() if workers is None else workers, progress)
        packed = place.load()
        if packed is None:
            raise GanlabError(f"The pack in {place.folder} vanished as soon as it was written.", "Try again.")
    place.clean()
    if packed.broken and not skip_broken:
        raise _broken(packed.broken, len(images))
    if not len(packed):
        raise GanlabError(f"None of the {len(images)} pictures in {images.spec} can be read.", "Look at the data.")
    return packed if labels is None else _labelled(packed, classes, labels[packed.rows])


def packed_fingerprint(
    images: Images, size: int, channels: int, *, labelled: bool = False, most: int | None = None
) -> str | None:
    """What :func:`pack` would give as `fingerprint`, which the card of a GAN that is trained on the pictures holds.

    Where they were packed before, the cache says it; else they are decoded, broken ones left out, and nothing is kept.

    Args:
        images: n pictures.
        size, channels: of the GAN's pictures.
        labelled: the GAN was told their classes.
        most: pictures to decode; None for any number.

    Returns:
        32 hex digits, or None where there are more pictures than `most` and no pack.

    Raises:
        GanlabError: no class where it is wanted, or a cache that cannot be read.
    """
    place = _Place(images, size, channels, cache_folder())
    packed = place.load()
    if packed is None:
        if most is not None and place.total > most:
            return None
        with open(os.devnull, "wb") as nowhere:
            broken, pixels = _write_pictures(nowhere, images, place, on_each_core(), None)
        rows = np.delete(np.arange(place.total), [row for row, _ in broken])
        packed = PackedImages(np.zeros((0, *place.picture), np.uint8), pixels, place.array, rows=rows)
    return (_labelled(packed, *classes_and_labels(images, packed.rows)) if labelled else packed).fingerprint


def _labelled(packed: PackedImages, classes: Sequence[str], labels: np.ndarray) -> PackedImages:
    """The pack with its pictures' classes, without those of which every picture was broken."""
    there = np.unique(labels)
    there_are = tuple(classes[place] for place in there)
    labels = np.searchsorted(there, labels).astype(np.int32)
    fingerprint = _digest(packed.fingerprint, list(there_are), labels.tobytes())
    return replace(packed, fingerprint=fingerprint, labels=labels, classes=there_are)


class _Place:
    """Where in the cache the pack of these pictures lies."""

    def __init__(self, images: Images, size: int, channels: int, folder: Path) -> None:
        self.folder = Path(folder)
        self.total = len(images)
        self.picture = (size, size, channels)
        source = _digest(images.source, images.limit)[:12]
        self.family = f"{source}-{size}x{channels}"
        self.array = self.folder / f"{self.family}-{_digest(LAYOUT, images.fingerprint())}.npy"
        self.facts = self.array.with_suffix(".json")  # comes last: without it there is no pack

    def load(self) -> PackedImages | None:
        try:
            facts = json.loads(self.facts.read_text())
            shape = (int(facts["count"]), *self.picture)
            array = np.load(self.array, mmap_mode="r", allow_pickle=False) if shape[0] else np.zeros(shape, np.uint8)
            if array.shape != shape or array.dtype != np.uint8:
                return None
            rows = np.delete(np.arange(self.total), [row for row, _ in facts["broken"]])
            return PackedImages(array, facts["pixels"], self.array, [name for _, name in facts["broken"]], rows)
        except (FileNotFoundError, ValueError, LookupError, TypeError, EOFError, RecursionError):
            return None
        except OSError as error:
            raise GanlabError(f"The cache {self.folder} cannot be read: {error.strerror}.", CACHE_HINT) from error

    def clean(self) -> None:
        """Remove packs of earlier states of the same source, and what killed processes left."""
        for path in self.folder.glob(f"{self.family}-*"):
            if path.stem != self.array.stem:
                _remove(path)
        for path in self.folder.glob(f"*{PARTIAL}"):
            if time.time() - _last_write(path) > ABANDONED:
                shutil.rmtree(path, ignore_errors=True)


def _write(images: Images, place: _Place, workers: int, progress: Progress | None) -> None:
    needed = HEADER + place.total * int(np.prod(place.picture))
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(place.folder).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with tempfile.TemporaryDirectory(suffix=PARTIAL, dir=place.folder, ignore_cleanup_errors=True) as partial:
            array, facts = Path(partial, "array"), Path(partial, "facts")
            with array.open("wb", buffering=1 << 20) as file:
                broken, pixels = _write_pictures(file, images, place, workers, progress)
            with facts.open("w") as text:
                count = place.total - len(broken)
                json.dump({"count": count, "pixels": pixels, "broken": broken, "spec": images.spec}, text, indent=1)
            to_disk(array, facts)
            if images.changed():
                raise GanlabError(f"{images.spec} changed while it was being packed.", "Try again when it is complete.")
            _publish(array, facts, place)
    except MemoryError as error:
        raise GanlabError("There is not enough memory to decode the pictures.", "Use fewer --workers.") from error
    except OSError as error:
        if error.errno in FULL:
            message = f"Packing {images.spec} takes {needed:,} bytes, for which {place.folder} has no room."
            raise GanlabError(message, "Make room, or set GANLAB_CACHE to a folder on another disk.") from error
        raise GanlabError(f"The cache {place.folder} cannot be written: {error.strerror}.", CACHE_HINT) from error


def _publish(array: Path, facts: Path, place: _Place) -> None:
    """Put a pack where it belongs, or leave the one that another process put there and has open: on Windows no file in
    use can be replaced."""
    try:
        os.replace(array, place.array)
        os.replace(facts, place.facts)
    except PermissionError:
        if place.load() is None:
            raise


def _write_pictures(
    file: BinaryIO, images: Images, place: _Place, workers: int, progress: Progress | None
) -> tuple[list[tuple[int, str]], str]:
    """Write the pack; returns the broken pictures (row, name and reason) and the digest of the pixels."""
    broken: list[tuple[int, str]] = []
    pixels = hashlib.blake2b(repr(place.picture).encode(), digest_size=16)
    file.write(_header((place.total, *place.picture)))
    size, _, channels = place.picture
    step = part_of(size, channels)
    parts = [range(start, min(start + step, place.total)) for start in range(0, place.total, step)]
    with closing(in_parts(images, parts, size, channels, workers=workers)) as read:
        for rows, pictures in zip(parts, read, strict=True):
            for row, picture in zip(rows, pictures, strict=True):
                if isinstance(picture, BrokenPicture):
                    broken.append((row, f"{picture.name} ({picture.reason})"))
                else:
                    file.write(picture.data)
                    pixels.update(picture.data)
            if progress is not None:
                progress(rows.stop, place.total)
    file.seek(0)
    file.write(_header((place.total - len(broken), *place.picture)))
    return broken, pixels.hexdigest()


def _header(shape: tuple[int, ...]) -> bytes:
    """The first bytes of an .npy file of uint8, always as many: the count can be mended afterwards."""
    fields = repr({"descr": "|u1", "fortran_order": False, "shape": shape})
    return b"\x93NUMPY\x01\x00" + (HEADER - 10).to_bytes(2, "little") + fields.ljust(HEADER - 11).encode() + b"\n"


def _digest(*facts: object) -> str:
    return hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()


def _last_write(folder: Path) -> float:
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    except OSError:  # its owner is just finishing
        return time.time()


def _remove(path: Path) -> None:
    with suppress(OSError):  # where a file in use cannot be removed, it goes next time
        path.unlink(missing_ok=True)


def _broken(broken: list[str], total: int) -> GanlabError:
    return GanlabError(
        f"{len(broken)} of {total} pictures cannot be read: {few(broken, 3)}.",
        "Mend or remove them, or pass --skip-broken to leave them out.",
    )
