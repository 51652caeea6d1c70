"""The places pictures come from: a folder, a zip, an array, a plugin's drawing function."""

from __future__ import annotations

import errno
import os
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganlab.data import geometry
from ganlab.data.images import BrokenPicture, Dataset, Images
from ganlab.errors import GanlabError

if TYPE_CHECKING:
    from PIL import Image

NOTHING_TO_READ = {errno.ENOENT, errno.EACCES, errno.EPERM, errno.ELOOP, errno.EISDIR}
LARGEST_MEMBER = 1 << 28  # bytes of one picture file; more than any picture below Pillow's bomb limit needs


class FolderImages(Images):
    """All pictures below a folder, by their relative names in sorted order, hidden files and folders left out."""

    def __init__(self, folder: Path, spec: str) -> None:
        self.spec = spec
        self.folder = folder
        self.source = str(folder.resolve())
        self.files: list[tuple[str, int, int]] = []
        for name, stat in _walk(folder, "", frozenset()):
            if os.path.splitext(name)[1].lower() in geometry.suffixes():
                self.files.append((name, stat.st_size, stat.st_mtime_ns))
            else:
                self.ignored += 1
        if not self.files:
            raise no_pictures(f"The folder {spec}", self.ignored)
        self.files.sort()

    def name(self, i: int) -> str:
        return self.files[self._row(i)][0]

    def _total(self) -> int:
        return len(self.files)

    def _facts(self) -> Iterable[object]:
        return self.files[: len(self)]

    def _decode(self, row: int, size: int | None) -> Image.Image:
        name = self.files[row][0]
        try:
            return geometry.decode((self.folder / name).read_bytes(), size)
        except geometry.Undecodable as error:
            raise BrokenPicture(name, str(error)) from error
        except OSError as error:
            if error.errno in NOTHING_TO_READ:
                raise BrokenPicture(name, os.strerror(error.errno or 0)) from error
            raise GanlabError(f"Reading {self.folder / name} failed: {error.strerror}.", "Try again.") from error


def _walk(folder: Path, prefix: str, above: frozenset[tuple[int, int]]) -> Iterator[tuple[str, os.stat_result]]:
    try:
        status = folder.stat()
        here = (status.st_dev, status.st_ino)
        if here in above:  # a link back to a folder we are inside of
            return
        entries = list(os.scandir(folder))
    except OSError as error:
        raise GanlabError(f"The folder {folder} cannot be read: {error.strerror}.", "Check its permissions.") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", above | {here})
        else:
            dangling = entry.is_symlink() and not os.path.exists(entry.path)
            yield prefix + entry.name, entry.stat(follow_symlinks=not dangling)


class ZipImages(Images):
    """All pictures in a zip file, by their names in sorted order."""

    def __init__(self, path: Path, spec: str) -> None:
        self.spec = spec
        self.source = str(path.resolve())
        status = path.stat()
        self.identity = (status.st_size, status.st_mtime_ns)
        try:
            self.archive = zipfile.ZipFile(path)
            members = [m for m in self.archive.infolist() if not m.is_dir() and not _hidden(m.filename)]
        except (zipfile.BadZipFile, ValueError, OSError) as error:
            raise GanlabError(f"{spec} is no complete zip file ({error}).", "Copy or download it again.") from error
        self.members = [m for m in members if os.path.splitext(m.filename)[1].lower() in geometry.suffixes()]
        self.ignored = len(members) - len(self.members)
        if not self.members:
            raise no_pictures(f"The zip file {spec}", self.ignored)
        if any(member.flag_bits & 1 for member in self.members):
            raise GanlabError(f"The pictures in {spec} are encrypted.", "Unpack it and give the folder.")
        self.members.sort(key=lambda member: member.filename)

    def name(self, i: int) -> str:
        return self.members[self._row(i)].filename

    def _total(self) -> int:
        return len(self.members)

    def _facts(self) -> Iterable[object]:
        return [self.identity, *((m.filename, m.CRC, m.file_size) for m in self.members[: len(self)])]

    def _decode(self, row: int, size: int | None) -> Image.Image:
        member = self.members[row]
        if member.file_size > LARGEST_MEMBER:
            raise BrokenPicture(member.filename, f"a zip bomb (it unpacks to {member.file_size:,} bytes)")
        try:
            return geometry.decode(self.archive.read(member), size)
        except geometry.Undecodable as error:
            raise BrokenPicture(member.filename, str(error)) from error
        except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, RuntimeError) as error:
            raise BrokenPicture(member.filename, str(error).rstrip(".")) from error


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


class ArrayImages(Images):
    """The pictures of one array: (n, h, w) or (n, h, w, c), uint8, or floats in [0, 1] or [-1, 1]."""

    def __init__(self, array: np.ndarray, spec: str, source: str, facts: tuple[object, ...]) -> None:
        self.spec = spec
        self.source = source
        self.pictures = array[..., None] if array.ndim == 3 else array
        self.facts = facts
        self.low, self.high = (0.0, 255.0) if array.dtype == np.uint8 else _float_range(array, spec)

    def name(self, i: int) -> str:
        return f"number {self._row(i)}"

    def _total(self) -> int:
        return len(self.pictures)

    def _facts(self) -> Iterable[object]:
        return [*self.facts, len(self)]

    def _decode(self, row: int, size: int | None) -> Image.Image:
        from PIL import Image

        pixels = self.pictures[row]
        if pixels.dtype != np.uint8:
            scaled = (np.asarray(pixels, np.float64) - self.low) * (255 / (self.high - self.low))
            pixels = np.rint(scaled).astype(np.uint8)
        return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))


def _float_range(array: np.ndarray, spec: str) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for start in range(0, len(array), 256):
        part = array[start : start + 256]
        low, high = min(low, float(part.min())), max(high, float(part.max()))
    if 0 <= low <= high <= 1:
        return 0.0, 1.0
    if -1 <= low <= high <= 1:
        return -1.0, 1.0
    raise GanlabError(
        f"{spec} holds floats from {low:g} to {high:g}, which could mean anything.",
        "Save uint8 (0 to 255), or floats in [0, 1] or [-1, 1].",
    )


class DrawnImages(Images):
    """A registered data set: picture i is drawn when asked for, at the size asked for."""

    SIZE = 256  # of `picture`, which is asked for no size

    def __init__(self, dataset: Dataset, count: int, spec: str) -> None:
        self.spec = spec
        self.source = f"dataset {dataset.name}"
        self.dataset = dataset
        self.count = count

    def name(self, i: int) -> str:
        return f"{self.dataset.name} {self._row(i)}"

    def array(self, i: int, size: int, channels: int) -> np.ndarray:
        return geometry.square(self._decode(self._row(i), size), size, channels)

    def _total(self) -> int:
        return self.count

    def _facts(self) -> Iterable[object]:
        return [self.dataset.name, self.dataset.version, len(self)]

    def _decode(self, row: int, size: int | None) -> Image.Image:
        from PIL import Image

        size = size or self.SIZE
        drawn = self.dataset.draw(row, size)
        if drawn.dtype != np.uint8 or drawn.shape != (size, size, 3):
            raise GanlabError(
                f"The data set {self.dataset.name} drew {drawn.dtype} {drawn.shape}, not uint8 ({size}, {size}, 3).",
                "Tell the author of the plugin.",
            )
        return Image.fromarray(drawn)


def no_pictures(place: str, others: int) -> GanlabError:
    """The error for a folder or zip without pictures."""
    there = f"only {others} other files" if others else "nothing"
    return GanlabError(f"{place} holds no pictures, {there}.", "Give a folder with files like .jpg or .png below it.")
