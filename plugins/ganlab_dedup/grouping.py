"""From pairs that are the same picture to what is kept and what is dropped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .hamming import Pairs

NONE = -1


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


def first_copies(digests: np.ndarray, readable: np.ndarray) -> np.ndarray:
    """(n,) the first row whose picture has the same digest (n, 2), -1 where there is no picture."""
    rows = np.flatnonzero(readable)
    _, first, which = np.unique(digests[rows], axis=0, return_index=True, return_inverse=True)
    copies = np.full(len(digests), NONE)
    copies[rows] = rows[first[which.reshape(-1)]]
    return copies


def judge(copy_of: np.ndarray, pairs: Pairs, similarity: np.ndarray) -> Verdict:
    """Go through the pictures in order: one that is the same as a picture already kept is dropped for it.

    So every dropped picture was compared with the one that is kept in its place: resemblance is not handed on from
    picture to picture, as along the frames of a film.

    Args:
        copy_of: (n,) from :func:`first_copies`.
        pairs: pairs of first copies that are the same picture.
        similarity: (p,) of these pairs.
    """
    count = len(copy_of)
    keeper, alike = copy_of.copy(), np.full(count, np.nan)
    distance = np.zeros(count, np.int64)
    best_first = np.lexsort((pairs.first, -similarity, pairs.second))
    for pair in best_first:
        first, second = pairs.first[pair], pairs.second[pair]
        if keeper[first] == first and keeper[second] == second:
            keeper[second], alike[second], distance[second] = first, similarity[pair], pairs.distance[pair]
    exact = (copy_of != np.arange(count)) & (copy_of != NONE)
    for row in np.flatnonzero(exact):
        twin = copy_of[row]
        kept = keeper[twin] == twin
        keeper[row], alike[row], distance[row] = keeper[twin], 1.0 if kept else alike[twin], distance[twin]
    return Verdict(keeper, alike, distance, exact)
