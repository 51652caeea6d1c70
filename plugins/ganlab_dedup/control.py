"""How much the search finds and how much it must not: planted copies, and the nearest pictures that are different."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ganlab import progress, shuffled

from .autoencoder import Hasher
from .grouping import NONE
from .hamming import bits_between
from .planting import KINDS, planted_copy
from .reading import BATCH, Reader
from .verification import compare, same

STREAM_PLANTED = 902


@dataclass(frozen=True)
class Planted:
    """Distorted copies, each beside its original and beside the nearest picture that is another one; all (p,).

    Attributes:
        row: the originals.
        kind: which of ``KINDS`` each is.
        distance, same: bits to the original over nine views, and whether the comparison knows it again.
        similarity: of the copy with its original.
        equal: whether copy and original have equal hashes, which is all that the paper asks.
        other, other_distance, other_similarity, other_same: the same for the nearest picture of another group.
    """

    row: np.ndarray
    kind: np.ndarray
    distance: np.ndarray
    similarity: np.ndarray
    same: np.ndarray
    equal: np.ndarray
    other: np.ndarray
    other_distance: np.ndarray
    other_similarity: np.ndarray
    other_same: np.ndarray


def plant(
    reader: Reader, hasher: Hasher, hashes: np.ndarray, keeper: np.ndarray, count: int, seed: int, threshold: float
) -> Planted:
    """Make distorted copies of pictures drawn at random, and look for them.

    Args:
        hashes: (n, views, 2) of all pictures; rows of broken ones are not looked at.
        keeper: (n,) the group of each picture, -1 for a broken one.
        count: copies, at most as many as there are pictures.
        threshold: similarity from which two pictures are the same.
    """
    rows = shuffled(np.flatnonzero(keeper != NONE), seed, STREAM_PLANTED)[:count]
    kind = np.arange(len(rows)) % len(KINDS)
    parts = []
    for start in progress(range(0, len(rows), BATCH), "looking for planted copies"):
        here = slice(start, start + BATCH)
        parts.append(_plant_some(reader, hasher, hashes, keeper, rows[here], kind[here], seed, threshold))
    return Planted(rows, kind, *(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _plant_some(
    reader: Reader,
    hasher: Hasher,
    hashes: np.ndarray,
    keeper: np.ndarray,
    rows: np.ndarray,
    kind: np.ndarray,
    seed: int,
    threshold: float,
) -> tuple[np.ndarray, ...]:
    originals = reader.pictures(rows)
    copies = np.stack(
        [planted_copy(one, KINDS[k], seed, int(row)) for one, k, row in zip(originals, kind, rows, strict=True)]
    )
    views = hasher.hashes(copies)
    similarity, difference = compare(originals, copies)
    distance = bits_between(views, hashes[rows, None, 0]).min(1)
    equal = (views[:, 0] == hashes[rows, 0]).all(1)
    other, other_distance = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    for place, row in enumerate(rows):
        bits = bits_between(hashes[:, 0], views[place, 0])
        bits[(keeper == keeper[row]) | (keeper == NONE)] = 129
        other[place] = bits.argmin()
        other_distance[place] = bits_between(views[place], hashes[other[place], 0]).min()
    other_similarity, other_difference = compare(reader.pictures(other), copies)
    return (
        distance,
        similarity,
        same(similarity, difference, threshold),
        equal,
        other,
        other_distance,
        other_similarity,
        same(other_similarity, other_difference, threshold),
    )
