"""Pictures in batches, decoded again whenever they are needed: memory holds a bounded number of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np

from ganlab import BrokenPicture, GanlabError, Images, progress

SIDE = 64  # pixels; the hash sees 32x32 of it, the verification all
BATCH = 256
KEPT = 8192  # decoded pictures remembered while pairs are compared: 100 MB


class Reader:
    """A set of pictures at 64x64, all decoded to (64, 64, 3) uint8.

    Attributes:
        broken: row -> why it cannot be read; empty unless broken pictures are to be left out.
        memory: row -> picture, of those that need not be decoded again.
        picture: gives a whole picture by its row, and remembers the last thousands.
    """

    def __init__(self, images: Images, skip_broken: bool) -> None:
        self.images = images
        self.skip_broken = skip_broken
        self.broken: dict[int, str] = {}
        self.memory: dict[int, np.ndarray] = {}
        self.picture: Callable[[int], np.ndarray] = lru_cache(KEPT)(self._whole)

    def batches(self, rows: np.ndarray, what: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The rows that can be read (b,), and their pictures (b, 64, 64, 3)."""
        for start in progress(range(0, len(rows), BATCH), what):
            read = {int(row): self._one(int(row)) for row in rows[start : start + BATCH]}
            good = {row: picture for row, picture in read.items() if picture is not None}
            if good:
                yield np.array(list(good)), np.stack(list(good.values()))

    def pictures(self, rows: np.ndarray) -> np.ndarray:
        """(r, 64, 64, 3), none of them broken."""
        return np.stack([self.picture(int(row)) for row in rows])

    def _one(self, row: int) -> np.ndarray | None:
        """None for a broken picture that is to be left out."""
        if row in self.broken:
            return None
        if row in self.memory:
            return self.memory[row]
        try:
            return self.images.array(row, SIDE, 3)
        except BrokenPicture as error:
            if not self.skip_broken:
                raise
            self.broken[row] = str(error)
            return None

    def _whole(self, row: int) -> np.ndarray:
        picture = self._one(row)
        if picture is None:
            raise GanlabError(f"{self.images.name(row)} changed while it was being looked at.", "Run it again.")
        return picture
