"""Layers of TensorFlow's and Keras's files whose order and kind no configuration tells, as parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganlab import GanlabError, Part

if TYPE_CHECKING:
    import numpy as np

# what variables are called -> their role; the second line are names of TensorFlow 1 programs
ROLES = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias", "alpha": "weight"}
ROLES |= {"w": "weight", "weights": "weight", "Matrix": "weight", "matrix": "weight", "b": "bias", "biases": "bias"}
ROLES |= {"moving_mean": "mean", "moving_variance": "variance", "embeddings": "weight", "scale": "weight"}
ROLES |= {"offset": "bias"}
STATISTICS = ("mean", "variance")
EPS = 1e-3  # of Keras's normalisations
FLAT_NOTE = "Flat features before or after a picture are in Keras's order: rows, columns, maps."


@dataclass(frozen=True)
class Variable:
    """Numbers as the file has them, and what the file calls them."""

    values: np.ndarray
    key: str


@dataclass(frozen=True)
class BareLayer:
    """A layer's variables by name (kernel, gamma, ...)."""

    name: str
    variables: Mapping[str, Variable]


def safe(name: str) -> str:
    """A name as a layer of a chain may have it: no dots, which would nest it, and no slashes."""
    return re.sub(r"[./:\s]+", "_", name) or "layer"


def torch_kernel(values: np.ndarray) -> np.ndarray:
    """A kernel as torch lays it out.

    Both kinds of convolution are turned alike: (h, w, in, out) -> (out, in, h, w), and the transposed one's
    (h, w, out, in) -> (in, out, h, w). Both libraries cross-correlate, so nothing is flipped.
    """
    return values.transpose(3, 2, 0, 1) if values.ndim == 4 else values.T


def part(kind: Any, name: str, variables: Mapping[str, Variable], settings: Mapping[str, Any] | None = None) -> Part:
    """A part of these variables, kernels turned.

    Raises:
        GanlabError: a variable that no layer known here has.
    """
    import numpy as np
    import torch

    tensors, keys = {}, {}
    for called, variable in variables.items():
        if called not in ROLES:
            raise GanlabError(
                f"The layer {name!r} has a variable {called!r}, which is not known here.",
                f"Known are: {', '.join(ROLES)}.",
            )
        turned = variable.values if kind in ("norm", "embedding") else torch_kernel(variable.values)
        if kind == "prelu":  # one slope a map, in an array of as many axes as the maps
            turned = variable.values.reshape(-1)
        tensors[ROLES[called]] = torch.from_numpy(np.ascontiguousarray(turned, dtype=np.float32))
        keys[ROLES[called]] = variable.key
    return Part(kind, name, tensors, keys, settings=dict(settings or {}))


def parts(layers: Sequence[BareLayer]) -> tuple[Part, ...]:
    """The parts of one network's layers, in the order given.

    Raises:
        GanlabError: a layer that cannot be told.
    """
    kinds = [_kind(layer, layers[number + 1 :]) for number, layer in enumerate(layers)]
    names = _unique([safe(layer.name) for layer in layers])
    found = [part(kind, name, one.variables) for kind, name, one in zip(kinds, names, layers, strict=True)]
    return tuple(
        Part(one.kind, one.name, one.tensors, one.keys, settings={"order": "hwc"})
        if _beside_maps(found, number)
        else one
        for number, one in enumerate(found)
    )


def networks(layers: Sequence[tuple[str, BareLayer]]) -> list[tuple[str, list[BareLayer]]]:
    """Layers by the network they are of, given with the model inside the file's own that each lies in, or "".

    Models called generator and discriminator are networks, and so are two models with nothing beside them: a GAN.
    All else are blocks of one network.
    """
    models = list(dict.fromkeys(model for model, _ in layers))
    if "" in models or not (len(models) == 2 or all(side(model) for model in models)):
        return [("", [layer for _, layer in layers])] if layers else []
    return [(model, [layer for own, layer in layers if own == model]) for model in models]


def _unique(names: list[str]) -> list[str]:
    return [name if names.index(name) == number else f"{name}_{number}" for number, name in enumerate(names)]


def _kind(layer: BareLayer, later: Sequence[BareLayer]) -> str:
    """What a layer is: its variables say most of it, its name which of two convolutions."""
    roles = {ROLES.get(name): variable.values for name, variable in layer.variables.items()}
    weight = roles.get("weight")
    if "alpha" in layer.variables and weight is not None and weight.size == weight.shape[-1]:
        return "prelu"
    if weight is None or weight.ndim == 1:
        return "norm"
    if weight.ndim == 2:
        return "embedding" if "embeddings" in layer.variables else "linear"
    if weight.ndim != 4:
        raise GanlabError(
            f"The layer {layer.name!r} has a kernel of shape {weight.shape}.", "Of pictures it would have 2 or 4 axes."
        )
    return _convolution(layer.name, weight.shape, _outputs(roles, later))


def _outputs(roles: Mapping[str | None, np.ndarray], later: Sequence[BareLayer]) -> int | None:
    """How many maps a convolution puts out, by its bias or else the normalisation after it."""
    if "bias" in roles:
        return len(roles["bias"])
    follower = [variable.values for variable in later[0].variables.values()] if later else []
    return len(follower[0]) if follower and all(values.ndim == 1 for values in follower) else None


def _convolution(name: str, shape: tuple[int, ...], outputs: int | None) -> str:
    if shape[2] != shape[3] and outputs in shape[2:]:
        return "conv_transpose" if outputs == shape[2] else "conv"
    lower = name.lower()
    if re.search(r"transpose|deconv|convt", lower):
        return "conv_transpose"
    return "conv" if re.fullmatch(r"(.*/)?conv2d(_\d+)?", lower) else "convolution"


def _beside_maps(found: Sequence[Part], number: int) -> bool:
    """Whether a linear layer's outputs become a picture's maps, or its inputs were such."""
    if found[number].kind != "linear":
        return False
    outputs, inputs = found[number].tensors["weight"].shape
    after = next((one for one in found[number + 1 :] if one.kind != "norm"), None)
    before = next((one for one in found[:number][::-1] if one.kind != "norm"), None)
    return _holds_maps(outputs, after, 0) or _holds_maps(inputs, before, 1)


def _holds_maps(features: int, beside: Part | None, transposed_axis: int) -> bool:
    """Whether so many features may be the maps that go into (0) or come out of (1) a convolution."""
    if beside is None or beside.tensors["weight"].ndim != 4:
        return False
    shape = beside.tensors["weight"].shape
    axes = {"conv_transpose": (transposed_axis,), "conv": (1 - transposed_axis,)}.get(beside.kind, (0, 1))
    return any(features > shape[axis] and features % shape[axis] == 0 for axis in axes)


def side(name: str) -> Any:
    """Which network a name says it is: "generator", "discriminator" or None."""
    lower = name.lower()
    if re.search(r"disc|critic|(^|[_/])(net)?_?d($|[_/])", lower):
        return "discriminator"
    return "generator" if re.search(r"gen|(^|[_/])(net)?_?g($|[_/])", lower) else None
