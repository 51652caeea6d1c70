"""Read pickles so that a few bytes cannot cost hours or the machine's memory, and look through those of torch's so.

A tuple that holds another twice, that another twice, and so on, is small, and takes for ever to hash or to print.
"""

from __future__ import annotations

import math
import pickle
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

from ganlab.errors import GanlabError

ZIP_START = b"PK\x03\x04"  # by which torch tells its own zips
PARTS = 5  # pickles in a file of old torch: its number, its version, the machine, what was saved, names of tensors
DEEPEST = 100  # tuples inside each other
MOST_INSIDE = 2**16  # things in a tuple that holds tuples, each counted as often as it would be looked at
MOST_EACH = 16  # or as many for each that it holds itself
LARGEST_KEY = 2**61 - 1  # from here on numbers have each other's hashes
MOST_NUMBERS = 2**20  # that are keys: their hashes are known beforehand, so that some can be made to collide
MOST_SCALARS = 2**12  # numpy's, which are looked through without being read
LONGEST_KEY = 16  # texts and numbers of a tuple that is a key
OF_PAIRS = ("collections.OrderedDict", "collections.defaultdict")
OF_MEMBERS = ("collections.Counter", "builtins.set", "builtins.frozenset")
# called, they make something as large as they are told, or a copy for every few bytes
COPYING = tuple(f"builtins.{name}" for name in ("list", "tuple", "dict", "str", "bytes", "bytearray"))


def refused(what: str) -> GanlabError:
    """What to raise for a pickle that ``what`` describes."""
    return GanlabError(
        f"The pickle {what}: it was not opened.",
        "No weights or pictures need that: save them alone where it was made, torch.save(network.state_dict(), FILE).",
    )


class Careful(pickle._Unpickler):
    """Takes no time and no memory that the pickle's own length does not account for.

    It is the one in Python: the one in C makes room for as many memories as a pickle says it has.
    """

    stack: list[Any]  # of what is read since the last mark
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)
    # makes room for as many bytes as the pickle says; no file of weights or pictures has it
    del dispatch[pickle.BYTEARRAY8[0]]

    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.numbers = self.scalars = 0
        # tuples that hold tuples: themselves, which keeps their ids theirs, how much is inside, and how deep
        self.nested: dict[int, tuple[Any, int, int]] = {}

    def check_keys(self, keys: Iterable[Any]) -> None:
        """That what becomes keys is quickly hashed.

        Raises:
            GanlabError: a number is of no usual size, a tuple holds others or is long, or numbers are too many.
        """
        for key in keys:
            inside = key if isinstance(key, tuple) else (key,)
            if len(inside) > LONGEST_KEY or any(isinstance(one, tuple) for one in inside):
                raise refused("has a long tuple, or one of tuples, as the key of a dictionary or in a set")
            numbers = [one for one in inside if isinstance(one, (int, float)) and not isinstance(one, bool)]
            self.numbers += len(numbers)
            self.scalars += sum(type(one).__name__.endswith(".multiarray.scalar") for one in inside)
            if (
                self.scalars > MOST_SCALARS
                or self.numbers > MOST_NUMBERS
                or any(LARGEST_KEY <= abs(one) < math.inf for one in numbers)
            ):
                raise refused("has a number too large, or too many numbers, as keys of dictionaries or in sets")

    def check_tuple(self) -> None:
        """That the tuple on top of the stack has not many more things inside than the pickle wrote."""
        top = self.stack[-1]
        inside = [self.nested.get(id(one), (one, len(one), 1)) for one in top if isinstance(one, tuple)]
        if not inside:
            return
        size = len(top) + sum(held for _, held, _ in inside)
        depth = 1 + max(deep for _, _, deep in inside)
        if depth > DEEPEST or size > max(MOST_INSIDE, MOST_EACH * len(top)):
            raise refused("holds tuples inside each other that have no end")
        self.nested[id(top)] = (top, size, depth)

    def check_state(self) -> None:
        """That a state of pairs, which may become keys, on top of the stack has such as are quickly hashed."""
        state = self.stack[-1]
        if isinstance(state, (list, tuple)) and all(isinstance(one, (list, tuple)) and len(one) == 2 for one in state):
            self.check_keys([one[0] for one in state])


def _checking(code: bytes, check: Callable[[Careful], None], *, after: bool = False) -> None:
    """Let a check of the stack go before what an opcode does, or after it."""
    read: Callable[[Any], None] = pickle._Unpickler.dispatch[code[0]]

    def checked(self: Careful) -> None:
        if not after:
            check(self)
        read(self)
        if after:
            check(self)

    Careful.dispatch[code[0]] = checked


_checking(pickle.SETITEM, lambda reader: reader.check_keys(reader.stack[-2:-1]))
for _code in (pickle.SETITEMS, pickle.DICT):
    _checking(_code, lambda reader: reader.check_keys(reader.stack[::2]))
for _code in (pickle.ADDITEMS, pickle.FROZENSET):
    _checking(_code, lambda reader: reader.check_keys(reader.stack))
_checking(pickle.BUILD, Careful.check_state)
for _code in (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3):
    _checking(_code, Careful.check_tuple, after=True)


class Stand:
    """Stands for whatever a pickle builds, and does nothing."""

    def __new__(cls, *values: Any, **named: Any) -> Stand:
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        """As a list's."""

    def extend(self, values: Any) -> None:
        """As a list's."""

    def add(self, value: Any) -> None:
        """As a set's."""


class _LookingThrough(Careful):
    """Builds nothing but containers, numbers and texts, and stand-ins for all else."""

    def find_class(self, module: str, name: str) -> Any:
        module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))  # as torch does
        full = f"{module}.{name}"

        def made(cls: type[Stand], *values: Any, **named: Any) -> Stand:
            of_range = any(type(value).__name__ == "builtins.range" for value in values)
            if (values or named) and (of_range or _takes_any_memory(full, values)):
                raise refused(f"calls {full}, which may take any memory")
            for value in values if full in (*OF_PAIRS, *OF_MEMBERS) else ():
                if isinstance(value, (list, tuple)):
                    self.check_keys([pair[0] for pair in value] if full in OF_PAIRS else value)
            return Stand.__new__(cls)

        return type(full, (Stand,), {"__new__": made})

    def persistent_load(self, pid: Any) -> Any:
        of_class = isinstance(pid, tuple) and pid[:1] in (("module",), (b"module",))  # old torch kept code beside it
        return Stand if of_class else Stand()


def _takes_any_memory(full: str, values: tuple[Any, ...]) -> bool:
    """Whether calling this with arguments may: what is pickled by others calls layers without, and sets their state."""
    if full == "torch._tensor._rebuild_from_type_v2":  # calls what it is given
        return not getattr(values[0], "__name__", "").startswith("torch._utils._rebuild_")
    if full == "copyreg._reconstructor":  # calls for what it is given: class, base, and what the base is made of
        return values[2:] != (None,)
    layer = full.startswith("torch.nn.") and not full.startswith("torch.nn.init.") and not full.endswith(".Parameter")
    return layer or full in COPYING


def look_through(document: bytes) -> None:
    """Read one pickle, or a file of old torch's, and build nothing of it.

    Raises:
        GanlabError: it would take time or memory out of all proportion.
        Exception: whatever a damaged pickle raises.
    """
    from torch.serialization import MAGIC_NUMBER

    stream = BytesIO(document)
    for part in range(PARTS):
        held = _LookingThrough(stream, encoding="bytes").load()
        if part == 0 and (not isinstance(held, int) or held != MAGIC_NUMBER):
            return


def torch_unzips(path: Path) -> bool:
    """Whether torch takes a file for a zip: by its start, where others look for the end of one."""
    with path.open("rb") as file:
        return file.read(len(ZIP_START)) == ZIP_START


def look_through_file(path: Path) -> None:
    """Look through the pickle that torch itself would read: torch finds the one inside its zip in ways of its own.

    Raises:
        GanlabError: as :func:`look_through`.
        Exception: whatever a damaged file raises.
    """
    import torch

    zipped = torch_unzips(path)
    document = torch._C.PyTorchFileReader(str(path)).get_record("data.pkl") if zipped else path.read_bytes()
    try:
        look_through(document)
    except GanlabError as error:
        raise GanlabError(f"{path}: {error.message}", error.hint) from error
