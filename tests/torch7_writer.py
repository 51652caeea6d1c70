"""Files as Torch7's ``torch.save`` writes them, byte by byte, for tests of their reader."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

ELEMENTS = {"Float": "<f4", "Double": "<f8", "Cuda": "<f4", "Half": "<f2", "Long": "<i8"}


class Lua:
    """An object of a Lua class with fields, as modules of ``nn`` are."""

    def __init__(self, class_name: str, **fields: Any) -> None:
        self.class_name, self.fields = class_name, fields


class Function:
    """Lua code with the variables it closes over; ``kind`` is how it is marked."""

    def __init__(self, kind: int = 8) -> None:
        self.kind = kind


class Sizes(list[int]):
    """A ``torch.LongStorage``."""


class Floats:
    """The storage of tensors; one base array has one."""

    def __init__(self, base: np.ndarray) -> None:
        self.base = base


class View:
    """A tensor that looks at a base array by a shape, strides and an offset that counts from 0."""

    def __init__(self, base: np.ndarray, shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> None:
        self.base, self.shape, self.strides, self.offset = base, shape, strides, offset


class Writer:
    """``long_size`` is 8 or 4 bytes; ``element`` the type of all tensors; without ``versions`` classes stand alone."""

    def __init__(self, long_size: int = 8, element: str = "Float", versions: bool = True) -> None:
        self.out, self.indices, self.kept = bytearray(), dict[tuple[str, int], int](), list[Any]()
        self.long_layout = {8: "<q", 4: "<i"}[long_size]
        self.element, self.versions = element, versions

    def bytes_of(self, thing: Any) -> bytes:
        self.put(thing)
        return bytes(self.out)

    def put(self, thing: Any) -> None:
        if thing is None:
            self.int(0)
        elif isinstance(thing, bool):
            self.int(5)
            self.int(int(thing))
        elif isinstance(thing, (int, float)):
            self.int(1)
            self.out += struct.pack("<d", thing)
        elif isinstance(thing, str):
            self.int(2)
            self.text(thing)
        else:
            self.referable(thing)

    def referable(self, thing: Any) -> None:
        kind = thing.kind if isinstance(thing, Function) else 3 if isinstance(thing, dict) else 4
        self.int(kind)
        if kind != 6:  # the oldest functions have no number
            same = ("storage", id(thing.base)) if isinstance(thing, Floats) else ("", id(thing))
            known = same in self.indices
            self.kept.append(thing)  # so that no other thing gets its id
            self.int(self.indices.setdefault(same, len(self.indices) + 1))
            if known:
                return
        if isinstance(thing, Function):
            self.text("\x1bLJ code")
            self.put({1.0: {"name": "x", "value": 3.0}})
        elif isinstance(thing, dict):
            self.table(thing)
        elif isinstance(thing, Lua):
            self.class_name(thing.class_name)
            self.put(thing.fields)
        elif isinstance(thing, Sizes):
            self.storage("Long", np.array(thing))
        elif isinstance(thing, Floats):
            self.storage(self.element, thing.base)
        else:
            self.tensor(thing)

    def table(self, table: dict[Any, Any]) -> None:
        self.int(len(table))
        for key, value in table.items():
            self.put(key)
            self.put(value)

    def tensor(self, tensor: np.ndarray | View) -> None:
        if isinstance(tensor, np.ndarray):
            strides = tuple(stride // tensor.itemsize for stride in np.ascontiguousarray(tensor).strides)
            tensor = View(tensor, tensor.shape, strides, 0)
        self.class_name(f"torch.{self.element}Tensor")
        self.int(len(tensor.shape))
        for number in (*tensor.shape, *tensor.strides, tensor.offset + 1):
            self.long(number)
        self.put(Floats(tensor.base) if tensor.base.size else None)

    def storage(self, element: str, numbers: np.ndarray) -> None:
        self.class_name(f"torch.{element}Storage")
        self.long(numbers.size)
        layout = self.long_layout if element == "Long" else ELEMENTS[element]
        self.out += numbers.astype(layout).tobytes()

    def class_name(self, name: str) -> None:
        if self.versions:
            self.text("V 1")
        self.text(name)

    def int(self, number: int) -> None:
        self.out += struct.pack("<i", number)

    def long(self, number: int) -> None:
        self.out += struct.pack(self.long_layout, number)

    def text(self, text: str) -> None:
        self.int(len(text))
        self.out += text.encode("latin-1")
