"""Run a network that is not built yet: tables of layers and the parts that fill them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional as F

from ganlab.recovery.stored import Part

Element = tuple[Mapping[str, Any], Part | None]  # a layer's table, and its weights where it has some


def run(elements: tuple[Element, ...], features: torch.Tensor) -> torch.Tensor:
    """What these layers put out, one after the other. BatchNorms use the batch's own statistics, as in training.

    Args:
        features: (n, ...) float32.
    """
    for table, part in elements:
        features = _layer(table, part, features)
    return features


def _layer(table: Mapping[str, Any], part: Part | None, features: torch.Tensor) -> torch.Tensor:
    kind = table["kind"]
    if part is not None:
        return _weighted(kind, table, part, features)
    if kind == "reshape":
        return features.reshape(len(features), *table["shape"])
    if kind == "flatten":
        return features.flatten(1)
    if kind == "pad":
        return F.pad(features, table["sides"])
    if kind == "upsample":
        corners = None if table["mode"] == "nearest" else False
        return F.interpolate(features, scale_factor=table["factor"], mode=table["mode"], align_corners=corners)
    if kind == "pixel_shuffle":
        return F.pixel_shuffle(features, table["factor"])
    if kind == "max_pool":
        return F.max_pool2d(features, table["kernel"])
    if kind == "average_pool":
        return F.avg_pool2d(features, table["kernel"])
    if kind == "leaky_relu":
        return F.leaky_relu(features, table["slope"])
    plain = {
        "relu": torch.relu,
        "elu": F.elu,
        "selu": F.selu,
        "gelu": F.gelu,
        "silu": F.silu,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
    }
    return plain[kind](features)


def _weighted(kind: str, table: Mapping[str, Any], part: Part, features: torch.Tensor) -> torch.Tensor:
    weight, bias = part.tensors.get("weight"), part.tensors.get("bias")
    if kind == "batch_norm":
        return F.batch_norm(features, None, None, weight, bias, training=True, eps=table["eps"])
    if kind == "layer_norm":
        return F.layer_norm(features, table["shape"], weight, bias, table["eps"])
    assert weight is not None
    if kind == "conv":
        return F.conv2d(features, weight, bias, table["stride"], table["padding"])
    if kind == "conv_transpose":
        extra = table.get("output_padding", 0)
        return F.conv_transpose2d(features, weight, bias, table["stride"], table["padding"], extra)
    if kind == "prelu":
        return F.prelu(features, weight)
    return F.linear(features, weight, bias)
