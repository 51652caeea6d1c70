"""Zips of unknown origin: only members that unpack bit by bit are read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable

BIT_BY_BIT = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def check_methods(members: Iterable[zipfile.ZipInfo]) -> None:
    """Refuse bzip2 and LZMA: they make up to a million bytes of one, at once, whatever size the zip says.

    Raises:
        ValueError: a member is packed so.
    """
    for member in members:
        if member.compress_type not in BIT_BY_BIT:
            raise ValueError(f"{member.filename} in it is packed by another method than deflate")
