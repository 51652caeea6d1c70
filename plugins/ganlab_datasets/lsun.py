"""LSUN as it is distributed: an LMDB of encoded pictures, read in place."""

from __future__ import annotations

import functools
import os
import struct
from pathlib import Path
from typing import Any

from ganlab import BrokenPicture, GanlabError, Images, StoredImages

from .damage import AGAIN, damaged, library, unknown_part

FILE = "data.mdb"
# a page begins with a header of 16 bytes; the first two then have this and the version,
MAGIC = b"\xde\xc0\xef\xbe"
PAGE_SIZE = 16 + 8 + 8 + 8  # after an address and the map's size the bytes of a page,
LAST_PAGE = PAGE_SIZE + 2 * 48  # and after two trees the number of the last page, then that of the last change
STEP = 64  # pictures from one remembered key to the next: the others are reached from there


def recognises(path: Path) -> bool:
    file = _file(path)
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(20)[16:] == MAGIC or file.name == FILE


def open_lsun(path: Path, part: str) -> Images:
    """The pictures of a database, in the order of their keys."""
    if part:
        raise unknown_part(path, part, ())
    return LmdbImages(path)


class LmdbImages(StoredImages):
    """The values of an LMDB in the order of their keys.

    Opening it reads one page. Of the keys every 64th is remembered, from the beginning up to the last one that was
    asked for, so that a part of millions is there at once.
    """

    def __init__(self, path: Path) -> None:
        super().__init__([_file(path)])
        library("lmdb", "lsun", path)
        check_whole(self.files[0])
        with damaged(path, "LMDB"):
            self.entries = int(_environment(self.files[0], os.getpid()).stat()["entries"])
        self.keys: list[bytes] = []
        if not self.entries:
            raise GanlabError(f"{path} holds no pictures.", AGAIN)

    def count(self) -> int:
        return self.entries

    def name(self, i: int) -> str:
        return self._entry(self._row(i), values=False)[0].decode("utf-8", "backslashreplace")

    def label(self, i: int) -> str | None:
        return None

    def read(self, row: int) -> bytes:
        return self._entry(row, values=True)[1]

    def _entry(self, row: int, *, values: bool) -> tuple[bytes, bytes]:
        """Key and value of an entry; the value is empty unless asked for."""
        file = self.files[0]
        with damaged(file, "LMDB"), _environment(file, os.getpid()).begin(buffers=True) as transaction:
            cursor = transaction.cursor()
            self._remember(cursor, row // STEP)
            there = cursor.set_key(self.keys[row // STEP])
            for _ in range(row % STEP):
                there = there and cursor.next()
            if not there:
                raise BrokenPicture(f"number {row}", f"{self.spec} has fewer entries than it says")
            return bytes(cursor.key()), bytes(cursor.value()) if values else b""

    def _remember(self, cursor: Any, number: int) -> None:
        """Go on through the keys until the ``number``-th to remember; threads that do so at once find the same."""
        known = list(self.keys)
        if number < len(known):
            return
        there = cursor.set_key(known[-1]) if known else cursor.first()
        while there and len(known) <= number:
            if known:
                for _ in range(STEP):
                    there = there and cursor.next()
            if there:
                known.append(bytes(cursor.key()))
        if len(known) <= number:
            raise BrokenPicture(f"number {number * STEP}", f"{self.spec} has fewer entries than it says")
        self.keys = known


@functools.cache
def _environment(file: Path, process: int) -> Any:
    """The open database. A process opens one only once, and cannot use what it inherited from another."""
    import lmdb

    return lmdb.open(
        str(file), subdir=False, readonly=True, lock=False, readahead=False, create=False, max_spare_txns=16
    )


def check_whole(file: Path) -> None:
    """Refuse a file that ends before its last page: reading beyond the end would end the process.

    Raises:
        GanlabError: it is no LMDB, or not whole.
    """
    with file.open("rb") as opened:
        start = opened.read(1 << 17).ljust(LAST_PAGE + 16, b"\0")
    if start[16:20] != MAGIC:
        raise GanlabError(f"{file} is no LMDB: it does not begin as one.", AGAIN)
    page = struct.unpack_from("<I", start, PAGE_SIZE)[0]
    ends = [LAST_PAGE, page + LAST_PAGE]  # two pages take turns in saying so
    if page not in range(512, 1 << 17) or len(start) < ends[1] + 16:
        raise GanlabError(f"{file} is damaged: its first pages are not whole.", AGAIN)
    newest = max(ends, key=lambda place: struct.unpack_from("<Q", start, place + 8)[0])
    needed = (struct.unpack_from("<Q", start, newest)[0] + 1) * page
    if file.stat().st_size < needed:
        raise GanlabError(f"{file} ends after {file.stat().st_size:,} of {needed:,} bytes.", AGAIN)


def _file(path: Path) -> Path:
    return path / FILE if path.is_dir() else path
