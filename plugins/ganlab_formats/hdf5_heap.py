"""HDF5's global heaps, where texts lie, looked through before the library reads them.

A text's length stands in two places, and the library trusts the one outside the heap enough to set so much memory
aside; an object in a heap that says it has no length at all makes it go round for ever.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator

SIGNATURE = b"GCOL\x01\0\0\0"  # of the only version there is
HEAD = 16  # bytes before a heap's objects, and before each object's content
ALIGNED = 8

Content = bytes | mmap.mmap


def check(content: Content) -> None:
    """Look through all heaps of a file.

    Raises:
        ValueError: an object that lies outside its heap, or a text that claims to be longer than its object.
    """
    for place in _occurrences(content, SIGNATURE):
        if place % ALIGNED == 0:
            _check_references(content, place, _objects(content, place))


def _occurrences(content: Content, what: bytes) -> Iterator[int]:
    place = content.find(what)
    while place >= 0:
        yield place
        place = content.find(what, place + 1)


def _objects(content: Content, heap: int) -> dict[int, int]:
    """Number and length of each object of the heap at that place."""
    if heap + HEAD > len(content):
        raise ValueError("a heap of texts is cut off")
    end = heap + struct.unpack_from("<Q", content, heap + 8)[0]
    if end > len(content):
        raise ValueError("a heap of texts lies behind the file's end")
    found: dict[int, int] = {}
    place = heap + HEAD
    while place + HEAD <= end:
        number, size = struct.unpack_from("<H6xQ", content, place)
        if number == 0:  # what is free, to the end
            if size < HEAD or place + size > end:
                raise ValueError("a heap of texts has gaps of no length")
            break
        found[number] = size
        place += HEAD + -(-size // ALIGNED) * ALIGNED
        if place > end:
            raise ValueError("a text lies outside its heap")
    return found


def _check_references(content: Content, heap: int, objects: dict[int, int]) -> None:
    """Wherever the heap is referred to: the length (4 bytes), the heap's place (8), the object's number (4)."""
    for place in _occurrences(content, struct.pack("<Q", heap)):
        if place % ALIGNED != 4 or place + 12 > len(content):  # Keras's files align them; what else there is, is chance
            continue
        length, number = struct.unpack_from("<I8xI", content, place - 4)
        if length > objects.get(number, len(content)):
            raise ValueError("a text claims to be longer than it is")
