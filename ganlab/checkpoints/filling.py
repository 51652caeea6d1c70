"""Somebody's own networks, filled from a file: each with the state dict that fits it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile
from pathlib import Path

import torch
from torch import nn

from ganlab.checkpoints import pytorch, safetensors
from ganlab.errors import GanlabError
from ganlab.networks.weights import COUNTER
from ganlab.wording import quoted

Tensors = Mapping[str, torch.Tensor]
WRAPPERS = ("module.", "_orig_mod.")  # what DataParallel, DistributedDataParallel and torch.compile put before keys
COUNTERS = (COUNTER, "n_averaged")  # of a norm's batches, of the states in an average: nothing that is computed with


def fill(networks: Mapping[str, nn.Module], file: Path, where: str, which: str | None) -> None:
    """Give every network the weights that the file holds for it; all of them find theirs, or none is changed.

    Args:
        networks: side -> network.
        where: what built them, for messages.
        which: the state dict for the generator, by its name in the file; None where only one fits.

    Raises:
        GanlabError: no such file, no state dict in it fits a network, or several do.
    """
    if not file.is_file():
        raise GanlabError(f"There is no file {quoted(file)}.", "After the plus stands a file of weights.")
    document = safetensors.read(file) if safetensors.recognises(file) else pytorch.read(file)
    found = {name: _unwrapped(tensors) for name, tensors in pytorch.state_dicts(document, file)}
    chosen = {
        side: _chosen(network, side, found, file, where, which if side == "generator" else None)
        for side, network in networks.items()
    }
    for side, network in networks.items():
        network.load_state_dict(
            {key: chosen[side].get(_bare(key), value) for key, value in network.state_dict().items()}
        )


def _chosen(
    network: nn.Module, side: str, found: Mapping[str, Tensors], file: Path, where: str, which: str | None
) -> Tensors:
    wanted = _unwrapped(network.state_dict())
    named = {name: _named_as(wanted, tensors) for name, tensors in found.items()}
    fitting = [name for name, tensors in named.items() if _fits(wanted, tensors)]
    if which is not None:
        if which not in found:
            raise GanlabError(f"{file} holds no {which!r}.", f"It holds: {', '.join(map(repr, found))}.")
        if which in fitting:
            return named[which]
    elif len(fitting) == 1:
        return named[fitting[0]]
    elif fitting:
        raise GanlabError(
            f"{file} holds {len(fitting)} state dicts that fit the {side} of {where}: {', '.join(map(repr, fitting))}.",
            f"Choose one: {where}+{file}#{fitting[0]}"
            if side == "generator"
            else "Let the factory fill it itself, or return the generator alone.",
        )
    raise GanlabError(
        f"The weights in {file} do not fit the {side} of {where}: {_reason(wanted, named, which)}.",
        "Is it this network's file?"
        if side == "generator"
        else "Let the factory fill the discriminator itself, or return the generator alone.",
    )


def _fits(wanted: Tensors, tensors: Tensors) -> bool:
    return _keys(wanted) == _keys(tensors) and all(wanted[key].shape == tensors[key].shape for key in _keys(wanted))


def _keys(tensors: Tensors) -> set[str]:
    return {key for key in tensors if not key.endswith(COUNTERS)}


def _reason(wanted: Tensors, found: Mapping[str, Tensors], which: str | None) -> str:
    """What keeps the nearest of them from fitting."""
    keys = _keys(wanted)
    names = [which] if which is not None else list(found)
    nearest = max(names, key=lambda name: len(keys & found[name].keys()))
    there = found[nearest]
    if missing := sorted(keys - there.keys()):
        return f"{nearest or 'it'} has no {missing[0]}"
    if beyond := sorted(_keys(there) - keys):
        return f"{nearest or 'it'} has {beyond[0]}, which the network has not"
    key = next(key for key in sorted(keys) if wanted[key].shape != there[key].shape)
    return f"{key} is {tuple(there[key].shape)} in it and {tuple(wanted[key].shape)} in the network"


def _named_as(wanted: Tensors, tensors: Tensors) -> Tensors:
    """The same tensors, without as many of the words that all their keys share as make most of them the network's.

    Such words lead to the network in a larger one, as Lightning and fastai save it: ``generator.main.0.weight``.
    """
    keys = _keys(wanted)
    shared = _shared_words(_keys(tensors))
    ways = [_unwrapped({key.split(".", n)[-1]: one for key, one in tensors.items()}) for n in range(shared + 1)]
    return max(ways, key=lambda way: len(keys & way.keys()))  # the first of equals: the file's own names


def _shared_words(keys: Iterable[str]) -> int:
    """How many words all of the keys begin with, short of their last."""
    columns = zip(*(key.split(".")[:-1] for key in keys), strict=False)
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))


def _unwrapped(tensors: Tensors) -> dict[str, torch.Tensor]:
    return {_bare(key): value for key, value in tensors.items()}


def _bare(key: str) -> str:
    """A key without the wrappers around its network, in whatever order they were put on."""
    while bare := next((key.removeprefix(wrapper) for wrapper in WRAPPERS if key.startswith(wrapper)), ""):
        key = bare
    return key
