"""The binary serialisation of Torch7 (``torch.save``): tables, objects and tensors, without the code among them.

Integers are 4 bytes, lengths of tensors a C ``long``: 8 bytes, or 4 where Torch was built for 32 bits. The file does
not say which, but a tensor read with the wrong one does not fit its storage.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganlab import GanlabError

if TYPE_CHECKING:
    import numpy as np

NIL, NUMBER, STRING, TABLE, OBJECT, BOOLEAN, OLDEST_FUNCTION, OLD_FUNCTION, FUNCTION = range(9)
DEEPEST, MOST_AXES = 100, 16
MOST_TIMES, SPARE = 8, 1 << 16  # how often tensors may read a storage; numbers that any may give
OBJECT_START = struct.pack("<3i", OBJECT, 1, 3) + b"V 1"
TABLE_START = struct.pack("<2i", TABLE, 1)
ASCII_START = re.compile(rb"[34]\r?\n1\r?\n")
ARRAY_CLASS = re.compile(r"torch\.(?:Cuda)?(Byte|Char|Short|Int|Long|Float|Double|Half|)(Tensor|Storage)")
TYPES = {"Byte": "u1", "Char": "i1", "Short": "<i2", "Int": "<i4", "Half": "<f2", "Float": "<f4", "Double": "<f8"}
LONGS = {8: "<q", 4: "<i"}

Table = dict[Any, Any]


@dataclass
class Storage:
    """Numbers in a row, still in the file's bytes, and how many of them tensors have read: some several times."""

    dtype: str
    memory: memoryview
    read: int = 0

    def numbers(self) -> list[int]:
        import numpy as np

        return [int(number) for number in np.frombuffer(self.memory, self.dtype)]

    def __len__(self) -> int:
        return len(self.memory) // int(self.dtype[-1])


@dataclass(frozen=True)
class Tensor:
    """A view into a storage; strides and offset count elements."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    storage: Storage | None

    def array(self) -> np.ndarray:
        """Its numbers as float32.

        Raises:
            ValueError: more of them than its storage holds, which takes repeated ones; too many tensors read them.
        """
        import numpy as np

        if self.storage is None or not self.shape or 0 in self.shape:
            return np.zeros(0, np.float32)
        if math.prod(self.shape) > len(self.storage):
            raise ValueError("repeats its numbers")
        self.storage.read += math.prod(self.shape)
        if self.storage.read > MOST_TIMES * len(self.storage) + SPARE:
            raise ValueError("shares its numbers with too many others")
        size = int(self.storage.dtype[-1])
        strides = [stride * size for stride in self.strides]
        view = np.ndarray(self.shape, self.storage.dtype, self.storage.memory, self.offset * size, strides)
        return view.astype(np.float32, order="C")

    def fits(self) -> bool:
        """Whether it lies inside its storage."""
        if min((*self.shape, *self.strides, self.offset), default=0) < 0 or not isinstance(self.storage, Storage):
            return self.storage is None
        if not self.shape or 0 in self.shape:
            return True
        last = sum((length - 1) * stride for length, stride in zip(self.shape, self.strides, strict=True))
        return self.offset + last < len(self.storage)


@dataclass
class Object:
    """What was an object of a Lua class."""

    class_name: str
    fields: Table = field(default_factory=dict)


class _Damaged(ValueError):
    pass


def begins_as_torch7(path: Path) -> bool:
    """Whether a file begins as Torch7 writes an object, or is called .t7 and begins as it writes anything."""
    with path.open("rb") as file:
        start = file.read(len(OBJECT_START))
    named = path.suffix.lower() == ".t7"
    return start == OBJECT_START or (named and (start.startswith(TABLE_START) or bool(ASCII_START.match(start))))


def read_file(path: Path) -> Any:
    """What a file holds: a number, text, truth, :class:`Tensor`, :class:`Object` or table (a dict); nil and code: None.

    Raises:
        GanlabError: a text file of Torch7's, a damaged one, or one of nothing but unknown things.
    """
    return _read(path.read_bytes(), path)[0]


def rewritten(path: Path, change: Callable[[str, np.ndarray], np.ndarray]) -> bytes:
    """A file with every storage of floating point numbers, which tensors may share, as ``change`` gives it.

    Raises:
        GanlabError: as :func:`read_file`.
    """
    import numpy as np

    data = bytearray(path.read_bytes())
    for number, found in _read(data, path)[1].items():
        if isinstance(found, Storage) and "f" in found.dtype:
            numbers = np.frombuffer(found.memory, found.dtype)
            numbers[:] = change(f"storage {number}", numbers.copy())
    return bytes(data)


def _read(data: bytes | bytearray, path: Path) -> tuple[Any, dict[int, Any]]:
    """What a file holds, and all its objects by their numbers."""
    if ASCII_START.match(data):
        raise GanlabError(
            f"{path} was written in Torch7's text mode, which is not read.",
            "Write it again with torch.save(FILE, net).",
        )
    reasons = []
    for size in LONGS:
        try:
            reader = _Reader(data, size)
            return reader.read(), reader.objects
        except _Damaged as error:
            reasons.append(error)
    raise GanlabError(f"{path} is damaged or is no Torch7 file: {reasons[0]}.", "Fetch or copy it again.")


class _Reader:
    def __init__(self, data: bytes | bytearray, long_size: int) -> None:
        self.data, self.position, self.depth = memoryview(data), 0, 0
        self.long = LONGS[long_size]
        self.types = TYPES | {"Long": f"<i{long_size}", "": "<f4"}  # torch.CudaTensor has no type in its name
        self.objects: dict[int, Any] = {}

    def read(self) -> Any:
        """The next thing, whatever it is."""
        kind = self._int()
        if kind == NIL:
            return None
        if kind == NUMBER:
            return self._unpack("<d")
        if kind == STRING:
            return self._text()
        if kind == BOOLEAN:
            return self._int() == 1
        if kind == OLDEST_FUNCTION:
            self._skip_function()
            return None
        if kind not in (TABLE, OBJECT, OLD_FUNCTION, FUNCTION):
            raise _Damaged(f"byte {self.position} begins nothing known")
        index = self._int()
        if index not in self.objects:
            self._enter()
            if kind == TABLE:
                self._table(self.objects.setdefault(index, {}))
            elif kind == OBJECT:
                self._object(index)
            else:
                self.objects[index] = None
                self._skip_function()
            self.depth -= 1
        return self.objects[index]

    def _enter(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise _Damaged("it nests too deeply")

    def _table(self, table: Table) -> None:
        for _ in range(self._count(self._int())):
            key, value = self.read(), self.read()
            if isinstance(key, (str, float, bool)):
                table[key] = value

    def _object(self, index: int) -> None:
        name = self._text()
        if name.startswith("V "):
            name = self._text()  # files from before there were versions begin with the class
        kind = ARRAY_CLASS.fullmatch(name)
        if kind:
            dtype = self.types[kind[1]]
            self.objects[index] = self._tensor() if kind[2] == "Tensor" else self._storage(dtype)
            return
        found = self.objects[index] = Object(name)
        fields = self.read()
        if not isinstance(fields, dict):
            raise _Damaged(f"it holds an object of {name[:40]!r}, whose own way of writing is unknown")
        found.fields.update(fields)

    def _tensor(self) -> Tensor:
        axes = self._int()
        if not 0 <= axes <= MOST_AXES:
            raise _Damaged(f"a tensor has {axes} axes")
        shape, strides = (tuple(self._unpack(self.long) for _ in range(axes)) for _ in range(2))
        tensor = Tensor(shape, strides, self._unpack(self.long) - 1, self.read())
        if not tensor.fits():
            raise _Damaged(f"a tensor before byte {self.position} is not as large as it says")
        return tensor

    def _storage(self, dtype: str) -> Storage:
        length = self._unpack(self.long)
        return Storage(dtype, self._take(self._count(length) * int(dtype[-1])))

    def _skip_function(self) -> None:
        """Code and the variables it closes over, which stay unread and unrun."""
        self._take(self._int())
        self._enter()
        self.read()
        self.depth -= 1

    def _text(self) -> str:
        return str(self._take(self._int()), "latin-1")

    def _int(self) -> int:
        return int(self._unpack("<i"))

    def _unpack(self, layout: str) -> Any:
        return struct.unpack(layout, self._take(struct.calcsize(layout)))[0]

    def _count(self, number: int) -> int:
        """A number of things, each of at least a byte."""
        if not 0 <= number <= len(self.data) - self.position:
            raise _Damaged(f"before byte {self.position} it announces more than there is")
        return number

    def _take(self, size: int) -> memoryview:
        start = self.position
        self.position += self._count(size)
        return self.data[start : self.position]
