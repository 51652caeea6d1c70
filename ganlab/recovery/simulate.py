"""Run a network that is not built yet: tables of layers and the parts that fill them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional as F

from ganlab.architectures.chain import build_layers
from ganlab.recovery.stored import Part

Element = tuple[Mapping[str, Any], Part | None]  # a layer's table, and its weights where it has some

PLAIN = {"relu": torch.relu, "selu": F.selu, "silu": F.silu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}


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
    if kind in PLAIN and len(table) == 1:
        return PLAIN[kind](features)
    if kind == "leaky_relu":
        return F.leaky_relu(features, table["slope"])
    if kind == "reshape":
        return features.reshape(len(features), *table["shape"])
    result: torch.Tensor = build_layers([{"name": "layer", **table}])(features)
    return result


def _weighted(kind: str, table: Mapping[str, Any], part: Part, features: torch.Tensor) -> torch.Tensor:
    weight, bias = part.tensors.get("weight"), part.tensors.get("bias")
    if kind == "batch_norm":
        return F.batch_norm(features, None, None, weight, bias, training=True, eps=table.get("eps", 1e-5))
    if kind == "layer_norm":
        return F.layer_norm(features, table["shape"], weight, bias, table.get("eps", 1e-5))
    if kind == "instance_norm":
        return F.instance_norm(features, weight=weight, bias=bias, eps=table.get("eps", 1e-5))
    assert weight is not None
    stride, padding = table.get("stride", 1), table.get("padding", 0)
    if kind == "conv":
        return F.conv2d(features, weight, bias, stride, padding)
    if kind == "conv_transpose":
        return F.conv_transpose2d(features, weight, bias, stride, padding, table.get("output_padding", 0))
    if kind == "prelu":
        return F.prelu(features, weight)
    return F.linear(features, weight, bias)
