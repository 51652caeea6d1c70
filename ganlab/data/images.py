"""What a set of pictures is, whatever it is kept in."""

from __future__ import annotations

import copy
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from ganlab.errors import GanlabError
from ganlab.wording import counted

if TYPE_CHECKING:
    from PIL import Image

    from ganlab.data.reading import Batches

Pictures = list["np.ndarray | BrokenPicture"]
Read = Callable[[Sequence[int], int, int], Pictures]  # rows, size, channels


class BrokenPicture(GanlabError):
    """One picture that cannot be used.

    Args:
        name: which, as messages and lists call it.
        reason: why, such as "the file ends within it": the end of a sentence.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"The picture {name} cannot be read: {reason}.",
            "Mend or remove it, or pass --skip-broken to leave it out.",
        )
        self.name = name
        self.reason = reason

    def alone(self) -> Self:
        """The same, to be kept: without its causes and the frames it came through, which hold the picture's bytes."""
        self.__cause__ = self.__context__ = None
        return self.with_traceback(None)


@dataclass(frozen=True)
class Dataset:
    """A data set that a plugin draws, as `register_datasets` returns it.

    `draw(index, size)` gives picture `index` as uint8 (size, size, 3), the same one every time; `version`
    changes when the pictures do; `count` is how many there are unless the user asks for another number. A
    `draw` that can be pickled (a function of a module) is shared among several processes.
    """

    name: str
    summary: str
    version: str
    count: int
    draw: Callable[[int, int], np.ndarray]


@dataclass(frozen=True)
class DatasetFormat:
    """Files of pictures that a plugin can read, as `register_datasets` returns it.

    `recognises(path)` tells a file or folder by its name and first bytes, cheaply and without the library that
    reads it; a name that does not exist, with braces in it (`shards-{000..012}.tar`), is asked for too. One that raises
    is passed over with a warning.
    `open(path, part)` gives the pictures, mostly a `StoredImages`; `part` is what the user typed after the path
    and a colon (`train`), or empty. Both are told in messages by `name`, as in `NAME:PATH`, and `summary`.
    """

    name: str
    summary: str
    recognises: Callable[[Path], bool]
    open: Callable[[Path, str], Images]


class Images(ABC):
    """A set of pictures in a fixed order, decoded when asked for. Made by `open_images`.

    `spec` is what the user wrote, `source` the same independent of the current folder,
    `ignored` the number of files found beside the pictures that are none by their name,
    `parts` what may follow a path and a colon, where only some of what lies there is meant,
    `label_fault` why what lies beside the pictures in place of classes says none.
    """

    spec: str
    source: str
    ignored: int = 0
    parts: tuple[str, ...] = ()
    label_fault: str = ""
    limit: int | None = None

    @classmethod
    def from_spec(cls, spec: str) -> Images:
        """`open_images(spec)`: what makes `Images` a source type for analyses."""
        from ganlab.data.opening import open_images

        return open_images(spec)

    def __len__(self) -> int:
        total = self._total()
        return total if self.limit is None else min(total, self.limit)

    def __repr__(self) -> str:
        return f"<Images {self.spec}: {counted(len(self), 'picture')}>"

    def first(self, n: int) -> Self:
        """The first `n` pictures (all of them where there are fewer).

        Raises `GanlabError` where `n` is less than 1.
        """
        if n < 1:
            raise GanlabError(f"A limit of {n} pictures leaves nothing.", "Ask for at least one picture.")
        limited = copy.copy(self)
        limited.limit = min(n, len(self))
        return limited

    def only(self, names: Iterable[str]) -> Images:
        """The pictures with these names, in the order of this set.

        Raises `GanlabError` where there is no name, or one that belongs to no picture or to several.
        """
        from ganlab.data.chosen import ChosenImages

        return ChosenImages.by_name(self, names)

    def readable(self, size: int, channels: int) -> tuple[Images, list[str]]:
        """The pictures that decode, and what is to be said of the others: a note that counts them, or none.

        Labels stay with their pictures. All are decoded once, as `array` gives them. Raises `GanlabError` where none
        decodes.
        """
        from ganlab.data.chosen import ChosenImages

        return ChosenImages.readable_of(self, size, channels)

    def with_labels(self, labels: Sequence[str | None]) -> Images:
        """The same pictures of other classes: `labels` has one for each, or None for those of no class."""
        from ganlab.data.chosen import RelabelledImages

        return RelabelledImages(self, labels)

    def fingerprint(self) -> str:
        """32 hex digits that change when the pictures do (judged by names, sizes and times, not by contents).

        It speaks of the pictures as they were when the set was opened.
        """
        digest = hashlib.blake2b(digest_size=16)
        for fact in self._facts():
            digest.update(repr(fact).encode("utf-8", "surrogateescape") + b"\n")
        return digest.hexdigest()

    def picture(self, i: int) -> Image.Image:
        """Picture `i`, decoded and turned as its EXIF orientation says, in whatever mode it has.

        Raises `BrokenPicture` (a `GanlabError`) where it cannot be decoded.
        """
        return self._decode(self._row(i), None)

    def array(self, i: int, size: int, channels: int) -> np.ndarray:
        """Picture `i` as uint8 (size, size, channels), `channels` 1, 3 or 4, or an array's own.

        It is the largest centred square, resampled by an antialiased bicubic filter; one of the right size is taken as
        it is. With 1 or 3 channels transparent pixels show white; with 4 they are kept. Raises `BrokenPicture` (a
        `GanlabError`) where it cannot be decoded, and `GanlabError` for other numbers of channels.
        """
        from ganlab.data import geometry

        try:
            return geometry.square(self._decode(self._row(i), size), size, channels)
        except geometry.Undecodable as error:
            raise BrokenPicture(self.name(i), str(error)) from error

    def label(self, i: int) -> str | None:
        """The class of picture `i`: the folder it lies in, or what the array beside its own says; or None."""
        folder = self.name(i).rpartition("/")[0]
        return folder.rpartition("/")[2] or None

    def batches(
        self, rows: Sequence[int] | np.ndarray, size: int, channels: int, at_once: int, *, skip_broken: bool = False
    ) -> Batches:
        """Many pictures, each as `array` gives it, `at_once` at a time: to go through, once or more often.

        The next batch is read while the last is worked on: by several threads, and where there are many pictures to
        decode or to draw, by a process on each core. Memory holds a few batches, however many rows there are.

        Args:
            rows: which pictures, in any order.
            size: of each, in pixels.
            channels: of each, as in `array`.
            at_once: pictures in a batch; the last may have fewer.
            skip_broken: leave out pictures that do not decode, and tell them in `Batch.broken`.

        Raises:
            IndexError: there is no such row.
            BrokenPicture: a picture cannot be decoded, unless `skip_broken`; the batches before it come first.
        """
        from ganlab.data.reading import Batches

        return Batches(self, rows, size, channels, at_once, skip_broken)

    @contextmanager
    def _in_bulk(self, workers: int, total: int) -> Iterator[Read]:
        """What reads some rows at once, a picture or the `BrokenPicture` for each; called by any number of threads.

        Up to `workers` processes help where the `total` of pictures that will be asked for is worth starting them.
        """

        def read(rows: Sequence[int], size: int, channels: int) -> Pictures:
            return [self._array_or_error(i, size, channels) for i in rows]

        yield read

    def _array_or_error(self, i: int, size: int, channels: int) -> np.ndarray | BrokenPicture:
        try:
            return self.array(i, size, channels)
        except BrokenPicture as error:
            return error.alone()

    @abstractmethod
    def changed(self) -> bool:
        """Whether the pictures are others by now than when the set was opened."""

    @abstractmethod
    def name(self, i: int) -> str:
        """How messages call picture `i`."""

    @abstractmethod
    def _total(self) -> int:
        """How many pictures there are before the limit."""

    @abstractmethod
    def _facts(self) -> Iterable[object]:
        """What identifies the pictures up to the limit."""

    @abstractmethod
    def _decode(self, row: int, size: int | None) -> Image.Image:
        """Picture `row`; `size` allows a coarser decoding that still serves that size."""

    def _glimpse(self, i: int, size: int) -> Image.Image:
        """As `picture`, perhaps decoded coarser, which still serves that size; `geometry.full_size` has its own."""
        return self._decode(self._row(i), size)

    def _differs(self, again: Images) -> bool:
        again.limit = self.limit
        return again.fingerprint() != self.fingerprint()

    def _row(self, i: int) -> int:
        if not 0 <= i < len(self):
            raise IndexError(f"picture {i} of {len(self)}")
        return int(i)
