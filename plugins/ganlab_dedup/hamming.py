"""All pairs of hashes within a Hamming radius, exactly, by multi-index search (Norouzi, Punjani and Fleet 2012).

A hash of 128 bits is cut into words. Of two hashes that differ by at most r bits, one word differs by at most r bits
over the number of words: the pigeonhole. So each word has a table, and only hashes that nearly share a word are
compared as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import chain, combinations

import numpy as np

from ganlab import GanlabError, progress

# 6 words of 21 or 22 bits while one flipped bit is enough, that is up to a radius of 11; then 8 words of 16
FEW_WORDS, MANY_WORDS = 6, 8
QUERIES = 1 << 20  # looked up at once
COMPARED = 1 << 20  # compared at once
PENDING = 4_000_000  # pairs found, some of them again and again, before they are made one each
MOST_PAIRS = 20_000_000  # 160 MB


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows ``first < second``, sorted, each once, and by how many bits they differ. All (p,)."""

    first: np.ndarray
    second: np.ndarray
    distance: np.ndarray

    def __len__(self) -> int:
        return len(self.first)


def near_pairs(hashes: np.ndarray, radius: int) -> Pairs:
    """Pairs of pictures of which one's own hash is within the radius of any of the other's.

    Args:
        hashes: (n, views, 2) uint64; the first view is the picture's own hash.
        radius: bits, 0 to 127.

    Raises:
        GanlabError: so many pairs that they would not fit into memory.
    """
    count = len(hashes)
    query, base, distance = neighbours(hashes, hashes[:, 0], radius)
    other = query != base
    low, high = np.minimum(query, base)[other], np.maximum(query, base)[other]
    return Pairs(*_apart(_nearest(_packed(low * count + high, distance[other])), count))


def neighbours(queries: np.ndarray, base: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which of ``base`` (n, 2) uint64 lie within ``radius`` bits of any view of each of ``queries`` (q, views, 2).

    Returns:
        Query, row of base and the least distance, (p,) int64 each, sorted by the first two.

    Raises:
        GanlabError: so many that they would not fit into memory.
    """
    views = queries.shape[1]
    queries, base = np.ascontiguousarray(queries).reshape(-1, 2), np.ascontiguousarray(base)
    words = FEW_WORDS if radius < 2 * FEW_WORDS else MANY_WORDS
    found, pending = [np.empty(0, np.int64)], 0
    for word in progress(words, "comparing hashes"):
        cut = _Word(word, words)
        keys = cut.of(base)
        order = np.argsort(keys, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=1 << cut.bits))])
        table = base[order]
        table_halves = np.ascontiguousarray(table[:, 1 - cut.half])
        flips = _flips(cut.bits, radius // words)
        for first in range(0, len(queries), QUERIES):
            asked = queries[first : first + QUERIES]
            asked_keys, asked_halves = cut.of(asked), np.ascontiguousarray(asked[:, 1 - cut.half])
            for flip in flips:
                bucket = asked_keys ^ flip
                for query, place in _expanded(starts[bucket], starts[bucket + 1]):
                    # the half without this word alone refuses nearly all
                    far_half = bits_between(asked_halves[query, None], table_halves[place, None])
                    likely = far_half <= radius
                    query, place = query[likely], place[likely]
                    distance = bits_between(asked[query], table[place])
                    close = distance <= radius
                    pair = (first + query[close]) // views * len(base) + order[place[close]]
                    found.append(_packed(pair, distance[close]))
                    pending += len(pair)
                    if pending > PENDING:
                        found, pending = [_nearest(np.concatenate(found))], 0
                        _check_room(found[0], radius)
    return _apart(_nearest(np.concatenate(found)), len(base))


def _check_room(found: np.ndarray, radius: int) -> None:
    if len(found) > MOST_PAIRS:
        raise GanlabError(
            f"More than {MOST_PAIRS:,} pairs of pictures lie within {radius} bits: they are too alike for it.",
            "Try a smaller --radius, or part of the data.",
        )


def _packed(pair: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """A pair's number and its distance in one integer, which sorts by both."""
    return pair * 256 + distance


def _nearest(packed: np.ndarray) -> np.ndarray:
    """Each pair once, with its least distance, sorted."""
    packed = np.sort(packed)
    return packed[np.flatnonzero(np.diff(packed >> 8, prepend=-1))]


def _apart(packed: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First, second (below ``count``) and distance."""
    return (packed >> 8) // count, (packed >> 8) % count, packed & 255


def bits_to_each(views: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """By how many bits one picture differs from each of others (n,), as :func:`near_pairs` counts them.

    Args:
        views: (views, 2) uint64 of the picture, its own hash first.
        hashes: (n, views, 2) of the others.
    """
    from_views = (bits_between(hashes[:, 0], view) for view in views)
    to_views = (bits_between(hashes[:, view], views[0]) for view in range(1, hashes.shape[1]))
    return reduce(np.minimum, chain(from_views, to_views))


def bits_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Bits by which hashes (..., 2) uint64 differ, (...) int64."""
    differ = a ^ b
    if hasattr(np, "bitwise_count"):  # numpy 2
        counts = np.moveaxis(
            np.bitwise_count(differ), -1, 0
        )  # numpy's sum over so short an axis takes six times as long
        return reduce(np.add, counts[1:], counts[0].astype(np.int64))
    return _BITS_OF_BYTE[differ.view(np.uint8)].sum(-1, dtype=np.int64)


_BITS_OF_BYTE = np.array([byte.bit_count() for byte in range(256)], np.uint8)


class _Word:
    """One of an even number of words: as many bits next to each other in one half of a hash."""

    def __init__(self, number: int, words: int) -> None:
        self.half, place = divmod(number, words // 2)
        self.first, end = 64 * place // (words // 2), 64 * (place + 1) // (words // 2)
        self.bits = end - self.first

    def of(self, hashes: np.ndarray) -> np.ndarray:
        """(n,) int64 of hashes (n, 2)."""
        shifted = hashes[:, self.half] >> np.uint64(self.first)
        return (shifted & np.uint64((1 << self.bits) - 1)).astype(np.int64)


def _flips(bits: int, most: int) -> list[int]:
    """All words with at most so many bits set."""
    places = [chosen for count in range(most + 1) for chosen in combinations(range(bits), count)]
    return [sum(1 << place for place in chosen) for chosen in places]


def _expanded(start: np.ndarray, stop: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each query with each place of its range, about ``COMPARED`` at a time."""
    asking = np.flatnonzero(stop > start)
    start, count = start[asking], (stop - start)[asking]
    ends = np.cumsum(count)
    first = 0
    while first < len(asking):
        done = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + COMPARED, side="right")))
        part = count[first:last]
        within = np.arange(ends[last - 1] - done) - np.repeat(ends[first:last] - part - done, part)
        yield np.repeat(asking[first:last], part), np.repeat(start[first:last], part) + within
        first = last
