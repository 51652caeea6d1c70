"""How a training process ends before its time where all that there is to say was said."""

from __future__ import annotations

from signal import SIGINT


class Ended(Exception):
    """This process ends, and nobody need be told why."""


class Stopped(Ended):
    """Somebody wished it; the state is saved, and how to go on was said.

    Attributes:
        number: the signal's that wished it in this process.
    """

    def __init__(self, number: int = SIGINT) -> None:
        super().__init__()
        self.number = number


class EndedWithAnother(Ended):
    """Another process that trains with this one ends too and says why.

    Attributes:
        error: what ended this one.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error
