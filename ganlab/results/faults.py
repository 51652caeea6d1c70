"""What can be wrong with the parts of a result, each fault in words; no fault is empty text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from ganlab.errors import GanlabError

_NAME = re.compile(r"\w(?:[\w .+-]{0,98}[\w+-])?")
_ALLOWED = "letters, digits, blanks and any of _ . + -"
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # device names on Windows
_TAKEN = {"result.json", "environment.json", "index.html", "arrays.npz", "figures", "gans"}


def name_faults(name: Any) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or _RESERVED.fullmatch(name):
        return f"its name cannot be a file's: use {_ALLOWED}"
    return ""


def check_name(name: str, option: str) -> None:
    """Refuse at once, before anything is computed for it, what cannot name a figure, an array or a GAN of a result.

    Raises:
        GanlabError: told with the option that gave the name.
    """
    if name_faults(name):
        raise GanlabError(f"{option} {name!r} cannot be the name of a file.", f"Use {_ALLOWED}.")


def path_faults(path: Any) -> str:
    parts = path.split("/") if isinstance(path, str) else [""]
    if parts[0].casefold() in _TAKEN:
        return f"the run itself writes {parts[0]}"
    return next((fault for part in parts if (fault := name_faults(part))), "")


def check_clashes(*groups: Iterable[str]) -> None:
    """Names that differ in case only are one file on many machines; and a file cannot be a folder as well."""
    paths = [path.casefold() for group in groups for path in group]
    folders = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    if len(set(paths)) < len(paths) or folders & set(paths):
        raise ValueError(f"names of figures, gans or files clash: {sorted(paths)}")


def array_faults(array: Any) -> str:
    import numpy as np

    if not isinstance(array, np.ndarray):
        return f"it is a {type(array).__name__}, not a numpy array"
    if array.dtype.hasobject:
        return "it holds Python objects"
    if array.dtype.kind in "fc" and not np.isfinite(array).all():
        return "it holds NaN or infinity"
    return ""


def json_faults(value: Any) -> str:
    if value is None or isinstance(value, (str, bool, int)):
        return ""
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"{value!r} is not finite"
    if isinstance(value, (list, tuple)):
        return next((fault for item in value if (fault := json_faults(item))), "")
    if isinstance(value, dict):
        unnamed = [key for key in value if not isinstance(key, str)]
        return f"the key {unnamed[0]!r} is not a string" if unnamed else json_faults(list(value.values()))
    return f"{value!r} is not JSON"


def plain(value: Any) -> Any:
    """A number of numpy or torch as Python's own."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
