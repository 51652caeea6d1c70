"""Pictures that lie as plain pixels in arrays, in parts such as train and test, each with its classes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganlab import StoredImages

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Block:
    """Pictures of one array.

    Attributes:
        part: ``train``, ``test`` or whatever they are called; empty where they are not.
        pixels: (n, h, w) or (n, h, w, c) uint8.
        labels: (n,) their classes, or None.
    """

    part: str
    pixels: np.ndarray
    labels: Sequence[str] | None


class PixelImages(StoredImages):
    """All pictures of some blocks. Their names are ``PART/CLASS/NUMBER``, as if they lay in folders."""

    def __init__(self, files: Sequence[Path], part: str, blocks: Sequence[Block], parts: tuple[str, ...] = ()) -> None:
        super().__init__(files, part)
        self.blocks = list(blocks)
        self.parts = parts
        counts = [len(block.pixels) for block in blocks]
        self.starts = [sum(counts[:number]) for number in range(len(counts))]
        self.total = sum(counts)

    def count(self) -> int:
        return self.total

    def read(self, row: int) -> np.ndarray:
        block, place = self._place(row)
        pixels: np.ndarray = block.pixels[place]
        return pixels

    def name(self, i: int) -> str:
        block, _ = self._place(self._row(i))
        parts = [other.part for other in self.blocks]
        first = self.starts[parts.index(block.part)]  # blocks of one part follow each other
        return "/".join(filter(None, (block.part, self.label(i), f"{i - first:06}")))

    def label(self, i: int) -> str | None:
        block, place = self._place(self._row(i))
        return None if block.labels is None else block.labels[place]

    def _place(self, row: int) -> tuple[Block, int]:
        number = bisect_right(self.starts, row) - 1
        return self.blocks[number], row - self.starts[number]
