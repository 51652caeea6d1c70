"""What numpy's arrays, numbers and types in pickles become: such of plain numbers, whatever a pickle says of them.

numpy itself believes a pickle's description of a type, its flags and fields as well, and would take the bytes of an
array for addresses. Here a type is its code and order of bytes, and nothing else.
"""

from __future__ import annotations

import math
import re
from pickle import UnpicklingError
from typing import Any

import numpy as np


class PlainType:
    """Stands for ``numpy.dtype``: its code, such as ``u1`` or ``f8``, and the order of its bytes."""

    order = ""

    def __init__(self, code: str | bytes, *rest: Any) -> None:
        self.code = _text(code)
        if not re.fullmatch("[biuf][1248]", self.code):
            raise UnpicklingError(f"an array of {self.code!r}")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = _text(state[1])
        if self.order not in ("<", ">", "|", "="):
            raise UnpicklingError(f"bytes in the order {self.order!r}")

    def __reduce__(self) -> Any:
        return self.of_numpy().__reduce__()

    def of_numpy(self) -> np.dtype:
        """The type itself; raises where there is none of the kind."""
        return np.dtype(self.order + self.code)


class PlainArray(np.ndarray):
    """An array whose pickled state is looked through before it is taken on; pickled itself, it is an ordinary one."""

    def __new__(cls, *described: Any) -> PlainArray:
        """An empty one: what it holds comes as its state."""
        return super().__new__(cls, 0)

    def __setstate__(self, state: Any) -> None:
        """Version, shape, :class:`PlainType`, whether columns come first, and the bytes."""
        _, shape, stated, by_columns, content = state
        dtype = stated.of_numpy()
        if self.size or min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(content):
            raise UnpicklingError("an array that is not as large as it says, or comes twice")
        super().__setstate__((1, tuple(shape), dtype, by_columns, content))

    def __reduce__(self) -> Any:
        return self.view(np.ndarray).__reduce__()


def number(stated: PlainType, content: bytes) -> Any:
    """One number of numpy's, of its bytes; raises where they are more or fewer."""
    dtype = stated.of_numpy()
    if len(content) != dtype.itemsize:
        raise UnpicklingError("a number that is not as long as its type")
    return np.frombuffer(content, dtype)[0]


def encoded(text: str, encoding: str) -> bytes:
    """What ``_codecs.encode`` stands for in pickles: Python 3 writes bytes so for Python 2."""
    if encoding != "latin1":
        raise UnpicklingError(f"bytes in {encoding}")
    return text.encode("latin1")


def _text(stored: str | bytes) -> str:
    return stored.decode() if isinstance(stored, bytes) else stored


HOMES = ("numpy.core.multiarray", "numpy._core.multiarray")  # where numpy's versions keep what builds arrays
# full name in a pickle -> what it means here
KNOWN: dict[str, Any] = {
    **{"numpy.ndarray": PlainArray, "numpy.dtype": PlainType, "_codecs.encode": encoded},
    **{f"{home}._reconstruct": PlainArray for home in HOMES},
    **{f"{home}.scalar": number for home in HOMES},
}
