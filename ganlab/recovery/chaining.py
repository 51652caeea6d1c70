"""Put a network's parts in the order in which they run, by the channels that one hands to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from ganlab.errors import GanlabError
from ganlab.gan import Side
from ganlab.recovery.orders import Stage, makes_pictures_of_pictures, orders_of
from ganlab.recovery.shortcuts import refuse_shortcuts
from ganlab.recovery.stored import Part, StoredNetwork
from ganlab.recovery.witness import FEW_BATCHES

WEIGHTS = ("convolution", "conv", "conv_transpose", "linear")
MOST_LAYERS, MOST_PARTS = 40, 200  # with weights; and with norms and learnt activations
LARGEST_KERNEL = 64


@dataclass(frozen=True)
class Skeleton:
    """Stages in the order in which they run, and an embedding of classes before them, where there is one."""

    stages: tuple[Stage, ...]
    side: Side
    embedding: Part | None = None
    first_norms: tuple[Part, ...] = ()

    @property
    def hardly_trained(self) -> bool:
        """Whether its norms count so few batches that their statistics lag behind weights which still change fast."""
        norms = [*self.first_norms, *(norm for stage in self.stages for norm in stage.norms)]
        counts = [norm.settings["batches"] for norm in norms if "batches" in norm.settings]
        return bool(counts) and max(counts) < FEW_BATCHES


def skeletons(network: StoredNetwork) -> list[Skeleton]:
    """Every order that the channels allow, the most natural first: the file's own order, if it is one of them.

    Raises:
        GanlabError: the parts form no chain.
    """
    parts = network.parts
    weights = [part for part in parts if part.kind in WEIGHTS]
    _check(network, weights)
    embeddings = [part for part in parts if part.kind == "embedding"]
    if not weights:
        raise GanlabError(f"{_called(network)} holds no layer with weights.", "Is it a network's state dict?")
    if len(embeddings) > 1:
        raise GanlabError(f"{_called(network)} has {len(embeddings)} embeddings.", "One, of classes, is known here.")
    if network.side != "generator" and is_autoencoder(network):
        raise GanlabError(
            f"{_called(network)} makes pictures of pictures, as a discriminator that is an autoencoder does.",
            "Such networks need their own code: --gan MODULE:FACTORY+FILE.",
        )
    refuse_shortcuts(weights)
    orders = orders_of(weights, embeddings[0] if embeddings else None)
    if not orders:
        shapes = ", ".join("x".join(map(str, part.tensors["weight"].shape)) for part in weights[:8])
        raise GanlabError(
            f"The layers of {_called(network)} do not follow each other in one chain ({shapes}).",
            "Networks with branches need their own code: --gan MODULE:FACTORY+FILE.",
        )
    sided = [(order, side, table) for order, table in orders if (side := _side(order, network)) is not None]
    if not sided:
        raise GanlabError(
            f"The layers of {_called(network)} {_ends(orders[0][0])}.",
            "Is it another part of the model? For networks of other kinds: --gan MODULE:FACTORY+FILE.",
        )
    placings = [_with_norms(order, parts, side, table) for order, side, table in sided]
    found = [placed for placed in placings if placed is not None]
    if not found:
        raise GanlabError(
            f"The normalisations of {_called(network)} fit none of its layers.",
            "Networks that rearrange maps before they normalise them (PixelShuffle) need their own code: "
            "--gan MODULE:FACTORY+FILE.",
        )
    return [channels_first(skeleton) for skeleton in found]


def is_autoencoder(network: StoredNetwork) -> bool:
    """Whether its layers, in the file's order, make pictures of pictures."""
    weights = [part for part in network.parts if part.kind in WEIGHTS]
    return bool(weights) and makes_pictures_of_pictures(weights)


def _check(network: StoredNetwork, weights: list[Part]) -> None:
    """That there are no more layers, no other kernels and no other vectors than a chain may have.

    Raises:
        GanlabError: there are.
    """
    if len(weights) > MOST_LAYERS or len(network.parts) > MOST_PARTS:
        raise GanlabError(
            f"There are {len(network.parts)} layers in {_called(network)}, {len(weights)} of them with weights.",
            f"Chains of up to {MOST_LAYERS} layers with weights are worked out; for others: --gan MODULE:FACTORY+FILE.",
        )
    for part in weights:
        shape = part.tensors["weight"].shape
        high, wide = shape[2:] if len(shape) == 4 else (1, 1)
        if high != wide or high > LARGEST_KERNEL or 0 in shape:
            raise GanlabError(
                f"{part.name!r} has a weight of {'x'.join(map(str, shape))}.",
                f"Square kernels of up to {LARGEST_KERNEL} pixels are known; for others: --gan MODULE:FACTORY+FILE.",
            )
    for part in network.parts:
        vectors = [value.shape for role, value in part.tensors.items() if part.kind == "norm" or role != "weight"]
        if any(len(shape) != 1 or shape != vectors[0] for shape in vectors):
            raise GanlabError(f"The vectors of {part.name!r} do not fit each other.", "Is the file whole?")


def _called(network: StoredNetwork) -> str:
    return f"the network {network.name!r}" if network.name else "the network in this file"


def _ends(chain: list[Stage]) -> str:
    """From where to where a chain leads that is neither generator nor discriminator."""
    first, last = chain[0], chain[-1]
    if first.kind == "linear":
        return f"lead from {first.inputs} to {last.outputs}: neither pictures nor a verdict"
    if last.kind == "linear":
        return f"lead from pictures to {last.outputs} numbers, and a discriminator's to one"
    return f"lead from {first.inputs} to {last.outputs} channels: neither from z to pictures nor to a verdict"


def _side(chain: list[Stage], network: StoredNetwork) -> Side | None:
    """Generator or discriminator, whose verdict is one number; None where the ends are neither's."""
    if network.side == "generator":
        return network.side
    first, last = chain[0], chain[-1]
    transposed = any(stage.kind == "conv_transpose" for stage in chain)
    # z has one place only
    discriminates = network.side == "discriminator" or (first.kind == "conv" and first.kernel > 1)
    if discriminates or (first.kind != "linear" and last.kind == "linear" and last.outputs == 1):
        # a kernel of as many inputs as outputs may have been taken for a transposed one: another order has it right
        return "discriminator" if last.outputs == 1 and not transposed else None
    if transposed or (first.kind == "linear" and any(stage.kind == "conv" for stage in chain)):
        return "generator"
    if first.kind != "linear":
        return "discriminator" if last.outputs == 1 else None
    # matrices only: the wide end is the picture's
    if last.outputs == 1:
        return "discriminator"
    return "generator" if last.outputs >= first.inputs else None


def _with_norms(order: list[Stage], parts: tuple[Part, ...], side: Side, embedding: Part | None) -> Skeleton | None:
    """The chain with every normalisation and learnt activation at its place; None where one fits nowhere."""
    others = [part for part in parts if part.kind in ("norm", "prelu")]
    for place in (_beside, _in_turn):
        placed = place(order, parts, others)
        if placed is not None:
            stages, first = placed
            return Skeleton(tuple(stages), side, embedding, tuple(first))
    return None


def _beside(order: list[Stage], parts: tuple[Part, ...], others: list[Part]) -> tuple[list[Stage], list[Part]] | None:
    """Each at the layer that stands before it in the file."""
    stages, first = list(order), []
    at = {stage.part.name: number for number, stage in enumerate(order)}
    current = -1
    for part in parts:
        if part.name in at:
            current = at[part.name]
        elif part in others:
            if current < 0:
                if part.kind != "norm" or length_of(part) != order[0].inputs:
                    return None
                first.append(part)
                continue
            if not _fits(part, order, current):
                return None
            stages[current] = _joined(stages[current], part)
    return stages, first


def _in_turn(order: list[Stage], parts: tuple[Part, ...], others: list[Part]) -> tuple[list[Stage], list[Part]] | None:
    """Each at the first layer that it fits, no two norms at one, in the file's order."""
    stages = list(order)
    for kind in ("norm", "prelu"):
        current = -1
        for part in others:
            if part.kind != kind:
                continue
            current = next((n for n in range(current + 1, len(order)) if _fits(part, order, n)), len(order))
            if current == len(order):
                break
            stages[current] = _joined(stages[current], part)
        else:
            continue
        return _by_size(order, others)
    return stages, []


def _by_size(order: list[Stage], others: list[Part]) -> tuple[list[Stage], list[Part]] | None:
    """Where not even the order of the norms is the network's: each at the first free layer of its size."""
    stages = list(order)
    for part in others:
        free = [
            n
            for n in range(len(order))
            if _fits(part, order, n) and not (stages[n].norms if part.kind == "norm" else stages[n].prelu)
        ]
        if not free:
            return None
        stages[free[0]] = _joined(stages[free[0]], part)
    return stages, []


def _joined(stage: Stage, part: Part) -> Stage:
    return replace(stage, norms=(*stage.norms, part)) if part.kind == "norm" else replace(stage, prelu=part)


def length_of(part: Part) -> int:
    """Channels or features of a norm or learnt activation."""
    return len(next(iter(part.tensors.values())))


def _fits(part: Part, order: list[Stage], number: int) -> bool:
    """Whether a norm or learnt activation can stand between this stage and the next."""
    stage, length = order[number], length_of(part)
    if part.kind == "prelu" and length == 1:
        return True
    if length == stage.outputs:
        return True
    if stage.kind != "linear" or number + 1 == len(order):
        return False
    after = order[number + 1]
    return length == after.inputs and after.kind != "linear"  # of maps that features were cut into


def channels_first(skeleton: Skeleton) -> Skeleton:
    """The same network where flat features stand as (channels, rows, columns), as in torch, and not maps last.

    Parts say by ``settings["order"] = "hwc"`` that theirs stand the other way.
    """
    stages = list(skeleton.stages)
    for number, stage in enumerate(stages):
        if stage.kind != "linear" or stage.part.settings.get("order") != "hwc":
            continue
        if number + 1 < len(stages) and stages[number + 1].kind != "linear":
            maps = stages[number + 1].inputs
            norms = tuple(
                maps_first(norm, maps, 0) if length_of(norm) == stage.outputs else norm for norm in stage.norms
            )
            stages[number] = replace(stage, part=maps_first(stage.part, maps, 0), norms=norms)
        elif number and stages[number - 1].kind != "linear":
            stages[number] = replace(stage, part=maps_first(stage.part, stages[number - 1].outputs, 1))
    return replace(skeleton, stages=tuple(stages))


def maps_first(part: Part, maps: int, axis: int) -> Part:
    """A part whose flat features on this axis of the weight (and its vectors, for the outputs) stand maps first."""
    moved = {}
    for role, value in part.tensors.items():
        along = axis if value.ndim > 1 else 0
        if value.ndim == 1 and axis == 1:
            moved[role] = value
            continue
        index = torch.arange(value.shape[along]).reshape(-1, maps).T.flatten()
        moved[role] = value.index_select(along, index)
    return replace(part, tensors=moved)
