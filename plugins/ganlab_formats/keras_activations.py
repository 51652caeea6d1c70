"""Keras's activations, as layers and as settings inside other layers, in the words of a chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganlab import GanlabError

PLAIN = ("relu", "selu", "silu", "tanh", "sigmoid", "softplus", "softmax")
BY_NAME: dict[str, dict[str, Any]] = {
    **{name: {"kind": name} for name in PLAIN},
    "swish": {"kind": "silu"},
    "gelu": {"kind": "gelu"},
    "elu": {"kind": "elu", "alpha": 1.0},
    "leaky_relu": {"kind": "leaky_relu", "slope": 0.2},
}
LAYERS = ("Activation", "LeakyReLU", "ReLU", "ELU", "Softmax")


def named(value: Any, layer: str) -> dict[str, Any] | None:
    """The table, without its name, of a layer's ``activation``; None where it changes nothing.

    Args:
        value: a name, or a layer or function written out as a mapping.
        layer: whose it is, for the message.

    Raises:
        GanlabError: an activation that no chain has.
    """
    if isinstance(value, Mapping):
        kind, inside = value.get("class_name"), value.get("config")
        if kind == "function":
            return named(inside, layer)
        if kind in LAYERS and isinstance(inside, Mapping):
            return as_layer(str(kind), inside, layer)
        value = kind
    if value is None or value == "linear":
        return None
    if value in LAYERS:
        return as_layer(str(value), {}, layer)
    if value not in BY_NAME:
        raise GanlabError(
            f"The Keras layer {layer!r} has the activation {value!r}, which is not known here.",
            f"Known are: linear, {', '.join(BY_NAME)}.",
        )
    return dict(BY_NAME[str(value)])


def as_layer(kind: str, config: Mapping[str, Any], layer: str) -> dict[str, Any] | None:
    """The table, without its name, of an activation that is a layer of its own.

    Raises:
        GanlabError: a setting that no chain has.
    """
    if kind == "Activation":
        return named(config.get("activation"), layer)
    if kind == "LeakyReLU":
        return _leaky(_number(config.get("negative_slope", config.get("alpha")), 0.3))
    if kind == "ELU":
        return {"kind": "elu", "alpha": _number(config.get("alpha"), 1.0)}
    if kind == "Softmax":
        if config.get("axis", -1) not in (-1, [-1]):
            raise GanlabError(
                f"The Keras layer {layer!r} is a softmax over axis {config['axis']}.", "Only -1 is known."
            )
        return {"kind": "softmax"}
    if config.get("max_value") is not None or _number(config.get("threshold"), 0.0):
        raise GanlabError(f"The Keras layer {layer!r} is a ReLU with a bound or a threshold.", "No chain has these.")
    slope = _number(config.get("negative_slope"), 0.0)
    return _leaky(slope) if slope else {"kind": "relu"}


def _leaky(slope: float) -> dict[str, Any]:
    return {"kind": "leaky_relu", "slope": slope}


def _number(value: Any, usual: float) -> float:
    """A setting that older versions wrote as an array or a tensor of one number."""
    if isinstance(value, Mapping):
        value = value.get("value", value.get("config", {}).get("value"))
    # slopes pass through float32 on their way into the file: 0.20000000298023224
    return usual if value is None else float(f"{float(value):.7g}")
