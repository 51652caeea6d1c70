"""A Keras model, layer by layer, as the tables of a chain and as parts in torch's layout.

Keras's pictures are (h, w, c), torch's (c, h, w). Inside a picture that changes nothing but kernels; where flat
features become a picture, or a picture becomes flat, the layers beside are permuted so that both compute the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ganlab import GanlabError, StoredNetwork

from .bare_layers import Variable
from .keras_activations import LAYERS as ACTIVATIONS
from .keras_activations import as_layer, named
from .keras_chain import LARGEST, Translation
from .keras_config import KerasLayer
from .same_padding import around_convolution, off_transposed

NOTHING_IN_USE = (
    "Dropout",
    "GaussianNoise",
    "GaussianDropout",
    "SpatialDropout2D",
    "AlphaDropout",
    "ActivityRegularization",
)
DAMAGED = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)


def translate(name: str, shape: tuple[int, ...] | None, layers: list[tuple[KerasLayer, Mapping[str, Variable]]]) -> Any:
    """The network of these layers, and the shape that comes out (channels first, without the batch).

    Raises:
        GanlabError: a layer that no chain has, and which; weights that do not fit the configuration.
    """
    chain = Translation(any(layer.config.get("data_format") == "channels_first" for layer, _ in layers))
    try:
        chain.begin(shape, layers[0] if layers else None)
        begun = chain.shape
        for layer, variables in layers:
            _translate(chain, layer, variables)
    except DAMAGED as error:
        raise GanlabError(
            f"The configuration of the Keras model {name!r} is damaged: {str(error)[:120]}.", "Fetch or copy it again."
        ) from error
    side = {(1, 3): "generator", (3, 1): "discriminator"}.get((len(begun), len(chain.shape)))
    return StoredNetwork(name, tuple(chain.parts), tuple(chain.tables), side), chain.shape  # type: ignore[arg-type]


def _translate(chain: Translation, layer: KerasLayer, variables: Mapping[str, Variable]) -> None:
    if layer.kind in NOTHING_IN_USE:
        return
    if layer.kind in ACTIVATIONS:
        _activation(chain, layer.name, as_layer(layer.kind, layer.config, layer.name))
        return
    if layer.kind not in LAYERS:
        raise GanlabError(
            f"The Keras layer {layer.name!r} is a {layer.kind}, which no chain has.",
            f"Known are: {', '.join(sorted([*LAYERS, *ACTIVATIONS, *NOTHING_IN_USE]))}.",
        )
    missing = [name for name in layer.variable_names() if name not in variables]
    if missing:
        raise GanlabError(f"The Keras layer {layer.name!r} has no {missing[0]} in the file.", "Fetch it again.")
    LAYERS[layer.kind](chain, layer, variables)
    if min(chain.shape) < 1 or math.prod(chain.shape) > LARGEST:
        raise layer.fault(f"an output of the shape {chain.shape}")


def _activation(chain: Translation, name: str, table: dict[str, Any] | None) -> None:
    if table is None:
        return
    if table["kind"] == "softmax" and len(chain.shape) == 3 and chain.channels_first:
        raise GanlabError(f"The Keras layer {name!r} is a softmax over columns.", "No chain has that.")
    chain.add(name, table)


def _inner_activation(chain: Translation, layer: KerasLayer) -> None:
    _activation(chain, f"{layer.name}_act", named(layer.config.get("activation"), layer.name))


def _dense(chain: Translation, layer: KerasLayer, variables: Mapping[str, Variable]) -> None:
    (inputs,) = chain.flat(layer)
    outputs = layer.number("units")
    chain.check(layer, variables["kernel"], (inputs, outputs))
    chain.add_part(
        layer,
        variables,
        "linear",
        {"kind": "linear", "inputs": inputs, "outputs": outputs, "bias": layer.flag("use_bias")},
    )
    chain.shape = (outputs,)
    _inner_activation(chain, layer)


def _convolution(chain: Translation, layer: KerasLayer, variables: Mapping[str, Variable]) -> None:
    maps, high, wide = chain.picture(layer)
    (kernel, stride, same), outputs = _window(layer, "kernel_size", "strides"), layer.number("filters")
    chain.check(layer, variables["kernel"], (*kernel, maps, outputs))
    rows, columns = (around_convolution(n, k, stride, same) for n, k in zip((high, wide), kernel, strict=True))
    padding = rows.before
    if {rows.before, rows.after, columns.before, columns.after} != {padding}:
        padding = 0
        chain.add(
            f"{layer.name}_pad", {"kind": "pad", "sides": [columns.before, columns.after, rows.before, rows.after]}
        )
    table = {"kind": "conv", "inputs": maps, "outputs": outputs, "kernel": list(kernel), "stride": stride}
    chain.add_part(layer, variables, "conv", {**table, "padding": padding, "bias": layer.flag("use_bias")})
    chain.shape = (outputs, rows.length, columns.length)
    _inner_activation(chain, layer)


def _transposed(chain: Translation, layer: KerasLayer, variables: Mapping[str, Variable]) -> None:
    maps, high, wide = chain.picture(layer)
    (kernel, stride, same), outputs = _window(layer, "kernel_size", "strides"), layer.number("filters")
    chain.check(layer, variables["kernel"], (*kernel, outputs, maps))
    more = (None, None) if layer.config.get("output_padding") is None else layer.pair("output_padding")
    rows, columns = (
        off_transposed(n, k, stride, same, one) for n, k, one in zip((high, wide), kernel, more, strict=True)
    )
    least = min(rows.before, rows.after, columns.before, columns.after)
    padding, behind = max(least, 0), max(-least, 0)
    if behind >= max(stride, 2):
        raise layer.fault(f"output_padding {layer.config.get('output_padding')!r}")
    table = {"kind": "conv_transpose", "inputs": maps, "outputs": outputs, "kernel": list(kernel), "stride": stride}
    table |= {"padding": padding, "output_padding": behind, "bias": layer.flag("use_bias")}
    chain.add_part(layer, variables, "conv_transpose", table)
    off = [
        one.before - padding if first else one.after - padding + behind for one in (columns, rows) for first in (1, 0)
    ]
    if any(off):
        chain.add(f"{layer.name}_crop", {"kind": "pad", "sides": [-number for number in off]})
    chain.shape = (outputs, rows.length, columns.length)
    _inner_activation(chain, layer)


def _window(layer: KerasLayer, size: str, strides: str) -> tuple[tuple[int, int], int, bool]:
    """Kernel, the stride of both axes, and whether the padding is "same".

    Raises:
        GanlabError: strides that differ, dilations, groups, another padding.
    """
    kernel = layer.pair(size)
    stride, other = kernel if size == "pool_size" and layer.config.get(strides) is None else layer.pair(strides)
    padding = layer.config.get("padding", "valid")
    if stride != other or stride < 1 or min(kernel) < 1:
        raise layer.fault(f"strides {layer.config.get(strides)!r}")
    if padding not in ("same", "valid"):
        raise layer.fault(f"padding {padding!r}")
    if layer.pair("dilation_rate") != (1, 1) or layer.config.get("groups", 1) != 1:
        raise layer.fault("dilations or groups")
    return kernel, stride, padding == "same"


def _batch_norm(chain: Translation, layer: KerasLayer, variables: Mapping[str, Variable]) -> None:
    chain.check_axis(layer)
    affine = layer.flag("scale") or layer.flag("center")
    table = {"kind": "batch_norm", "maps": chain.shape[0], "eps": _eps(layer), "affine": affine}
    if len(chain.shape) == 1:
        table["flat"] = True
    chain.add_norm(layer, variables, table)


def _layer_norm(chain: Translation, layer: KerasLayer, variables: Mapping[str, Variable]) -> None:
    chain.check_axis(layer)
    chain.flat(layer)
    chain.add_norm(layer, variables, {"kind": "layer_norm", "shape": list(chain.shape), "eps": _eps(layer)})


def _eps(layer: KerasLayer) -> float:
    eps = float(layer.config.get("epsilon", 1e-3))
    if not 0 <= eps < math.inf:
        raise layer.fault(f"epsilon {eps}")
    return eps


def _prelu(chain: Translation, layer: KerasLayer, variables: Mapping[str, Variable]) -> None:
    slopes = variables["alpha"].values
    if slopes.size != chain.shape[0]:
        raise layer.fault(f"{slopes.size} slopes for {chain.shape[0]} maps")
    chain.add_part(
        layer,
        {"alpha": Variable(slopes.reshape(-1), variables["alpha"].key)},
        "prelu",
        {"kind": "prelu", "slopes": chain.shape[0]},
    )


def _zero_padding(chain: Translation, layer: KerasLayer, variables: Mapping[str, Variable]) -> None:
    _sides(chain, layer, "padding", 1)


def _cropping(chain: Translation, layer: KerasLayer, variables: Mapping[str, Variable]) -> None:
    _sides(chain, layer, "cropping", -1)


def _sides(chain: Translation, layer: KerasLayer, setting: str, sign: int) -> None:
    maps, high, wide = chain.picture(layer)
    value = layer.config.get(setting)
    rows = value if isinstance(value, list) else [value, value]
    top, bottom, left, right = (side for one in rows for side in ([one, one] if isinstance(one, int) else one or ()))
    if not all(type(one) is int and one >= 0 for one in (top, bottom, left, right)):
        raise layer.fault(f"{setting} {value!r}")
    chain.add(layer.name, {"kind": "pad", "sides": [sign * one for one in (left, right, top, bottom)]})
    chain.shape = (maps, high + sign * (top + bottom), wide + sign * (left + right))
    if min(chain.shape) < 1:
        raise layer.fault(f"{setting} {value!r}")


def _upsampling(chain: Translation, layer: KerasLayer, variables: Mapping[str, Variable]) -> None:
    maps, high, wide = chain.picture(layer)
    factor, other = layer.pair("size", 2)
    mode = layer.config.get("interpolation", "nearest")
    if factor != other or factor < 1 or mode not in ("nearest", "bilinear"):
        raise layer.fault(f"size {layer.config.get('size')!r}, interpolation {mode!r}")
    chain.add(layer.name, {"kind": "upsample", "factor": factor, "mode": mode})
    chain.shape = (maps, high * factor, wide * factor)


def _pooling(chain: Translation, layer: KerasLayer, variables: Mapping[str, Variable]) -> None:
    maps, high, wide = chain.picture(layer)
    (kernel, other), stride, same = _window(layer, "pool_size", "strides")
    rows, columns = (around_convolution(length, kernel, stride, same) for length in (high, wide))
    padding = rows.before
    uneven = {rows.before, rows.after, columns.before, columns.after} != {padding}
    # TensorFlow's mean leaves its padding out, torch's would count it
    if kernel != other or uneven or (padding and layer.kind == "AveragePooling2D"):
        raise layer.fault(f"pool_size {[kernel, other]} with padding {layer.config.get('padding')!r} at {high}x{wide}")
    kind = "max_pool" if layer.kind == "MaxPooling2D" else "average_pool"
    chain.add(layer.name, {"kind": kind, "kernel": kernel, "stride": stride, "padding": padding})
    chain.shape = (maps, rows.length, columns.length)


def _global_pooling(chain: Translation, layer: KerasLayer, variables: Mapping[str, Variable]) -> None:
    maps, _, _ = chain.picture(layer)
    if layer.config.get("keepdims"):
        raise layer.fault("keepdims")
    chain.add(layer.name, {"kind": "global_pool"})
    chain.shape = (maps,)


def _reshape(chain: Translation, layer: KerasLayer, variables: Mapping[str, Variable]) -> None:
    chain.reshape(layer, layer.config["target_shape"])


def _flatten(chain: Translation, layer: KerasLayer, variables: Mapping[str, Variable]) -> None:
    chain.flatten(layer)


LAYERS: dict[str, Callable[[Translation, KerasLayer, Mapping[str, Variable]], None]] = {
    "AveragePooling2D": _pooling,
    "BatchNormalization": _batch_norm,
    "Conv2D": _convolution,
    "Conv2DTranspose": _transposed,
    "Cropping2D": _cropping,
    "Dense": _dense,
    "Flatten": _flatten,
    "GlobalAveragePooling2D": _global_pooling,
    "LayerNormalization": _layer_norm,
    "MaxPooling2D": _pooling,
    "PReLU": _prelu,
    "Reshape": _reshape,
    "UpSampling2D": _upsampling,
    "ZeroPadding2D": _zero_padding,
}
