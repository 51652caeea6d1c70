"""A folder to pack, a cache for it, and what is decoded meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganlab.data.sources import FolderImages
from tests.data_kit import make_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "set")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows that were decoded since the test began."""
    rows: list[int] = []
    plain = FolderImages._decode

    def counting(self: FolderImages, row: int, size: int | None) -> object:
        rows.append(row)
        return plain(self, row, size)

    monkeypatch.setattr(FolderImages, "_decode", counting)
    return rows
