"""How a training process ends before its time where all that there is to say was said."""

from __future__ import annotations


class Ended(Exception):
    """This process ends, and nobody need be told why."""


class Stopped(Ended):
    """Somebody wished it; the state is saved, and how to go on was said."""


class EndedWithAnother(Ended):
    """Another process that trains with this one ends too and says why.

    Attributes:
        error: what ended this one.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error
