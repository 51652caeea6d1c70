"""Look at a pickle without opening it: which classes it would call, and what it holds where it calls none."""

from __future__ import annotations

import pickle
import pickletools
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from ganlab.checkpoints.careful import Careful, Stand
from ganlab.errors import GanlabError

MOST_BYTES = 2**26  # of a pickle that are read; a network's own is far smaller
LAYERS = ("torch.nn.modules.", "torch.nn.backends.")  # torch's, but no weights
# what weights are made of, and the options that are kept beside them
HARMLESS = (
    *("collections.OrderedDict", "torch.", "numpy.", "_codecs.encode", "builtins.set", "__builtin__.set"),
    "argparse.Namespace",
)
PROGRAM = "constants.pkl"  # in a zip of torch's: code lies beside it
# what torch's own reader calls for a file, and what then takes as much memory as the file asks for
ROOMY = re.compile(
    r"torch\.((cuda|sparse|cuda\.sparse)\.)?\w*Tensor|torch\.storage\.(Typed|Untyped)Storage"
    r"|torch\.UntypedStorage|(builtins|__builtin__)\.bytearray"
)


def foreign_classes(path: Path) -> list[str]:
    """Full names of what opening the file would import, but what weights need; torch's own layers last."""
    names: list[str] = []
    for document in _documents(path):
        names += [name for name in _imported(document) if not _is_harmless(name)]
    return sorted(dict.fromkeys(names), key=lambda name: name.startswith(LAYERS))


def _is_harmless(name: str) -> bool:
    return name.startswith(HARMLESS) and not name.startswith(LAYERS)


def check_no_program(path: Path) -> None:
    """That a file is no program of ``torch.jit.save``, which holds code and would run it.

    Raises:
        GanlabError: it is; says what opens it.
    """
    with suppress(OSError, zipfile.BadZipFile, ValueError, NotImplementedError), zipfile.ZipFile(path) as archive:
        if any(name.rpartition("/")[2].casefold() == PROGRAM for name in archive.namelist()):
            raise GanlabError(
                f"{path} is a TorchScript program, whose code would run: it was not opened.",
                "If you trust where it comes from: torch.save(torch.jit.load(FILE).state_dict(), NEW) writes weights "
                "that open like others; or a function of yours returns torch.jit.load(FILE): --gan MODULE:FUNCTION "
                "then draws, and shows no layers.",
            )


def asks_for_room(path: Path) -> str:
    """The name in a file of torch's by which it could ask for memory that it does not fill; empty where there is none.

    No weights need one: tensors are rebuilt of what the file stores.
    """
    with path.open("rb") as file:
        documents = [] if file.read(2) == b"PK" else [path.read_bytes()]
    unreadable = suppress(OSError, zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError)
    with unreadable, zipfile.ZipFile(path) as archive:
        documents += [archive.read(one) for one in archive.infolist() if one.filename.casefold().endswith(".pkl")]
    return next((name for one in documents for name in _imported(one) if ROOMY.fullmatch(name)), "")


def describe_pickle(path: Path) -> str:
    """What a pickle of plain Python data holds, in a few words; empty where it is no such pickle."""
    for document in _documents(path):
        try:
            value = _Plain(BytesIO(document)).load()
        except Exception:  # a damaged pickle raises anything
            continue
        return _in_words(value)
    return ""


class _Plain(Careful):
    """Opens nothing but containers, numbers and texts; arrays become stand-ins."""

    def find_class(self, module: str, name: str) -> Any:
        if _is_harmless(f"{module}.{name}"):
            return Stand
        raise pickle.UnpicklingError(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("a tensor")


class _WithArrays(_Plain):
    """Opens containers, numbers and texts, and numpy's arrays of numbers."""

    def find_class(self, module: str, name: str) -> Any:
        from ganlab.checkpoints.plain_arrays import KNOWN

        if f"{module}.{name}" in KNOWN:
            return KNOWN[f"{module}.{name}"]
        raise pickle.UnpicklingError(f"{module}.{name}")


def plain_pickle(document: bytes) -> dict[str, Any]:
    """A pickled dictionary of plain Python data and numpy arrays of numbers; texts of Python 2 are bytes in it.

    Nothing that the pickle names is called or imported, and no more memory is taken than a few times its own size.

    Raises:
        GanlabError: it is damaged, is no dictionary, or holds anything else.
    """
    import numpy as np

    try:
        value = _WithArrays(BytesIO(document), encoding="bytes").load()
        held = {key.decode() if isinstance(key, bytes) else str(key): one for key, one in value.items()}
    except (MemoryError, GanlabError):
        raise
    except Exception as error:  # a damaged pickle raises anything
        raise GanlabError(
            f"The pickle is damaged, or holds more than plain data ({str(error) or type(error).__name__}).",
            "Only dictionaries of numbers, texts, lists and numpy arrays are read, and nothing in them is run.",
        ) from error
    return {key: one.view(np.ndarray) if isinstance(one, np.ndarray) else one for key, one in held.items()}


def _documents(path: Path) -> list[bytes]:
    """The bytes of the pickles in a file: itself, or the one inside torch's zip."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                inside = [entry for entry in archive.infolist() if entry.filename.casefold().endswith("data.pkl")]
                return [archive.read(entry) for entry in inside[:1] if entry.file_size <= MOST_BYTES]
        if path.stat().st_size > MOST_BYTES:
            return []
        return [path.read_bytes()]
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError):
        return []


def _imported(document: bytes) -> Iterator[str]:
    """What the opcodes would import, in order; a file of old torch holds several pickles one after the other."""
    stream = BytesIO(document)
    with suppress(Exception):  # what follows is no pickle, or a damaged one
        while stream.tell() < len(document):
            yield from _imported_by_one(stream)


def _imported_by_one(stream: BytesIO) -> Iterator[str]:
    """The imports of one pickle. A name may be two texts on the stack, fresh or remembered from before."""
    memo: dict[int, str] = {}
    texts: list[str] = []
    for opcode, argument, _ in pickletools.genops(stream):
        if opcode.name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".")
        elif opcode.name == "STACK_GLOBAL":
            yield ".".join(texts[-2:])
        elif opcode.name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
            memo[len(memo) if argument is None else int(argument)] = texts[-1] if texts else ""
        elif opcode.name in ("GET", "BINGET", "LONG_BINGET"):
            texts.append(memo.get(int(argument or 0), ""))
        elif isinstance(argument, str):
            texts.append(argument)


def _in_words(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        kinds = {type(one) for one in value}
        of = "numbers" if kinds and kinds <= {int, float, Stand} else "Python objects"
        return f"a {type(value).__name__} of {len(value)} {of}"
    return f"a Python {type(value).__name__}"
