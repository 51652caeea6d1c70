"""Draw a data set in several processes: drawing holds the interpreter, so that threads alone would not help.

Plain child processes rather than `multiprocessing`: they import the plugin and nothing else (neither torch
nor the script that is running, which needs no `if __name__ == "__main__"`), and end with their parent,
however it ends.
"""

from __future__ import annotations

import io
import os
import pickle
import queue
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import BinaryIO, Self, cast

import numpy as np

Draw = Callable[[int, int], np.ndarray]
REQUEST = struct.Struct("<qqq")  # first index, index after the last, size
READY, FAILED = b"+", b"-"
SERVE = "from ganlab.data.drawing import serve; serve()"


class WrongPicture(Exception):
    """A plugin drew something else than asked for; the text says what."""


def draw(function: Draw, rows: range, size: int) -> np.ndarray:
    """uint8 (len(rows), size, size, 3). Raises `WrongPicture` where `function` draws anything else."""
    drawn = np.empty((len(rows), size, size, 3), np.uint8)
    for place, i in enumerate(rows):
        picture = np.asarray(function(i, size))
        if picture.dtype != np.uint8 or picture.shape != (size, size, 3):
            raise WrongPicture(f"{picture.dtype} {picture.shape} instead of uint8 ({size}, {size}, 3)")
        drawn[place] = picture
    return drawn


class Painters:
    """Up to `count` child processes that draw, started when needed; a context manager that ends them."""

    def __init__(self, function: Draw, count: int) -> None:
        self.function = function
        self.idle: queue.SimpleQueue[_Painter | None] = queue.SimpleQueue()
        self.started: list[_Painter] = []
        self.pickled = _pickled(function)
        for _ in range(count if self.pickled else 0):
            self.idle.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for painter in self.started:
            painter.close()

    def draw(self, rows: range, size: int) -> np.ndarray:
        """As `draw`, by an idle child; or here, where there is none or where it failed."""
        try:
            painter = self.idle.get_nowait()
        except queue.Empty:
            return draw(self.function, rows, size)
        if painter is None:
            painter = _Painter(self.pickled)
            self.started.append(painter)
        drawn = painter.draw(rows, size)
        if drawn is None:
            return draw(self.function, rows, size)
        self.idle.put(painter)
        return drawn


class _Painter:
    def __init__(self, pickled: bytes) -> None:
        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the parent
        )
        self._send(len(pickled).to_bytes(8, "little") + pickled)

    def draw(self, rows: range, size: int) -> np.ndarray | None:
        answers = cast(io.BufferedReader, self.process.stdout)
        drawn = np.empty((len(rows), size, size, 3), np.uint8)
        self._send(REQUEST.pack(rows.start, rows.stop, size))
        if answers.read(1) != READY:
            return None
        whole = answers.readinto(drawn.data.cast("B")) == drawn.nbytes
        return drawn if whole else None

    def _send(self, message: bytes) -> None:
        requests = cast(io.BufferedWriter, self.process.stdin)
        try:
            requests.write(message)
            requests.flush()
        except OSError:
            pass  # it has ended; reading its answer tells

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def _pickled(function: Draw) -> bytes:
    try:
        pickled = pickle.dumps(function)
    except Exception:
        return b""
    return b"" if b"__main__" in pickled else pickled


def serve() -> None:
    """The child: draw what standard input asks for until it closes."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a plugin prints must not get among the pixels
    try:
        function = pickle.loads(requests.read(int.from_bytes(requests.read(8), "little")))
        while len(request := requests.read(REQUEST.size)) == REQUEST.size:
            first, stop, size = REQUEST.unpack(request)
            _answer(answers, READY, draw(function, range(first, stop), size).data)
    except BrokenPipeError:
        pass
    except Exception:
        _answer(answers, FAILED)


def _answer(answers: BinaryIO, *parts: bytes | memoryview) -> None:
    answers.writelines(parts)
    answers.flush()
