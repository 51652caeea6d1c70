"""Child processes that share work which holds the interpreter, so that threads alone would not help.

Plain processes rather than `multiprocessing`: they import what they need and nothing else (neither torch nor the
script that is running, which needs no `if __name__ == "__main__"`), and end with their parent, however it ends.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import BinaryIO, Self, TypeVar, cast

READY, FAILED = b"+", b"-"
PIPE = 1 << 20  # bytes on the way, where the system allows: fewer turns between parent and child
T = TypeVar("T")
Parts = Iterable[bytes | memoryview]


class Children:
    """Up to `count` processes that do the same work, each started when first needed; a context manager that ends them.

    `serve` is the Python code that a child runs, which ends in a call of `answer`; `greeting` is what each is sent
    before the first request.
    """

    def __init__(self, serve: str, count: int, greeting: Parts = ()) -> None:
        self.count = count
        self.serve = serve
        self.greeting = list(greeting)
        self.started: list[_Child] = []
        self._idle: queue.SimpleQueue[_Child | None] = queue.SimpleQueue()
        for _ in range(count):
            self._idle.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.started:
            child.close()

    def ask(self, request: Parts, read: Callable[[BinaryIO], T]) -> T | None:
        """What `read` makes of the answer to a request, once a child is idle; called by any number of threads.

        None where there is no child, none can be started, or the one asked has failed: the caller does the work itself.
        """
        if not self.count:
            return None
        child = self._idle.get()
        try:
            if child is None:
                try:
                    child = _Child(self.serve, self.greeting)
                except OSError:  # as many processes as this user may have, or no memory for one more
                    return None
                self.started.append(child)
            return child.ask(request, read)
        finally:
            self._idle.put(child)


class _Child:
    def __init__(self, serve: str, greeting: Parts) -> None:
        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
        self.failed = False
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", serve],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pipesize=PIPE,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the parent
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # likewise, on Windows
        )
        self._send(greeting)

    def ask(self, request: Parts, read: Callable[[BinaryIO], T]) -> T | None:
        if self.failed:
            return None
        self._send(request)
        answers = cast(BinaryIO, self.process.stdout)
        self.failed = True  # until the answer has been read whole
        with suppress(EOFError):
            if answers.read(1) == READY:
                answer = read(answers)
                self.failed = False
                return answer
        return None

    def _send(self, parts: Parts) -> None:
        requests = cast(BinaryIO, self.process.stdin)
        with suppress(OSError):  # it has ended; reading its answer tells
            requests.writelines(parts)
            requests.flush()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def answer(work: Callable[[BinaryIO], Parts | None]) -> None:
    """The child: answer each request on standard input with what `work` reads and makes of it, until it gives None.

    `work` reads a request whole before it gives anything: parent and child would otherwise wait for each other.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Windows tells children, too; they end with their parent
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed must not get among the answers
    try:
        while (parts := work(requests)) is not None:
            answers.writelines([READY, *parts])
            answers.flush()
    except BrokenPipeError:
        pass
    except Exception:
        with suppress(OSError):  # the parent may have ended, which Windows does not call a broken pipe
            answers.write(FAILED)
            answers.flush()


def exactly(stream: BinaryIO, count: int) -> bytes:
    """The next `count` bytes. Raises `EOFError` where there are fewer."""
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data
