"""Whole modules that somebody pickled, where the user trusts the file and has the code of its classes.

A pickle names what it wants called. Nothing is, but what tensors and layers are built of and the classes of the module
that the user names; no import happens on the file's behalf.
"""

from __future__ import annotations

import argparse
import sys
import tarfile
import warnings
import zipfile
from collections import OrderedDict, defaultdict, deque
from io import BytesIO
from pathlib import Path
from types import FunctionType, ModuleType
from typing import IO, Any

import torch
from torch import nn

from ganlab.checkpoints import plain_arrays, pytorch
from ganlab.checkpoints.careful import ZIP_START, Careful, look_through, look_through_file, refused
from ganlab.errors import GanlabError

PLAIN = (set, frozenset, list, tuple, dict, int, float, complex, bool, str, bytes, slice, range, object)
BUILTINS = {f"{home}.{kind.__name__}": kind for home in ("builtins", "__builtin__") for kind in PLAIN}
CONTAINERS: dict[str, Any] = {f"collections.{kind.__name__}": kind for kind in (OrderedDict, defaultdict, deque)}


class OpenOptions(argparse.Namespace):
    """The options of a training run, which a network may look into as it runs.

    A pickle can set state on whatever it names, a class too, which this one's own way of taking it refuses.
    """

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


CONTAINERS["argparse.Namespace"] = OpenOptions
OLD_BACKEND = "torch.nn.backends.thnn._get_thnn_function_backend"  # an attribute that layers had until 2019


def load_module(file: Path, code: ModuleType) -> nn.Module:
    """The module that a file pickles, built of torch's layers and the classes of the user's code.

    Args:
        file: written by ``torch.save(module, file)`` or by pickle.
        code: a class that is not torch's is taken from here, by its name alone, whatever module the file says.

    Raises:
        GanlabError: a damaged file, one that asks for anything else, or that holds no module.
    """
    pytorch.check_zip(file)
    try:
        look_through_file(file)
        with warnings.catch_warnings(action="ignore"), file.open("rb") as stream:
            found = _load(stream, _Pickle(file, code))
    except GanlabError:
        raise
    except Exception as error:  # unpickling raises whatever the file's objects are made to raise
        said = str(error).partition("\n")[0]
        raise GanlabError(
            f"{file} could not be opened: {type(error).__name__}: {said}.", "Is it damaged, or its code of another age?"
        ) from error
    if isinstance(found, nn.DataParallel):
        found = found.module
    if not isinstance(found, nn.Module):
        raise GanlabError(f"{file} pickles a {type(found).__name__}, not a network.", "Is another file the network?")
    return found


def _load(stream: IO[bytes], pickler: _Pickle) -> Any:
    """What torch saved, in its zip or in several pickles one after the other; or what a single pickle holds."""
    if not zipfile.is_zipfile(stream):
        stream.seek(0)
        if tarfile.is_tarfile(stream):  # as torch of 2016 wrote, whose members nobody looked through
            raise refused("is a tar file as well")
        first = pickler.load(stream)
        if first != torch.serialization.MAGIC_NUMBER:
            return first
    stream.seek(0)
    return torch.load(stream, map_location="cpu", weights_only=False, pickle_module=pickler)


class _Pickle:
    """Stands where torch expects the module ``pickle``: the same, but choosy about what a file may call."""

    __name__ = "pickle"

    def __init__(self, file: Path, code: ModuleType) -> None:
        self.file = file
        self.known = BUILTINS | CONTAINERS | plain_arrays.KNOWN | _of_torch()

        class Unpickler(Careful):
            def find_class(unpickler, module: str, name: str) -> Any:
                return self._found(module, name, code)

        self.Unpickler = Unpickler

    def load(self, stream: IO[bytes], **settings: Any) -> Any:
        return self.Unpickler(stream, **settings).load()

    def _load_inside(self, content: bytes) -> Any:
        if content.startswith(ZIP_START):
            raise refused("has a zip inside, where torch writes none")
        look_through(content)
        return _load(BytesIO(content), self)

    def _found(self, module: str, name: str, code: ModuleType) -> Any:
        full = f"{module}.{name}"
        if full == "torch.storage._load_from_bytes":  # tensors in a plain pickle: a whole file of torch's inside
            return self._load_inside
        if full in self.known:
            return self.known[full]
        for found in (_layer(module, name), _own_class(code, name)):
            if found is not None:
                return found
        raise GanlabError(
            f"{self.file} asks for {full}, which is no layer of torch's and no class of {code.__name__}.",
            f"If it is a network's class, define {name} there; if not, the file may mean harm.",
        )


def _layer(module: str, name: str) -> Any:
    """One of torch's own layers or of their functions, by the module it was written in or is known in."""
    if module != "torch.nn" and not module.startswith("torch.nn."):
        return None
    found = vars(sys.modules.get(module) or ModuleType("")).get(name)
    if isinstance(found, type) and issubclass(found, (nn.Module, nn.Parameter)):
        return found if found.__module__.startswith("torch.nn.") else None
    return found if isinstance(found, FunctionType) and found.__module__ == "torch.nn.functional" else None


def _own_class(code: ModuleType, name: str) -> Any:
    """A network's class, or any that the user's module itself defines: not what it merely imports."""
    found = vars(code).get(name)
    if not isinstance(found, type):
        return None
    return found if issubclass(found, nn.Module) or found.__module__ == code.__name__ else None


def _of_torch() -> dict[str, Any]:
    import copyreg

    from torch import _utils

    rebuilding = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter")
    known: dict[str, Any] = {f"torch._utils.{name}": getattr(_utils, name) for name in rebuilding}
    known |= {"torch.Size": torch.Size, "torch.device": torch.device, OLD_BACKEND: dict}
    known |= {f"torch.{name}": value for name, value in vars(torch).items() if isinstance(value, torch.dtype)}
    return known | {f"{home}._reconstructor": copyreg._reconstructor for home in ("copyreg", "copy_reg")}  # type: ignore[attr-defined]
