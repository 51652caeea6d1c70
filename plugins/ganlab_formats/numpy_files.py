"""The arrays of NumPy's ``.npy`` format, read only where their headers and their sizes agree."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import IO, TYPE_CHECKING

from ganlab import GanlabError

from .budget import AGAIN

if TYPE_CHECKING:
    import numpy as np


def read_array(stream: IO[bytes], size: int, where: str) -> np.ndarray:
    """One array of floating point numbers as float32.

    Args:
        stream: at its first byte.
        size: bytes that it holds, all of them this array's; no more is ever allocated.
        where: what to call it in errors.

    Raises:
        GanlabError: no such array, one of other things than floating point numbers, or one of another size.
    """
    import numpy as np

    try:
        shape, fortran, dtype = _header(stream)
    except Exception as error:  # NumPy parses the header as Python, which raises whatever a damaged one leads it to
        raise GanlabError(f"{where} is damaged or is no NumPy array.", AGAIN) from error
    if dtype.kind != "f":
        raise GanlabError(f"{where} holds {dtype}, not floating point numbers.", "Weights are floating point numbers.")
    needed = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or needed != size - stream.tell():
        raise GanlabError(f"{where} is not as long as its header says.", AGAIN)
    data = stream.read(needed)
    if len(data) != needed:
        raise GanlabError(f"{where} is cut short.", AGAIN)
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    return array.astype(np.float32, order="C")


def rewritten(content: bytes, name: str, change: Callable[[str, np.ndarray], np.ndarray]) -> bytes:
    """A whole file with its array as ``change`` gives it; one of other things than floating point numbers stays."""
    import numpy as np

    stream = io.BytesIO(content)
    try:
        shape, fortran, dtype = _header(stream)
        if dtype.kind != "f":
            return content
        array = np.frombuffer(content, dtype, offset=stream.tell()).reshape(shape, order="F" if fortran else "C")
    except Exception:  # as in read_array; no weight, or it would not have been read before
        return content
    numbers = change(name, array).astype(dtype)
    return content[: stream.tell()] + numbers.tobytes(order="F" if fortran else "C")


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether columns come first, and type."""
    from numpy.lib import format as npy

    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError("an unknown version")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    return tuple(shape), fortran, dtype
