"""Modules of Torch7's ``nn`` and ``cudnn`` as the layers of a chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from ganlab import Part, StoredNetwork
from ganlab_formats.torch7_file import Object
from ganlab_formats.torch7_modules import Module

if TYPE_CHECKING:
    import numpy as np

Kind = Literal["conv", "conv_transpose", "linear", "norm", "prelu"]
Arrays = dict[str, "np.ndarray"]
MOST_LAYERS = 1000  # a layer may be there many times in a hostile file


@dataclass(frozen=True)
class Layer:
    """The stem of a layer's name, its table, and of its weights, if any: their kind, and arrays and keys by role."""

    stem: str
    table: dict[str, Any]
    kind: Kind | None = None
    arrays: Arrays | None = None
    keys: dict[str, str] | None = None


def network_of(found: Object, name: str) -> StoredNetwork:
    """The layers of a module and of those inside it.

    Raises:
        GanlabError: a module of another kind than a layer or a plain sequence, or one that cannot be expressed.
    """
    import torch

    layers = list(islice(_layers(Module(found, ""), set()), MOST_LAYERS))
    if layers and layers[0].kind == "conv_transpose":  # such a network took z as (n, dim, 1, 1)
        layers.insert(0, Layer("reshape", {"kind": "reshape", "shape": [layers[0].table["inputs"], 1, 1]}))
    parts, tables = [], []
    numbers: Counter[str] = Counter()
    for layer in layers:
        numbers[layer.stem] += 1
        called = f"{layer.stem}{numbers[layer.stem]}"
        tables.append({**layer.table, "name": called})
        if layer.kind is not None:
            tensors = {role: torch.from_numpy(array) for role, array in (layer.arrays or {}).items()}
            parts.append(Part(layer.kind, called, tensors, layer.keys or {}))
    return StoredNetwork(name, tuple(parts), tuple(tables))


def _layers(module: Module, seen: set[int]) -> Iterator[Layer]:
    library, _, name = module.class_name.partition(".")
    if library in ("nn", "cudnn") and name == "Sequential":
        if id(module.fields) in seen:
            module.refuse("is there twice")
        seen.add(id(module.fields))
        for child in module.children():
            yield from _layers(child, seen)
    elif library in ("nn", "cudnn") and name in READERS:
        yield READERS[name](module)
    else:
        module.refuse("is of a kind that is not known here")


def _conv(module: Module) -> Layer:
    return _convolution(module, "conv", transposed=False)


def _conv_transpose(module: Module) -> Layer:
    return _convolution(module, "deconv", transposed=True)


def _convolution(module: Module, stem: str, transposed: bool) -> Layer:
    arrays, keys = module.arrays(weight="weight", bias="bias")
    weight = arrays.get("weight")
    if weight is None or module.whole("groups", 1) != 1:
        module.refuse("has no weight" if weight is None else "has groups")
    if weight.ndim == 2 and not transposed:  # SpatialConvolutionMM keeps a matrix
        kernel = (module.whole("kH", 1), module.whole("kW", 1))
        inputs = module.whole("nInputPlane", 0)
        if min(inputs, *kernel) < 1 or inputs * kernel[0] * kernel[1] != weight.shape[1]:
            module.refuse("has a weight of another size than it says")
        weight = arrays["weight"] = weight.reshape(len(weight), inputs, *kernel)
    if weight.ndim != 4:
        module.refuse(f"has a weight with {weight.ndim} axes")
    first, second, *size = weight.shape
    inputs, outputs = (first, second) if transposed else (second, first)
    kind: Kind = "conv_transpose" if transposed else "conv"
    padding = module.whole("padding", 0)  # the oldest files have one number
    table = {
        "kind": kind,
        "inputs": inputs,
        "outputs": outputs,
        "kernel": size,
        "stride": module.both("dW", "dH", 1),
        "padding": module.both("padW", "padH", padding),
        **({"output_padding": module.both("adjW", "adjH", 0)} if transposed else {}),
        "bias": "bias" in arrays,
    }
    return Layer(stem, table, kind, arrays, keys)


def _linear(module: Module) -> Layer:
    arrays, keys = module.arrays(weight="weight", bias="bias")
    if "weight" not in arrays or arrays["weight"].ndim != 2:
        module.refuse("has no matrix")
    outputs, inputs = arrays["weight"].shape
    table = {"kind": "linear", "inputs": inputs, "outputs": outputs, "bias": "bias" in arrays}
    return Layer("linear", table, "linear", arrays, keys)


def _norm(module: Module) -> Layer:
    return _batch_norm(module, flat=False)


def _flat_norm(module: Module) -> Layer:
    return _batch_norm(module, flat=True)


def _batch_norm(module: Module, flat: bool) -> Layer:
    arrays, keys = module.arrays(weight="weight", bias="bias", mean="running_mean", variance="running_var")
    eps = module.number("eps", 1e-5)
    inverse, inverse_keys = module.arrays(variance="running_std")
    if "variance" not in arrays and inverse:
        arrays["variance"] = inverse["variance"] ** -2 - eps  # its first version kept 1 / sqrt(variance + eps)
        keys |= inverse_keys
    sizes = {array.shape for array in arrays.values()}
    if len(sizes) != 1 or len(size := sizes.pop()) != 1 or ("weight" in arrays) != ("bias" in arrays):
        module.refuse("has weights that do not fit each other")
    table = {"kind": "batch_norm", "maps": size[0], "eps": eps, "flat": flat, "affine": "weight" in arrays}
    return Layer("norm", table, "norm", arrays, keys)


def _prelu(module: Module) -> Layer:
    arrays, keys = module.arrays(weight="weight")
    if "weight" not in arrays or arrays["weight"].ndim != 1:
        module.refuse("has no slopes")
    return Layer("act", {"kind": "prelu", "slopes": len(arrays["weight"])}, "prelu", arrays, keys)


def _leaky_relu(module: Module) -> Layer:
    return Layer("act", {"kind": "leaky_relu", "slope": module.number("negval", 0.01)})


def _elu(module: Module) -> Layer:
    return Layer("act", {"kind": "elu", "alpha": module.number("alpha", 1.0)})


def _dropout(module: Module) -> Layer:
    if not module.fields.get("v2", False) and module.number("p", 0.5):
        module.refuse("is of the first version, which scales what it lets through")
    return Layer("dropout", {"kind": "identity"})


def _view(module: Module) -> Layer:
    sizes = module.sizes()
    if sizes == [-1]:
        return Layer("flatten", {"kind": "flatten"})
    shape = sizes[1:] if sizes[:1] == [-1] else sizes  # the first stands for the batch then
    if not shape or min(shape) < 1:
        module.refuse(f"takes the shape {sizes}, which depends on its input")
    return Layer("reshape", {"kind": "reshape", "shape": shape})


def _upsample(module: Module) -> Layer:
    return Layer("upsample", {"kind": "upsample", "factor": module.whole("scale_factor", 2), "mode": "nearest"})


def _max_pool(module: Module) -> Layer:
    return _pool(module, "max_pool")


def _average_pool(module: Module) -> Layer:
    if module.fields.get("divide") is False or module.fields.get("count_include_pad") is False:
        module.refuse("does not divide by its whole window")
    return _pool(module, "average_pool")


def _pool(module: Module, kind: str) -> Layer:
    if module.fields.get("ceil_mode"):
        module.refuse("rounds sizes up")
    sizes = {"kernel": module.both("kW", "kH", 1), "stride": module.both("dW", "dH", 1)}
    return Layer("pool", {"kind": kind, **sizes, "padding": module.both("padW", "padH", 0)})


def _pad(module: Module) -> Layer:
    return Layer("pad", {"kind": "pad", "sides": [module.whole(f"pad_{side}", 0) for side in "lrtb"]})


def _plain(kind: str, stem: str = "act") -> Callable[[Module], Layer]:
    return lambda module: Layer(stem, {"kind": kind})


READERS: dict[str, Callable[[Module], Layer]] = {
    "SpatialConvolution": _conv,
    "SpatialConvolutionMM": _conv,
    "SpatialFullConvolution": _conv_transpose,
    "Linear": _linear,
    "SpatialBatchNormalization": _norm,
    "BatchNormalization": _flat_norm,
    "ReLU": _plain("relu"),
    "LeakyReLU": _leaky_relu,
    "PReLU": _prelu,
    "ELU": _elu,
    "Tanh": _plain("tanh"),
    "Sigmoid": _plain("sigmoid"),
    "Identity": _plain("identity", "identity"),
    "Copy": _plain("identity", "copy"),
    "Contiguous": _plain("identity", "copy"),
    "Dropout": _dropout,
    "View": _view,
    "Reshape": _view,
    "SpatialUpSamplingNearest": _upsample,
    "SpatialMaxPooling": _max_pool,
    "SpatialAveragePooling": _average_pool,
    "SpatialZeroPadding": _pad,
}
