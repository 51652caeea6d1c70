"""How much the search finds and how much it must not: planted copies, and the nearest pictures that are different."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganlab import progress, shuffled

from .autoencoder import Hasher
from .grouping import BLOCK
from .hamming import bits_to_each
from .planting import KINDS, planted_copy
from .reading import BATCH, Reader
from .verification import compare, same

STREAM_PLANTED = 902
FARTHEST = 129  # bits: more than two hashes can differ by


@dataclass(frozen=True)
class Planted:
    """Distorted copies of pictures that are kept, looked up among these by the search's own rule; all (p,).

    Attributes:
        row: the originals.
        kind: which of ``KINDS`` each is.
        distance: bits to the original.
        similarity, same: of the copy with its original, and whether the comparison knows it again.
        equal: whether copy and original have equal hashes, which is all that the paper asks.
        other_distance: bits to the nearest of all other pictures.
        other_similarity: of the most alike of those within the radius, else of the nearest.
        other_same: whether any within the radius is taken for the same picture.
    """

    row: np.ndarray
    kind: np.ndarray
    distance: np.ndarray
    similarity: np.ndarray
    same: np.ndarray
    equal: np.ndarray
    other_distance: np.ndarray
    other_similarity: np.ndarray
    other_same: np.ndarray


@dataclass(frozen=True)
class Searched:
    """What copies are looked up in, and when two pictures are the same.

    Attributes:
        hashes: (n, views, 2) of all pictures.
        kept: rows of the pictures that are kept, at least two.
        radius: bits within which pictures are compared.
        similarity: from which two pictures are the same.
    """

    reader: Reader
    hasher: Hasher
    hashes: np.ndarray
    kept: np.ndarray
    radius: int
    similarity: float


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
    found = [_near(searched, int(row), own) for row, own in zip(rows, views, strict=True)]
    distance, nearest, others, bits = zip(*found, strict=True)
    return (
        np.array(distance),
        similarity,
        same(similarity, difference, searched.similarity),
        (views[:, 0] == searched.hashes[rows, 0]).all(1),
        np.array(nearest),
        *_most_alike(searched, copies, others, bits),
    )


def _near(searched: Searched, original: int, views: np.ndarray) -> tuple[int, int, np.ndarray, np.ndarray]:
    """One copy's bits to its original and to the nearest other; rows (k,) of others within the radius, and bits to
    them; of the nearest where none is."""
    bits = bits_to_each(views, searched.hashes[searched.kept])
    own = searched.kept == original
    distance = int(bits[own][0])
    bits[own] = FARTHEST
    near = np.flatnonzero(bits <= max(searched.radius, bits.min()))
    return distance, int(bits.min()), searched.kept[near], bits[near]


def _most_alike(
    searched: Searched, copies: np.ndarray, others: Sequence[np.ndarray], bits: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Similarity (c,) of each copy's most alike others, and whether any of them is taken for the same."""
    copy, rows = np.repeat(np.arange(len(copies)), [len(near) for near in others]), np.concatenate(others)
    similarity, taken = np.empty(len(rows)), np.empty(len(rows), bool)
    for start in progress(range(0, len(rows), BLOCK), "comparing planted copies"):
        part = slice(start, start + BLOCK)
        similarity[part], difference = compare(searched.reader.pictures(rows[part]), copies[copy[part]])
        taken[part] = same(similarity[part], difference, searched.similarity)
    taken &= np.concatenate(bits) <= searched.radius
    any_taken, most, most_taken = np.zeros(len(copies), bool), *np.full((2, len(copies)), -1.0)
    np.logical_or.at(any_taken, copy, taken)
    np.maximum.at(most, copy, similarity)
    np.maximum.at(most_taken, copy[taken], similarity[taken])
    return np.where(any_taken, most_taken, most), any_taken
