"""Run a network that is not built yet: tables of layers and the parts that fill them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch.nn import functional as F

from ganlab.architectures.chain import build_layers
from ganlab.errors import GanlabError
from ganlab.recovery.stored import Part

MOST_NUMBERS = 2**25  # that a layer puts out at once: 128 MiB
MOST_OF_ONE = 2**24  # of one input
Element = tuple[Mapping[str, Any], Part | None]  # a layer's table, and its weights where it has some

PLAIN = {"relu": torch.relu, "selu": F.selu, "silu": F.silu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}


def run(elements: tuple[Element, ...], features: torch.Tensor) -> torch.Tensor:
    """What these layers put out, one after the other. BatchNorms use the batch's own statistics, as in training.

    Args:
        features: (n, ...) float32; of wide layers only the first rows are run, as many as memory is sure to hold.

    Raises:
        GanlabError: layers that do not fit each other, or too wide ones.
    """
    for table, part in elements:
        try:
            features = _layer(table, part, features[: _rows(table, part, features)])
        except (RuntimeError, ValueError, IndexError, TypeError) as error:  # of torch, which refuses what does not fit
            reason = str(error).splitlines()[0][:160]
            raise GanlabError(
                f"Its layer of kind {table['kind']!r} cannot follow the one before: {reason}.",
                "Is the file whole? Networks that are no chain need their own code: --gan MODULE:FACTORY+FILE.",
            ) from error
    return features


def _rows(table: Mapping[str, Any], part: Part | None, features: torch.Tensor) -> int:
    """How many of the inputs a layer is run on."""
    if features.is_meta:
        return len(features)
    two = torch.empty(2, *features.shape[1:], device="meta")  # a norm needs two
    numbers = max(_layer(table, None if part is None else on_meta(part), two).numel() // 2, 1)
    if numbers > MOST_OF_ONE:
        raise GanlabError(f"A layer of it puts out {numbers:,} numbers for one picture.", "Is the file damaged?")
    return min(len(features), MOST_NUMBERS // numbers)


def on_meta(part: Part) -> Part:
    """The same part without its numbers."""
    return replace(part, tensors={role: value.to("meta") for role, value in part.tensors.items()})


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
    if kind == "group_norm":
        return F.group_norm(features, table["groups"], weight, bias, table.get("eps", 1e-5))
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
