"""The places pictures come from: a folder, a zip, an array, a plugin's drawing function."""

from __future__ import annotations

import errno
import os
import stat
import threading
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganlab.data import drawing, geometry
from ganlab.data.images import BrokenPicture, Dataset, Images, Pictures, Read
from ganlab.data.stored import EncodedImages, reading_failed, stamp
from ganlab.errors import GanlabError
from ganlab.wording import few

if TYPE_CHECKING:
    from PIL import Image

NOTHING_TO_READ = {errno.ENOENT, errno.EACCES, errno.EPERM, errno.ELOOP}
LARGEST_MEMBER = 1 << 28  # bytes of one picture in a zip; more than any photograph takes
ENDINGS = 5  # of files that are no pictures, named where there are no others
WORTH_PROCESSES = 500  # pictures to draw, below which starting another process takes longer


class NoPictures(GanlabError):
    """A folder or zip of other files."""


class FolderImages(EncodedImages):
    """All pictures below a folder, sorted by their relative names, hidden files and folders left out."""

    def __init__(self, folder: Path, spec: str) -> None:
        self.spec = spec
        self.folder = folder.absolute()
        self.source = str(folder.resolve())
        names, stamps, others = [], [], set()
        for name, status in _walk(self.folder, "", frozenset()):
            if _is_picture(name) and (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
                names.append(name)
                stamps.append((status.st_size, status.st_mtime_ns))
            else:
                self.ignored += 1
                others.add(_ending(name))
        if not names:
            raise _no_pictures(f"The folder {spec}", self.ignored, others)
        order = sorted(range(len(names)), key=names.__getitem__)
        self.names = [names[i] for i in order]
        self.stamps = np.array(stamps, np.int64)[order]  # size, modification time in ns

    def name(self, i: int) -> str:
        return self.names[self._row(i)].encode("utf-8", "replace").decode()

    def _total(self) -> int:
        return len(self.names)

    def _facts(self) -> Iterable[object]:
        return zip(self.names[: len(self)], self.stamps.tolist(), strict=False)

    def changed(self) -> bool:
        return self._differs(FolderImages(self.folder, self.spec))

    def _stored(self, row: int) -> bytes:
        try:
            return (self.folder / self.names[row]).read_bytes()
        except OSError as error:
            if error.errno in NOTHING_TO_READ:
                raise BrokenPicture(self.name(row), os.strerror(error.errno).lower()) from error
            raise reading_failed(f"{self.spec}, {self.name(row)}", error) from error


def _walk(folder: Path, prefix: str, above: frozenset[tuple[int, int]]) -> Iterator[tuple[str, os.stat_result]]:
    try:
        status = folder.stat()
        here = (status.st_dev, status.st_ino)
        if here in above:  # a link back to a folder we are inside of
            return
        entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except OSError as error:
        raise GanlabError(f"The folder {folder} cannot be read: {error.strerror}.", "Check its permissions.") from error
    for entry in entries:
        if _is_folder(entry):
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", above | {here})
            continue
        try:
            yield prefix + entry.name, _status(entry)
        except OSError:
            continue  # removed this moment


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _status(entry: os.DirEntry[str]) -> os.stat_result:
    try:
        return entry.stat()
    except OSError:  # a link to nothing: a picture that cannot be read, not one that is not there
        return entry.stat(follow_symlinks=False)


class ZipImages(EncodedImages):
    """All pictures in a zip file, by their names in sorted order."""

    def __init__(self, path: Path, spec: str) -> None:
        self.spec = spec
        self.path = path.absolute()
        self.source = str(path.resolve())
        self.reading = threading.Lock()
        self.stamp = stamp(self.path)
        try:
            self.archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError) as error:
            raise GanlabError(f"{spec} is no complete zip file: {error}.", "Copy or download it again.") from error
        except OSError as error:
            raise reading_failed(spec, error) from error
        members = [m for m in self.archive.infolist() if not m.is_dir() and not _hidden(m.filename)]
        self.members = sorted((m for m in members if _is_picture(m.filename)), key=lambda m: m.filename)
        self.ignored = len(members) - len(self.members)
        if not self.members:
            others = {_ending(member.filename) for member in members}
            raise _no_pictures(f"The zip file {spec}", self.ignored, others)
        if any(member.flag_bits & 1 for member in self.members):
            raise GanlabError(f"The pictures in {spec} are encrypted.", "Unpack it and give the folder.")

    def name(self, i: int) -> str:
        return self.members[self._row(i)].filename.encode("utf-8", "replace").decode()

    def _total(self) -> int:
        return len(self.members)

    def _facts(self) -> Iterable[object]:
        return [self.stamp, *((m.filename, m.CRC, m.file_size) for m in self.members[: len(self)])]

    def changed(self) -> bool:
        return self._differs(ZipImages(self.path, self.spec))

    def _stored(self, row: int) -> bytes:
        member = self.members[row]
        if member.file_size > LARGEST_MEMBER:
            raise BrokenPicture(self.name(row), f"a zip bomb, it would unpack to {member.file_size:,} bytes")
        try:
            with self.reading:  # ZipFile counts its readers without a lock
                return self.archive.read(member)
        except OSError as error:
            raise reading_failed(f"{self.spec}, {self.name(row)}", error) from error
        except MemoryError:
            raise
        except Exception as error:  # bad checksums, damaged streams, unknown compression: each raises its own kind
            raise BrokenPicture(self.name(row), str(error).rstrip(".") or type(error).__name__) from error


class DrawnImages(Images):
    """A registered data set: picture i is drawn when asked for, at the size asked for."""

    SIZE = 256  # of `picture`, which is asked for no size

    def __init__(self, dataset: Dataset, count: int, spec: str) -> None:
        self.spec = spec
        self.source = f"data set {dataset.name}:{count}"
        self.dataset = dataset
        self.count = count

    def name(self, i: int) -> str:
        return f"{self.dataset.name} {self._row(i)}"

    def label(self, i: int) -> str | None:
        return None

    @contextmanager
    def _in_bulk(self, workers: int, total: int) -> Iterator[Read]:
        count = workers if workers > 1 and total >= WORTH_PROCESSES else 0
        with drawing.Painters(self.dataset.draw, count) as painters:

            def read(rows: Sequence[int], size: int, channels: int) -> Pictures:
                drawn = self._draw(painters.draw, [self._row(i) for i in rows], size)
                return [geometry.square(picture, size, channels) for picture in drawn]

            yield read

    def _draw(
        self, draw: Callable[[Sequence[int], int], np.ndarray], rows: Sequence[int], size: int
    ) -> list[Image.Image]:
        from PIL import Image

        try:
            return [Image.fromarray(picture) for picture in draw(rows, size)]
        except drawing.WrongPicture as error:
            raise GanlabError(f"The data set {self.dataset.name} drew {error}.", "Tell its author.") from error

    def _total(self) -> int:
        return self.count

    def _facts(self) -> Iterable[object]:
        return [self.dataset.name, self.dataset.version, len(self)]

    def changed(self) -> bool:
        return False

    def _decode(self, row: int, size: int | None) -> Image.Image:
        def here(rows: Sequence[int], size: int) -> np.ndarray:
            return drawing.draw(self.dataset.draw, rows, size)

        return self._draw(here, [row], size or self.SIZE)[0]

    def _glimpse(self, i: int, size: int) -> Image.Image:
        return self.picture(i)  # drawn at another size it would be another picture


def _is_picture(name: str) -> bool:
    return _ending(name) in geometry.suffixes()


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def _no_pictures(place: str, others: int, endings: Collection[str]) -> NoPictures:
    """What to raise where no file is one by its name, as of a telephone that keeps .heic."""
    named = few(sorted(filter(None, endings)), ENDINGS)
    there = f", only other files ({others}{', of ' + named if named else ''})" if others else ": it is empty"
    hint = "Give a folder with files like .jpg or .png below it; pictures of another kind have to be converted."
    return NoPictures(f"{place} holds no pictures{there}.", hint)
