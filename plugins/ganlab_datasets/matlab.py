"""Arrays of numbers in MATLAB 5 files, packed or not. Every size is checked before room is made for it.

After a header of 128 bytes comes element after element: its type, its size, its content. An array is an element of
elements: flags, shape, name, numbers; mostly it lies packed by zlib in one more element.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .damage import check_unpacked

if TYPE_CHECKING:
    import numpy as np

BEGINS = b"MATLAB 5.0 MAT-file"
HEADER = 128  # bytes; the last two say the order of bytes
LITTLE_ENDIAN = b"IM"
ARRAY, PACKED = 14, 15  # types of elements
NUMBERS = {1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8", 12: "<i8", 13: "<u8"}
UINT8 = 9  # a class of arrays
WIDTHS = {6: 8, 7: 4, 8: 1, UINT8: 1, 10: 2, 11: 2, 12: 4, 13: 4, 14: 8, 15: 8}  # bytes of a number of each class
COMPLEX = 8  # a flag
SHORT = 1 << 10  # bytes of a name, or of a shape
CHUNK = 1 << 20


@dataclass(frozen=True)
class Array:
    """What an array is, and where in the file its element begins."""

    name: str
    shape: tuple[int, ...]
    kind: int
    place: int


def arrays_in(path: Path) -> dict[str, Array]:
    """The arrays of numbers in a file, by name. Raises ``ValueError`` or ``zlib.error`` where it is damaged."""
    return {array.name: array for array in _arrays(path)}


def numbers_of(path: Path, array: Array) -> np.ndarray:
    """The numbers of one of them, in its shape.

    Raises:
        ValueError: it is damaged; or ``zlib.error``.
        GanlabError: it says that it holds more than it can, or than fits into memory.
    """
    import numpy as np

    most = math.prod(array.shape) * WIDTHS[array.kind]
    check_unpacked(path, most)
    with path.open("rb") as file:
        content = _content(file, array.place)
        _described(content, array.place)
        kind, numbers = _element(content, most)
        if isinstance(content, _Unpacker):
            content.check_end()
    dtype = np.dtype(NUMBERS.get(kind, "V1"))
    if dtype.kind == "V" or len(numbers) != math.prod(array.shape) * dtype.itemsize:
        raise ValueError(f"{array.name} does not hold what its shape {array.shape} says")
    return np.frombuffer(numbers, dtype).reshape(array.shape, order="F")


def _arrays(path: Path) -> Iterator[Array]:
    end = path.stat().st_size
    with path.open("rb") as file:
        if not file.read(HEADER).endswith(LITTLE_ENDIAN):
            raise ValueError("it is not little-endian")
        place = HEADER
        while place < end:
            file.seek(place)
            kind, size = struct.unpack("<II", _exactly(file, 8))
            if place + 8 + size > end:
                raise ValueError("it ends within an array")
            if kind in (ARRAY, PACKED) and (array := _described(_content(file, place), place)) is not None:
                yield array
            place += 8 + size


def _described(content: BinaryIO | _Unpacker, place: int) -> Array | None:
    """What an array of numbers is; its numbers come next. None of other kinds of arrays, such as texts."""
    if struct.unpack("<II", _exactly(content, 8))[0] != ARRAY:
        raise ValueError("something else than an array is packed in it")
    _, flags = _element(content, SHORT)
    if len(flags) != 8:
        raise ValueError("an array has no flags")
    if flags[0] not in WIDTHS or flags[1] & COMPLEX:
        return None
    _, sizes = _element(content, SHORT)
    shape = struct.unpack(f"<{len(sizes) // 4}i", sizes[: len(sizes) // 4 * 4])
    _, name = _element(content, SHORT)
    if len(shape) < 2 or min(shape) < 0:
        raise ValueError(f"an array has the shape {shape}")
    return Array(name.decode("latin-1"), shape, flags[0], place)


def _element(content: BinaryIO | _Unpacker, most: int) -> tuple[int, bytes | bytearray]:
    """Type and content of the next element inside an array."""
    tag = _exactly(content, 8)
    kind, size = struct.unpack("<II", tag)
    if kind >> 16:  # at most four bytes, in the place of the size
        return kind & 0xFFFF, tag[4 : 4 + min(kind >> 16, 4)]
    if size > most:
        raise ValueError(f"{size:,} bytes are there instead of at most {most:,}")
    held = _exactly(content, size)
    content.read(-size % 8)
    return kind, held


def _content(file: BinaryIO, place: int) -> BinaryIO | _Unpacker:
    """An array's bytes from its own tag on."""
    file.seek(place)
    kind, size = struct.unpack("<II", _exactly(file, 8))
    if kind == PACKED:
        return _Unpacker(file, size)
    file.seek(place)
    return file


class _Unpacker:
    """Unpacks, as it is read, what lies packed in the next bytes of a file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.left = file, size
        self.zlib = zlib.decompressobj()

    def read(self, size: int) -> bytes:
        """So many of the next bytes; fewer at the end only, as of a file."""
        held = bytearray()
        while len(held) < size and not self.zlib.eof:
            packed = self.zlib.unconsumed_tail or self.file.read(min(self.left, CHUNK))
            self.left -= 0 if self.zlib.unconsumed_tail else len(packed)
            part = self.zlib.decompress(packed, size - len(held))
            if not part and not packed:
                raise ValueError("it ends within an array")
            held += part
        return bytes(held)

    def check_end(self) -> None:
        """That nothing follows, and that the checksum of what was unpacked is right."""
        if self.read(1) or not self.zlib.eof:
            raise ValueError("more is packed than an array")


def _exactly(content: BinaryIO | _Unpacker, size: int) -> bytearray:
    held = bytearray()
    while len(held) < size:
        part = content.read(min(size - len(held), CHUNK))
        if not part:
            raise ValueError("it ends within an array")
        held += part
    return held
