"""Zip archives, as Keras and NumPy write them: opened, and written again with some of their members changed."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ganlab import GanlabError

from .budget import AGAIN, Budget

BROKEN = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, EOFError, OSError),
    ValueError,
)


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """An archive to be read.

    Raises:
        GanlabError: whatever is found wrong with it while the block reads it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except BROKEN as error:
        raise GanlabError(f"{path} is damaged: {str(error)[:160]}.", AGAIN) from error


def rewritten(path: Path, change: Callable[[str, bytes], bytes]) -> bytes:
    """An archive with every member as ``change(name, content)`` gives it, packed as it was.

    Raises:
        GanlabError: it is damaged, or would unpack to far more than it is.
    """
    buffer, budget = io.BytesIO(), Budget(path)
    with open_zip(path) as archive, zipfile.ZipFile(buffer, "w") as copy:
        copy.comment = archive.comment
        for member in archive.infolist():
            budget.take(member.file_size, member.filename)
            content = archive.read(member)
            copy.writestr(member, change(member.filename, content))
    return buffer.getvalue()
