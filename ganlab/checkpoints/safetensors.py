"""State dicts written by the safetensors library: tensors by their keys, and no code."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ganlab.checkpoints.native import CARD, WEIGHTS
from ganlab.checkpoints.pytorch import change_in, stored_in
from ganlab.errors import GanlabError
from ganlab.recovery.stored import Stored

SUFFIX = ".safetensors"


def recognises(path: Path) -> bool:
    """A file whose name says so: its first bytes are the length of its header, and tell nothing."""
    return path.suffix.lower() == SUFFIX and path.is_file()


def load(path: Path) -> Stored:
    """The networks in a file.

    Raises:
        GanlabError: a damaged file, no network, or the weights of a checkpoint of ganlab, whose card says more.
    """
    if path.name == WEIGHTS and (path.parent / CARD).is_file():
        raise GanlabError(f"{path} is a part of the checkpoint {path.parent}.", f"Name the folder: --gan {path.parent}")
    return stored_in(read(path), path, "safetensors")


def rewrite(path: Path, name: str, change: Callable[[str, np.ndarray], np.ndarray]) -> dict[str, bytes]:
    """A copy of a file, with what it says beside its tensors; see :class:`ganlab.CheckpointFormat`.

    Raises:
        GanlabError: as :func:`load`.
    """
    tensors, metadata = _content(path)
    change_in(tensors, change)
    return {name: save(tensors, metadata)}


def read(path: Path) -> dict[str, torch.Tensor]:
    """The tensors by key, numbers in keys by their size, as the file itself does not keep the order of layers.

    Raises:
        GanlabError: a damaged file.
    """
    return _content(path)[0]


def _content(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str] | None]:
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in sorted(file.keys(), key=_natural)}, file.metadata()
    except (SafetensorError, OSError) as error:
        raise GanlabError(
            f"{path} is damaged or is no safetensors file: {error}.", "Fetch or copy it again."
        ) from error


def _natural(key: str) -> list[tuple[int, int, str]]:
    return [(0, int(one), "") if one.isdecimal() else (1, 0, one) for one in re.split(r"(\d+)", key)]
