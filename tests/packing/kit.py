"""Folders to pack, and what a cache then holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from ganlab.data import Images
from tests.data_kit import encoded, pixels


def one_by_one(images: Images, size: int, channels: int) -> np.ndarray:
    return np.stack([images.array(i, size, channels) for i in range(len(images))])


def leftovers(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*")) if cache.exists() else []


def run(code: str, *arguments: object) -> subprocess.Popen[str]:
    start = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(start, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def add_a_picture(folder: Path) -> None:
    (folder / "new.png").write_bytes(encoded(pixels(77)))
