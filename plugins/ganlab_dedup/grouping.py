"""From pairs that are the same picture to what is kept and what is dropped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ganlab import progress

from .hamming import Pairs

NONE = -1
BLOCK = 256  # pairs compared before the next are looked at

# rows of the first pictures, rows of the second -> similarity, and which are the same; all (p,)
Look = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Verdict:
    """What becomes of each picture.

    Attributes:
        keeper: (n,) the row that is kept in a picture's place: its own where it is kept, -1 for a broken picture.
        similarity: (n,) of a dropped picture with its keeper, 1 for an exact copy; NaN for others.
        distance: (n,) bits between the two hashes; 0 for others.
        exact: (n,) whether it is dropped as an exact copy.
    """

    keeper: np.ndarray
    similarity: np.ndarray
    distance: np.ndarray
    exact: np.ndarray

    @property
    def kept(self) -> np.ndarray:
        """Rows that are kept, in order."""
        return np.flatnonzero(self.keeper == np.arange(len(self.keeper)))

    @property
    def dropped(self) -> np.ndarray:
        """Rows that are dropped, in order."""
        return np.flatnonzero((self.keeper != np.arange(len(self.keeper))) & (self.keeper != NONE))

    def groups(self) -> list[list[int]]:
        """Rows of each group of more than one: the kept one, then the dropped ones."""
        members: dict[int, list[int]] = {}
        for row in self.dropped:
            keeper = int(self.keeper[row])
            members.setdefault(keeper, [keeper]).append(int(row))
        return [members[keeper] for keeper in sorted(members)]


@dataclass(frozen=True)
class Compared:
    """The pairs that had to be compared, how alike they are, and which are the same; (p,)."""

    pairs: Pairs
    similarity: np.ndarray
    same: np.ndarray


def decide(copy_of: np.ndarray, pairs: Pairs, look: Look) -> tuple[Verdict, Compared]:
    """Go through the pictures in order: one that is the same as a picture already kept is dropped for it.

    So every dropped picture was compared with the one that is kept in its place: resemblance is not handed on from
    picture to picture, as along the frames of a film. And pictures that are dropped already are not compared any more,
    so that a thousand copies of one take a thousand comparisons and not half a million.

    Args:
        copy_of: (n,) the first row whose picture is the same pixel by pixel, -1 where there is no picture.
        pairs: pairs of first copies that may be the same picture, sorted.
        look: compares pairs.
    """
    count = len(copy_of)
    keeper, alike, distance = copy_of.copy(), np.full(count, np.nan), np.zeros(count, np.int64)
    similarity, same = np.full(len(pairs), np.nan), np.zeros(len(pairs), bool)
    for start in progress(range(0, len(pairs), BLOCK), "comparing pictures"):
        rows = np.arange(start, min(start + BLOCK, len(pairs)))
        kept = [keeper[side[rows]] == side[rows] for side in (pairs.first, pairs.second)]
        rows = rows[kept[0] & kept[1]]
        if not len(rows):
            continue
        similarity[rows], same[rows] = look(pairs.first[rows], pairs.second[rows])
        for row in rows[same[rows]]:
            first, second = pairs.first[row], pairs.second[row]
            if keeper[first] == first and keeper[second] == second:
                keeper[second], alike[second], distance[second] = first, similarity[row], pairs.distance[row]
    exact = (copy_of != np.arange(count)) & (copy_of != NONE)
    for copy in np.flatnonzero(exact):
        twin = copy_of[copy]
        alike[copy] = 1.0 if keeper[twin] == twin else alike[twin]
        keeper[copy], distance[copy] = keeper[twin], distance[twin]
    done = np.flatnonzero(~np.isnan(similarity))
    compared = Pairs(pairs.first[done], pairs.second[done], pairs.distance[done])
    return Verdict(keeper, alike, distance, exact), Compared(compared, similarity[done], same[done])
