"""LSUN as it is distributed: an LMDB of encoded pictures, read in place."""

from __future__ import annotations

from pathlib import Path

from ganlab import GanlabError, Images, StoredImages

from .damage import AGAIN, none_there, unknown_part
from .lmdb_meta import HEADER, MAGIC
from .lmdb_pages import Entries

FILE = "data.mdb"


def recognises(path: Path) -> bool:
    file = _file(path)
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(HEADER.size + len(MAGIC))[HEADER.size :] == MAGIC or file.name == FILE


def open_lsun(path: Path, part: str) -> Images:
    """The pictures of a database, in the order of their keys."""
    if part:
        raise unknown_part(path, part, ())
    if not _file(path).is_file():
        raise none_there(path, FILE)
    return LmdbImages(path)


class LmdbImages(StoredImages):
    """The values of an LMDB in the order of their keys. Their names are the keys."""

    def __init__(self, path: Path) -> None:
        super().__init__([_file(path)])
        self.entries = Entries(self.files[0])
        if not len(self.entries):
            raise GanlabError(f"{path} holds no pictures.", AGAIN)
        self.name(0)  # a tree that cannot be entered is told of at once

    def count(self) -> int:
        return len(self.entries)

    def name(self, i: int) -> str:
        try:
            return self.entries.key(self._row(i)).decode("utf-8", "backslashreplace")
        except ValueError:  # this entry is damaged
            return super().name(i)

    def label(self, i: int) -> str | None:
        return None

    def read(self, row: int) -> bytes:
        return self.entries.value(row)


def _file(path: Path) -> Path:
    return path / FILE if path.is_dir() else path
