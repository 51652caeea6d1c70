"""Networks as a format's reader stored them, built and filled for tests, and files that it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from ganlab.architectures.chain import Chain, build_layers
from ganlab.errors import GanlabError
from ganlab.recovery.stored import StoredNetwork

KEYS = {"weight": "weight", "bias": "bias", "mean": "running_mean", "variance": "running_var"}


def built(stored: StoredNetwork) -> nn.Module:
    """The network of a reader's tables with its parts' weights, for evaluation; all that the file has must fit."""
    network = build_layers(stored.layers, Chain)
    weights = {f"{part.name}.{KEYS[role]}": tensor for part in stored.parts for role, tensor in part.tensors.items()}
    left = network.load_state_dict(weights, strict=False)
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    assert not left.unexpected_keys
    assert not [key for key in left.missing_keys if not key.endswith(statistics)]
    return network.eval()


def with_statistics(network: nn.Module, inputs: torch.Tensor) -> nn.Module:
    """The network with BatchNorm's statistics taken over these inputs."""
    norms = [layer for layer in network.modules() if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d))]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean
    with torch.no_grad():
        network.train()(inputs)
    return network.eval()


def refused(load: Callable[[Path], object], path: Path, words: str) -> None:
    """A format's reader says of this file, in one line with a hint, what is wrong with it."""
    with pytest.raises(GanlabError, match=words) as caught:
        load(path)
    assert caught.value.hint
    assert "\n" not in caught.value.message


def ends_with_flips(load: Callable[[Path], object], path: Path, *masks: int, step: int = 1) -> set[str]:
    """How opening a file ends, one byte of it changed: it is "read" or "refused", and nothing else may happen.

    Args:
        load: opens ``path``, or a file beside it, too.
        masks: each is laid over every byte, by exclusive or.
        step: every so many bytes only.
    """
    whole, ends = path.read_bytes(), set()
    for place in range(0, len(whole), step):
        for mask in masks:
            path.write_bytes(whole[:place] + bytes([whole[place] ^ mask]) + whole[place + 1 :])
            try:
                load(path)
                ends.add("read")
            except GanlabError:
                ends.add("refused")
    return ends
