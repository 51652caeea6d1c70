"""What the signals that end a process do while a GAN is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from ganlab.signals import Signalled, handled, raised
from ganlab.training.processes import Processes


def clearing_up(processes: Processes) -> AbstractContextManager[object]:
    """Let the first of several processes remove what is unfinished, such as an empty run folder, before a signal ends
    it: one alone does so everywhere, and another may be waiting for the first where no handler would be heard."""
    return raised() if processes.first and processes.count > 1 else nullcontext()


@contextmanager
def interruptible(alone: bool) -> Iterator[list[int]]:
    """Turn signals into a wish to stop after the current step, which is there once the list holds one; a second ends
    the process at once.

    Not so where several processes train: torchrun passes on to all of them what one got already.
    """
    wished: list[int] = []

    def wish(number: int) -> None:
        if wished and alone:
            raise Signalled(number)
        wished.append(number)

    with handled(wish):
        yield wished
