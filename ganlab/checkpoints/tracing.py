"""Which number of a file every number of a network is, found out by reading.

Readers transpose, turn, slice and reorder the arrays of a file. None of that has to be undone by hand: a copy of the
file is read whose arrays hold running numbers, and what then stands in a parameter says where it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

Change = Callable[[str, np.ndarray], np.ndarray]
Files = Mapping[str, bytes]
Tensors = dict[tuple[str, str], torch.Tensor]  # by side and name of the parameter

BASE = 256  # whole numbers, from 1 on, that every floating point format holds exactly, down to bfloat16
NOWHERE = -1


def trace(rewrite: Callable[[Change], Files], read: Callable[[Files], Tensors]) -> Tensors:
    """For every number of every parameter, which number of the file it is; ``NOWHERE`` where it is none of them.

    The running numbers are written digit by digit, each into a copy of its own. A last copy holds the complement of the
    first digit: what was computed, or filled in by the reader, does not change along.

    Args:
        rewrite: a copy of the file whose arrays went through a change.
        read: the parameters in a copy.
    """
    total = _count(rewrite)
    found = {name: _whole(values) for name, values in read(rewrite(_numbered(1))).items()}
    power = BASE
    while power < total:
        for name, values in read(rewrite(_numbered(power))).items():
            found[name] = _where(found[name] >= 0, found[name] + power * _whole(values))
        power *= BASE
    for name, values in read(rewrite(_numbered(1, complement=True))).items():
        right = (_whole(values) == BASE - 1 - found[name] % BASE) & (found[name] < total)
        found[name] = _where(right, found[name])
    return found


def replacing(places: torch.Tensor, values: torch.Tensor) -> Change:
    """A change that puts ``values`` (n,) where the running numbers of a file's numbers are ``places`` (n,)."""
    order = places.argsort()
    targets, news = places[order].numpy(), values[order].numpy()
    first = 0

    def change(key: str, array: np.ndarray) -> np.ndarray:
        nonlocal first
        begin, end = np.searchsorted(targets, [first, first + array.size])
        numbers = array.flatten()
        with np.errstate(over="ignore"):  # found by reading back
            numbers[targets[begin:end] - first] = news[begin:end]
        first += array.size
        return numbers.reshape(array.shape)

    return change


def unchanged(key: str, array: np.ndarray) -> np.ndarray:
    """The change that is none."""
    return array


def _count(rewrite: Callable[[Change], Files]) -> int:
    total = 0

    def change(key: str, array: np.ndarray) -> np.ndarray:
        nonlocal total
        total += array.size
        return array

    rewrite(change)
    return total


def _numbered(power: int, complement: bool = False) -> Change:
    """A change that puts a digit of its running number, plus one, in the place of every number of a file.

    Args:
        power: of ``BASE``, to which the digit belongs.
        complement: what the digit lacks to the largest instead.
    """
    first = 0

    def change(key: str, array: np.ndarray) -> np.ndarray:
        nonlocal first
        numbers = np.arange(first, first + array.size).reshape(array.shape)
        first += array.size
        digits = numbers // power % BASE
        return ((BASE - 1 - digits if complement else digits) + 1).astype(np.float32)

    return change


def _whole(values: torch.Tensor) -> torch.Tensor:
    """The digits that stand in a parameter, int64; far below zero where none does."""
    digits = values.double() - 1
    return torch.where((digits >= 0) & (digits < BASE) & (digits == digits.round()), digits, -(2.0**60)).long()


def _where(right: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    return torch.where(right & (numbers >= 0), numbers, NOWHERE)
