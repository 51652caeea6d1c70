"""SVHN's cropped digits: MATLAB 5 files with X (32, 32, 3, n) and y (n, 1), where 10 means the digit 0."""

from __future__ import annotations

import math
from pathlib import Path

from ganlab import GanlabError, Images

from .damage import AGAIN, check_unpacked, damaged, unknown_part
from .pixels import Block, PixelImages

FORMAT = b"MATLAB 5.0 MAT-file"
ENDING = "_32x32.mat"
ORDER = ("train", "test", "extra")


def recognises(path: Path) -> bool:
    if path.is_dir():
        return bool(_files_in(path))
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(10)
    return (start.startswith(b"MATLAB") and path.suffix.lower() == ".mat") or start == FORMAT[:10]


def open_svhn(path: Path, part: str) -> Images:
    """The digits of a file, or of ``train_32x32.mat`` and its like in a folder; ``part`` chooses one of those."""
    found = _files_in(path) if path.is_dir() else {"": path}
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
    from scipy.io import loadmat, whosmat

    with path.open("rb") as file:
        if file.read(len(FORMAT)) != FORMAT:
            raise GanlabError(f"{path} is no MATLAB 5 file.", "Save it in MATLAB with -v7; SVHN's come as such.")
    with damaged(path, "MATLAB 5 file"):
        held = {name: (shape, kind) for name, shape, kind in whosmat(str(path))}
        shape, kind = held.get("X", ((), ""))
        if len(shape) != 4 or shape[2] not in (1, 3) or kind != "uint8" or 0 in shape or "y" not in held:
            listed = ", ".join(f"{name} {shape}" for name, (shape, _) in held.items()) or "nothing"
            raise GanlabError(
                f"{path} holds {listed}, not X (height, width, 3, n) of uint8 and y (n, 1).",
                f"Of SVHN, format 2 is read, such as train_32x32.mat. If it is that: {AGAIN.lower()}",
            )
        check_unpacked(path, math.prod(shape))
        if math.prod(held["y"][0]) != shape[3]:
            raise GanlabError(f"{path} holds {shape[3]} pictures and y of shape {held['y'][0]}.", "Is it SVHN's?")
        content = loadmat(str(path), variable_names=["X", "y"])
        labels = np.asarray(content["y"]).reshape(-1).astype(np.int64) % 10
        pixels = np.moveaxis(np.asarray(content["X"], np.uint8), -1, 0)
    return Block(part, pixels, [str(label) for label in labels.tolist()])
