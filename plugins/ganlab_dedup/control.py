"""How much the search finds and how much it must not: planted copies, and pictures that DATA surely does not hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ganlab import progress, shuffled

from .autoencoder import Hasher
from .grouping import BLOCK, NONE
from .hamming import bits_to_each
from .planting import KINDS, planted_copy
from .reading import BATCH, Reader
from .verification import compare, same

STREAM_PLANTED, STREAM_FLIPPED = 902, 903
WAYS: dict[str, tuple[int, ...]] = {"left to right": (1,), "top to bottom": (0,), "both ways": (0, 1)}  # axes


@dataclass(frozen=True)
class Planted:
    """Distorted copies of pictures that are kept, compared with them by the search's own rule; all (p,).

    Attributes:
        row: the originals.
        kind: which of ``KINDS`` each is.
        distance: bits to the original.
        similarity, same: of the copy with its original, and whether the comparison knows it again.
        equal: whether copy and original have equal hashes, which is all that the paper asks.
    """

    row: np.ndarray
    kind: np.ndarray
    distance: np.ndarray
    similarity: np.ndarray
    same: np.ndarray
    equal: np.ndarray


@dataclass(frozen=True)
class Flipped:
    """Pictures of DATA, flipped one way, each in the place of its original; all arrays (f,).

    What is taken for another picture here, the search would have dropped by mistake: it is looked up as its original
    was, among the pictures before it that are kept, less the one that its original was dropped for.

    Attributes:
        way: of ``WAYS``.
        row: the originals.
        distance: bits to the nearest of those it is looked up among.
        like: the row of the most alike within the radius (of those taken for the same where there are any), else of
            the nearest, else -1: see :func:`flip`.
        similarity: with that one, else NaN.
        taken: whether any within the radius is taken for the same picture.
    """

    way: str
    row: np.ndarray
    distance: np.ndarray
    like: np.ndarray
    similarity: np.ndarray
    taken: np.ndarray


@dataclass(frozen=True)
class Searched:
    """What pictures are looked up in, and when two are the same.

    Attributes:
        hashes: (n, views, 2) of all pictures.
        keeper: (n,) of :class:`~ganlab_dedup.grouping.Verdict`; at least two pictures are kept.
        exact: (n,) whether a picture was dropped as an exact copy.
        radius: bits within which pictures are compared.
        similarity: from which two pictures are the same.
    """

    reader: Reader
    hasher: Hasher
    hashes: np.ndarray
    keeper: np.ndarray
    exact: np.ndarray
    radius: int
    similarity: float

    @property
    def kept(self) -> np.ndarray:
        """Rows that are kept, in order."""
        return np.flatnonzero(self.keeper == np.arange(len(self.keeper)))


def plant(searched: Searched, count: int, seed: int) -> Planted:
    """Make distorted copies of kept pictures drawn at random, at most as many as there are, and look for them."""
    rows = shuffled(searched.kept, seed, STREAM_PLANTED)[:count]
    kind = np.arange(len(rows)) % len(KINDS)
    parts = []
    for start in progress(range(0, len(rows), BATCH), "looking for planted copies"):
        here = slice(start, start + BATCH)
        parts.append(_plant_some(searched, rows[here], kind[here], seed))
    return Planted(rows, kind, *(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _plant_some(searched: Searched, rows: np.ndarray, kind: np.ndarray, seed: int) -> tuple[np.ndarray, ...]:
    originals = searched.reader.pictures(rows)
    copies = np.stack(
        [planted_copy(one, KINDS[k], seed, int(row)) for one, k, row in zip(originals, kind, rows, strict=True)]
    )
    views = searched.hasher.hashes(copies)
    similarity, difference = compare(originals, copies)
    bits = [int(bits_to_each(own, searched.hashes[row : row + 1])[0]) for row, own in zip(rows, views, strict=True)]
    return (
        np.array(bits),
        similarity,
        same(similarity, difference, searched.similarity),
        (views[:, 0] == searched.hashes[rows, 0]).all(1),
    )


def flip(searched: Searched, count: int, described: int, seed: int) -> list[Flipped]:
    """Flip pictures drawn at random, at most as many as there are, each of ``WAYS``, and look them up in their places.

    Exact copies are not drawn: what becomes of one is no matter of resemblance. Nor are the pictures that have no other
    kept one before them, which are the first and its copies.

    Args:
        described: so many of them are compared with the nearest beyond the radius, where none lies within it: that
            takes as long as all the rest, and decides nothing.
    """
    keeper, rows = searched.keeper, np.arange(len(searched.keeper))
    others = np.searchsorted(searched.kept, rows) - (keeper < rows)
    rows = shuffled(np.flatnonzero((keeper >= 0) & ~searched.exact & (others > 0)), seed, STREAM_FLIPPED)[:count]
    parts: dict[str, list[tuple[np.ndarray, ...]]] = {way: [] for way in WAYS}
    for start in progress(range(0, len(rows), BATCH), "looking for flipped pictures"):
        here = rows[start : start + BATCH]
        pictures = searched.reader.pictures(here)
        for way, axes in WAYS.items():
            flipped = np.ascontiguousarray(np.flip(pictures, tuple(axis + 1 for axis in axes)))
            parts[way].append(_look_up(searched, here, flipped, described - start))
    return [
        Flipped(way, rows, *(np.concatenate(columns) for columns in zip(*found, strict=True)))
        for way, found in parts.items()
    ]


def _look_up(searched: Searched, rows: np.ndarray, pictures: np.ndarray, described: int) -> tuple[np.ndarray, ...]:
    kept, distance, near = searched.kept, np.empty(len(rows), np.int64), []
    for place, (row, views) in enumerate(zip(rows, searched.hasher.hashes(pictures), strict=True)):
        before = kept[(kept < row) & (kept != searched.keeper[row])]
        bits = bits_to_each(views, searched.hashes[before])
        distance[place] = bits.min()
        within = before[bits <= searched.radius]
        near.append(within if len(within) or place >= described else before[[bits.argmin()]])
    return distance, *_most_alike(searched, pictures, near, distance <= searched.radius)


def _most_alike(
    searched: Searched, pictures: np.ndarray, near: list[np.ndarray], within: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of (f,) pictures: which of those near each is the most alike, how alike, and whether it is taken for the same.

    Args:
        near: rows for each, or none.
        within: (f,) whether these lie within the radius; where not, nothing is taken for the same.
    """
    one, rows = np.repeat(np.arange(len(pictures)), [len(some) for some in near]), np.concatenate(near)
    similarity, taken = np.empty(len(rows)), np.empty(len(rows), bool)
    for start in progress(range(0, len(rows), BLOCK), "comparing flipped pictures"):
        part = slice(start, start + BLOCK)
        similarity[part], difference = compare(searched.reader.pictures(rows[part]), pictures[one[part]])
        taken[part] = same(similarity[part], difference, searched.similarity)
    taken &= within[one]
    order = np.lexsort((-similarity, ~taken, one))  # of each picture: those taken first, then the most alike
    compared, first = np.unique(one, return_index=True)
    best = order[first]
    like, alike, any_taken = np.full(len(pictures), NONE), np.full(len(pictures), np.nan), np.zeros(len(pictures), bool)
    like[compared], alike[compared], any_taken[compared] = rows[best], similarity[best], taken[best]
    return like, alike, any_taken
