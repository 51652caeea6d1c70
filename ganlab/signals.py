"""What ends a process from outside: Ctrl-C, SIGTERM as batch systems send it, SIGHUP as of a terminal that closes."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import current_thread, main_thread

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
TWICE = 1.0  # seconds within which a repeated one is the same: of a terminal that closes two tell, shell and system


class Signalled(KeyboardInterrupt):
    """A signal ends this process as Ctrl-C does, and all that is unfinished is cleared up on the way.

    Attributes:
        number: the signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def handled(handle: Callable[[int], None], numbers: Sequence[int] = ENDING) -> Iterator[None]:
    """Call ``handle`` with each of these signals that comes while the block lasts, in the main thread alone.

    What is ignored stays so: SIGHUP under nohup, Ctrl-C in the background of a script.
    """
    last = float("-inf")

    def hear(number: int, frame: object) -> None:
        nonlocal last
        again, last = time.monotonic() - last < TWICE, time.monotonic()
        if number == signal.SIGINT or not again:  # a second Ctrl-C is somebody who will not wait
            handle(number)

    before = {}
    try:
        for number in numbers if current_thread() is main_thread() else ():
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, hear)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def raised(numbers: Sequence[int] = ENDING) -> Iterator[list[int]]:
    """Raise :class:`Signalled` for each of these signals; the list holds which came: a library that is just being
    imported may make another error of it."""
    came: list[int] = []

    def end(number: int) -> None:
        came.append(number)
        raise Signalled(number)

    with handled(end, numbers):
        yield came
