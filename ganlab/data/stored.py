"""Pictures stored one by one, and those in files of a plugin's format: what a plugin says, and what follows from it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganlab.data import decoding, geometry
from ganlab.data.images import BrokenPicture, Images, Pictures, Read
from ganlab.errors import GanlabError
from ganlab.figures.palette import visible

if TYPE_CHECKING:
    from PIL import Image


WORTH_PROCESSES = 1000  # pictures to decode, below which starting another process takes longer
HELD = 8 << 20  # bytes of stored pictures that are held, and sent, together


class EncodedImages(Images):
    """Pictures that are stored one by one, mostly encoded: where there are many, several processes decode them."""

    @abstractmethod
    def _stored(self, row: int) -> bytes | np.ndarray:
        """What is stored of picture `row`: an encoded picture, or uint8 pixels (h, w) or (h, w, c).

        Raises `BrokenPicture` where there is none, and another `GanlabError` where nothing can be read any more.
        """

    def _decode(self, row: int, size: int | None) -> Image.Image:
        return self._opened(row, self._stored(row), size)

    def _opened(self, row: int, stored: bytes | np.ndarray, size: int | None) -> Image.Image:
        try:
            return geometry.decode_picture(stored, size) if isinstance(stored, bytes) else shown(stored)
        except (GanlabError, MemoryError):
            raise
        except Exception as error:  # what a plugin gives for pixels may be anything
            raise BrokenPicture(self.name(row), str(error).rstrip(".") or type(error).__name__) from error

    @contextmanager
    def _in_bulk(self, workers: int, total: int) -> Iterator[Read]:
        count = workers if workers > 1 and total >= WORTH_PROCESSES else 0
        with decoding.Decoders(count) as decoders:

            def read(rows: Sequence[int], size: int, channels: int) -> Pictures:
                if not count:
                    return [self._array_or_error(i, size, channels) for i in rows]
                return [
                    picture
                    for some, stored in self._held(rows)
                    for picture in self._decoded(some, stored, size, channels, decoders)
                ]

            yield read

    def _held(self, rows: Sequence[int]) -> Iterator[tuple[Sequence[int], list[bytes | np.ndarray | BrokenPicture]]]:
        """A few of these rows at a time, with what is stored of them."""
        held: list[bytes | np.ndarray | BrokenPicture] = []
        first = size = 0
        for last, i in enumerate(rows, 1):
            try:
                stored = self._stored(self._row(i))
                held.append(stored)
                size += len(stored) if isinstance(stored, bytes) else getattr(stored, "nbytes", 0)
            except BrokenPicture as error:
                held.append(error.alone())
            if size > HELD or last == len(rows):
                yield rows[first:last], held
                held, first, size = [], last, 0

    def _decoded(
        self,
        rows: Sequence[int],
        stored: list[bytes | np.ndarray | BrokenPicture],
        size: int,
        channels: int,
        decoders: decoding.Decoders,
    ) -> Iterator[np.ndarray | BrokenPicture]:
        decoded = iter(decoders.decode([data for data in stored if isinstance(data, bytes)], size, channels))
        for i, data in zip(rows, stored, strict=True):
            if isinstance(data, BrokenPicture):
                yield data
            elif isinstance(data, bytes):
                picture = next(decoded)
                yield BrokenPicture(self.name(i), picture) if isinstance(picture, str) else picture
            else:
                yield self._squared(i, data, size, channels)

    def _squared(self, i: int, pixels: np.ndarray, size: int, channels: int) -> np.ndarray | BrokenPicture:
        try:
            return geometry.square(self._opened(self._row(i), pixels, size), size, channels)
        except BrokenPicture as error:
            return error.alone()
        except geometry.Undecodable as error:
            return BrokenPicture(self.name(i), str(error))


class StoredImages(EncodedImages):
    """Pictures in files of some format: what the `open` of a `DatasetFormat` gives. For plugins to subclass.

    A subclass gives `count` and `read`, mostly also `name`. `label`, a picture's class, is the folder in its name
    (`train/cat/7` is a cat) unless a subclass knows better. It is read by several threads at once, and can be pickled:
    keep paths and places, not open files.

    `files` are those whose sizes and times say whether the pictures are still the same; `part` is what was chosen of
    them.
    """

    def __init__(self, files: Sequence[Path], part: str = "") -> None:
        self.files = [path.absolute() for path in files]
        self.part = part
        self.spec = str(files[0])
        self.source = f"{self.files[0].resolve()}:{part}"
        self.stamps = [stamp(path) for path in self.files]

    @abstractmethod
    def count(self) -> int:
        """How many pictures there are."""

    @abstractmethod
    def read(self, row: int) -> bytes | np.ndarray:
        """What is stored of picture `row`: an encoded picture, or uint8 pixels (h, w) or (h, w, c).

        Raises `BrokenPicture` where there is none; other errors but `OSError` are taken for that too.
        """

    def name(self, i: int) -> str:
        return f"number {self._row(i)}"

    def changed(self) -> bool:
        return [stamp(path) for path in self.files] != self.stamps

    def _total(self) -> int:
        return self.count()

    def _facts(self) -> Iterable[object]:
        names = [path.name for path in self.files]
        return [type(self).__name__, self.part, len(self), *zip(names, self.stamps, strict=True)]

    def _stored(self, row: int) -> bytes | np.ndarray:
        try:
            return self.read(row)
        except (GanlabError, MemoryError):
            raise
        except OSError as error:
            raise reading_failed(f"{self.spec}, {self.name(row)}", error) from error
        except Exception as error:  # damaged files: each library raises its own kind
            raise BrokenPicture(self.name(row), str(error).rstrip(".") or type(error).__name__) from error


def stamp(path: Path) -> tuple[int, int]:
    """Size and modification time in ns."""
    try:
        status = path.stat()
    except OSError as error:
        raise reading_failed(str(path), error) from error
    return status.st_size, status.st_mtime_ns


def reading_failed(what: str, error: OSError) -> GanlabError:
    return GanlabError(f"Reading {what} failed: {error.strerror or error}.", "Check the disk and the permissions.")


def shown(pixels: np.ndarray) -> Image.Image:
    """uint8 (h, w) or (h, w, c) of any number of channels as a picture."""
    from PIL import Image

    shaped = visible(pixels if pixels.ndim == 3 else pixels[..., None])
    return Image.fromarray(np.ascontiguousarray(shaped[..., 0] if shaped.shape[-1] == 1 else shaped))
