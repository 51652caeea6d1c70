"""The DCGAN authors' own networks (Theano, ``200_gen_params.jl``): their released code is the format.

A network is a list of weights, matrices (inputs, outputs) or kernels, each followed by BatchNorm's gain and shift where
there is one. ``deconv`` and ``dnn_conv`` are convolutions in the strict sense, so torch, which correlates, gets every
kernel turned by half a circle. BatchNorm's statistics were never stored: they were taken anew from every batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ganlab import GanlabError, Part, Stored, StoredNetwork
from ganlab_formats import joblib_arrays
from ganlab_formats.joblib_arrays import begins_as_dump, read_arrays

if TYPE_CHECKING:
    import numpy as np

Kind = Literal["conv", "conv_transpose", "linear", "norm"]
Side = Literal["generator", "discriminator"]
GENERATOR, DISCRIMINATOR = "gen_params.jl", "discrim_params.jl"
EPS, SLOPE = 1e-8, 0.2  # of batchnorm() and of LeakyRectify()
# kernel -> strides of the generator's layers, repeated; a discriminator's run backwards
STRIDES = {5: (2,), 3: (2, 1)}
SVHN = (4096, 100)  # the first weight of the one network of theirs that was trained on Gaussian z
LAW_NOTES = {
    "normal": "The file does not say how z was drawn: Gaussian, as for the authors' SVHN network.",
    "uniform": "The file does not say how z was drawn: uniform on [-1, 1], as for the authors' other networks.",
}
ONLY = "Only the layout of the DCGAN authors' unconditional networks is read."


def recognises(path: Path) -> bool:
    """A dump of joblib, or a folder that holds one generator's dump."""
    if path.is_dir():
        return len(list(path.glob(f"*{GENERATOR}"))) == 1
    return path.is_file() and begins_as_dump(path)


def load(path: Path) -> Stored:
    """Generator and discriminator where both lie there, else the one there is.

    Raises:
        GanlabError: a dump that cannot be read, or of a network that is built otherwise.
    """
    networks = tuple(_network(file) for file in _files(path))
    first = next((network.parts[0] for network in networks if network.side == "generator"), None)
    if first is None:
        return Stored(networks, "theano", eps=EPS)
    law = "normal" if tuple(first.tensors["weight"].shape) == SVHN else "uniform"
    return Stored(networks, "theano", law, EPS, notes=(LAW_NOTES[law],))


def rewrite(path: Path, name: str, change: Callable[[str, np.ndarray], np.ndarray]) -> dict[str, bytes]:
    """A copy of the dumps that :func:`load` reads; see :class:`ganlab.CheckpointFormat`.

    Raises:
        GanlabError: there are two, and ``name`` does not end as the named one's does.
    """
    dumps = _files(path)
    files: dict[str, bytes] = {}
    for dump in dumps:
        called = name
        if len(dumps) > 1:
            ending = next(one for one in (GENERATOR, DISCRIMINATOR) if path.name.endswith(one))
            if not name.endswith(ending):
                raise GanlabError(
                    f"{path} belongs to a pair of dumps, called after their networks.",
                    f"Call the new one NAME_{ending}.",
                )
            own = GENERATOR if dump.name.endswith(GENERATOR) else DISCRIMINATOR
            called = name.removesuffix(ending) + own
        files |= joblib_arrays.rewrite(dump, called, change)
    return files


@dataclass
class _Layer:
    """A weight, its place in the file's list, and the vectors that follow it: BatchNorm's gain and shift, or none."""

    weight: np.ndarray
    place: int
    vectors: list[np.ndarray] = field(default_factory=list)


Step = tuple[dict[str, Any], Part | None]  # a layer's table, and its weights where it has any


def _files(path: Path) -> list[Path]:
    """The generator's dump and the discriminator's, of which one was named, or the folder of both."""
    if path.is_dir():
        found = sorted(path.glob(f"*{GENERATOR}"))
        if len(found) != 1:
            raise GanlabError(f"{path} holds {len(found)} files *{GENERATOR}.", "Name the one to load.")
        path = found[0]
    for ending in (GENERATOR, DISCRIMINATOR):
        if path.name.endswith(ending):
            both = [path.with_name(path.name.removesuffix(ending) + one) for one in (GENERATOR, DISCRIMINATOR)]
            return [file for file in both if file.is_file()]
    return [path]


def _network(path: Path) -> StoredNetwork:
    layers = _layers(read_arrays(path), path)
    kinds = [layer.weight.ndim for layer in layers]
    if len(kinds) < 2 or set(kinds[1:-1]) - {4} or {kinds[0], kinds[-1]} != {2, 4}:
        raise GanlabError(f"{path} is no generator and no discriminator: {_said(layers)}.", ONLY)
    side: Side = "generator" if kinds[0] == 2 else "discriminator"
    try:
        steps = list(_generator(layers) if side == "generator" else _discriminator(layers))
    except ValueError as error:
        raise GanlabError(f"{path} {error}: {_said(layers)}.", ONLY) from error
    parts = tuple(part for _, part in steps if part is not None)
    return StoredNetwork(side, parts, tuple(table for table, _ in steps), side)


def _layers(arrays: Sequence[np.ndarray], path: Path) -> list[_Layer]:
    layers: list[_Layer] = []
    for place, array in enumerate(arrays):
        if array.ndim in (2, 4) and array.size:
            layers.append(_Layer(array, place))
        elif array.ndim == 1 and layers:
            layers[-1].vectors.append(array)
        else:
            raise GanlabError(f"{path}: array {place + 1} has the shape {array.shape}.", ONLY)
    if any(len(layer.vectors) not in (0, 2) for layer in layers):
        raise GanlabError(f"{path}: a weight is followed by something else than a gain and a shift.", ONLY)
    return layers


def _generator(layers: Sequence[_Layer]) -> Iterator[Step]:
    """z (n, dim) -> pictures."""
    first, *rest = layers
    maps, outputs = rest[0].weight.shape[0], first.weight.shape[1]
    side = _side(outputs, maps)
    yield _linear(first)
    yield from _norm(first, "norm0", outputs, flat=True)
    yield {"kind": "relu", "name": "act0"}, None
    yield {"kind": "reshape", "name": "reshape", "shape": [maps, side, side]}, None
    for number, (layer, stride) in enumerate(zip(rest, _strides(rest), strict=True), 1):
        inputs, outputs, *kernel = layer.weight.shape
        if inputs != maps:
            raise ValueError("does not fit together")
        maps = outputs
        # the code asks for pictures stride times as large
        settings = {"stride": stride, "padding": kernel[0] // 2, "output_padding": stride - 1, "bias": False}
        table = {"kind": "conv_transpose", "name": f"deconv{number}", "inputs": inputs, "outputs": outputs}
        yield {**table, "kernel": kernel, **settings}, _kernels(layer, "conv_transpose", f"deconv{number}")
        yield from _norm(layer, f"norm{number}", outputs)
        yield {"kind": "tanh" if layer is rest[-1] else "relu", "name": f"act{number}"}, None


def _discriminator(layers: Sequence[_Layer]) -> Iterator[Step]:
    """Pictures -> logits (n, 1)."""
    *convolutions, last = layers
    maps = convolutions[0].weight.shape[1]
    strides = reversed(_strides(convolutions))
    for number, (layer, stride) in enumerate(zip(convolutions, strides, strict=True), 1):
        outputs, inputs, *kernel = layer.weight.shape
        if inputs != maps:
            raise ValueError("does not fit together")
        maps = outputs
        settings = {"stride": stride, "padding": kernel[0] // 2, "bias": False}
        table = {"kind": "conv", "name": f"conv{number}", "inputs": inputs, "outputs": outputs}
        yield {**table, "kernel": kernel, **settings}, _kernels(layer, "conv", f"conv{number}")
        yield from _norm(layer, f"norm{number}", outputs)
        yield {"kind": "leaky_relu", "name": f"act{number}", "slope": SLOPE}, None
    _side(last.weight.shape[0], maps)
    yield {"kind": "flatten", "name": "flatten"}, None
    yield _linear(last)


def _linear(layer: _Layer) -> Step:
    inputs, outputs = layer.weight.shape
    table = {"kind": "linear", "name": "linear", "inputs": inputs, "outputs": outputs, "bias": False}
    return table, _part("linear", "linear", layer.place, weight=layer.weight.T)


def _kernels(layer: _Layer, kind: Kind, name: str) -> Part:
    return _part(kind, name, layer.place, weight=layer.weight[:, :, ::-1, ::-1])


def _norm(layer: _Layer, name: str, maps: int, flat: bool = False) -> Iterator[Step]:
    """BatchNorm, where a gain and a shift follow the weight."""
    if layer.vectors:
        gain, shift = layer.vectors
        if gain.size != maps or shift.size != maps:
            raise ValueError("does not fit together")
        table = {"kind": "batch_norm", "name": name, "maps": maps, "eps": EPS, "flat": flat}
        yield table, _part("norm", name, layer.place + 1, weight=gain, bias=shift)


def _part(kind: Kind, name: str, place: int, **arrays: np.ndarray) -> Part:
    """Arrays that follow each other in the list from ``place`` on."""
    import numpy as np
    import torch

    tensors = {role: torch.from_numpy(np.ascontiguousarray(array)) for role, array in arrays.items()}
    return Part(kind, name, tensors, {role: f"[{number}]" for number, role in enumerate(arrays, place)})


def _side(features: int, maps: int) -> int:
    """Of the square maps that make up so many features."""
    side = math.isqrt(features // maps)
    if side * side * maps != features:
        raise ValueError(f"has {features} features, which are no square maps")
    return side


def _strides(layers: Sequence[_Layer]) -> list[int]:
    """Of a generator's convolutions: their kernels tell which of the released scripts trained it."""
    kernels = {layer.weight.shape[2:] for layer in layers}
    height, width = kernels.pop()
    if kernels or height != width or height not in STRIDES:
        raise ValueError("has kernels of a size that the authors did not use")
    return list(islice(cycle(STRIDES[height]), len(layers)))


def _said(layers: Sequence[_Layer]) -> str:
    return "weights of " + ", ".join("x".join(map(str, layer.weight.shape)) for layer in layers[:12])
