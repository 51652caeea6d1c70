"""Pictures that are the same pixel by pixel, within a set and in two that should have none in common."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from ganlab.data.images import Images
from ganlab.errors import GanlabError

OVERLAP = 0.01  # of the test pictures; more of them among the training pictures, and the test means nothing


class Twins:
    """Finds pictures that are the same as remembered ones, pixel by pixel, by 16 bytes of each."""

    def __init__(self) -> None:
        self._first: dict[bytes, int] = {}
        self._others: dict[bytes, list[int]] = {}

    def remember(self, pictures: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Remember pictures by their rows, and say which picture each is.

        Args:
            pictures: (n, h, w, c) uint8, of one shape in all calls.
            rows: (n,) by which they are told again.

        Returns:
            (n,) int64: the first row that was remembered with these pixels, its own where it is the first.
        """
        firsts = np.empty(len(rows), np.int64)
        for place, (picture, row) in enumerate(zip(pictures, rows.tolist(), strict=True)):
            digest = _digest(picture)
            firsts[place] = self._first.setdefault(digest, row)
            if firsts[place] != row:
                self._others.setdefault(digest, []).append(row)
        return firsts

    def find(self, pictures: np.ndarray, rows: np.ndarray) -> list[tuple[int, int]]:
        """(remembered row, row of these) of pictures that are the same. What was found is remembered no more.

        Args:
            pictures: (n, h, w, c) uint8, as those that are remembered.
            rows: (n,) of these pictures, in a set of their own.
        """
        found = []
        for picture, row in zip(pictures, rows.tolist(), strict=True):
            digest = _digest(picture)
            if digest in self._first:
                same = [self._first.pop(digest), *self._others.pop(digest, ())]
                found += [(one, row) for one in same]
        return found


def check_apart(
    learn: Images,
    test: Images,
    twins: Sequence[tuple[int, int]],
    count: int,
    what: str = "test pictures",
    most: float = OVERLAP,
) -> list[str]:
    """What to say of test pictures that are training pictures too, pixel by pixel: a few are left in.

    Args:
        twins: (row of `test`, row of `learn`) of each such picture.
        count: test pictures in all.
        what: they are called.
        most: the part of all that may be so.

    Raises:
        GanlabError: they are more, and the test would mean nothing.
    """
    if not twins:
        return []
    row, same = twins[0]
    said = (
        f"{len(twins):,} of {count:,} {what} are training pictures too, pixel by pixel: "
        f"{test.name(row)} of {test.spec} is {learn.name(same)} of {learn.spec}"
    )
    if len(twins) > most * count:
        raise GanlabError(f"{said}.", f"Give {what} that nothing was trained on.")
    return [f"{said}. Left in."]


def _digest(picture: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(picture).data, digest_size=16).digest()
