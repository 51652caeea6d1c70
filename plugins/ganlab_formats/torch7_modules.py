"""What an object of Torch7's ``nn`` says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

from ganlab import GanlabError
from ganlab_formats.torch7_file import MOST_AXES, Object, Storage, Tensor

if TYPE_CHECKING:
    import numpy as np

ONLY = "Only networks are read whose layers simply follow each other."


class Module:
    """An object of a class of ``nn``, and where in the file it lies."""

    def __init__(self, found: Object, path: str) -> None:
        self.fields, self.path = found.fields, path
        self.class_name = found.class_name

    def children(self) -> Iterator[Module]:
        """The modules that a container holds, in their order."""
        modules = self.fields.get("modules")
        if not isinstance(modules, dict):
            self.refuse("holds no modules")
        for number in range(1, len(modules) + 1):
            child = modules.get(number)
            if not isinstance(child, Object):
                self.refuse(f"has no module {number}")
            yield Module(child, f"{self.path}modules.{number}.")

    def number(self, name: str, default: float) -> float:
        value = self.fields.get(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value - value != 0:
            self.refuse(f"says {value!r} for {name}")
        return value

    def whole(self, name: str, default: int) -> int:
        value = self.number(name, default)
        if value != int(value):
            self.refuse(f"says {value} for {name}")
        return int(value)

    def both(self, across: str, down: str, default: int) -> int:
        """A setting that is the same along both axes."""
        value = self.whole(across, default)
        if self.whole(down, value) != value:
            self.refuse(f"has different {across} and {down}")
        return value

    def sizes(self) -> list[int]:
        """The lengths of a View or Reshape."""
        size = self.fields.get("size")
        if not isinstance(size, Storage) or len(size) > MOST_AXES:
            self.refuse("does not say its size")
        return size.numbers()

    def arrays(self, **fields: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Arrays and keys by role, of those fields that are there and not empty."""
        arrays = {role: array for role, name in fields.items() if (array := self._array(name)) is not None}
        return arrays, {role: self.path + fields[role] for role in arrays}

    def _array(self, name: str) -> np.ndarray | None:
        value = self.fields.get(name)
        if not isinstance(value, Tensor):
            return None
        try:
            array = value.array()
        except ValueError as error:
            self.refuse(f"has a tensor {name} that {error}")
        return array if array.size else None

    def refuse(self, what: str) -> NoReturn:
        """Say why this module cannot be read."""
        where = self.path.removesuffix(".") or "the network"
        raise GanlabError(f"The layer {where} ({self.class_name}) {what}.", ONLY)
