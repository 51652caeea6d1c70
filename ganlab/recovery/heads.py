"""Discriminators with several heads on one trunk: the verdict, and beside it what the classes of a picture are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ganlab.errors import GanlabError
from ganlab.recovery.chaining import WEIGHTS, skeletons
from ganlab.recovery.orders import in_file_order
from ganlab.recovery.stored import Part, StoredNetwork
from ganlab.wording import few

SHOWN = 3  # heads that a note lists


def one_headed(network: StoredNetwork) -> tuple[StoredNetwork, str]:
    """The network with its head of one output alone, and a note of the others; as it was, and "", where it has none.

    Heads are the last layers with weights, with a bias each, that all take what the same trunk puts out. Without a
    bias a matrix may be an embedding of classes, which takes part in the verdict.
    """
    weights = [part for part in network.parts if part.kind in WEIGHTS]
    heads = _heads(weights)
    verdicts = [part for part in heads if part.tensors["weight"].shape[0] == 1]
    if network.layers or network.side == "generator" or len(verdicts) != 1:
        return network, ""
    others = [part for part in heads if part is not verdicts[0]]
    if not others or in_file_order(weights):
        return network, ""
    alone = replace(network, parts=tuple(part for part in network.parts if part not in others))
    try:
        if skeletons(alone)[0].side != "discriminator":
            return network, ""
    except GanlabError:
        return network, ""
    sizes = few([f"{part.name} ({part.tensors['weight'].shape[0]} outputs)" for part in others], SHOWN)
    called = network.name or "The discriminator"
    return alone, f"{called} has several heads on one trunk: {verdicts[0].name} gives its verdict, without {sizes}."


def _heads(weights: Sequence[Part]) -> list[Part]:
    """The last layers of one kind that take inputs of one shape, each with a bias, behind at least one other layer."""
    found: list[Part] = []
    for part in reversed(weights[1:]):
        shape = part.tensors["weight"].shape[1:]
        if "bias" not in part.tensors or (found and (part.kind, shape) != (found[0].kind, _takes(found[0]))):
            break
        found.append(part)
    return found[::-1]


def _takes(part: Part) -> tuple[int, ...]:
    return tuple(part.tensors["weight"].shape[1:])
