"""Draw a data set in several processes."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Sequence
from typing import BinaryIO

import numpy as np

from ganlab.data.children import Children, Parts, answer, exactly

Draw = Callable[[int, int], np.ndarray]
LENGTH = struct.Struct("<q")  # of the pickled function
REQUEST = struct.Struct("<qq")  # how many pictures, size
INDEX = np.dtype("<i8")
SERVE = "from ganlab.data.drawing import serve; serve()"


class WrongPicture(Exception):
    """A plugin drew something else than asked for; the text says what."""


def draw(function: Draw, rows: Sequence[int], size: int) -> np.ndarray:
    """uint8 (len(rows), size, size, 3). Raises `WrongPicture` where `function` draws anything else."""
    drawn = np.empty((len(rows), size, size, 3), np.uint8)
    for place, i in enumerate(rows):
        picture = np.asarray(function(i, size))
        if picture.dtype != np.uint8 or picture.shape != (size, size, 3):
            raise WrongPicture(f"{picture.dtype} {picture.shape} instead of uint8 ({size}, {size}, 3)")
        drawn[place] = picture
    return drawn


class Painters(Children):
    """Up to `count` child processes that draw, none where the function cannot be sent to them."""

    def __init__(self, function: Draw, count: int) -> None:
        self.function = function
        pickled = _pickled(function)
        super().__init__(SERVE, count if pickled else 0, (LENGTH.pack(len(pickled)), pickled))

    def draw(self, rows: Sequence[int], size: int) -> np.ndarray:
        """As `draw`, by a child; or here, where there is none or where it failed."""

        def read(answers: BinaryIO) -> np.ndarray:
            pixels = exactly(answers, len(rows) * size * size * 3)
            return np.frombuffer(pixels, np.uint8).reshape(len(rows), size, size, 3)

        drawn = self.ask((REQUEST.pack(len(rows), size), np.array(rows, INDEX).tobytes()), read)
        return draw(self.function, rows, size) if drawn is None else drawn


def _pickled(function: Draw) -> bytes:
    try:
        pickled = pickle.dumps(function)
    except Exception:
        return b""
    return b"" if b"__main__" in pickled else pickled


def serve() -> None:
    """The child: draw what standard input asks for until it closes."""
    function: Draw | None = None

    def work(requests: BinaryIO) -> Parts | None:
        nonlocal function
        if function is None:
            (length,) = LENGTH.unpack(exactly(requests, LENGTH.size))
            function = pickle.loads(exactly(requests, length))
        request = requests.read(REQUEST.size)
        if len(request) < REQUEST.size:
            return None
        count, size = REQUEST.unpack(request)
        rows = np.frombuffer(exactly(requests, count * INDEX.itemsize), INDEX).tolist()
        return (draw(function, rows, size).data,)

    answer(work)
