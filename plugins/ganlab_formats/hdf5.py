"""HDF5 files that anybody may have made: nothing outside the file is opened, nothing read is larger than the file."""

from __future__ import annotations

import io
import math
import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganlab import GanlabError

from . import hdf5_heap
from .budget import AGAIN, Budget

if TYPE_CHECKING:
    import numpy as np

MAGIC = b"\x89HDF\r\n\x1a\n"
MOST = 20_000  # data sets, and names of them
MOST_NAMES, MOST_GROUPS = 3000, 1000  # in a group; in all
_NO_NEED = "Files of weights need none of that."


def is_hdf5(path: Path) -> bool:
    """Whether a file begins as HDF5 does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


@contextmanager
def open_hdf5(path: Path, content: bytes | io.BytesIO | None = None) -> Iterator[Any]:
    """The root group of a file, or of ``content`` that was found inside the file ``path``: to be changed in a buffer.

    Raises:
        GanlabError: h5py is not installed; whatever h5py finds wrong with the file while the block reads it.
    """
    try:
        import h5py
    except ImportError as error:
        raise GanlabError(f"{path} is HDF5, which needs h5py.", "Install it: pip install 'ganlab[formats]'.") from error
    try:
        if isinstance(content, io.BytesIO):
            hdf5_heap.check(content.getvalue())
            opened = h5py.File(content, "r+", locking=False)
        else:
            _check_heaps(path, content)
            opened = h5py.File(path if content is None else io.BytesIO(content), "r", locking=False)
        with opened as file:
            yield file
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError, MemoryError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise GanlabError(f"{path} is damaged: {reason[:160]}.", AGAIN) from error


def rewrite(path: Path, name: str, change: Callable[[str, np.ndarray], np.ndarray]) -> dict[str, bytes]:
    """A copy of a file; see :class:`ganlab.CheckpointFormat`."""
    return {name: rewritten(path, path.read_bytes(), change)}


def rewritten(path: Path, content: bytes, change: Callable[[str, np.ndarray], np.ndarray]) -> bytes:
    """``content``, found in the file ``path``, with every data set of floating point numbers as ``change`` gives it.

    Raises:
        GanlabError: as :func:`open_hdf5`, :func:`groups` and :class:`Reader`.
    """
    import numpy as np

    buffer, reader, changed = io.BytesIO(content), Reader(path, len(content)), False
    with open_hdf5(path, buffer) as root:
        for name, data_set in data_sets(root):
            if is_floats(data_set):
                before = reader.numbers(data_set)
                after = change(name, before)
                if not np.array_equal(before, after, equal_nan=True):
                    data_set[...] = after
                    changed = True
    return buffer.getvalue() if changed else content


def _check_heaps(path: Path, content: bytes | None) -> None:
    if content is not None:
        hdf5_heap.check(content)
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        hdf5_heap.check(mapped)


def children(group: Any) -> Iterator[tuple[str, Any]]:
    """Name and object of everything that lies in a group; links that lead elsewhere are passed over.

    Raises:
        GanlabError: a name that is no text, too many of them.
    """
    if len(group) > MOST_NAMES:
        raise GanlabError(f"The group {group.name} of this HDF5 file has {len(group):,} names.", _NO_NEED)
    for name in group:
        if not isinstance(name, str):
            raise GanlabError(f"The group {group.name} of this HDF5 file has a name {name!r}.", "Is it damaged?")
        if _lies_in(group, name):
            yield name, group[name]


def _lies_in(group: Any, name: str) -> bool:
    import h5py

    return isinstance(group.get(name, getlink=True), h5py.HardLink)


def is_data(thing: Any) -> bool:
    """Whether an object of the file is a data set of numbers; an empty one, as h5py writes None, is none."""
    import h5py

    return isinstance(thing, h5py.Dataset) and thing.dtype.kind in "fiu" and thing.shape is not None


def is_floats(thing: Any) -> bool:
    """Whether an object of the file is a data set of floating point numbers."""
    return is_data(thing) and thing.dtype.kind == "f"


def is_group(thing: Any) -> bool:
    """Whether an object of the file is a group."""
    import h5py

    return isinstance(thing, h5py.Group)


def at(group: Any, path: str) -> Any:
    """What lies at a path below ``group``, or None.

    Raises:
        GanlabError: a link to elsewhere on the way.
    """
    for name in path.split("/"):
        if not is_group(group) or name not in group:
            return None
        if not _lies_in(group, name):
            raise GanlabError(f"{group.name.rstrip('/')}/{name} is a link to another place.", _NO_NEED)
        group = group[name]
    return group


def groups(root: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Names on the way and group of ``root`` and all below it.

    Raises:
        GanlabError: a group that lies in two places, as in itself; too many groups; as :func:`children`.
    """
    waiting: list[tuple[tuple[str, ...], Any]] = [((), root)]
    seen: set[int] = set()
    while waiting:
        path, group = waiting.pop()
        if len(seen) == MOST_GROUPS:
            raise GanlabError(f"This HDF5 file has more than {MOST_GROUPS:,} groups.", _NO_NEED)
        if address(group) in seen:
            raise GanlabError(f"The group {group.name} of this HDF5 file lies in two places.", _NO_NEED)
        seen.add(address(group))
        yield path, group
        waiting += [((*path, name), thing) for name, thing in children(group) if is_group(thing)]


def data_sets(root: Any) -> Iterator[tuple[str, Any]]:
    """Path and data set, of whatever type, of all below ``root``; raises as :func:`groups`."""
    import h5py

    for place, group in groups(root):
        for name, thing in children(group):
            if isinstance(thing, h5py.Dataset):
                yield "/".join((*place, name)), thing


def address(thing: Any) -> int:
    """Where in the file a group or data set is described: later for what was written later, but for reused gaps."""
    import h5py

    return int(h5py.h5o.get_info(thing.id).addr)


class Reader:
    """Reads data sets of a file, or of ``size`` bytes inside it, all together about as large as it can be."""

    def __init__(self, path: Path, size: int | None = None) -> None:
        self.path, self.budget, self.things = path, Budget(path, size), MOST

    def floats(self, data_set: Any) -> np.ndarray:
        """The numbers of a data set as float32; raises as :meth:`numbers`."""
        import numpy as np

        return np.asarray(self.numbers(data_set), dtype=np.float32)

    def numbers(self, data_set: Any) -> np.ndarray:
        """The numbers of a data set as they are stored.

        Raises:
            GanlabError: more numbers than the file could hold; numbers that lie in another file.
        """
        import numpy as np

        if data_set.is_virtual or data_set.external:
            raise GanlabError(f"{data_set.name} of {self.path} lies in another file.", "Bring the weights in one.")
        for shape in (data_set.shape, data_set.chunks or (0,)):  # a chunk is unpacked as a whole
            self.budget.take(math.prod(shape) * max(data_set.dtype.itemsize, 4), data_set.name)
        self.things -= 1
        if self.things < 0:
            raise GanlabError(f"{self.path} holds more than {MOST:,} data sets.", _NO_NEED)
        return np.asarray(data_set[()])


def texts(group: Any, name: str) -> list[str]:
    """An attribute that lists names; Keras cuts long ones in pieces ``name0``, ``name1``, ..."""
    pieces = [name] if name in group.attrs else []
    while f"{name}{len(pieces)}" in group.attrs and name not in pieces:
        pieces.append(f"{name}{len(pieces)}")
    found: list[str] = []
    for piece in pieces:
        if math.prod(group.attrs.get_id(piece).shape) + len(found) > MOST:
            raise ValueError(f"{piece} claims to list more than {MOST} names")
        found += [_text(value) for value in group.attrs[piece]]
    return found


def text(group: Any, name: str) -> str | None:
    """An attribute that is one text, or None."""
    return _text(group.attrs[name]) if name in group.attrs else None


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
