"""Pictures kept in files of a plugin's format: what a plugin says of them, and what follows from that."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganlab.data import geometry
from ganlab.data.images import BrokenPicture, Images
from ganlab.errors import GanlabError
from ganlab.palette import visible

if TYPE_CHECKING:
    from PIL import Image


class StoredImages(Images):
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

    def _decode(self, row: int, size: int | None) -> Image.Image:
        try:
            stored = self.read(row)
            return geometry.decode(stored, size) if isinstance(stored, bytes) else shown(stored)
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
