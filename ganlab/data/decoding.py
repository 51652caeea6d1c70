"""Decode pictures in several processes: half of the time of a small JPEG is spent in Pillow's Python."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from ganlab.data import geometry
from ganlab.data.children import Children, Parts, answer, exactly

REQUEST = struct.Struct("<qqq")  # how many pictures, size, channels
LENGTH = np.dtype("<i8")  # of an encoded picture; of the reason why there is no picture, 0 where there is one
SERVE = "from ganlab.data.decoding import serve; serve()"


def decode_square(encoded: bytes, size: int, channels: int) -> np.ndarray | str:
    """uint8 (size, size, channels) as :func:`geometry.square` has it, or why there is none."""
    try:
        return geometry.square(geometry.decode_picture(encoded, size), size, channels)
    except geometry.Undecodable as error:
        return str(error)


class Decoders(Children):
    """Up to `count` child processes that decode."""

    def __init__(self, count: int) -> None:
        super().__init__(SERVE, count)

    def decode(self, encoded: Sequence[bytes], size: int, channels: int) -> list[np.ndarray | str]:
        """Each as `decode_square`, by a child; or here, where there is none or where it failed."""

        def read(answers: BinaryIO) -> list[np.ndarray | str]:
            whys = _lengths(answers, len(encoded))
            reasons = [exactly(answers, length).decode() for length in whys]
            shape = (whys.count(0), size, size, channels)
            pixels = iter(np.frombuffer(exactly(answers, int(np.prod(shape))), np.uint8).reshape(shape))
            return [reason or next(pixels) for reason in reasons]

        request = REQUEST.pack(len(encoded), size, channels)
        decoded = self.ask((request, _packed_lengths(encoded), *encoded), read)
        return [decode_square(data, size, channels) for data in encoded] if decoded is None else decoded


def serve() -> None:
    """The child: decode what standard input holds until it closes."""
    answer(_work)


def _work(requests: BinaryIO) -> Parts | None:
    request = requests.read(REQUEST.size)
    if len(request) < REQUEST.size:
        return None
    count, size, channels = REQUEST.unpack(request)
    encoded = [exactly(requests, length) for length in _lengths(requests, count)]
    decoded = [decode_square(data, size, channels) for data in encoded]
    reasons = [(one or "no picture").encode() if isinstance(one, str) else b"" for one in decoded]
    pixels = [np.ascontiguousarray(one).data for one in decoded if not isinstance(one, str)]
    return [_packed_lengths(reasons), *reasons, *pixels]


def _packed_lengths(parts: Sequence[bytes]) -> bytes:
    return np.array([len(part) for part in parts], LENGTH).tobytes()


def _lengths(stream: BinaryIO, count: int) -> list[int]:
    return np.frombuffer(exactly(stream, count * LENGTH.itemsize), LENGTH).tolist()
