"""What shapes layers put out is told without running them, or torch's compiler, as they do put them out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ganlab.architectures.chain import LAYERS, ClassInput, build_chain, build_layers
from ganlab.architectures.shapes import shape_after
from ganlab.checkpoints.cost import largest_output
from ganlab.networks.devices import shapes_alone

MAPS = (2, 4, 8, 6)
UP = {"kind": "upsample", "factor": 65536, "mode": "nearest"}
CONV = {"kind": "conv_transpose", "inputs": 4, "outputs": 2, "kernel": [4, 4]}
CASES: list[tuple[dict[str, Any], tuple[int, ...]]] = [
    ({"kind": "conv", "inputs": 4, "outputs": 5, "kernel": [3, 3]}, MAPS),
    ({"kind": "conv", "inputs": 4, "outputs": 5, "kernel": [4, 3], "stride": 2, "padding": 1, "bias": False}, MAPS),
    ({"kind": "conv", "inputs": 4, "outputs": 5, "kernel": [3, 3], "stride": [2, 3], "padding": [0, 2]}, MAPS),
    ({"kind": "conv", "inputs": 4, "outputs": 5, "kernel": [3, 5], "padding": "same"}, MAPS),
    ({"kind": "conv", "inputs": 4, "outputs": 5, "kernel": [3, 4], "padding": "valid"}, MAPS),
    ({"kind": "conv", "inputs": 4, "outputs": 5, "kernel": [3, 3]}, (4, 8, 6)),
    ({"kind": "conv_transpose", "inputs": 4, "outputs": 5, "kernel": [4, 4]}, (2, 4, 1, 1)),
    ({"kind": "conv_transpose", "inputs": 4, "outputs": 5, "kernel": [4, 4], "stride": 2, "padding": 1}, MAPS),
    (
        {"kind": "conv_transpose", "inputs": 4, "outputs": 5, "kernel": [5, 3], "stride": 2, "padding": 2}
        | {"output_padding": 1},
        MAPS,
    ),
    ({"kind": "conv_transpose", "inputs": 4, "outputs": 5, "kernel": [4, 4]}, (4, 8, 6)),
    ({"kind": "linear", "inputs": 6, "outputs": 9}, (2, 6)),
    ({"kind": "linear", "inputs": 6, "outputs": 9, "bias": False}, MAPS),
    ({"kind": "batch_norm", "maps": 4}, MAPS),
    ({"kind": "batch_norm", "maps": 6, "flat": True}, (2, 6)),
    ({"kind": "instance_norm", "maps": 4}, MAPS),
    ({"kind": "layer_norm", "shape": [4, 8, 6]}, MAPS),
    ({"kind": "group_norm", "groups": 2, "maps": 4}, MAPS),
    ({"kind": "leaky_relu", "slope": 0.2}, MAPS),
    *[({"kind": kind}, MAPS) for kind in ("relu", "prelu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid")],
    *[({"kind": kind}, MAPS) for kind in ("softplus", "softmax", "identity", "flatten", "global_pool")],
    ({"kind": "flatten"}, (2, 7)),
    ({"kind": "global_pool"}, (2, 4, 3, 3, 5)),
    ({"kind": "reshape", "shape": [12, 4, 4]}, MAPS),
    ({"kind": "reshape", "shape": [12, -1, 2]}, MAPS),
    ({"kind": "pad", "sides": [1, 2, 3, -1]}, MAPS),
    ({"kind": "pad", "sides": [1, 2]}, MAPS),
    ({"kind": "pad", "sides": [1, 2, 3, 0, 1, 1]}, MAPS),
    ({"kind": "pad", "sides": [1, 2, 3, 0], "mode": "reflect"}, MAPS),
    ({"kind": "pad", "sides": [1, 2, 3, 0], "mode": "replicate"}, (4, 8, 6)),
    ({"kind": "upsample", "factor": 2, "mode": "nearest"}, MAPS),
    ({"kind": "upsample", "factor": 3, "mode": "nearest"}, (2, 4, 8)),
    ({"kind": "upsample", "factor": 2, "mode": "bilinear"}, MAPS),
    ({"kind": "upsample", "factor": 1.3, "mode": "bicubic"}, MAPS),
    ({"kind": "pixel_shuffle", "factor": 2}, MAPS),
    ({"kind": "max_pool", "kernel": 2}, MAPS),
    ({"kind": "max_pool", "kernel": 3, "stride": 2, "padding": 1}, MAPS),
    ({"kind": "max_pool", "kernel": [2, 3], "stride": [3, 1]}, (4, 8, 6)),
    ({"kind": "average_pool", "kernel": 3, "stride": 2}, MAPS),
    ({"kind": "average_pool", "kernel": 5, "stride": 1, "padding": 2}, MAPS),
]


def layer_of(table: dict[str, Any]) -> nn.Module:
    """The layer of a table."""
    return next(iter(build_layers([{"name": "layer", **table}]).eval()))


def told(layer: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """What is told of the layer's output; None where it takes no such input."""
    try:
        return shape_after(layer, shape)
    except (ValueError, ZeroDivisionError):
        return None


@pytest.mark.parametrize(("table", "shape"), CASES)
def test_a_layer_puts_out_the_shape_that_is_told(table: dict[str, Any], shape: tuple[int, ...]) -> None:
    layer = layer_of(table)
    assert shape_after(layer, shape) == tuple(layer(torch.zeros(shape)).shape)


@pytest.mark.parametrize("join", ["before", "after", "multiply"])
@pytest.mark.parametrize(("dims", "one_hot"), [(7, False), (1, False), (7, True)])
def test_a_class_joins_z_as_is_told(join: str, dims: int, one_hot: bool) -> None:
    layer = layer_of({"kind": "classes", "classes": 7, "dims": dims, "join": join, "one_hot": one_hot})
    assert isinstance(layer, ClassInput)
    assert shape_after(layer, (2, 7)) == tuple(layer(torch.zeros(2, 7), torch.tensor([0, 6])).shape)


def test_every_kind_of_layer_is_told() -> None:
    assert {table["kind"] for table, _ in CASES} | {"classes"} == set(LAYERS)


@given(
    st.sampled_from(["conv", "conv_transpose", "max_pool", "average_pool"]),
    st.tuples(*[st.integers(1, 9)] * 2),
    st.tuples(*[st.integers(1, 5)] * 2),
    st.integers(1, 3),
    st.integers(0, 2),
)
def test_whatever_runs_puts_out_what_is_told(
    kind: str, sides: tuple[int, int], kernel: tuple[int, int], stride: int, padding: int
) -> None:
    own = {"kernel": kernel[0]} if kind.endswith("pool") else {"inputs": 2, "outputs": 3, "kernel": list(kernel)}
    layer = layer_of({"kind": kind, **own, "stride": stride, "padding": padding})
    shape = (1, 2, *sides)
    try:
        real = tuple(layer(torch.zeros(shape)).shape)
    except RuntimeError:
        return
    assert told(layer, shape) == real


@pytest.mark.parametrize(
    ("table", "shape"),
    [
        ({"kind": "conv", "inputs": 4, "outputs": 5, "kernel": [9, 3]}, MAPS),
        ({"kind": "conv", "inputs": 4, "outputs": 5, "kernel": [3, 3]}, (2, 6)),
        ({"kind": "conv", "inputs": 4, "outputs": 5, "kernel": [3, 3], "stride": 0}, MAPS),
        ({"kind": "conv_transpose", "inputs": 4, "outputs": 5, "kernel": [1, 1], "padding": 9}, MAPS),
        ({"kind": "reshape", "shape": [5, 5]}, MAPS),
        ({"kind": "pad", "sides": [-4, -4]}, MAPS),
        ({"kind": "pad", "sides": [1, 1, 1]}, MAPS),
        ({"kind": "pixel_shuffle", "factor": 3}, MAPS),
        ({"kind": "max_pool", "kernel": 9}, MAPS),
        ({"kind": "global_pool"}, (2, 6)),
        ({"kind": "flatten"}, (6,)),
    ],
)
def test_what_a_layer_cannot_take_has_no_shape(table: dict[str, Any], shape: tuple[int, ...]) -> None:
    layer = layer_of(table)
    with pytest.raises((RuntimeError, IndexError, ValueError)):
        layer(torch.zeros(shape))
    assert told(layer, shape) is None


def test_the_largest_of_all_layers_counts_up_to_the_first_that_does_not_fit() -> None:
    up = {"kind": "conv_transpose", "inputs": 4, "outputs": 4, "kernel": [4, 4]}
    tables = [
        {"name": "r", "kind": "reshape", "shape": [4, 1, 1]},
        {"name": "a.conv", **up},
        {"name": "a.up", "kind": "upsample", "factor": 5, "mode": "nearest"},
        {"name": "b.pool", "kind": "max_pool", "kernel": 5},
    ]
    assert largest_output(build_layers(tables), (1, 4)) == 4 * 20 * 20
    misfit = {"name": "m", "kind": "reshape", "shape": [3, 3]}
    late = [{"name": "z", "kind": "upsample", "factor": 99, "mode": "nearest"}]
    assert largest_output(build_layers([*tables, misfit, *late]), (1, 4)) == 4 * 20 * 20


@pytest.mark.parametrize(
    "tables",
    [
        [{"kind": "reshape", "shape": ["a", 65536, 65536, 65536]}],  # no text of so many letters is made
        [{"kind": "reshape", "shape": [4, 1, float("nan")]}],
        [{"kind": "pad", "sides": [-4, 0]}, {"kind": "reshape", "shape": [0, 1, 1]}, *80 * [UP]],  # no numbers of it
        [{"kind": "pad", "sides": [60000, 60000]}, {"kind": "pad", "sides": "abcd"}],
        [{"kind": "reshape", "shape": [4, 1, 1]}, CONV | {"stride": "ab"}],
        [{"kind": "reshape", "shape": [4, 1, 1]}, {"kind": "max_pool", "kernel": [1, 2, 3]}],
        [{"kind": "reshape", "shape": [4, 1, 1]}, {"kind": "pixel_shuffle", "factor": 0}],
    ],
)
def test_settings_that_none_would_write_end_the_search_for_the_largest(tables: list[dict[str, Any]]) -> None:
    network = build_layers([{"name": f"l{place}", **table} for place, table in enumerate(tables)])
    assert largest_output(network, (1, 4)) <= 120_004


def test_networks_of_shapes_alone_draw_no_weights() -> None:
    tables = [
        {"name": "c", "kind": "classes", "classes": 3, "dims": 2, "join": "after"},
        {"name": "l", "kind": "linear", "inputs": 4, "outputs": 8},
        {"name": "r", "kind": "reshape", "shape": [8, 1, 1]},
        {"name": "u", "kind": "conv_transpose", "inputs": 8, "outputs": 3, "kernel": [4, 4]},
        {"name": "n", "kind": "batch_norm", "maps": 3},
    ]
    with shapes_alone():
        generator, _ = build_chain({"generator": tables})
    real, _ = build_chain({"generator": tables})
    assert all(value.is_meta for value in generator.state_dict().values())
    shapes = {name: value.shape for name, value in generator.state_dict().items()}
    assert shapes == {name: value.shape for name, value in real.state_dict().items()}
