"""The arrays that Chainer's serialisers wrote, by their paths (``gen/l0/W``): ``save_npz`` and ``save_hdf5``."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganlab import GanlabError

from . import hdf5
from .archives import open_zip
from .budget import Budget
from .numpy_files import read_array

if TYPE_CHECKING:
    import numpy as np

SUFFIX = ".npy"


def paths_in(path: Path) -> list[str]:
    """The paths of all arrays in a file, in its order; none of a file of neither kind.

    Raises:
        GanlabError: a damaged file; an HDF5 file where h5py is missing.
    """
    if hdf5.is_hdf5(path):
        with hdf5.open_hdf5(path) as root:
            return sorted((name for name, _ in hdf5.data_sets(root)), key=lambda name: name.split("/"))
    if path.suffix.lower() != ".npz":
        return []
    with open_zip(path) as archive:
        return [name.removesuffix(SUFFIX) for name in archive.namelist() if name.endswith(SUFFIX)]


def read_arrays(path: Path, paths: list[str]) -> dict[str, np.ndarray]:
    """The arrays of these paths, float32, all together no larger than the file can have held.

    Raises:
        GanlabError: an array that is damaged, of an absurd size or of no floating point numbers.
    """
    if hdf5.is_hdf5(path):
        reader = hdf5.Reader(path)
        with hdf5.open_hdf5(path) as root:
            return {name: _data_set(hdf5.at(root, name), name, reader) for name in paths}
    budget = Budget(path)
    with open_zip(path) as archive:
        return {name: _member(archive, name, path, budget) for name in paths}


def _member(archive: zipfile.ZipFile, name: str, path: Path, budget: Budget) -> np.ndarray:
    member = archive.getinfo(name + SUFFIX)
    budget.take(member.file_size, name)
    with archive.open(member) as stream:
        return read_array(stream, member.file_size, f"{path}: {name}")


def _data_set(found: Any, name: str, reader: hdf5.Reader) -> np.ndarray:
    if not hdf5.is_floats(found):
        raise GanlabError(
            f"{reader.path}: {name} holds no floating point numbers.", "Was the network saved before its first use?"
        )
    return reader.floats(found)
