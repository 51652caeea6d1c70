"""Protocol buffers' wire format, as far as TensorFlow's checkpoints need it."""

from __future__ import annotations

from collections.abc import Iterator

Value = int | bytes
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LONGEST = 10  # bytes of a varint


def varint(data: bytes, place: int) -> tuple[int, int]:
    """The whole number at ``place``, and the place behind it.

    Raises:
        ValueError: the data end inside it, or it has no end.
    """
    number = 0
    for index in range(LONGEST):
        if place + index >= len(data):
            raise ValueError("it ends inside a number")
        byte = data[place + index]
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number, place + index + 1
    raise ValueError("a number has no end")


def fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """Number and value of every field of a message.

    Raises:
        ValueError: the message is cut off, or has a kind of field that no current writer uses.
    """
    place = 0
    while place < len(data):
        tag, place = varint(data, place)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value, place = varint(data, place)
            yield number, value
            continue
        if wire not in (FIXED64, BYTES, FIXED32):
            raise ValueError(f"a message has a field of kind {wire}")
        size, place = varint(data, place) if wire == BYTES else (8 if wire == FIXED64 else 4, place)
        if place + size > len(data):
            raise ValueError("a message is cut off")
        content = data[place : place + size]
        place += size
        yield number, content if wire == BYTES else int.from_bytes(content, "little")


def ints(data: bytes) -> dict[int, int]:
    """The whole numbers of a message, the last of each field."""
    return {number: value for number, value in fields(data) if isinstance(value, int)}


def messages(data: bytes, field: int) -> list[bytes]:
    """The texts, bytes or messages of one field."""
    return [value for number, value in fields(data) if number == field and isinstance(value, bytes)]
