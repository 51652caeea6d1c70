"""The files of a run that may be a stranger's: only those that lie in its folder, and none without an end."""

from __future__ import annotations

import stat
from pathlib import Path

LARGEST_TEXT = 1 << 26  # bytes of result.json, or of a GAN's card
LARGEST_FILE = 1 << 30  # bytes of any other that is read whole


def file_inside(folder: Path, name: str, largest: int | None = LARGEST_FILE) -> Path:
    """A file below a folder, before it is opened: links may lead on, but not out, and never to a pipe or a device.

    Args:
        largest: how many bytes it may have; None where it is not read whole.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it lies elsewhere, is no plain file, or too large.
    """
    path = (folder / name).resolve(strict=True)
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"{name} is a link that leads out of the folder (cp -rL copies what links lead to)")
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{name} is no file")
    if largest is not None and found.st_size > largest:
        raise ValueError(f"{name} takes {found.st_size:,} bytes, more than the {largest:,} that are read")
    return path
