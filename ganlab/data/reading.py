"""Many pictures of a set, in order: the next are read while the last are worked on, and never more than a few ahead."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeVar

import numpy as np

from ganlab.data.images import BrokenPicture, Images, Pictures

LARGEST_PART, PART_BYTES = 256, 2 << 20  # what one thread reads at once: pictures, and bytes of them
MOST_WORKERS = 16  # unasked: beyond it the disk waits, and a container may own few of the cores it sees

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class Batch:
    """Some pictures that were read together.

    Attributes:
        rows: (k,) int64, which they are.
        pictures: (k, size, size, channels) uint8.
        broken: by row, why the others that were asked for are missing.
    """

    rows: np.ndarray
    pictures: np.ndarray
    broken: dict[int, BrokenPicture]


class Batches:
    """What `Images.batches` gives: each `Batch` in turn, and by `len` how many there are."""

    def __init__(
        self,
        images: Images,
        rows: Sequence[int] | np.ndarray,
        size: int,
        channels: int,
        at_once: int,
        skip_broken: bool,
    ) -> None:
        self._images = images
        self._rows = np.asarray(rows, np.int64)
        self._picture = (size, channels)
        self._at_once = at_once
        self._skip_broken = skip_broken

    def __len__(self) -> int:
        return -(-len(self._rows) // self._at_once)

    def __iter__(self) -> Iterator[Batch]:
        workers = on_each_core()
        whole = min(self._at_once, len(self._rows))
        step = min(part_of(*self._picture), -(-whole // (workers + 1)) or 1)
        batches = [self._rows[start : start + self._at_once] for start in range(0, len(self._rows), self._at_once)]
        parts = [rows[start : start + step] for rows in batches for start in range(0, len(rows), step)]
        ahead = -(-whole // step)
        with closing(in_parts(self._images, parts, *self._picture, workers=workers, ahead=ahead)) as read:
            for rows in batches:
                pictures = chain.from_iterable(islice(read, -(-len(rows) // step)))
                yield self._batch(rows, list(pictures))

    def _batch(self, rows: np.ndarray, pictures: Pictures) -> Batch:
        size, channels = self._picture
        broken = {}
        good, held = [], []
        for row, picture in zip(rows.tolist(), pictures, strict=True):
            if not isinstance(picture, BrokenPicture):
                good.append(row)
                held.append(picture)
            elif self._skip_broken:
                broken[row] = picture
            else:
                raise picture
        empty = np.empty((0, size, size, channels), np.uint8)
        return Batch(np.array(good, np.int64), np.stack(held) if held else empty, broken)


def in_parts(
    images: Images,
    parts: Sequence[Sequence[int] | np.ndarray],
    size: int,
    channels: int,
    *,
    workers: int,
    ahead: int | None = None,
) -> Generator[Pictures, None, None]:
    """The pictures of some rows, then of the next, in order.

    Args:
        images: the set.
        parts: the rows, as many together as one thread reads at once.
        size: of each picture.
        channels: of each picture.
        workers: processes that decode or draw where it pays, else as many threads; 0 is the calling thread alone.
        ahead: parts that may be read before they are wanted, two for each thread by default.
    """
    with images._in_bulk(workers, sum(map(len, parts))) as read:

        def read_part(rows: Sequence[int] | np.ndarray) -> Pictures:
            return read(rows.tolist() if isinstance(rows, np.ndarray) else rows, size, channels)

        # one thread more than processes: it reads files while these decode what the others have read
        yield from in_threads(read_part, parts, workers + 1 if workers > 1 else workers, ahead)


def part_of(size: int, channels: int) -> int:
    """How many pictures one thread reads at once."""
    return max(1, min(LARGEST_PART, PART_BYTES // (size * size * channels)))


def on_each_core() -> int:
    """How many processes or threads decode where nothing else is asked for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_WORKERS)


def in_threads(
    work: Callable[[S], T], items: Iterable[S], workers: int, ahead: int | None = None
) -> Generator[T, None, None]:
    """`work` of each item, in order, on `workers` threads, at most so many results ahead, two for each by default."""
    if workers < 1:
        yield from map(work, items)
        return
    most = 2 * workers if ahead is None else ahead
    pool = ThreadPoolExecutor(workers, thread_name_prefix="reading")
    waiting: deque[Future[T]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
