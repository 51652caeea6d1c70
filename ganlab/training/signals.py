"""What Ctrl-C and SIGTERM do while a GAN is trained."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ganlab.training.processes import Processes


@contextmanager
def clearing_up(processes: Processes) -> Iterator[None]:
    """Let SIGTERM end this process as Ctrl-C does, so that it removes what is unfinished, such as an empty run folder.

    Of several only the first, which has such: another may be waiting for it where no handler would be heard.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler) if processes.first else None
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


@contextmanager
def interruptible(alone: bool) -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C and SIGTERM into a wish to stop after the current step; a second Ctrl-C stops at once.

    Not so where several processes train: torchrun passes on to all of them what one got already.
    """
    wished = False

    def wish(signum: int, frame: object) -> None:
        nonlocal wished
        if wished and alone:
            raise KeyboardInterrupt
        wished = True

    before = {number: signal.signal(number, wish) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: wished
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
