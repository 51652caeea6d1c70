"""What the first two pages of an LMDB say: they take turns in telling where the tree of the last change begins."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

from ganlab import GanlabError

from .damage import AGAIN

HEADER = struct.Struct("<QHHHH")  # of every page: its number, nothing, its kind, two places that only others have
MAGIC = b"\xde\xc0\xef\xbe"  # follows it
META = 8  # a kind
VERSION = 1
PAGE_SIZES = tuple(1 << power for power in range(9, 17))
DEEPEST = 32  # LMDB's own limit
SMALLEST_ENTRY = 10  # bytes


class Meta(NamedTuple):
    """What one of the first two pages says; ``entries`` and what is before it speak of the tree."""

    magic: bytes
    version: int
    page_size: int
    flags: int
    depth: int
    entries: int
    root: int
    last: int  # page
    change: int


META_LAYOUT = struct.Struct("<4sI16xI44x4xHH24xQQQQ")  # between them an address, the map's size, the tree of free pages
SIZE = HEADER.size + META_LAYOUT.size


def newest_meta(path: Path) -> Meta:
    """What is there since the last change that was finished.

    Raises:
        GanlabError: it is no LMDB, not whole, or of a kind that is not read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        first = _meta(file.read(SIZE), 0)
        file.seek(first.page_size if first else 0)
        second = _meta(file.read(SIZE), 1)
    if first is None:
        raise GanlabError(f"{path} is no LMDB: it does not begin as one.", AGAIN)
    if second is None or second.page_size != first.page_size or first.page_size not in PAGE_SIZES:
        raise GanlabError(f"{path} is damaged: its first pages are not whole.", AGAIN)
    newest = max(first, second, key=lambda meta: meta.change)
    if newest.version != VERSION:
        hint = f"LSUN's is of version {VERSION}; copy the database with LMDB 0.9."
        raise GanlabError(f"{path} is an LMDB of version {newest.version}, which is not read.", hint)
    if newest.flags:
        raise not_plain(path)
    needed = (newest.last + 1) * newest.page_size
    if size < needed:
        raise GanlabError(f"{path} ends after {size:,} of {needed:,} bytes.", AGAIN)
    deep = newest.depth in range(1, DEEPEST + 1) or not newest.entries
    if newest.entries > size // SMALLEST_ENTRY or not deep:
        raise GanlabError(f"{path} is damaged: it says that it holds {newest.entries:,} entries.", AGAIN)
    return newest


def _meta(start: bytes, number: int) -> Meta | None:
    """What one of the pages says, by its first bytes, if it is one."""
    if len(start) < SIZE:
        return None
    stored, _, kind, _, _ = HEADER.unpack_from(start)
    meta = Meta(*META_LAYOUT.unpack_from(start, HEADER.size))
    return meta if meta.magic == MAGIC and kind & META and stored == number else None


def not_plain(path: Path) -> GanlabError:
    return GanlabError(
        f"{path} is an LMDB of several databases, or of several values for a key.",
        "LSUN's have one picture for each key. Export what you want of it to a folder or a tar.",
    )
