"""The arrays that Chainer's serialisers wrote, by their paths (``gen/l0/W``): ``save_npz`` and ``save_hdf5``."""

from __future__ import annotations

import lzma
import math
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganlab import GanlabError
from ganlab_formats.numpy_files import AGAIN, read_array

if TYPE_CHECKING:
    import numpy as np

HDF5_START = b"\x89HDF\r\n\x1a\n"
SUFFIX = ".npy"
MOST_ARRAYS = 3000
# weights hardly compress, but statistics that were never updated do
MOST_TIMES, FREE = 64, 16 << 20
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, EOFError)
BROKEN_HDF5 = (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError)


def paths_in(path: Path) -> list[str]:
    """The paths of all arrays in a file, in its order; none of a damaged file or one of neither kind.

    Raises:
        GanlabError: an HDF5 file where h5py is missing.
    """
    if _is_hdf5(path):
        return _hdf5_paths(path)
    if path.suffix.lower() != ".npz":
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(SUFFIX) for name in archive.namelist() if name.endswith(SUFFIX)]
    except BROKEN_ZIP:
        return []


def read_arrays(path: Path, paths: list[str]) -> dict[str, np.ndarray]:
    """The arrays of these paths, float32, all together no larger than the file can have held.

    Raises:
        GanlabError: an array that is missing, damaged, of an absurd size or of no floating point numbers.
    """
    if _is_hdf5(path):
        return _hdf5_arrays(path, paths)
    budget = _Budget(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: _member(archive, name, path, budget) for name in paths}
    except (*BROKEN_ZIP, KeyError) as error:
        raise GanlabError(f"{path} is damaged ({type(error).__name__}).", AGAIN) from error


class _Budget:
    """How many bytes may still be unpacked from a file."""

    def __init__(self, path: Path) -> None:
        self.path, self.left = path, max(FREE, MOST_TIMES * path.stat().st_size)

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise GanlabError(f"{self.path} announces far more than a file of its size can hold.", AGAIN)


def _member(archive: zipfile.ZipFile, name: str, path: Path, budget: _Budget) -> np.ndarray:
    member = archive.getinfo(name + SUFFIX)
    budget.take(member.file_size)
    with archive.open(member) as stream:
        return read_array(stream, member.file_size, f"{path}: {name}")


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(HDF5_START)) == HDF5_START


def _hdf5_paths(path: Path) -> list[str]:
    """Of data sets that lie in the file itself, not behind links."""
    h5py = _h5py(path)
    found: list[str] = []

    def note(name: Any, item: Any) -> bool | None:
        if isinstance(item, h5py.Dataset) and isinstance(name, str):  # names that are no UTF-8 come as bytes
            found.append(name)
        return True if len(found) > MOST_ARRAYS else None  # True ends the walk

    try:
        with h5py.File(path) as file:
            file.visititems(note)
    except BROKEN_HDF5:
        return []
    return found


def _hdf5_arrays(path: Path, paths: list[str]) -> dict[str, np.ndarray]:
    budget = _Budget(path)
    try:
        with _h5py(path).File(path) as file:
            return {name: _dataset(file[name], f"{path}: {name}", budget) for name in paths}
    except BROKEN_HDF5 as error:
        raise GanlabError(f"{path} is damaged ({type(error).__name__}).", AGAIN) from error


def _dataset(dataset: Any, where: str, budget: _Budget) -> np.ndarray:
    import numpy as np

    if dataset.external or dataset.is_virtual:
        raise GanlabError(f"{where} lies in another file.", "Only arrays inside the file itself are read.")
    if dataset.dtype.kind != "f" or dataset.shape is None:
        raise GanlabError(f"{where} holds no floating point numbers.", "Was the network saved before its first use?")
    for shape in (dataset.shape, dataset.chunks or ()):  # a chunk is unpacked as a whole
        budget.take(math.prod(shape) * dataset.dtype.itemsize)
    return np.asarray(dataset[()], np.float32)


def _h5py(path: Path) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise GanlabError(f"{path} is an HDF5 file, which needs h5py.", 'pip install "ganlab[formats]"') from error
    return h5py
