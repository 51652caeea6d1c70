"""A set of pictures made of another: a part picked by name, or the same pictures of other classes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganlab.data.images import Images, Pictures, Read
from ganlab.errors import GanlabError
from ganlab.progressbar import progress
from ganlab.wording import composed, few

if TYPE_CHECKING:
    from PIL import Image

NAMED = 3  # names told in a message
AT_ONCE = 64  # pictures, where all are looked at


class ChosenImages(Images):
    """The pictures `rows` (k,) of another set, in that set's order."""

    def __init__(self, whole: Images, rows: np.ndarray) -> None:
        self.spec = whole.spec
        self.source = f"{whole.source}, {hashlib.blake2b(rows.astype(np.int64).tobytes(), digest_size=16).hexdigest()}"
        self.ignored, self.parts, self.label_fault = whole.ignored, whole.parts, whole.label_fault
        self.whole = whole
        self.rows = rows

    @classmethod
    def by_name(cls, whole: Images, names: Iterable[str]) -> ChosenImages:
        """The pictures with these names. Raises `GanlabError` where a name belongs to no picture, or to several."""
        wanted = set(names)
        if not wanted:
            raise GanlabError("No picture was chosen.", "Name at least one.")
        all_names = [whole.name(i) for i in range(len(whole))]
        exact = wanted.intersection(all_names)
        if otherwise := {composed(name): name for name in wanted - exact}:  # as another system writes the letters
            all_names = [name if name in exact else otherwise.get(composed(name), name) for name in all_names]
        there = Counter(name for name in all_names if name in wanted)
        _refuse(sorted(wanted - there.keys()), len(wanted), f"are not in {whole.spec}", "Is the list of other data?")
        twice = sorted(name for name, count in there.items() if count > 1)
        _refuse(twice, len(wanted), f"belong to more than one picture of {whole.spec}", "Give them names of their own.")
        return cls(whole, np.array([i for i, name in enumerate(all_names) if name in wanted]))

    @classmethod
    def readable_of(cls, whole: Images, size: int, channels: int) -> tuple[Images, list[str]]:
        """The pictures that decode at this size, and a note on the others. Raises `GanlabError` where none does."""
        batches = whole.batches(range(len(whole)), size, channels, AT_ONCE, skip_broken=True)
        broken = {
            row: why for batch in progress(batches, "looking for broken pictures") for row, why in batch.broken.items()
        }
        if not broken:
            return whole, []
        if len(broken) == len(whole):
            raise GanlabError(f"None of the {len(whole)} pictures in {whole.spec} can be read.", str(broken[0]))
        named = few(map(whole.name, sorted(broken)), NAMED)
        note = f"Left out {len(broken)} of {len(whole):,} pictures of {whole.spec} that do not decode: {named}."
        return cls(whole, np.setdiff1d(np.arange(len(whole)), list(broken))), [note]

    def name(self, i: int) -> str:
        return self.whole.name(self._of_whole(i))

    def label(self, i: int) -> str | None:
        return self.whole.label(self._of_whole(i))

    def array(self, i: int, size: int, channels: int) -> np.ndarray:
        return self.whole.array(self._of_whole(i), size, channels)

    @contextmanager
    def _in_bulk(self, workers: int, total: int) -> Iterator[Read]:
        with self.whole._in_bulk(workers, total) as read_whole:

            def read(rows: Sequence[int], size: int, channels: int) -> Pictures:
                return read_whole([self._of_whole(i) for i in rows], size, channels)

            yield read

    def changed(self) -> bool:
        return self.whole.changed()

    def _total(self) -> int:
        return len(self.rows)

    def _facts(self) -> Iterable[object]:
        return [self.whole.fingerprint(), *self.rows[: len(self)].tolist()]

    def _decode(self, row: int, size: int | None) -> Image.Image:
        return self.whole._decode(self.whole._row(int(self.rows[row])), size)

    def _glimpse(self, i: int, size: int) -> Image.Image:
        return self.whole._glimpse(self._of_whole(i), size)

    def _of_whole(self, i: int) -> int:
        return int(self.rows[self._row(i)])


class RelabelledImages(Images):
    """The pictures of another set, told to be of other classes: `labels` (n,), None for a picture of no class."""

    def __init__(self, whole: Images, labels: Sequence[str | None]) -> None:
        if len(labels) != len(whole):
            raise ValueError(f"{len(labels)} labels for {len(whole)} pictures")
        self.spec, self.source = whole.spec, whole.source
        self.ignored, self.parts = whole.ignored, whole.parts
        self.whole = whole
        self.labels = labels

    def name(self, i: int) -> str:
        return self.whole.name(self._row(i))

    def label(self, i: int) -> str | None:
        return self.labels[self._row(i)]

    def array(self, i: int, size: int, channels: int) -> np.ndarray:
        return self.whole.array(self._row(i), size, channels)

    @contextmanager
    def _in_bulk(self, workers: int, total: int) -> Iterator[Read]:
        with self.whole._in_bulk(workers, total) as read_whole:

            def read(rows: Sequence[int], size: int, channels: int) -> Pictures:
                return read_whole([self._row(i) for i in rows], size, channels)

            yield read

    def changed(self) -> bool:
        return self.whole.changed()

    def _total(self) -> int:
        return len(self.whole)

    def _facts(self) -> Iterable[object]:
        return self.whole.first(len(self))._facts()

    def _decode(self, row: int, size: int | None) -> Image.Image:
        return self.whole._decode(row, size)

    def _glimpse(self, i: int, size: int) -> Image.Image:
        return self.whole._glimpse(self._row(i), size)


def read_names(path: Path) -> list[str]:
    """The names in a list such as `ganlab dedup` leaves: UTF-8, one on each line, empty lines left out.

    Raises `GanlabError` for a file that is not there, is no text or names nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise GanlabError(f"The list {path} cannot be read: {error.strerror}.", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise GanlabError(f"{path} is no list of names in UTF-8.", "Give the keep.txt of `ganlab dedup`.") from error
    names = [name for line in lines if (name := line.removesuffix("\r"))]
    if not names:
        raise GanlabError(f"The list {path} names no picture.", "It holds one name on each line.")
    return names


def _refuse(names: list[str], total: int, what: str, hint: str) -> None:
    if names:
        raise GanlabError(f"{len(names)} of {total} names {what}: {few(names, NAMED)}.", hint)
