"""From what the user wrote to a set of pictures."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ganlab.data.array_labels import NoClasses, as_classes
from ganlab.data.images import Dataset, DatasetFormat, Images
from ganlab.errors import GanlabError
from ganlab.figures.palette import VISIBLE
from ganlab.formats import check_given, reading, recognising
from ganlab.locations import on_a_drive
from ganlab.wording import few, suggest
from ganlab.zips import check_methods

ARRAY_NAMES = ("x_train", "images", "arr_0")
LABEL_NAMES = {"x": "y", "X": "y", "images": "labels"}  # what pictures are called -> what their classes are
LOOKED_AT, NAMED = 100, 3  # files and folders in one without pictures; of those that are sets
LARGEST_NPZ_ARRAY = 1 << 32  # bytes; larger ones belong into an .npy, which is not loaded but mapped


def open_images(spec: str | Path | np.ndarray) -> Images:
    """The pictures that `spec` names: a folder, a zip, an array, a data set, or files of a plugin's format.

    Arrays lie in an `.npy` or `.npz` (`FILE.npz:ARRAY` picks one). A folder is searched with all folders
    below it. Floats in an array must lie in [0, 1] or [-1, 1]; its channels may be any number. A data set is
    `NAME` or `NAME:COUNT`, as plugins register them. Other files are opened by the format that recognises them, or by
    the one named before a colon, `FORMAT:PATH`; `PATH:PART` picks a part of them. A picture's class is the folder it
    lies in; in an npz `y_train` tells those of `x_train`, `labels` those of `images`; formats may know better. From
    Python an array in memory is taken as one in a file is; `with_labels` says its classes. Raises `GanlabError` for
    whatever gives no picture.
    """
    if hasattr(spec, "__array__") and not isinstance(spec, str):
        from ganlab.data.arrays import ArrayImages

        array = np.asarray(spec.detach().cpu() if hasattr(spec, "detach") else spec)
        _check(array, "The array")
        return ArrayImages(array)
    spec = str(spec)
    name, _, rest = spec.partition(":")
    if _bare(name) and isinstance(dataset := _datasets().get(name), Dataset):
        return _open_dataset(dataset, spec, rest)
    if not spec.strip():
        raise _missing(spec)
    known = _formats().get(name)
    path, part = _located(rest) if known else (None, "")
    if path is None:
        known = None
        path, part = _located(spec)
    if path is None:
        raise _missing(rest if name in _formats() else spec)
    chosen = known or _recognised(path, spec, part)
    with _readable(spec), reading(chosen, spec, MemoryError):
        images = chosen.open(path, part)
        check_given(chosen, spec, images, Images)
        len(images)  # what a plugin counts may be no number
    images.spec = spec
    return images


def short_name(spec: str) -> str:
    """What a run on the pictures that `spec` names is called: the file or folder, or the data set."""
    format, _, rest = spec.partition(":")
    named = _located(rest)[0] if format in _formats() else None
    path = named or _located(spec)[0] or Path(format)
    return path.stem


def _located(spec: str) -> tuple[Path | None, str]:
    """Where the pictures lie, and the part of them after a colon; a name with braces stands for several files."""
    if (path := _existing(spec)) is not None:
        return path, ""
    before, colon, part = spec.rpartition(":")
    if colon and (path := _existing(before)) is not None:
        return path, part
    pattern = before if colon and "}" not in part else spec
    return (Path(pattern).expanduser(), part if pattern == before else "") if "{" in pattern else (None, "")


def _recognised(path: Path, spec: str, part: str) -> DatasetFormat:
    """The plugin's format that recognises this, else ganlab's own."""
    with _readable(spec):
        found = list(recognising(_of_plugins(), path)) or list(recognising(OWN, path))
    if not found and not path.exists():
        raise _missing(spec)
    if not found:
        readable = "; ".join(f"{known.name}: {known.summary}" for known in _formats().values())
        hint = f"Formats: {readable}. {_left_out()}".rstrip()
        raise GanlabError(f"{spec} is no set of pictures that is known here.", hint)
    if len(found) > 1 and found[0] not in OWN:
        names = [known.name for known in found]
        written = f"{path}:{part}" if part else str(path)
        raise GanlabError(
            f"{spec} could be {' or '.join(known.summary for known in found)}.",
            f"Say which: {' or '.join(f'{name}:{written}' for name in names)}.",
        )
    return found[0]


@contextmanager
def _readable(spec: str) -> Iterator[None]:
    """Tell of files that cannot be read."""
    try:
        yield
    except OSError as error:
        raise GanlabError(f"{spec} cannot be read: {error.strerror or error}.", "Look at its permissions.") from error


def _existing(spec: str) -> Path | None:
    try:
        path = Path(spec).expanduser()
        return path if spec and path.exists() else None
    except (OSError, RuntimeError) as error:  # a folder above it is closed to us, or ~NAME names nobody
        reason = getattr(error, "strerror", None) or error
        raise GanlabError(f"{spec} cannot be looked at: {reason}.", "Check the path and its permissions.") from error


def _bare(name: str) -> bool:
    """Whether a name could be a data set's: nothing in it says path."""
    return bool(name) and not name.startswith((".", "~")) and not any(mark in name for mark in (os.sep, "/"))


def _datasets() -> Mapping[str, Dataset | DatasetFormat]:
    from ganlab.plugins import host

    return host().datasets()


def _left_out() -> str:
    from ganlab.plugins import host

    return host().left_out()


def _of_plugins() -> list[DatasetFormat]:
    return [known for known in _datasets().values() if isinstance(known, DatasetFormat)]


def _formats() -> dict[str, DatasetFormat]:
    return {known.name: known for known in (*OWN, *_of_plugins())}


def _open_dataset(dataset: Dataset, spec: str, number: str) -> Images:
    from ganlab.data.sources import DrawnImages

    if Path(spec).exists():
        raise GanlabError(
            f"{spec} is both something in the current folder and a data set.",
            f"Write {os.path.join('.', spec)} for the one, {dataset.name}:{dataset.count} for the data set.",
        )
    if ":" in spec and not (number.isascii() and number.isdigit() and int(number) > 0):
        raise GanlabError(f"{spec} does not say how many pictures.", f"Write for example {dataset.name}:5000.")
    return DrawnImages(dataset, int(number or dataset.count), spec)


def _missing(spec: str) -> GanlabError:
    name = spec.partition(":")[0]
    if spec.strip() and (on_a_drive(spec) or not _bare(name)):
        return GanlabError(f"There is no {spec}.", "Check the path.")
    known = sorted(name for name, one in _datasets().items() if isinstance(one, Dataset))
    hint = f"{suggest(name, known, 'Data sets')} {_left_out()}".rstrip()
    return GanlabError(f"{spec.strip() or 'An empty name'} is neither a file or folder here nor a data set.", hint)


def _open_folder(path: Path, part: str) -> Images:
    from ganlab.data.sources import FolderImages, NoPictures

    _no_part(path, part)
    try:
        return FolderImages(path, str(path))
    except NoPictures as error:
        if meant := _sets_in(path):
            raise GanlabError(error.message, f"Did you mean {few(meant, NAMED, ' or ')}?") from error
        raise


def _sets_in(folder: Path) -> list[str]:
    """What in a folder is a set by itself, such as the one folder of a download or its parts: the first that come."""
    formats = [known for known in (*_of_plugins(), *OWN) if known.open is not _open_folder]
    found = []
    for entry in islice(sorted(path for path in folder.iterdir() if not path.name.startswith(".")), LOOKED_AT):
        with suppress(OSError):  # closed to us
            found.extend([str(entry)] if any(recognising(formats, entry)) else [])
    return found


def _open_zip(path: Path, part: str) -> Images:
    from ganlab.data.sources import ZipImages

    _no_part(path, part)
    return ZipImages(path, str(path))


def _no_part(path: Path, part: str) -> None:
    if part:
        raise GanlabError(f"{path} has no parts to choose from, so no {part!r} either.", f"Give {path} as it is.")


def _open_array(path: Path, name: str) -> Images:
    from ganlab.data.arrays import FileArray

    spec = str(path)
    labels, fault = None, ""
    parts: tuple[str, ...] = ()
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(array, np.ndarray):
            with array as archive:
                parts = tuple(name for name in archive.files if name.partition("_")[0] not in LABEL_NAMES.values())
                array, name = _choose(archive, path, spec, name)
                if array.ndim:
                    labels, fault = _labels(archive, spec, name, len(array))
    except GanlabError:
        raise
    except Exception as error:  # numpy's readers raise nearly anything on damaged headers
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise GanlabError(
            f"{spec} cannot be read as an array: {reason}.", "Save plain uint8 with numpy.save."
        ) from error
    _check(array, spec)
    images = FileArray(array, path, spec, name, labels)
    images.parts = parts if len(parts) > 1 else ()
    images.label_fault = fault
    return images


def _choose(archive: Any, path: Path, spec: str, name: str) -> tuple[np.ndarray, str]:
    names = archive.files
    if not name:
        usual = [n for n in ARRAY_NAMES if n in names]
        name = next(iter(usual or names if len(names) == 1 else usual), "")
    if name not in names:
        listed = ", ".join(names) or "no arrays at all"
        raise GanlabError(f"Which array of {spec} is meant?", f"Write {path}:NAME; it holds {listed}.")
    return _loaded(archive, spec, name), name


def _loaded(archive: Any, spec: str, name: str) -> np.ndarray:
    """One of an npz's arrays.

    Raises:
        GanlabError: it is larger than what is loaded whole, or packed as NumPy packs none.
    """
    member = archive.zip.getinfo(f"{name}.npy")
    try:
        check_methods([member])
    except ValueError as error:
        raise GanlabError(f"{spec} cannot be read as an array: {error}.", "Save it with numpy.savez.") from error
    taken = member.file_size
    if taken > LARGEST_NPZ_ARRAY:
        raise GanlabError(f"{name} in {spec} takes {taken:,} bytes.", "Save it as .npy, which is not loaded whole.")
    array: np.ndarray = archive[name]
    return array


def _labels(archive: Any, spec: str, name: str, count: int) -> tuple[np.ndarray | None, str]:
    """The classes (n,) that lie beside an array of pictures: y_train beside x_train, labels beside images.

    Returns:
        They, or None and why what lies there says none; None and nothing where there is nothing.
    """
    word, mark, rest = name.partition("_")
    beside = f"{LABEL_NAMES.get(word, '')}{mark}{rest}"
    if word not in LABEL_NAMES or beside not in archive.files:
        return None, ""
    try:
        return as_classes(_loaded(archive, spec, beside), count), ""
    except NoClasses as error:
        return None, f"{beside} {error}"
    except ValueError as error:
        hint = f"Save them as whole numbers or texts, not as objects: {beside}.astype(str)."
        raise GanlabError(f"The labels {beside} in {spec} cannot be read: {str(error).rstrip('.')}.", hint) from error


def _check(array: np.ndarray, spec: str) -> None:
    held = f"{spec} holds {array.dtype} of shape {array.shape}, which is no set of pictures."
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise GanlabError(held, "Save uint8 (0 to 255), or floats in [0, 1] or [-1, 1].")
    if array.ndim not in (3, 4) or 0 in array.shape:
        raise GanlabError(held, "The shape must be (n, height, width) or (n, height, width, channels).")
    if array.ndim == 4 and array.shape[-1] not in VISIBLE and array.shape[-1] >= min(array.shape[1:3]):
        first = "save array.transpose(0, 2, 3, 1)" if array.shape[1] < min(array.shape[2:]) else "fewer than pixels"
        raise GanlabError(held, f"Channels come last: {first}.")


def _is_array(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in (".npy", ".npz")


def _is_zip(path: Path) -> bool:
    return path.is_file() and (path.suffix.lower() == ".zip" or zipfile.is_zipfile(path))


OWN = (  # an .npz is a zip too
    DatasetFormat("array", "an .npy or .npz of pixels", _is_array, _open_array),
    DatasetFormat("zip", "a zip of pictures", _is_zip, _open_zip),
    DatasetFormat("folder", "a folder of pictures", Path.is_dir, _open_folder),
)
