"""Somebody's own networks, filled from a file: each with the state dict that fits it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from ganlab.checkpoints import pytorch, safetensors
from ganlab.errors import GanlabError
from ganlab.networks import COUNTER

Tensors = Mapping[str, torch.Tensor]


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
        raise GanlabError(f"There is no file {str(file)!r}.", "After the plus stands a file of weights.")
    document = safetensors.read(file) if safetensors.recognises(file) else pytorch.read(file)
    found = {name: _stripped(tensors) for name, tensors in pytorch.state_dicts(document, file)}
    chosen = {
        side: _chosen(network, side, found, file, where, which if side == "generator" else None)
        for side, network in networks.items()
    }
    for side, network in networks.items():
        known = network.state_dict()
        network.load_state_dict({key: value for key, value in chosen[side].items() if key in known})


def _chosen(
    network: nn.Module, side: str, found: Mapping[str, Tensors], file: Path, where: str, which: str | None
) -> Tensors:
    fitting = [name for name, tensors in found.items() if _fits(network, tensors)]
    if which is not None:
        if which not in found:
            raise GanlabError(f"{file} holds no {which!r}.", f"It holds: {', '.join(map(repr, found))}.")
        if which in fitting:
            return found[which]
    elif len(fitting) == 1:
        return found[fitting[0]]
    elif fitting:
        raise GanlabError(
            f"{file} holds {len(fitting)} state dicts that fit the {side} of {where}: {', '.join(map(repr, fitting))}.",
            f"Choose one: {where}+{file}#{fitting[0]}"
            if side == "generator"
            else "Let the factory fill it itself, or return the generator alone.",
        )
    raise GanlabError(
        f"The weights in {file} do not fit the {side} of {where}: {_reason(network, found, which)}.",
        "Is it this network's file?"
        if side == "generator"
        else "Let the factory fill the discriminator itself, or return the generator alone.",
    )


def _fits(network: nn.Module, tensors: Tensors) -> bool:
    wanted = network.state_dict()
    return _keys(wanted) == _keys(tensors) and all(wanted[key].shape == tensors[key].shape for key in _keys(wanted))


def _keys(tensors: Tensors) -> set[str]:
    return {key for key in tensors if not key.endswith(COUNTER)}


def _reason(network: nn.Module, found: Mapping[str, Tensors], which: str | None) -> str:
    """What keeps the nearest of them from fitting."""
    known = network.state_dict()
    wanted = _keys(known)
    names = [which] if which is not None else list(found)
    nearest = max(names, key=lambda name: len(wanted & found[name].keys()))
    there = found[nearest]
    if missing := sorted(wanted - there.keys()):
        return f"{nearest or 'it'} has no {missing[0]}"
    if beyond := sorted(_keys(there) - wanted):
        return f"{nearest or 'it'} has {beyond[0]}, which the network has not"
    key = next(key for key in sorted(wanted) if known[key].shape != there[key].shape)
    return f"{key} is {tuple(there[key].shape)} in it and {tuple(known[key].shape)} in the network"


def _stripped(tensors: Tensors) -> dict[str, torch.Tensor]:
    return {key.removeprefix("module.").removeprefix("_orig_mod."): value for key, value in tensors.items()}
