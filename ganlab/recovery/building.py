"""From layers and the parts that fill them to a network with names: the tables of a chain, and its weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ganlab.errors import GanlabError
from ganlab.recovery.simulate import Element, on_meta, run
from ganlab.recovery.stored import Part

WEIGHTED = ("conv", "conv_transpose", "linear")
SHORT = {
    "conv": "conv",
    "conv_transpose": "conv",
    "linear": "linear",
    "batch_norm": "norm",
    "instance_norm": "norm",
    "layer_norm": "norm",
    "group_norm": "norm",
    "reshape": "reshape",
    "flatten": "flatten",
    "pad": "pad",
    "upsample": "upsample",
    "pixel_shuffle": "shuffle",
    "global_pool": "pool",
    "max_pool": "pool",
    "average_pool": "pool",
}
STORED_AS = {"weight": "weight", "bias": "bias", "mean": "running_mean", "variance": "running_var"}

Named = tuple[dict[str, Any], Part | None]  # a layer's table with its name, and its weights


def named(elements: Sequence[Element], first: torch.Size, side: str) -> list[Named]:
    """The layers with names that say where they stand.

    A generator's blocks are ``up4``, ``up8``, ... ``output`` after the side of what they put out, a discriminator's
    ``down32``, ``down16``, ... ``logit``; ``dense1``, ``dense2`` where there are no maps yet.

    Args:
        elements: layer after layer.
        first: shape of one input.
        side: "generator" or "discriminator".
    """
    found: list[Named] = []
    if elements and elements[0][0]["kind"] == "classes":
        table, part = elements[0]
        found.append(({"name": "classes", **table}, part))
        elements, first = elements[1:], torch.Size((_joined(table, first[0]),))
    blocks = _blocks(elements)
    sides = _sides(elements, blocks, first)
    titles: Counter[str] = Counter()
    for number, block in enumerate(blocks):
        last = number == len(blocks) - 1
        title = _title(sides[number], last, side, number)
        titles[title] += 1
        block_name = title + _suffix(titles[title])
        inside: Counter[str] = Counter()
        for place in block:
            table, part = elements[place]
            word = SHORT.get(table["kind"], "act")
            inside[word] += 1
            name = f"{block_name}.{word}" + (str(inside[word]) if inside[word] > 1 else "")
            found.append(({"name": name, **table}, part))
    return found


def _suffix(number: int) -> str:
    """What tells blocks of one title apart: nothing, b, c, ... z, _27, _28, ..."""
    if number > 26:
        return f"_{number}"
    return "" if number == 1 else "abcdefghijklmnopqrstuvwxyz"[number - 1]


def _blocks(elements: Sequence[Element]) -> list[list[int]]:
    """Each layer with weights, what prepares its input, and what follows until the next one's preparation."""
    blocks: list[list[int]] = [[]]
    prepared: list[int] = []
    weighted = False
    for place, (table, _) in enumerate(elements):
        if table["kind"] in ("reshape", "flatten", "pad", "upsample", "pixel_shuffle", "global_pool"):
            prepared.append(place)
        elif table["kind"] in WEIGHTED and weighted:
            blocks.append([*prepared, place])
            prepared = []
        else:
            blocks[-1] += [*prepared, place]
            prepared = []
            weighted = weighted or table["kind"] in WEIGHTED
    blocks[-1] += prepared
    return blocks


def _sides(elements: Sequence[Element], blocks: list[list[int]], first: torch.Size) -> list[int]:
    """Side of what every block puts out; 0 for features without places."""
    sides = []
    features = torch.zeros(2, *first, device="meta")
    for block in blocks:
        for place in block:
            table, part = elements[place]
            features = run(((table, None if part is None else on_meta(part)),), features)
        sides.append(features.shape[-1] if features.ndim == 4 else 0)
    return sides


def _joined(table: Mapping[str, Any], z_dim: int) -> int:
    return z_dim if table["join"] == "multiply" else z_dim + int(table["dims"])


def _title(side: int, last: bool, network: str, number: int) -> str:
    if last:
        return "output" if network == "generator" else "logit"
    if side == 0:
        return f"dense{number + 1}"
    return f"up{side}" if network == "generator" else f"down{side}"


def weights_of(layers: Sequence[Named]) -> dict[str, torch.Tensor]:
    """The state dict of the chain of these layers; what no file holds of a norm is left at its start.

    So is the scale of norms that other frameworks learn with a shift alone.

    Raises:
        GanlabError: numbers that are not finite.
    """
    state: dict[str, torch.Tensor] = {}
    for table, part in layers:
        if part is None:
            continue
        if not all(torch.isfinite(value).all() for value in part.tensors.values()):
            raise GanlabError(f"{part.name!r} holds NaN or infinity.", "The training diverged.")
        state |= tensors_of(table, part)
        if table["kind"] == "batch_norm":
            prefix, maps = prefix_of(table), table["maps"]
            state.setdefault(f"{prefix}.running_mean", torch.zeros(maps))
            state.setdefault(f"{prefix}.running_var", torch.ones(maps))
            if table.get("affine", True):
                state.setdefault(f"{prefix}.weight", torch.ones(maps))
                state.setdefault(f"{prefix}.bias", torch.zeros(maps))
            state[f"{prefix}.num_batches_tracked"] = torch.tensor(part.settings.get("batches", 0))
    return state


def prefix_of(table: Mapping[str, Any]) -> str:
    """What the names of a layer's parameters begin with."""
    return f"{table['name']}.embedding" if table["kind"] == "classes" else str(table["name"])


def tensors_of(table: Mapping[str, Any], part: Part) -> dict[str, torch.Tensor]:
    """The parameters of one layer that its part holds, by the names that they have in the network."""
    return {f"{prefix_of(table)}.{STORED_AS[role]}": value for role, value in part.tensors.items()}


def source_of(format: str, networks: Mapping[str, tuple[str, Sequence[Named]]]) -> dict[str, Any]:
    """Where every tensor came from, so that it can be written back: the card's ``[source]``.

    Args:
        format: of the file.
        networks: side -> what the file calls its network ("" where it is nothing else), and its layers.
    """
    return {
        "format": format,
        "networks": {side: name for side, (name, _) in networks.items() if name},
        "keys": {side: _keys_of(layers) for side, (_, layers) in networks.items()},
    }


def _keys_of(layers: Sequence[Named]) -> dict[str, str]:
    """The network's parameter -> its key in the file it came from."""
    found: dict[str, str] = {}
    for table, part in layers:
        if part is not None:
            found |= {f"{prefix_of(table)}.{STORED_AS[role]}": key for role, key in part.keys.items()}
    return found
