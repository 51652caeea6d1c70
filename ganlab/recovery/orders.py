"""The orders in which layers with weights can run, by the channels that one hands to the next."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from ganlab.recovery.stored import Part

MOST_ORDERS = 24  # of layers that fit together; more of them say that the channels tell nothing
MOST_STEPS = 20_000  # of the search for an order
USUAL_CHANNELS = (1, 3)  # of pictures; a verdict has 1 too


@dataclass(frozen=True)
class Stage:
    """A layer with weights and the normalisations between it and the next.

    Attributes:
        part: its weights.
        kind: "conv", "conv_transpose" or "linear".
        inputs, outputs: channels, or features of a linear layer.
        norms: normalisations of what it puts out, in order.
        prelu: a learnt activation after it, or None.
    """

    part: Part
    kind: str
    inputs: int
    outputs: int
    norms: tuple[Part, ...] = ()
    prelu: Part | None = None

    @property
    def kernel(self) -> int:
        """Side of the kernel; 1 for a linear layer."""
        return self.part.tensors["weight"].shape[-1] if self.kind != "linear" else 1


def _orientations(part: Part) -> list[Stage]:
    """What a part's weight can be: a file does not tell a convolution from a transposed one."""
    weight = part.tensors["weight"]
    if part.kind == "linear":
        return [Stage(part, "linear", weight.shape[1], weight.shape[0])]
    transposed = Stage(part, "conv_transpose", weight.shape[0], weight.shape[1])
    ordinary = Stage(part, "conv", weight.shape[1], weight.shape[0])
    known = {"conv": [ordinary], "conv_transpose": [transposed]}.get(part.kind, [transposed, ordinary])
    if weight.shape[-1] % 2 and part.kind == "convolution":
        known = known[::-1]  # odd kernels are mostly of ordinary convolutions
    bias = part.tensors.get("bias")
    return [stage for stage in known if bias is None or len(bias) == stage.outputs]


def follows(before: Stage, after: Stage) -> bool:
    """Whether what one puts out can be what the other takes."""
    if before.kind == "linear" and after.kind != "linear":
        return before.outputs % after.inputs == 0 and _is_square(before.outputs // after.inputs)
    if before.kind != "linear" and after.kind == "linear":
        return after.inputs % before.outputs == 0 and _is_square(after.inputs // before.outputs)
    return before.outputs == after.inputs or (before.kind == "conv" and before.outputs == 4 * after.inputs)


def orders_of(weights: list[Part], embedding: Part | None) -> list[tuple[list[Stage], Part | None]]:
    """Chains of all layers, each with the embedding before it, the most natural first.

    Where the file tells no embedding, and all layers in one chain would be unlikely, a matrix may be one.
    """
    orders = _orders(weights)
    found = [(order, embedding) for order in orders]
    if embedding is None and all(_unlikely(order) for order in orders):
        found = sorted([*_without_one_matrix(weights), *found], key=lambda pair: _unlikely(pair[0]))
    return found


def makes_pictures_of_pictures(weights: list[Part]) -> bool:
    """Whether the file's order can only be that of an autoencoder: convolutions of pictures first, pictures last."""
    chains = in_file_order(weights)
    return bool(chains) and all(
        chain[0].kind == "conv"
        and chain[0].kernel > 1
        and chain[0].inputs in USUAL_CHANNELS
        and (chain[-1].kind, chain[-1].outputs) in (("conv", chain[0].inputs), ("conv_transpose", chain[0].inputs))
        and any(stage.kind != "conv" for stage in chain)
        for chain in chains
    )


def _orders(weights: list[Part], most: int = MOST_STEPS) -> list[list[Stage]]:
    """Chains in the file's order; in any, found in so many steps, where that makes none or none that is likely."""
    orders = in_file_order(weights)
    if all(_unlikely(order) for order in orders):
        return _in_any_order(weights, most) or orders
    return orders


def in_file_order(weights: list[Part]) -> list[list[Stage]]:
    """Chains of all layers as they follow each other in the file."""
    chains: list[list[Stage]] = [[stage] for stage in _orientations(weights[0])]
    for part in weights[1:]:
        chains = [[*chain, stage] for chain in chains for stage in _orientations(part) if follows(chain[-1], stage)]
        chains = chains[: MOST_ORDERS * 4]
    return chains[:MOST_ORDERS]


def _in_any_order(weights: list[Part], most: int) -> list[list[Stage]]:
    """Chains through all parts, those that leave the file's order last coming last, found in so many steps."""
    found: list[list[Stage]] = []
    steps = 0

    def extend(chain: list[Stage], left: list[int]) -> Iterator[list[Stage]]:
        nonlocal steps
        if not left:
            yield chain
        for place, which in enumerate(left):
            steps += 1
            if steps > most:
                return
            for stage in _orientations(weights[which]):
                if not chain or follows(chain[-1], stage):
                    yield from extend([*chain, stage], left[:place] + left[place + 1 :])

    for chain in extend([], list(range(len(weights)))):
        if _natural_ends(chain):
            found.append(chain)
        if len(found) == MOST_ORDERS:
            break
    return sorted(found, key=_unusual)


def _without_one_matrix(weights: list[Part]) -> list[tuple[list[Stage], Part | None]]:
    """Chains of all layers but one matrix without bias, which then is an embedding."""
    for which, part in enumerate(weights):
        if part.kind == "linear" and "bias" not in part.tensors:
            rest = weights[:which] + weights[which + 1 :]
            if rest and (orders := _orders(rest, MOST_STEPS // len(weights))):
                return [(order, replace(part, kind="embedding")) for order in orders]
    return []


def _natural_ends(chain: list[Stage]) -> bool:
    """A generator ends in pictures, a discriminator in one number."""
    last = chain[-1]
    return last.outputs == 1 or (last.kind != "linear" and last.outputs <= 16) or last.kind == "linear"


def _unusual_ends(chain: list[Stage]) -> int:
    """How many ends are neither pictures', nor a verdict, nor a z of more than one number."""
    first, last = chain[0], chain[-1]
    of_one_number = first.kind == "conv_transpose" and first.inputs == 1
    return of_one_number + (last.kind != "linear" and last.outputs not in USUAL_CHANNELS)


def _unlikely(chain: list[Stage]) -> int:
    """How much of a chain hardly any network has: unusual ends, and maps made of what maps were flattened to."""
    kinds = [stage.kind for stage in chain]
    flattened = [n for n, (before, after) in enumerate(pairwise(kinds)) if before != "linear" == after]
    return _unusual_ends(chain) + sum(any(kind != "linear" for kind in kinds[n + 2 :]) for n in flattened)


def _unusual(chain: list[Stage]) -> int:
    """How much of a chain is rare: what is unlikely, turns from one kind of convolution to the other, shuffles."""
    links = [(before, after) for before, after in pairwise(chain) if "linear" not in (before.kind, after.kind)]
    turns = sum(before.kind != after.kind for before, after in links)
    return _unlikely(chain) + turns + sum(before.outputs != after.inputs for before, after in links)


def _is_square(number: int) -> bool:
    return number > 0 and math.isqrt(number) ** 2 == number
