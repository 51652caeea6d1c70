"""Pictures in batches, decoded again whenever they are needed: memory holds a bounded number of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np

from ganlab import GanlabError, Images, progress

SIDE = 64  # pixels; the hash sees 32x32 of it, the verification all
BATCH = 256
KEPT = 8192  # decoded pictures remembered while pairs are compared: 100 MB


class Reader:
    """A set of pictures at 64x64, all decoded to (64, 64, 3) uint8.

    Attributes:
        broken: row -> why it cannot be read; empty unless broken pictures are to be left out.
        memory: row -> picture, of those that need not be decoded again.
    """

    def __init__(self, images: Images, skip_broken: bool) -> None:
        self.images = images
        self.skip_broken = skip_broken
        self.broken: dict[int, str] = {}
        self.memory: dict[int, np.ndarray] = {}
        self._compared: OrderedDict[int, np.ndarray] = OrderedDict()  # row -> picture, the last one asked for last

    def batches(self, rows: np.ndarray, what: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The rows that can be read (b,), and their pictures (b, 64, 64, 3)."""
        coming = self._read([row for row in rows.tolist() if row not in self.memory and row not in self.broken])
        read: dict[int, np.ndarray] = {}
        for start in progress(range(0, len(rows), BATCH), what):
            here = rows[start : start + BATCH].tolist()
            while not all(row in read or row in self.memory or row in self.broken for row in here):
                read |= next(coming)
            good = {row: read.pop(row) if row in read else self.memory[row] for row in here if row not in self.broken}
            if good:
                yield np.array(list(good)), np.stack(list(good.values()))

    def picture(self, row: int) -> np.ndarray:
        """(64, 64, 3), of one that is not broken."""
        return self.pictures(np.array([row]))[0]

    def pictures(self, rows: np.ndarray) -> np.ndarray:
        """(r, 64, 64, 3), none of them broken; the last thousands are remembered."""
        wanted = rows.tolist()
        unread = [row for row in dict.fromkeys(wanted) if row not in self.memory and row not in self._compared]
        for read in self._read(unread):
            self._compared |= {row: picture.copy() for row, picture in read.items()}  # a view holds its whole batch
        for row in unread:
            if row not in self._compared:
                raise GanlabError(f"{self.images.name(row)} changed while it was being looked at.", "Run it again.")
        found = np.stack([self._remembered(row) for row in wanted])
        while len(self._compared) > KEPT:
            self._compared.popitem(last=False)
        return found

    def _remembered(self, row: int) -> np.ndarray:
        if row in self.memory:
            return self.memory[row]
        self._compared.move_to_end(row)
        return self._compared[row]

    def _read(self, rows: Sequence[int]) -> Iterator[dict[int, np.ndarray]]:
        """These pictures by row, a batch at a time; of broken ones that are to be left out it is remembered why."""
        for batch in self.images.batches(rows, SIDE, 3, BATCH, skip_broken=self.skip_broken):
            self.broken |= {row: str(why) for row, why in batch.broken.items()}
            yield dict(zip(batch.rows.tolist(), batch.pictures, strict=True))
