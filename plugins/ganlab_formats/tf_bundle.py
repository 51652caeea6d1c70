"""TensorFlow's tensor bundle: ``NAME.index``, a sorted table of what there is, and ``NAME.data-00000-of-0000N``.

The table is LevelDB's: blocks of keys that are stored without what they share with the key before, each block with a
checksum, a block that lists the blocks, and 48 bytes at the end that say where that one lies.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from ganlab import GanlabError

from . import protobuf
from .crc32c import masked

if TYPE_CHECKING:
    import numpy as np

FOOTER = 48
TABLE_MAGIC = 0xDB4775248B80FB57
TRAILER = 5  # bytes behind a block: how it is compressed, and its checksum
SHARDS = 10_000
MOST_TENSORS = 100_000
KEYS = 32  # times as long as its block the keys in it may be: TensorFlow stores every 16th whole
# TensorFlow's number of a type -> numpy's name of it; bfloat16 is the upper half of a float32
FLOATS = {1: "<f4", 2: "<f8", 14: "<u2", 19: "<f2"}
BFLOAT16 = 14
CHECKSUM = b"\x35"  # what begins a tensor's checksum in its entry: field 6, four bytes


@dataclass(frozen=True)
class Entry:
    """Where a tensor lies: its type, its shape, the data file, the place in it, its bytes and their checksum."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int
    sliced: bool


@dataclass(frozen=True)
class Bundle:
    """An opened checkpoint: what its index lists."""

    prefix: Path
    shards: int
    entries: Mapping[str, Entry]

    def floats(self, name: str) -> np.ndarray:
        """A tensor as float32; raises as :meth:`numbers`."""
        import numpy as np

        return self.numbers(name).astype(np.float32)

    def numbers(self, name: str) -> np.ndarray:
        """A tensor in the precision that it is stored in; float32 for bfloat16, which numpy does not know.

        Raises:
            GanlabError: its bytes are not there, are not what was written, or are no floating point numbers.
        """
        import numpy as np

        entry = self.entries[name]
        if entry.dtype not in FLOATS or entry.sliced:
            raise GanlabError(f"{name} in {self.prefix.name} is in pieces or of a type not known.", "Save it anew.")
        kind = np.dtype(FLOATS[entry.dtype])
        if math.prod(entry.shape) * kind.itemsize != entry.size:
            raise self.damaged(f"{name} is {entry.shape} in {entry.size} bytes")
        values = np.frombuffer(self._bytes(name), dtype=kind)
        if entry.dtype == BFLOAT16:
            values = (values.astype(np.uint32) << 16).view(np.float32)
        return values.reshape(entry.shape)

    def text(self, name: str) -> bytes:
        """The one text that a tensor of texts holds: its length, the length's checksum, then itself.

        Raises:
            GanlabError: its bytes are not there.
        """
        content = self._bytes(name, checked=False)
        try:
            length, place = protobuf.varint(content, 0)
        except ValueError as error:
            raise self.damaged(f"{name}: {error}") from error
        if place + 4 + length != len(content):
            raise self.damaged(f"{name} is cut off")
        return content[place + 4 :]

    def _bytes(self, name: str, checked: bool = True) -> bytes:
        entry = self.entries[name]
        path = self.shard(entry.shard)
        if entry.offset + entry.size > path.stat().st_size:
            raise self.damaged(f"{name} lies behind the end of {path.name}")
        with path.open("rb") as file:
            file.seek(entry.offset)
            content = file.read(entry.size)
        if checked and masked(content) != entry.checksum:
            raise self.damaged(f"the checksum of {name} does not fit")
        return content

    def shard(self, number: int) -> Path:
        """One of the data files.

        Raises:
            GanlabError: it is not there.
        """
        path = self.prefix.with_name(self.shard_name(self.prefix.name, number))
        if not path.is_file():
            raise GanlabError(f"{path} is missing; it belongs to {self.prefix.name}.index.", "Put it beside the index.")
        return path

    def shard_name(self, prefix: str, number: int) -> str:
        return f"{prefix}.data-{number:05d}-of-{self.shards:05d}"

    def damaged(self, what: str) -> GanlabError:
        """The error for a file that is not as it was written."""
        return GanlabError(f"The TensorFlow checkpoint {self.prefix} is damaged: {what}.", "Fetch or copy it again.")


def open_bundle(prefix: Path) -> Bundle:
    """Read the index of the checkpoint ``prefix`` (``prefix.index``).

    Raises:
        GanlabError: it is missing or damaged.
    """
    path = prefix.with_name(f"{prefix.name}.index")
    try:
        table = dict(islice(_table(path.read_bytes()), MOST_TENSORS + 1))
        if len(table) > MOST_TENSORS:
            raise ValueError(f"it lists more than {MOST_TENSORS:,} tensors")
        header = protobuf.ints(table.pop(b"", b""))
        shards = header.get(1, 1)
        if header.get(2, 0) != 0 or not 1 <= shards <= SHARDS:
            raise ValueError("its numbers are big-endian, or its header is none")
        entries = {key.decode("utf-8"): _entry(value) for key, value in table.items()}
        _check_apart(entries.values())
    except (ValueError, struct.error) as error:
        raise GanlabError(f"The TensorFlow index {path} is damaged: {error}.", "Fetch or copy it again.") from error
    return Bundle(prefix, shards, entries)


def _check_apart(entries: Iterable[Entry]) -> None:
    """That no bytes are listed twice, of which each tensor would be a copy of its own.

    Raises:
        ValueError: two tensors share some.
    """
    places = sorted((entry.shard, entry.offset, entry.size) for entry in entries if entry.size)
    for (shard, offset, size), (next_shard, next_offset, _) in pairwise(places):
        if shard == next_shard and offset + size > next_offset:
            raise ValueError("two tensors lie in the same place")


def rewrite(prefix: Path, name: str, change: Callable[[str, np.ndarray], np.ndarray]) -> dict[str, bytes]:
    """A copy of the checkpoint ``prefix`` whose files' names begin with ``name``; see ``CheckpointFormat``.

    Raises:
        GanlabError: it is damaged, or a tensor that changes has the checksum zero (one of 4,294,967,296 has).
    """
    import numpy as np

    bundle = open_bundle(prefix)
    shards = [bytearray(bundle.shard(number).read_bytes()) for number in range(bundle.shards)]
    sums: dict[bytes, tuple[int, int]] = {}
    for key, entry in bundle.entries.items():
        if entry.dtype in FLOATS and not entry.sliced:
            before = bundle.numbers(key)
            after = change(key, before)
            if not np.array_equal(before, after, equal_nan=True):
                if not entry.checksum:  # an index leaves out what is zero, so it has no room for another
                    raise GanlabError(f"The checksum of {key} is zero, which the index cannot change.", "Save it anew.")
                content = _packed(after, entry.dtype)
                shards[entry.shard][entry.offset : entry.offset + entry.size] = content
                sums[key.encode()] = (entry.checksum, masked(content))
    files = {bundle.shard_name(name, number): bytes(content) for number, content in enumerate(shards)}
    index = prefix.with_name(f"{prefix.name}.index").read_bytes()
    return files | {f"{name}.index": _with_checksums(index, sums)}


def _packed(values: np.ndarray, dtype: int) -> bytes:
    """Numbers as the data file has them; bfloat16 is rounded to the nearest, of two as near to the even one."""
    import numpy as np

    if dtype != BFLOAT16:
        return values.astype(FLOATS[dtype]).tobytes()
    bits = values.astype(np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(FLOATS[dtype]).tobytes()


def _with_checksums(content: bytes, sums: Mapping[bytes, tuple[int, int]]) -> bytes:
    """An index in which tensors have other checksums, given by key as the old and the new one."""
    index = bytearray(content)
    for offset, size in _blocks(content):
        block = _block(content, offset, size)
        for key, value in _pairs(block):
            if key in sums:
                old, new = (CHECKSUM + struct.pack("<I", checksum) for checksum in sums[key])
                place = offset + block.rindex(old, value.start, value.stop)
                index[place : place + len(new)] = new
        end = offset + size + 1  # behind the byte that says how it is compressed
        index[end : end + 4] = struct.pack("<I", masked(bytes(index[offset:end])))
    return bytes(index)


def _entry(message: bytes) -> Entry:
    numbers = protobuf.ints(message)
    dims = [size for shape in protobuf.messages(message, 2) for size in protobuf.messages(shape, 2)]
    shape = tuple(protobuf.ints(dim).get(1, 0) for dim in dims)
    place = (numbers.get(3, 0), numbers.get(4, 0), numbers.get(5, 0))
    return Entry(numbers.get(1, 0), shape, *place, numbers.get(6, 0), bool(protobuf.messages(message, 7)))


def _table(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """All keys and values of a table.

    Raises:
        ValueError: it is none, or is damaged.
    """
    for offset, size in _blocks(content):
        block = _block(content, offset, size)
        yield from ((key, block[value]) for key, value in _pairs(block))


def _blocks(content: bytes) -> Iterator[tuple[int, int]]:
    """Place and size of the blocks with a table's keys and values.

    Raises:
        ValueError: it is no table, or is damaged.
    """
    if len(content) < FOOTER or struct.unpack("<Q", content[-8:])[0] != TABLE_MAGIC:
        raise ValueError("it does not end as an index does")
    footer = content[-FOOTER:]
    _, place = _handle(footer, 0)  # of a block about the table, which is empty
    of_blocks, _ = _handle(footer, place)
    block, end = _block(content, *of_blocks), 0
    for _, handle in _pairs(block):
        (offset, size), _ = _handle(block[handle], 0)
        if offset < end:
            raise ValueError("its blocks do not follow each other")
        yield offset, size
        end = offset + size


def _handle(data: bytes, place: int) -> tuple[tuple[int, int], int]:
    """Where a block lies (its place and size), and the place behind the handle."""
    offset, place = protobuf.varint(data, place)
    size, place = protobuf.varint(data, place)
    return (offset, size), place


def _block(content: bytes, offset: int, size: int) -> bytes:
    end = offset + size
    if end + TRAILER > len(content):
        raise ValueError("a block lies behind its end")
    if masked(content[offset : end + 1]) != struct.unpack("<I", content[end + 1 : end + TRAILER])[0]:
        raise ValueError("the checksum of a block does not fit")
    if content[end]:
        raise ValueError("its blocks are compressed, which TensorFlow does not do by itself")
    return content[offset:end]


def _pairs(block: bytes) -> Iterator[tuple[bytes, slice]]:
    """Keys of a block, and where in it their values lie.

    At its end are the places of the keys that are stored whole, and their number.
    """
    if len(block) < 4:
        raise ValueError("a block is too short")
    end = len(block) - 4 - 4 * struct.unpack("<I", block[-4:])[0]
    place, key, room = 0, b"", KEYS * len(block)
    while place < end:
        shared, place = protobuf.varint(block, place)
        fresh, place = protobuf.varint(block, place)
        size, place = protobuf.varint(block, place)
        if shared > len(key) or place + fresh + size > end:
            raise ValueError("a key lies outside its block")
        room -= shared + fresh
        if room < 0:
            raise ValueError("the keys of a block are far longer than it is")
        key = key[:shared] + block[place : place + fresh]
        yield key, slice(place + fresh, place + fresh + size)
        place += fresh + size
