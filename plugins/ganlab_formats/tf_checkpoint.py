"""TensorFlow checkpoints: which files belong to one, and the networks in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ganlab import GanlabError, Stored, StoredNetwork, few

from . import bare_layers, tf_bundle, tf_variables
from .bare_layers import ROLES

if TYPE_CHECKING:
    import numpy as np

STATE = "checkpoint"  # the file in which TensorFlow keeps the names of a folder's checkpoints
SAVED_MODEL = Path("variables/variables")
DATA = re.compile(r"\.data-\d{5}-of-\d{5}$")
NAMED = 8  # variables that a note names


def recognises(path: Path) -> bool:
    """An index, a data file, what both names begin with, or a folder that holds such."""
    return bool(_prefixes(path))


def load(path: Path) -> Stored:
    """The networks of a checkpoint; of a folder, of the newest one of each name.

    Raises:
        GanlabError: it is damaged, or holds no layers.
    """
    networks: list[StoredNetwork] = []
    left_out: list[str] = []
    for prefix in _prefixes(path):
        found, unknown = tf_variables.layers(tf_bundle.open_bundle(prefix))
        left_out += unknown
        for name, layers in found.items():
            side = bare_layers.side(name or prefix.name)
            networks.append(StoredNetwork(name, bare_layers.parts(layers), side=side))
    if not networks:
        raise GanlabError(f"{path} holds no weights of layers.", f"Known variables: {', '.join(ROLES)}.")
    notes = []
    if any("order" in part.settings for network in networks for part in network.parts):
        notes.append(bare_layers.FLAT_NOTE)
    if left_out:
        notes.append(f"Left out, for they belong to no layer known here: {few(left_out, NAMED)}.")
    return Stored(tuple(networks), "tensorflow", eps=bare_layers.EPS, same_padding=True, notes=tuple(notes))


def rewrite(path: Path, name: str, change: Callable[[str, np.ndarray], np.ndarray]) -> dict[str, bytes]:
    """A copy of a checkpoint that is named as for :func:`load`, and so is the copy; see ``CheckpointFormat``."""
    (prefix,) = _prefixes(path)
    return tf_bundle.rewrite(prefix, DATA.sub("", name.removesuffix(".index")), change)


def _prefixes(path: Path) -> list[Path]:
    """The checkpoints that a path means, each as what the names of its files begin with."""
    if path.is_dir():
        if (path / SAVED_MODEL).with_name("variables.index").is_file():
            return [path / SAVED_MODEL]
        return _newest(path)
    for prefix in (path.with_suffix("") if path.suffix == ".index" else path, path.with_name(DATA.sub("", path.name))):
        if prefix.with_name(f"{prefix.name}.index").is_file() and not prefix.is_file():
            return [prefix]
    return []


def _newest(folder: Path) -> list[Path]:
    """Of the checkpoints in a folder one of each name: the one that TensorFlow's note names, else the last number."""
    by_name: dict[str, list[Path]] = {}
    for index in sorted(folder.glob("*.index")):
        prefix = index.with_suffix("")
        by_name.setdefault(re.sub(r"[-_.]?\d+$", "", prefix.name), []).append(prefix)
    noted = _noted(folder)
    return [
        next((one for one in alike if one.name in noted), max(alike, key=lambda one: _last_number(one.name)))
        for alike in by_name.values()
    ]


def _noted(folder: Path) -> set[str]:
    """The newest checkpoint by the folder's own note; its name alone, wherever the folder lay then."""
    if not (folder / STATE).is_file():
        return set()
    text = (folder / STATE).read_bytes()[: 1 << 16].decode("utf-8", errors="replace")
    return {re.split(r"[/\\]", found)[-1] for found in re.findall(r'^model_checkpoint_path: "(.*)"', text, re.M)}


def _last_number(name: str) -> int:
    return int(match[1]) if (match := re.search(r"(\d+)$", name)) else -1
