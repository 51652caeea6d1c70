"""SVHN's cropped digits: MATLAB 5 files with X (32, 32, 3, n) and y (n, 1), where 10 means the digit 0."""

from __future__ import annotations

import math
from pathlib import Path

from ganlab import GanlabError, Images

from .damage import AGAIN, damaged, none_there, unknown_part
from .matlab import BEGINS, UINT8, arrays_in, numbers_of
from .pixels import Block, PixelImages

ENDING = "_32x32.mat"
ORDER = ("train", "test", "extra")


def recognises(path: Path) -> bool:
    if path.is_dir():
        return bool(_files_in(path))
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(10)
    return (start.startswith(b"MATLAB") and path.suffix.lower() == ".mat") or start == BEGINS[:10]


def open_svhn(path: Path, part: str) -> Images:
    """The digits of a file, or of ``train_32x32.mat`` and its like in a folder; ``part`` chooses one of those."""
    found = _files_in(path) if path.is_dir() else {"": path}
    if not found:
        raise none_there(path, " or ".join(name + ENDING for name in ORDER))
    parts = tuple(found) if path.is_dir() else ()
    if part and part not in parts:
        raise unknown_part(path, part, parts)
    chosen = {part: found[part]} if part else found
    return PixelImages(list(chosen.values()), part, [_block(name, file) for name, file in chosen.items()], parts)


def _files_in(folder: Path) -> dict[str, Path]:
    there = {name: folder / f"{name}{ENDING}" for name in ORDER}
    return {name: file for name, file in there.items() if file.is_file()}


def _block(part: str, path: Path) -> Block:
    import numpy as np

    with path.open("rb") as file:
        if file.read(len(BEGINS)) != BEGINS:
            raise GanlabError(f"{path} is no MATLAB 5 file.", "Save it in MATLAB with -v7; SVHN's come as such.")
    with damaged(path, "MATLAB 5 file"):
        arrays = arrays_in(path)
        x, y = arrays.get("X"), arrays.get("y")
        if x is None or y is None or x.kind != UINT8 or not _are_pictures(x.shape):
            listed = ", ".join(f"{array.name} {array.shape}" for array in arrays.values()) or "no arrays"
            raise GanlabError(
                f"{path} holds {listed}, not X (height, width, 3, n) of uint8 and y (n, 1).",
                f"Of SVHN, format 2 is read, such as train_32x32.mat. If it is that: {AGAIN.lower()}",
            )
        if math.prod(y.shape) != x.shape[3]:
            raise GanlabError(f"{path} holds {x.shape[3]} pictures and y of shape {y.shape}.", "Is it SVHN's?")
        labels = numbers_of(path, y).reshape(-1)
        if not np.isin(labels, range(11)).all():
            raise ValueError("y holds others than 1 to 10")
        pixels = np.moveaxis(numbers_of(path, x), -1, 0)
    return Block(part, pixels, [str(int(label) % 10) for label in labels])


def _are_pictures(shape: tuple[int, ...]) -> bool:
    return len(shape) == 4 and shape[2] in (1, 3) and 0 not in shape
