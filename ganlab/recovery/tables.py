"""The tables of a chain's layers, from what was found of them; for generators and discriminators alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ganlab.recovery.building import WEIGHTED
from ganlab.recovery.chaining import length_of, maps_first
from ganlab.recovery.geometries import Geometry
from ganlab.recovery.orders import Stage
from ganlab.recovery.simulate import Element
from ganlab.recovery.stored import Part, StoredNetwork

POINTWISE = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid")
VERDICT = ("sigmoid", "reshape", "flatten")  # what may stand after a logit


def weighted(stage: Stage, geometry: Geometry) -> dict[str, Any]:
    """A layer with weights."""
    table: dict[str, Any] = {"kind": stage.kind, "inputs": stage.inputs, "outputs": stage.outputs}
    if stage.kind != "linear":
        table |= {"kernel": list(stage.part.tensors["weight"].shape[2:])} | dict(geometry.own)
    return table | {"bias": "bias" in stage.part.tensors}


def norm_table(norm: Part, eps: float, flat: bool) -> dict[str, Any]:
    """A norm over maps, or over features without places; ``eps`` where the file states none."""
    stated = float(norm.settings.get("eps", eps))
    kind, _, groups = norm.settings.get("norm", "batch_norm").partition(" ")
    if kind == "group_norm":
        return {"kind": kind, "groups": int(groups), "maps": length_of(norm), "eps": stated}
    if kind != "batch_norm" and flat:
        return {"kind": "layer_norm", "shape": [length_of(norm)], "eps": stated}
    if kind != "batch_norm":
        return {"kind": "instance_norm", "maps": length_of(norm), "eps": stated}
    return {
        "kind": "batch_norm",
        "maps": length_of(norm),
        "eps": stated,
        "flat": flat,
        "affine": not {"weight", "bias"}.isdisjoint(norm.tensors),
    }


def output_layer(output: str) -> Element:
    """What ends a generator: "tanh", "sigmoid" or "none"."""
    return {"kind": output if output != "none" else "identity"}, None


def joined_classes(z: torch.Tensor, table: Mapping[str, Any], embedding: Part | None) -> torch.Tensor:
    """z (n, dim) with classes in turn, as a layer of kind ``classes`` joins them."""
    labels = torch.arange(len(z)) % table["classes"]
    known = torch.eye(table["classes"])[labels] if embedding is None else embedding.tensors["weight"][labels]
    if table["join"] == "multiply":
        return z * known
    return torch.cat([z, known] if table["join"] == "after" else [known, z], 1)


def filled(network: StoredNetwork) -> tuple[Element, ...]:
    """The layers that a format states, with their parts.

    Maps take their places before their activation, so that it has them too.
    """
    parts = {part.name: part for part in network.parts}
    elements: list[Element] = []
    for table in network.layers:
        element: Element = ({key: value for key, value in table.items() if key != "name"}, parts.get(table["name"]))
        pointwise = elements and elements[-1][1] is None and elements[-1][0]["kind"] in POINTWISE
        elements.insert(len(elements) - (1 if table["kind"] == "reshape" and pointwise else 0), element)
    return _channels_first(elements)


def _channels_first(elements: list[Element]) -> tuple[Element, ...]:
    """The same layers where flat features stand as in torch; see :func:`ganlab.recovery.chaining.channels_first`."""
    weights = [place for place, (table, _) in enumerate(elements) if table["kind"] in WEIGHTED]
    moved = list(elements)
    for number, place in enumerate(weights):
        table, part = elements[place]
        if part is None or part.settings.get("order") != "hwc":
            continue
        before = elements[weights[number - 1]][0] if number else table
        behind = weights[number + 1] if number + 1 < len(weights) else place
        if elements[behind][0]["kind"] != "linear":
            for at, (other, beside) in enumerate(elements[place:behind], place):
                if beside is not None and length_of(beside) == table["outputs"]:
                    moved[at] = other, maps_first(beside, elements[behind][0]["inputs"], 0)
        elif before["kind"] != "linear":
            moved[place] = table, maps_first(part, before["outputs"], 1)
    return tuple(moved)


def without_verdict(elements: tuple[Element, ...]) -> tuple[Element, ...]:
    """The layers of a discriminator up to its logit."""
    kept = list(elements)
    while kept and kept[-1][0]["kind"] in VERDICT:
        kept.pop()
    return tuple(kept)


def places_between(one: Part, other: Part) -> int | None:
    """How many layers without weights stand between two that are numbered in one sequence; None where not known."""
    if one.place is None or other.place is None or one.container != other.container:
        return None
    return max(0, other.place - one.place - 1)
