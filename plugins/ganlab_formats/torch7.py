"""Checkpoints of Torch7, such as dcgan.torch's ``checkpoints/NAME_net_G.t7``: a network, or tables that hold some."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganlab import GanlabError, Stored, StoredNetwork
from ganlab_formats.torch7_file import Object, begins_as_torch7, read_file, rewritten
from ganlab_formats.torch7_layers import network_of

if TYPE_CHECKING:
    import numpy as np


def recognises(path: Path) -> bool:
    """A file that begins as Torch7 writes objects."""
    return path.is_file() and begins_as_torch7(path)


def load(path: Path) -> Stored:
    """The networks of a file, layer after layer; code in it is skipped.

    Raises:
        GanlabError: a file that cannot be read or holds no network, or a network that does more than follow its layers.
    """
    content = read_file(path)
    if isinstance(content, Object):
        return Stored((_network(content, "", path),), "torch7")
    networks = tuple(_network(found, name, path) for name, found in _networks(content, set()))
    if not networks:
        raise GanlabError(f"{path} holds no network.", "It would be a nn.Sequential, or a table with one inside.")
    return Stored(networks, "torch7")


def rewrite(path: Path, name: str, change: Callable[[str, np.ndarray], np.ndarray]) -> dict[str, bytes]:
    """A copy of a file; see :class:`ganlab.CheckpointFormat`."""
    return {name: rewritten(path, change)}


def _networks(table: Any, seen: set[int], name: str = "") -> Iterator[tuple[str, Object]]:
    """The nn.Sequential of a table and of the tables in it, by the keys that lead there."""
    if not isinstance(table, dict) or id(table) in seen:
        return
    seen.add(id(table))
    for key, value in table.items():
        inside = f"{name}.{key}" if name else str(key)
        if isinstance(value, Object) and value.class_name == "nn.Sequential":
            yield inside, value
        else:
            yield from _networks(value, seen, inside)


def _network(found: Object, name: str, path: Path) -> StoredNetwork:
    try:
        return network_of(found, name)
    except GanlabError as error:
        raise GanlabError(f"{path}: {error.message}", error.hint) from error
