"""Folders to pack, and what a cache then holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ganlab.data import Images
from ganlab.data.sources import FolderImages
from tests.data_kit import encoded, pixels


def rows_decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows that were decoded from now on."""
    rows: list[int] = []
    plain = FolderImages._decode

    def counting(self: FolderImages, row: int, size: int | None) -> object:
        rows.append(row)
        return plain(self, row, size)

    monkeypatch.setattr(FolderImages, "_decode", counting)
    return rows


def one_by_one(images: Images, size: int, channels: int) -> np.ndarray:
    return np.stack([images.array(i, size, channels) for i in range(len(images))])


def leftovers(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*")) if cache.exists() else []


def run(code: str, *arguments: object) -> subprocess.Popen[str]:
    start = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(start, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def add_a_picture(folder: Path) -> None:
    (folder / "new.png").write_bytes(encoded(pixels(77)))
