"""An LMDB's entries in the order of their keys, read from the pages of its file; nothing is mapped, locked or written.

The file is a row of pages of one size (data version 1, 64 bits, little-endian). A page begins with its number and kind.
The first two take turns in saying where the tree of the last change begins, and how much there is. Branch pages hold
keys and the pages below them, the leaves keys and values; a value that is too large for that lies in pages of its own.
Every number out of the file is checked before it is followed.
"""

from __future__ import annotations

import struct
import threading
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .damage import damaged
from .lmdb_meta import HEADER, newest_meta, not_plain

BRANCH, LEAF, LARGE = 1, 2, 4  # kinds
KINDS = 0x6F  # the bits that say the kind; the others have a meaning only in memory
NODE = struct.Struct("<HHHH")  # the value's size in two halves, flags, the key's size; in a branch three of a number
ELSEWHERE = 1  # a flag of a node: its value lies in pages of its own
OTHER_TREE = 2 | 4  # flags: its value is a database, or several values
LARGEST_VALUE = 1 << 28  # bytes of one picture


@dataclass(frozen=True)
class Page:
    """A branch or a leaf: its bytes, and where in them its nodes begin."""

    content: bytes
    places: tuple[int, ...]

    def node(self, i: int) -> tuple[tuple[int, int, int], bytes, int]:
        """The three numbers before its key, the key, and where the key ends. Raises ``ValueError``."""
        place = self.places[i]
        if not HEADER.size + 2 * len(self.places) <= place <= len(self.content) - NODE.size:
            raise ValueError("an entry lies outside its page")
        *numbers, size = NODE.unpack_from(self.content, place)
        end = place + NODE.size + size
        if end > len(self.content):
            raise ValueError("a key ends outside its page")
        return (numbers[0], numbers[1], numbers[2]), self.content[end - size : end], end

    def key(self, i: int) -> bytes:
        return self.node(i)[1]

    def child(self, i: int) -> int:
        """The page below node ``i`` of a branch."""
        low, middle, high = self.node(i)[0]
        return low | middle << 16 | high << 32


class Entries:
    """Keys and values by number. Opening reads two pages; the leaves before an entry are counted when it is asked for.

    Several threads may read at once; a pickle holds no more than the path.

    Raises:
        GanlabError: it is no LMDB, it is damaged or not whole, or more than one value belongs to a key.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.meta = newest_meta(path)
        self.walking = threading.Lock()
        self._begin()

    def __len__(self) -> int:
        return self.meta.entries

    def __reduce__(self) -> Any:
        return Entries, (self.path,)

    def key(self, row: int) -> bytes:
        """Raises ``ValueError`` where this entry is damaged, ``GanlabError`` where it cannot be found."""
        return self._entry(row)[1]

    def value(self, row: int) -> bytes:
        """Raises ``ValueError`` where this entry is damaged, ``GanlabError`` where it cannot be found."""
        page, _, (low, high, flags), start = self._entry(row)
        size = low | high << 16
        inside = 8 if flags & ELSEWHERE else size
        if start + inside > len(page.content):
            raise ValueError("it ends outside its page")
        stored = page.content[start : start + inside]
        return self._large(int.from_bytes(stored, "little"), size) if flags & ELSEWHERE else stored

    def _large(self, number: int, size: int) -> bytes:
        """A value in pages of its own: one header, then its bytes through all of them."""
        kind, pages = struct.unpack("<HI", self._read(number, HEADER.size)[10:])
        room = min(pages, self.meta.last + 1 - number) * self.meta.page_size - HEADER.size
        if kind & KINDS != LARGE or size > min(room, LARGEST_VALUE):
            raise ValueError(f"page {number} does not hold its {size:,} bytes")
        return self._read(number, HEADER.size + size)[HEADER.size :]

    def _entry(self, row: int) -> tuple[Page, bytes, tuple[int, int, int], int]:
        """The leaf of an entry, its key, the numbers before that, and where in the leaf its value begins."""
        page, i = self._leaf_of(row)
        numbers, key, start = page.node(i)
        if numbers[2] & OTHER_TREE:
            raise not_plain(self.path)
        return page, key, numbers, start

    def _leaf_of(self, row: int) -> tuple[Page, int]:
        """The leaf of an entry and its place there."""
        with damaged(self.path, "LMDB"):
            with self.walking:
                while row >= self.starts[-1]:
                    self._count_leaf()
                leaf = bisect_right(self.starts, row) - 1
                number, first = self.leaves[leaf], self.starts[leaf]
            return self._page(number, LEAF), row - first

    def _begin(self) -> None:
        self.leaves = array("Q")  # the numbers of their pages, up to the furthest that was asked for,
        self.starts = array("Q", [0])  # and of the first entry in each; the last is the next leaf's
        self.walk = self._below(self.meta.root, self.meta.depth, b"", None)

    def _count_leaf(self) -> None:
        try:
            number, count = next(self.walk)
        except StopIteration:
            raise ValueError(f"it ends after {self.starts[-1]:,} of {len(self):,} entries") from None
        except Exception:
            self._begin()  # so that whoever asks next is told the same
            raise
        self.leaves.append(number)
        self.starts.append(self.starts[-1] + count)

    def _below(self, number: int, depth: int, low: bytes, high: bytes | None) -> Iterator[tuple[int, int]]:
        """Leaf by leaf number and entries of the tree that begins at a page, whose keys lie in [low, high).

        That no two leaves have keys in common ends the walk whatever the pages say.
        """
        page = self._page(number, BRANCH if depth > 1 else LEAF)
        count = len(page.places)
        if depth == 1:
            if not low <= page.key(0) <= page.key(count - 1) or (high is not None and page.key(count - 1) >= high):
                raise ValueError(f"the keys in page {number} are not in order")
            yield number, count
            return
        for i in range(count):
            first = page.key(i) if i else low  # the first key of a branch says nothing
            end = page.key(i + 1) if i + 1 < count else high
            if end is not None and first >= end:
                raise ValueError(f"the keys in page {number} are not in order")
            yield from self._below(page.child(i), depth - 1, first, end)

    def _page(self, number: int, kind: int) -> Page:
        content = self._read(number, self.meta.page_size)
        _, _, stored, lower, upper = HEADER.unpack_from(content)
        if stored & KINDS != kind or not HEADER.size < lower <= upper <= len(content) or lower % 2:
            raise ValueError(f"page {number} is not a {'leaf' if kind == LEAF else 'branch'} of the tree")
        return Page(content, struct.unpack_from(f"<{(lower - HEADER.size) // 2}H", content, HEADER.size))

    def _read(self, number: int, size: int) -> bytes:
        """The first bytes from a page on, at least its header."""
        if not 2 <= number <= self.meta.last:
            raise ValueError(f"there is no page {number}")
        with self.path.open("rb", buffering=0) as file:
            file.seek(number * self.meta.page_size)
            content = file.read(size)
        if len(content) != size or HEADER.unpack_from(content)[0] != number:
            raise ValueError(f"page {number} is not where it should be")
        return content
