"""Zip archives, as Keras and NumPy write them, with some of their members changed."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from ganlab import GanlabError

MOST_TIMES, FREE = 64, 16 << 20  # larger than the archive than its members may be; bytes that any may have
BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, EOFError, OSError)


def rewritten(path: Path, change: Callable[[str, bytes], bytes]) -> bytes:
    """An archive with every member as ``change(name, content)`` gives it, packed as it was.

    Raises:
        GanlabError: it is damaged, or would unpack to far more than it is.
    """
    buffer = io.BytesIO()
    try:
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(buffer, "w") as copy:
            if sum(member.file_size for member in archive.infolist()) > max(FREE, MOST_TIMES * path.stat().st_size):
                raise GanlabError(f"{path} would unpack to far more than it is.", "Fetch or copy it again.")
            copy.comment = archive.comment
            for member in archive.infolist():
                content = archive.read(member)
                copy.writestr(member, change(member.filename, content))
    except BROKEN as error:
        raise GanlabError(f"{path} is damaged: {str(error)[:160]}.", "Fetch or copy it again.") from error
    return buffer.getvalue()
