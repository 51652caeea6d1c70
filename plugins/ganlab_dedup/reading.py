"""Pictures in batches, decoded again whenever they are needed: memory holds a bounded number of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np

from ganlab import GanlabError, Images, progress

SIDE = 64  # pixels; the hash sees 32x32 of it, the verification all
BATCH = 256
KEPT = 8192  # decoded pictures held while pairs are compared: 100 MB


class Reader:
    """A set of pictures at 64x64.

    Attributes:
        broken: row -> why it cannot be read; empty unless broken pictures are to be left out.
    """

    def __init__(self, images: Images, skip_broken: bool) -> None:
        self.images = images
        self.skip_broken = skip_broken
        self.broken: dict[int, str] = {}

    def one(self, row: int) -> np.ndarray | None:
        """(64, 64, 3) uint8, or None for a broken picture that is to be left out."""
        try:
            return self.images.array(int(row), SIDE, 3)
        except GanlabError as error:
            if not self.skip_broken:
                raise
            self.broken[int(row)] = str(error)
            return None

    def batches(self, rows: np.ndarray, what: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The rows that can be read (b,), and their pictures (b, 64, 64, 3) uint8."""
        for start in progress(range(0, len(rows), BATCH), what):
            here = rows[start : start + BATCH]
            pictures = [self.one(row) for row in here]
            good = [place for place, picture in enumerate(pictures) if picture is not None]
            if good:
                yield here[good], np.stack([picture for picture in pictures if picture is not None])

    def lookup(self) -> Callable[[int], np.ndarray]:
        """A function that gives whole pictures by their rows and remembers the last thousands."""

        @lru_cache(KEPT)
        def picture(row: int) -> np.ndarray:
            found = self.one(row)
            if found is None:
                raise GanlabError(f"{self.images.name(row)} has changed meanwhile.", "Run it again.")
            return found

        return picture
