"""State dicts written by the safetensors library: tensors by their keys, in one file or several, and no code."""

from __future__ import annotations

import json
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
from ganlab.shell import shell_word

SUFFIX, INDEX = ".safetensors", ".safetensors.index.json"
SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}\.safetensors")
LARGEST_INDEX = 2**24  # bytes


def recognises(path: Path) -> bool:
    """A file whose name says so: its first bytes are the length of its header, and tell nothing."""
    return path.name.lower().endswith((SUFFIX, INDEX)) and path.is_file()


def belongs_to_another(path: Path) -> bool:
    """Whether a file is one of several that the index beside it joins."""
    return _index_of(path) is not None


def load(path: Path) -> Stored:
    """The networks in a file, or in the files that an index lists.

    Raises:
        GanlabError: a damaged or missing file, no network, one file of several, or the weights of a checkpoint of
            ganlab, whose card says more.
    """
    if path.name == WEIGHTS and (path.parent / CARD).is_file():
        raise GanlabError(
            f"{path} is a part of the checkpoint {path.parent}.", f"Name the folder: --gan {shell_word(path.parent)}"
        )
    return stored_in(read(path), path, "safetensors")


def rewrite(path: Path, name: str, change: Callable[[str, np.ndarray], np.ndarray]) -> dict[str, bytes]:
    """A copy of a file, with what it says beside its tensors; see :class:`ganlab.CheckpointFormat`.

    Raises:
        GanlabError: as :func:`load`; an index.
    """
    if path.name.lower().endswith(INDEX):
        raise GanlabError(f"{path} joins several files, which are not written back.", "Use: checkpoints convert")
    tensors, metadata = _content(path)
    change_in(tensors, change)
    return {name: save(tensors, metadata)}


def read(path: Path) -> dict[str, torch.Tensor]:
    """The tensors by key, numbers in keys by their size, as the file itself does not keep the order of layers.

    Raises:
        GanlabError: a damaged or missing file, or one of several.
    """
    if path.name.lower().endswith(INDEX):
        return _joined(path)
    if SHARD.fullmatch(path.name):
        index = _index_of(path)
        named = f"Name their index: --gan {shell_word(index)}"
        hint = named if index else "Fetch all of them, with their .safetensors.index.json."
        raise GanlabError(f"{path} is one of several files that only together are a network.", hint)
    return _content(path)[0]


def _index_of(path: Path) -> Path | None:
    shard = SHARD.fullmatch(path.name)
    index = path.with_name(f"{shard[1]}{INDEX}") if shard else None
    return index if index is not None and index.is_file() else None


def _joined(index: Path) -> dict[str, torch.Tensor]:
    """The tensors of all files that an index lists."""
    places = _places(index)
    found: dict[str, torch.Tensor] = {}
    for name in sorted(set(places.values())):
        if not (index.parent / name).is_file():
            raise GanlabError(f"{index} lists {name!r}, which does not lie beside it.", "Fetch all of its files.")
        held, _ = _content(index.parent / name)
        found |= {key: value for key, value in held.items() if places.get(key) == name}
    if lacking := sorted(set(places) - set(found)):
        raise GanlabError(f"{index} lists {lacking[0]!r}, which its files do not hold.", "Fetch all of them again.")
    return {key: found[key] for key in sorted(found, key=_natural)}


def _places(index: Path) -> dict[str, str]:
    """The file that every tensor lies in."""
    try:
        if index.stat().st_size > LARGEST_INDEX:
            raise ValueError
        places = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        if not places or any(type(name) is not str or name != Path(name).name for name in places.values()):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise GanlabError(
            f"{index} is no index of safetensors files: it lacks a weight_map of names beside it.", "Fetch it again."
        ) from error
    return dict(places)


def _content(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str] | None]:
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in sorted(file.keys(), key=_natural)}, file.metadata()
    except (SafetensorError, OSError) as error:
        raise GanlabError(
            f"{path} is damaged or is no safetensors file: {error}.", "Fetch or copy it again."
        ) from error


def _natural(key: str) -> list[tuple[int, int, str]]:
    return [(0, int(one), "") if one.isdecimal() else (1, 0, one) for one in re.split(r"(\d{1,18})", key)]
