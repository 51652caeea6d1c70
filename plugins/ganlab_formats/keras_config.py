"""A Keras model's configuration as it is stored: models, and the layers of each in the order of their use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ganlab import GanlabError

MODELS = ("Sequential", "Functional", "Model")
MOST = 2000  # layers of a model
DEEPEST = 8  # models inside models
HINT = "Weights alone (model.save_weights) are read without it."


@dataclass(frozen=True)
class KerasLayer:
    """One layer: its class, its name and what its configuration says."""

    kind: str
    name: str
    config: Mapping[str, Any]

    def variable_names(self) -> list[str]:
        """What its variables are called, in the order that files without names store them."""
        if self.kind in ("Dense", "Conv2D", "Conv2DTranspose"):
            return ["kernel", *(["bias"] if self.flag("use_bias") else [])]
        if self.kind in ("BatchNormalization", "LayerNormalization"):
            affine = [name for name, kept in (("gamma", "scale"), ("beta", "center")) if self.flag(kept)]
            return affine + (["moving_mean", "moving_variance"] if self.kind == "BatchNormalization" else [])
        return ["alpha"] if self.kind == "PReLU" else []

    def flag(self, name: str) -> bool:
        """A setting that is on unless said otherwise."""
        return bool(self.config.get(name, True))

    def pair(self, name: str, usual: int = 1) -> tuple[int, int]:
        """A setting for both axes, as one number or two.

        Raises:
            GanlabError: it is neither.
        """
        value = self.config.get(name)
        value = usual if value is None else value
        both = [value, value] if isinstance(value, int) else value
        if not isinstance(both, list) or len(both) != 2 or not all(type(one) is int and one >= 0 for one in both):
            raise self.fault(f"{name} {value!r}")
        return both[0], both[1]

    def number(self, name: str) -> int:
        """A setting that is a whole number above 0.

        Raises:
            GanlabError: it is not.
        """
        value = self.config.get(name)
        if type(value) is not int or value < 1:
            raise self.fault(f"{name} {value!r}")
        return value

    def fault(self, what: str) -> GanlabError:
        """The error for a layer that is not understood, and why."""
        return GanlabError(f"The Keras layer {self.name!r} ({self.kind}) has {what}: no chain has that.", HINT)


@dataclass(frozen=True)
class KerasModel:
    """A model: one layer or model after the other, ``shape`` going in (without the batch) where it says so."""

    kind: str
    name: str
    members: tuple[KerasLayer | KerasModel, ...]
    shape: tuple[int, ...] | None

    def layers(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], KerasLayer]]:
        """All layers in order, each with the names of the models it lies in and its own."""
        for member in self.members:
            if isinstance(member, KerasModel):
                yield from member.layers((*path, member.name))
            else:
                yield (*path, member.name), member


def read_model(entry: Any, depth: int = 0) -> KerasModel:
    """The model that a configuration describes.

    Raises:
        GanlabError: a model of somebody's own class; layers that do not follow each other one by one.
    """
    if not isinstance(entry, Mapping) or depth > DEEPEST:
        raise GanlabError("The configuration in this Keras file is none of a model.", HINT)
    kind, config = entry.get("class_name"), entry.get("config")
    if kind not in MODELS:
        raise GanlabError(f"The Keras model is of a class of its own, {kind!r}, which only its code can build.", HINT)
    # before Keras 2.2 a sequential model was the bare list of its layers
    config = config if isinstance(config, Mapping) else {"layers": config}
    entries = config.get("layers")
    if not isinstance(entries, list) or not entries or len(entries) > MOST or not all(map(_is_layer, entries)):
        raise GanlabError(f"The Keras model {config.get('name')!r} has no layers that could be read.", HINT)
    in_order = entries if kind == "Sequential" else _followed(config, entries)
    members = tuple(_member(one, depth) for one in in_order if one["class_name"] != "InputLayer")
    return KerasModel(kind, str(config.get("name", "")), members, _shape(in_order[0]["config"], config))


def _is_layer(entry: Any) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get("config"), (Mapping, list)) and "class_name" in entry


def _member(entry: Mapping[str, Any], depth: int) -> KerasLayer | KerasModel:
    if entry["class_name"] in MODELS:
        return read_model(entry, depth + 1)
    config = entry["config"]
    return KerasLayer(str(entry["class_name"]), str(config.get("name", "")), config)


def _shape(first: Mapping[str, Any], model: Mapping[str, Any]) -> tuple[int, ...] | None:
    """What goes in, without the batch, as the first layer or the model says."""
    for shape in (first.get("batch_shape"), first.get("batch_input_shape"), model.get("build_input_shape")):
        if isinstance(shape, list) and len(shape) > 1 and all(type(one) is int and one > 0 for one in shape[1:]):
            return tuple(shape[1:])
    return None


def _followed(config: Mapping[str, Any], entries: list[Any]) -> list[Any]:
    """The layers of a functional model from its input to its output.

    Raises:
        GanlabError: it forks or joins, so that it is no chain.
    """
    by_name = {str(entry["config"].get("name", entry.get("name"))): entry for entry in entries}
    found: list[Any] = []
    name: str | None = _only(config.get("output_layers"), str(config.get("name")))
    while name is not None:
        nodes = by_name[name].get("inbound_nodes") if name in by_name else None
        if not isinstance(nodes, list) or len(nodes) > 1 or len(found) > len(entries):
            raise GanlabError(f"The Keras model is no chain: its layer {name!r} is used several times.", HINT)
        found.append(by_name[name])
        name = _only(_sources(nodes[0]), name) if nodes else None
    if len(found) != len(entries):
        outside = next(name for name, entry in by_name.items() if entry not in found)
        raise GanlabError(f"The Keras model is no chain: its layer {outside!r} lies beside the others.", HINT)
    return found[::-1]


def _only(places: Any, layer: str) -> str:
    """The one layer among the places [layer, node, tensor] that a layer takes its input from."""
    if isinstance(places, list) and len(places) > 1 and isinstance(places[0], str):
        places = [places]  # Keras 3 writes a single one without the list around it
    if not isinstance(places, list) or len(places) != 1:
        raise GanlabError(f"The Keras model is no chain: its layer {layer!r} joins or gives several.", HINT)
    return str(places[0][0])


def _sources(node: Any) -> list[Any]:
    """The places a node takes its inputs from, as Keras 2 ([name, node, tensor, {}]) or Keras 3 writes them."""
    if isinstance(node, Mapping):
        return [value["config"]["keras_history"] for value in _tensors(node)]
    return list(node)


def _tensors(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            yield value
        else:
            for inside in value.values():
                yield from _tensors(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _tensors(inside)
