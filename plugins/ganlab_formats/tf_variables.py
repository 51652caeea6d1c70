"""Whose variables the tensors of a TensorFlow checkpoint are: of which layer of which network, and in which order."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from . import tf_bundle, tf_graph
from .bare_layers import ROLES, BareLayer, Variable, side

OF_TRAINING = re.compile(
    r"optimi[sz]er|OPTIMIZER_SLOT|_power$|global_step|save_counter|learning_rate"
    r"|(^|/)(Adam|RMSProp|Momentum|iter|m|v)(_\d+)?$|^_CHECKPOINTABLE|ExponentialMovingAverage"
)
# Keras 3 keeps a model's weights with the optimizer that trains them, if there is one
TRAINED = re.compile(r"(?P<model>[^/]*?)_?optimi[sz]er.*/_trainable_variables/\d+$", re.I)


@dataclass(frozen=True)
class Place:
    """A tensor: its key, the path of its layer, what it is of it, its layer's own name and number, if any tells."""

    key: str
    layer: str
    variable: str
    called: str = ""
    number: int = -1


def layers(bundle: tf_bundle.Bundle) -> tuple[dict[str, list[BareLayer]], list[str]]:
    """The layers of each network in order, and the variables that belong to no layer known.

    Raises:
        GanlabError: the checkpoint is damaged.
    """
    places, left_out = _places(bundle)
    by_layer: dict[str, list[Place]] = {}
    for place in places:
        by_layer.setdefault(place.layer, []).append(place)
    of_network = _networks(list(by_layer))
    networks: dict[str, list[tuple[int, BareLayer]]] = {}
    for layer, members in by_layer.items():
        bare = _layer(bundle, members)
        networks.setdefault(of_network[layer], []).append((min(one.number for one in members), bare))
    return {name: _in_order(found) for name, found in networks.items()}, left_out


def _places(bundle: tf_bundle.Bundle) -> tuple[list[Place], list[str]]:
    """The places of all tensors of layers; and the names of all others but those of training."""
    graph = _graph(bundle)
    places: list[Place] = []
    left_out: list[str] = []
    by_name: list[tuple[str, tf_graph.Known]] = []
    for key, entry in bundle.entries.items():
        path, known = key.removesuffix(tf_graph.VALUE), graph.get(key)
        if TRAINED.search(path) and known is not None:
            by_name.append((key, known))
        elif OF_TRAINING.search(path):
            continue
        elif _variable(path) in ROLES and entry.dtype in tf_bundle.FLOATS:
            called, number = (_called(known.full_name), known.number) if known is not None else ("", -1)
            places.append(Place(key, path.rpartition("/")[0], _variable(path), called, number))
        elif known is not None and _variable(known.full_name) in ROLES and entry.dtype in tf_bundle.FLOATS:
            by_name.append((key, known))
        else:
            left_out.append(path)
    return places + _placed_by_name(by_name, places, graph), left_out


def _graph(bundle: tf_bundle.Bundle) -> dict[str, tf_graph.Known]:
    if tf_graph.GRAPH not in bundle.entries:
        return {}
    try:
        return tf_graph.variables(bundle.text(tf_graph.GRAPH))
    except ValueError as error:
        raise bundle.damaged(str(error)) from error


def _placed_by_name(
    by_name: list[tuple[str, tf_graph.Known]], places: list[Place], graph: dict[str, tf_graph.Known]
) -> list[Place]:
    """Tensors whose key says nothing of their layer, placed by the program's name for them."""
    named = [(graph[place.key].full_name, place.layer) for place in places if place.key in graph]
    layers = {_parent(name): layer for name, layer in named}
    models = {_parent(_parent(name)): layer.partition("/")[0] for name, layer in named if "/" in layer}
    found = []
    for key, known in by_name:
        name = _parent(known.full_name)
        trained = TRAINED.search(key.removesuffix(tf_graph.VALUE))
        model = models.get(_parent(name)) or (trained["model"] if trained else "")
        layer = layers.get(name) or f"{model}/{name}".lstrip("/")
        found.append(Place(key, layer, _variable(known.full_name), _called(known.full_name), known.number))
    return [place for place in found if place.variable in ROLES]


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _variable(path: str) -> str:
    return path.rpartition("/")[2].lstrip("_")


def _called(full_name: str) -> str:
    """The layer's own name in ``generator/conv2d_transpose_3/kernel``."""
    return _parent(full_name).rpartition("/")[2]


def _networks(found: list[str]) -> dict[str, str]:
    """Path of a layer -> its network: what the path begins with, where that speaks of a generator or discriminator."""
    paths = [layer.split("/")[:-1] for layer in found]
    shared = 0
    while paths and all(len(path) > shared and path[shared] == paths[0][shared] for path in paths):
        if side(paths[0][shared]):
            break
        shared += 1
    first = [path[shared] if len(path) > shared else "" for path in paths]
    return {layer: name if side(name) else "" for layer, name in zip(found, first, strict=True)}


def _layer(bundle: tf_bundle.Bundle, members: list[Place]) -> BareLayer:
    name = members[0].called or members[0].layer.rpartition("/")[2] or "layer"
    return BareLayer(name, {one.variable: Variable(bundle.floats(one.key), one.key) for one in members})


def _in_order(numbered: list[tuple[int, BareLayer]]) -> list[BareLayer]:
    """Layers as the program made them, by the object graph; without one by the numbers in their names."""
    if all(number >= 0 for number, _ in numbered):
        return [layer for _, layer in sorted(numbered, key=lambda pair: pair[0])]
    layers = [layer for _, layer in numbered]
    convolutional = any(one.values.ndim == 4 for layer in layers for one in layer.variables.values())
    return sorted(layers, key=lambda layer: _by_name(layer, convolutional))


def _by_name(layer: BareLayer, convolutional: bool) -> tuple[float, float, int, str]:
    """Names count each kind of layer for itself; a matrix stands before the convolutions or, if it narrows, behind."""
    digits = re.search(r"(\d+)\D*$", re.sub(r"(?i)[123]d(?![a-z])", "", layer.name))
    kernels = [one.values.shape for one in layer.variables.values() if one.values.ndim > 1]
    end = 0.0
    if convolutional and kernels and len(kernels[0]) == 2:
        end = math.inf if kernels[0][0] > kernels[0][1] else -math.inf
    return end, float(digits[1]) if digits else 0.0, 0 if kernels else 1, layer.name
