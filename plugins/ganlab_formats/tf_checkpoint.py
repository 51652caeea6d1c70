"""TensorFlow checkpoints: which files belong to one, and whose variables its tensors are."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ganlab import GanlabError, Stored, StoredNetwork

from . import bare_layers, tf_bundle, tf_graph
from .bare_layers import ROLES, BareLayer, Variable

STATE = "checkpoint"  # the file in which TensorFlow keeps the names of a folder's checkpoints
SAVED_MODEL = Path("variables/variables")
DATA = re.compile(r"\.data-\d{5}-of-\d{5}$")
OF_TRAINING = re.compile(
    r"optimi[sz]er|OPTIMIZER_SLOT|_power$|global_step|save_counter|learning_rate|(^|/)(Adam|RMSProp|Momentum|iter|m|v)(_\d+)?$"
    r"|^_CHECKPOINTABLE|ExponentialMovingAverage"
)
NAMED = 8  # variables that a note names


@dataclass(frozen=True)
class Place:
    """A tensor's layer (its path), what it is of it, and where the layer stands, as far as the file says."""

    layer: str
    variable: str
    called: str
    number: int


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
        found, unknown = _read(prefix)
        networks += found
        left_out += unknown
    if not networks:
        raise GanlabError(f"{path} holds no weights of layers.", f"Known variables: {', '.join(ROLES)}.")
    notes = []
    if any("order" in part.settings for network in networks for part in network.parts):
        notes.append(bare_layers.FLAT_NOTE)
    if left_out:
        more = f" and {len(left_out) - NAMED} more" if len(left_out) > NAMED else ""
        notes.append(f"Left out, for they belong to no layer known here: {', '.join(left_out[:NAMED])}{more}.")
    return Stored(tuple(networks), "tensorflow", eps=bare_layers.EPS, notes=tuple(notes))


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


def _read(prefix: Path) -> tuple[list[StoredNetwork], list[str]]:
    """The networks of one checkpoint, and the variables that belong to no layer known."""
    bundle = tf_bundle.open_bundle(prefix)
    wanted, left_out = _places(bundle)
    networks: dict[str, dict[str, list[tuple[Place, str]]]] = {}
    for network, (place, key) in _by_network(wanted):
        networks.setdefault(network, {}).setdefault(place.layer, []).append((place, key))
    found: list[StoredNetwork] = []
    for name, layers in networks.items():
        bare = [(_first(members), _layer(bundle, members)) for members in layers.values()]
        parts = bare_layers.parts([layer for _, layer in _in_order(bare)])
        found.append(StoredNetwork(name, parts, side=bare_layers.side(name or prefix.name)))
    return found, left_out


def _places(bundle: tf_bundle.Bundle) -> tuple[list[tuple[Place, str]], list[str]]:
    """Of every tensor of a layer, its place and its key; and the keys of all others but those of training."""
    graph = _graph(bundle)
    wanted, left_out = [], []
    for key in bundle.entries:
        if OF_TRAINING.search(key.removesuffix(tf_graph.VALUE)):
            continue
        known = graph.get(key)
        path = key.removesuffix(tf_graph.VALUE)
        if _variable(path) not in ROLES and known is not None:
            path = known.full_name
        if _variable(path) not in ROLES or bundle.entries[key].dtype not in tf_bundle.FLOATS:
            left_out.append(path)
            continue
        layer = path.rpartition("/")[0]
        called = _called(known.full_name) if known is not None else ""
        wanted.append((Place(layer, _variable(path), called, known.number if known is not None else -1), key))
    return wanted, left_out


def _graph(bundle: tf_bundle.Bundle) -> dict[str, tf_graph.Known]:
    if tf_graph.GRAPH not in bundle.entries:
        return {}
    try:
        return tf_graph.variables(bundle.text(tf_graph.GRAPH))
    except ValueError as error:
        raise bundle.damaged(str(error)) from error


def _variable(path: str) -> str:
    return path.rpartition("/")[2].lstrip("_")


def _called(full_name: str) -> str:
    """The layer's own name in ``generator/conv2d_transpose_3/kernel``."""
    return full_name.rpartition("/")[0].rpartition("/")[2]


def _by_network(wanted: list[tuple[Place, str]]) -> Iterable[tuple[str, tuple[Place, str]]]:
    """Each place with its network: what its path begins with, where that speaks of a generator or a discriminator."""
    shared = 0
    paths = [place.layer.split("/") for place, _ in wanted]
    while paths and len({tuple(path[: shared + 1]) for path in paths}) == 1 and len(paths[0]) > shared + 2:
        shared += 1
    for path, found in zip(paths, wanted, strict=True):
        first = path[shared] if len(path) > shared + 1 else ""
        yield (first if bare_layers.side(first) else ""), found


def _first(members: list[tuple[Place, str]]) -> Place:
    return min((place for place, _ in members), key=lambda place: place.number)


def _layer(bundle: tf_bundle.Bundle, members: list[tuple[Place, str]]) -> BareLayer:
    place = _first(members)
    name = place.called or place.layer.rpartition("/")[2] or "layer"
    return BareLayer(name, {one.variable: Variable(bundle.floats(key), key) for one, key in members})


def _in_order(layers: list[tuple[Place, BareLayer]]) -> list[tuple[Place, BareLayer]]:
    """Layers as the program made them, by the object graph; without one by the numbers in their names."""
    if all(place.number >= 0 for place, _ in layers):
        return sorted(layers, key=lambda pair: pair[0].number)
    flat = [layer for _, layer in layers if not any(one.values.ndim == 4 for one in layer.variables.values())]
    convolutional = len(flat) < len(layers)
    return sorted(layers, key=lambda pair: _by_name(pair[1], convolutional))


def _by_name(layer: BareLayer, convolutional: bool) -> tuple[float, float, int, str]:
    """Names count each kind of layer for itself; a matrix stands before the convolutions or, if it narrows, behind."""
    number = float(match[1]) if (match := re.search(r"(\d+)\D*$", _without_dimension(layer.name))) else 0.0
    kernels = [one.values.shape for one in layer.variables.values() if one.values.ndim > 1]
    end = 0.0
    if convolutional and kernels and len(kernels[0]) == 2:
        end = math.inf if kernels[0][0] > kernels[0][1] else -math.inf
    return end, number, 0 if kernels else 1, layer.name


def _without_dimension(name: str) -> str:
    return re.sub(r"(?i)([123])d(?![a-z])", "", name)
