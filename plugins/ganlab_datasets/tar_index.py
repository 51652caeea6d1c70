"""Where in a tar each file lies: read once, after which any of them can be read alone."""

from __future__ import annotations

import bz2
import gzip
import lzma
import mmap
import posixpath
import tarfile
import tempfile
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self, cast

from ganlab import GanlabError, progress

from .damage import AGAIN, damaged

PACKED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}  # by their first bytes
LARGEST_MEMBER = 1 << 28  # bytes of one picture
MOST_UNPACKED = 1 << 33  # bytes of pictures that are unpacked into a temporary file
BLOCK = 512
NOTES = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
LARGEST_NOTE = 1 << 20  # bytes of a name, or of what a header says about a file


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a tar, and where its bytes begin."""

    name: str
    offset: int
    size: int


@dataclass
class Index:
    """The files of a tar that are wanted; ``others`` counts the rest; ``links`` are those yet to follow."""

    path: Path
    members: list[Member]
    others: int
    links: dict[str, str] = field(default_factory=dict)

    def resolve(self) -> None:
        """Links to files that are here become files, behind the others; the rest of them is counted."""
        if not self.links:
            return
        known = {posixpath.normpath(member.name): member for member in self.members}
        for name, target in self.links.items():
            if (member := known.get(target)) is None:
                self.others += 1
            else:
                self.members.append(Member(name, member.offset, member.size))
                known[posixpath.normpath(name)] = self.members[-1]
        self.links.clear()

    def read(self, member: Member) -> bytes:
        """The bytes of a file. Raises ``ValueError`` where the tar ends before."""
        with self.path.open("rb") as file:
            return _exactly(file, member)


@dataclass
class UnpackedIndex(Index):
    """The same of a packed tar: what is wanted is unpacked into a temporary file that nobody else sees."""

    endings: tuple[str, ...] = ()
    file: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    reading: threading.Lock = field(default_factory=threading.Lock)

    def read(self, member: Member) -> bytes:
        with self.reading:
            return _exactly(self.file, member)

    def __reduce__(self) -> Any:  # another process unpacks it again
        return read_index, (self.path, self.endings)


class _Header(tarfile.TarInfo):
    """Notes when the blocks of zeros come that end a tar: at a damaged header, too, tarfile stops without a word.

    What tarfile would read into memory whatever its size is refused: long names, notes, and lists of holes.
    """

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            cast(Archive, archive).ended = True
            raise

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.type in NOTES and header.size > LARGEST_NOTE:
            raise ValueError(f"a name or note in it takes {header.size:,} bytes")
        if header.type == tarfile.GNUTYPE_SPARSE:
            raise _sparse()
        return header

    def _proc_gnusparse_10(self, *_: object) -> None:
        raise _sparse()


class Archive(tarfile.TarFile):
    """A tar whose headers take no more memory than headers do; ``ended`` once its end was seen."""

    tarinfo = _Header
    ended = False


def is_tar(path: Path) -> bool:
    """Whether a file is a tar, packed or not, by its beginning; or means to be one by its name."""
    with path.open("rb") as file:
        start = file.read(BLOCK)
    if start[:2] not in PACKED:
        return start[257:262] == b"ustar" or path.suffix.lower() == ".tar"
    if path.name.lower().endswith((".tgz", ".tbz2", ".txz")) or ".tar." in path.name.lower():
        return True
    try:
        with _open_packed(path) as archive:
            return archive.next() is not None
    except (tarfile.TarError, EOFError, OSError, ValueError, lzma.LZMAError, zlib.error):
        return False


def read_index(path: Path, endings: tuple[str, ...]) -> Index:
    """Go through a tar once.

    Raises:
        GanlabError: it is damaged, or ends too early.
    """
    with path.open("rb") as file:
        start = file.read(BLOCK)
    if start[:2] in PACKED:
        return _unpacked(path, endings)
    index = Index(path, [], 0)
    size = path.stat().st_size
    # a map, unlike a file, makes no room for more than it has, whatever a header says
    with (
        damaged(path, "tar"),
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        Archive.open(fileobj=mapped, mode="r:") as archive,
    ):
        for member in progress(_wanted(archive, index, endings, path), f"looking through {path.name}"):
            if member.offset_data + member.size > size:
                raise ValueError(f"it ends within {member.name}")
            index.members.append(Member(member.name, member.offset_data, member.size))
    index.resolve()
    return index


@contextmanager
def _open_packed(path: Path) -> Iterator[Archive]:
    """A packed tar to go through once: of tools that pack in parallel it is many streams, of which tarfile's own
    unpacking takes the first for all."""
    with path.open("rb") as file:
        start = file.read(2)
    with PACKED[start](path) as unpacked, Archive.open(fileobj=unpacked, mode="r|") as archive:
        yield archive


def _unpacked(path: Path, endings: tuple[str, ...]) -> Index:
    with _room_for(path):
        index = UnpackedIndex(path, [], 0, endings=endings)
    place = 0
    with damaged(path, "packed tar"), _open_packed(path) as archive:
        for member in progress(_wanted(archive, index, endings, path), f"unpacking {path.name}"):
            content = cast(IO[bytes], archive.extractfile(member)).read()
            if len(content) != member.size:
                raise ValueError(f"it ends within {member.name}")
            with _room_for(path):
                index.file.write(content)
            index.members.append(Member(member.name, place, member.size))
            place += member.size
            if place > MOST_UNPACKED:
                raise GanlabError(
                    f"{path} holds more than {MOST_UNPACKED:,} bytes of pictures.",
                    f"Unpack it into a folder: tar xf {path} -C FOLDER",
                )
    with _room_for(path):
        index.file.flush()
    index.resolve()
    return index


@contextmanager
def _room_for(path: Path) -> Iterator[None]:
    """Tell of a temporary file that cannot be written: the tar is not to blame."""
    try:
        yield
    except OSError as error:
        raise GanlabError(
            f"Unpacking {path} into a temporary file failed: {error.strerror or error}.",
            f"Set TMPDIR to a folder on a disk with room, or unpack it into a folder: tar xf {path} -C FOLDER",
        ) from error


def _wanted(archive: Any, index: Index, endings: tuple[str, ...], path: Path) -> Iterator[Any]:
    """The files of these endings as they come; links to such are noted, others counted, hidden ones left out."""
    while (member := archive.next()) is not None:
        archive.members = []  # it would keep all it has seen
        name = PurePosixPath(member.name)
        linked = member.islnk() or member.issym()
        if not (member.isreg() or linked) or any(
            part.startswith((".", "__MACOSX")) and part != "." for part in name.parts
        ):
            continue
        if linked and name.suffix.lower() in endings:
            folder = name.parent.as_posix() if member.issym() else ""  # a hard link names its file from the top
            index.links[member.name] = posixpath.normpath(posixpath.join(folder, member.linkname))
        elif name.suffix.lower() not in endings or member.issparse():
            index.others += 1
        elif member.size > LARGEST_MEMBER:
            raise GanlabError(f"{path}: {member.name} would take {member.size:,} bytes, no picture does.", AGAIN)
        else:
            yield member
    if not archive.ended:
        raise ValueError("it ends too early")


def _exactly(file: IO[bytes], member: Member) -> bytes:
    file.seek(member.offset)
    content = file.read(member.size)
    if len(content) != member.size:
        raise ValueError("the file ends within it")
    return content


def _sparse() -> GanlabError:
    return GanlabError("The tar holds a file with holes, which is not read.", "Pack it again without --sparse.")
