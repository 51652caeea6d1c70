"""The options of a training run, an ``argparse.Namespace``, which many keep beside their weights."""

from __future__ import annotations

import argparse
from typing import Any


class SealedOptions:
    """Stands for the namespace: what it holds is kept to be written again, and never becomes an attribute.

    A pickle sets what it likes on what it builds, among it what Python would look up and call later.
    """

    __slots__ = ("_state",)

    def __new__(cls) -> SealedOptions:
        """An empty one: what it holds comes as its state."""
        made = super().__new__(cls)
        made._state = None
        return made

    def __setstate__(self, state: Any) -> None:
        self._state = state

    def __reduce__(self) -> Any:
        return argparse.Namespace, (), self._state


KNOWN = {"argparse.Namespace": SealedOptions}  # full name in a pickle -> what it means here
