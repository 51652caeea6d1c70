"""From what the user wrote to a set of pictures."""

from __future__ import annotations

import difflib
import os
import zipfile
from pathlib import Path

import numpy as np

from ganlab.data.images import Dataset, Images
from ganlab.errors import GanlabError

ARRAY_NAMES = ("x_train", "images", "arr_0")
LARGEST_NPZ_ARRAY = 1 << 32  # bytes; larger ones belong into an .npy, which is not loaded but mapped


def open_images(spec: str) -> Images:
    """The pictures that `spec` names: a folder, a zip, an `.npy` or `.npz` (`FILE.npz:ARRAY` picks one), or a data set.

    A data set is `NAME` or `NAME:COUNT`, as plugins register them. Raises `GanlabError` for whatever gives no picture.
    """
    from ganlab.data.sources import FolderImages, ZipImages

    spec = str(spec)
    path = Path(spec).expanduser()
    if _bare(spec) and (dataset := _datasets().get(spec.partition(":")[0])):
        return _open_dataset(dataset, spec, path)
    file, _, array_name = spec.rpartition(":")
    if file.lower().endswith(".npz") and not path.exists():
        path = Path(file).expanduser()
    if not path.exists():
        raise _missing(spec)
    if path.is_dir():
        return FolderImages(path, spec)
    if path.suffix.lower() in (".npy", ".npz"):
        return _open_array(path, spec, array_name if path != Path(spec).expanduser() else "")
    if path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
        return ZipImages(path, spec)
    raise GanlabError(f"{spec} is no folder, zip, .npy or .npz.", "Give the folder that holds the pictures.")


def _bare(spec: str) -> bool:
    return bool(spec) and not any(mark in spec for mark in (os.sep, "/", "~")) and not spec.startswith(".")


def _datasets() -> dict[str, Dataset]:
    from ganlab.plugins import host

    return host().datasets()


def _open_dataset(dataset: Dataset, spec: str, path: Path) -> Images:
    from ganlab.data.sources import DrawnImages

    if path.exists():
        raise GanlabError(
            f"{spec} is both a data set and something in the current folder.",
            f"Write {os.path.join('.', spec)} for the latter, {dataset.name}:{dataset.count} for the data set.",
        )
    _, colon, number = spec.partition(":")
    if colon and not (number.isascii() and number.isdigit() and int(number) > 0):
        raise GanlabError(f"{spec} asks for no number of pictures.", f"Write for example {dataset.name}:5000.")
    return DrawnImages(dataset, int(number) if colon else dataset.count, spec)


def _missing(spec: str) -> GanlabError:
    if not _bare(spec):
        return GanlabError(f"There is no {spec}.", "Check the path.")
    known = sorted(_datasets())
    name = spec.partition(":")[0]
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        hint = f"Did you mean {close[0]}?"
    else:
        hint = f"Data sets are: {', '.join(known) or 'none'}."
    return GanlabError(f"{spec} is neither a file or folder here nor a data set.", hint)


def _open_array(path: Path, spec: str, name: str) -> Images:
    from ganlab.data.sources import ArrayImages

    status = path.stat()
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(array, np.ndarray):
            array, name = _choose(array, path, spec, name)
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise GanlabError(f"{spec} cannot be read as an array: {error}.", "Save plain uint8 with numpy.save.") from error
    _check(array, spec)
    return ArrayImages(array, spec, str(path.resolve()), (name, array.shape, status.st_size, status.st_mtime_ns))


def _choose(file: np.lib.npyio.NpzFile, path: Path, spec: str, name: str) -> tuple[np.ndarray, str]:
    names = file.files
    if not name:
        found = [n for n in ARRAY_NAMES if n in names] or (names if len(names) == 1 else [])
        name = found[0] if found else ""
    if name not in names:
        raise GanlabError(f"Which array of {spec} is meant?", f"Write {path}:NAME with one of {', '.join(names)}.")
    declared = file.zip.getinfo(f"{name}.npy").file_size
    if declared > LARGEST_NPZ_ARRAY:
        raise GanlabError(f"{name} in {spec} would take {declared:,} bytes.", "Save it as .npy, which is read in parts.")
    return file[name], name


def _check(array: np.ndarray, spec: str) -> None:
    kind = f"{spec} holds {array.dtype} {array.shape}"
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise GanlabError(f"{kind}, no pictures.", "Save uint8 (0 to 255), or floats in [0, 1] or [-1, 1].")
    if array.ndim not in (3, 4) or 0 in array.shape:
        raise GanlabError(f"{kind}, no pictures.", "The shape must be (n, height, width) or (n, height, width, channels).")
    if array.ndim == 4 and array.shape[-1] not in (1, 3, 4):
        hint = "Channels come last: 1, 3 or 4 of them."
        if array.shape[1] in (1, 3, 4):
            hint = "Channels come last: save array.transpose(0, 2, 3, 1)."
        raise GanlabError(f"{kind}, no pictures.", hint)
