"""Lists of arrays as joblib 0.8 dumped them: a pickle of names, and an ``.npy`` file for every array beside it.

The pickle is looked through before anything is built from it: only the few steps of such a list are let through, and
the classes it names become stand-ins that can do nothing.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganlab import GanlabError
from ganlab_formats.budget import AGAIN
from ganlab_formats.numpy_files import read_array, rewritten

if TYPE_CHECKING:
    import numpy as np

MODULE = "joblib.numpy_pickle"
LARGEST = 1 << 20  # bytes of a list of names
STEPS = {
    *("PROTO", "STOP", "MARK", "EMPTY_LIST", "EMPTY_TUPLE", "EMPTY_DICT", "NEWTRUE", "NEWFALSE", "NONE"),
    *("SHORT_BINSTRING", "BINSTRING", "BINUNICODE", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"),
    *("GLOBAL", "NEWOBJ", "BUILD", "SETITEM", "SETITEMS", "APPEND", "APPENDS"),
}
NOT_A_LIST = "Only joblib's list of arrays is read: a .jl file with its .npy files beside it."


class ArrayFile:
    """Stands for joblib's ``NDArrayWrapper``: an array that lies in the file ``filename``."""


class ArrayType:
    """Stands for ``numpy.ndarray``, which every wrapper names."""


CLASSES = {
    f"sklearn.externals.{MODULE} NDArrayWrapper": ArrayFile,
    f"{MODULE} NDArrayWrapper": ArrayFile,
    "numpy ndarray": ArrayType,
}


def begins_as_dump(path: Path) -> bool:
    """Whether a file begins as a pickle that names joblib's wrapper."""
    with path.open("rb") as file:
        start = file.read(200)
    return start[:1] == b"\x80" and MODULE.encode() in start


def read_arrays(path: Path) -> list[np.ndarray]:
    """The arrays of a dump in their order, float32; no code of the file is run.

    Raises:
        GanlabError: a pickle of anything else, a name that leads elsewhere, an array that is missing or damaged.
    """
    return [_read(path.with_name(name), path) for name in _names(path)]


def rewrite(path: Path, name: str, change: Callable[[str, np.ndarray], np.ndarray]) -> dict[str, bytes]:
    """A copy of a dump, with the files of its arrays, called after its own ``name``; see ``CheckpointFormat``.

    Raises:
        GanlabError: as :func:`read_arrays`.
    """
    renamed = {
        one: name + one.removeprefix(path.name) if one.startswith(path.name) else f"{name}_{one}"
        for one in _names(path)
    }
    files = {new: rewritten(path.with_name(one).read_bytes(), one, change) for one, new in renamed.items()}
    return {**files, name: _with_names(path.read_bytes(), renamed)}


def _with_names(content: bytes, renamed: dict[str, str]) -> bytes:
    """A pickle with other texts in the place of some; all else in it stays where it is."""
    steps = list(pickletools.genops(content))
    ends = [place for *_, place in steps[1:]] + [len(content)]
    pieces = []
    for (step, value, place), end in zip(steps, ends, strict=True):
        new = renamed.get(str(value), str(value))
        pieces.append(content[place:end] if new == str(value) else _text(new, step.name == "BINUNICODE"))
    return b"".join(pieces)


def _text(value: str, unicode: bool) -> bytes:
    """The step that puts a text, or a byte string where Python 2 knew such, on the pickle's stack."""
    content = value.encode("utf-8")
    return (b"X" if unicode or not value.isascii() else b"T") + struct.pack("<I", len(content)) + content


def _names(path: Path) -> list[str]:
    """The files of a dump's arrays, in their order."""
    names = [_name(item, path) for item in _unpickle(path)]
    if len(set(names)) < len(names):
        raise GanlabError(f"{path} names one file of an array twice.", NOT_A_LIST)
    return names


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return CLASSES[f"{module} {name}"]


def _unpickle(path: Path) -> list[Any]:
    if path.stat().st_size > LARGEST:
        raise GanlabError(f"{path} is too large for a list of arrays' names.", NOT_A_LIST)
    content = path.read_bytes()
    try:
        _check_steps(content, path)
        items = _Unpickler(io.BytesIO(content)).load()
    except GanlabError:
        raise
    except Exception as error:  # the unpickler raises whatever a damaged file leads it to
        raise GanlabError(f"{path} is damaged or is no dump of joblib ({type(error).__name__}).", AGAIN) from error
    if not isinstance(items, list):
        raise GanlabError(f"{path} does not hold a list of arrays.", NOT_A_LIST)
    return items


def _check_steps(content: bytes, path: Path) -> None:
    """That the pickle names no other class, takes no other step, and remembers nothing under an absurd number."""
    for step, value, _ in pickletools.genops(content):
        if step.name == "GLOBAL" and value not in CLASSES:
            what = str(value).replace(" ", ".")
            raise GanlabError(f"{path} names {what}, which could run code, so it was not loaded.", NOT_A_LIST)
        absurd = step.name == "LONG_BINPUT" and value is not None and value > len(content)
        if absurd or step.name not in STEPS:
            raise GanlabError(f"{path} pickles more than a list of arrays, so it was not loaded.", NOT_A_LIST)


def _name(item: Any, path: Path) -> str:
    name = getattr(item, "filename", None) if isinstance(item, ArrayFile) else None
    if not isinstance(name, str):
        raise GanlabError(f"{path} holds something else than arrays.", NOT_A_LIST)
    if not name.endswith(".npy") or not name.isprintable() or set(name) & set("/\\:"):
        raise GanlabError(f"{path} names the file {name!r}, which is no array's beside it.", NOT_A_LIST)
    return name


def _read(file: Path, path: Path) -> np.ndarray:
    if not file.is_file():
        raise GanlabError(f"{path} needs {file.name}, which is not there.", "Keep all files of a dump in one folder.")
    with file.open("rb") as stream:
        return read_array(stream, file.stat().st_size, str(file))
