"""Run a network over many rows, in batches as large as the device's memory allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganlab.errors import GanlabError
from ganlab.networks.devices import enough_memory, is_out_of_memory

if TYPE_CHECKING:
    import torch
    from torch import nn

LARGEST_BATCH = 64  # rows at once; halved while memory does not suffice


_running: dict[int, int] = {}  # where the batch that runs begins in its whole call, of every network that runs


def in_batches(
    network: nn.Module, inputs: Sequence[torch.Tensor | None], shape: Sequence[int], device: str, name: str
) -> torch.Tensor:
    """What a network makes of all rows, (n, ...) float32 on the CPU.

    Args:
        inputs: what it is called with, each (n, ...) or None for none.
        shape: what it makes of one row, where there are no rows to ask it with.
        device: where it runs.
        name: of the GAN, for the message.

    Raises:
        GanlabError: not even one row fits into memory, or all results do not.
    """
    import torch

    given, key = [part for part in inputs if part is not None], _key(network)
    outer = _running.get(key)  # an edit may run its own network
    try:
        outputs = _batch_by_batch(network, given, key, device, name)
    finally:
        if outer is None:
            _running.pop(key, None)
        else:
            _running[key] = outer
    if not outputs:
        return torch.empty(0, *shape)
    with enough_memory(f"{len(given[0])} results do not fit into memory at once.", "Ask for fewer at a time."):
        return torch.cat(outputs)


def first_row(network: nn.Module) -> int:
    """Where the batch that a network is running begins in the whole call; 0 where it runs by itself."""
    return _running.get(_key(network), 0)


def _key(network: nn.Module) -> int:
    """One for all that tell one network different classes (networks.conditional): they share its layers."""
    return id(network._modules)


def _batch_by_batch(
    network: nn.Module, inputs: Sequence[torch.Tensor], key: int, device: str, name: str
) -> list[torch.Tensor]:
    outputs: list[torch.Tensor] = []
    batch, done = LARGEST_BATCH, 0
    while done < len(inputs[0]):
        _running[key] = done
        rows = min(batch, len(inputs[0]) - done)
        output = _attempt(network, [part[done : done + rows] for part in inputs], device)
        if output is not None:
            outputs.append(output)
            done += rows
        elif rows > 1:
            batch = rows // 2
        else:
            raise GanlabError(
                f"One picture of {name!r} does not fit into the memory of {device}.",
                "Close other programs or choose another --device.",
            )
    return outputs


def _attempt(network: nn.Module, batch: Sequence[torch.Tensor], device: str) -> torch.Tensor | None:
    """None when memory does not suffice."""
    import torch

    try:
        with torch.no_grad():
            return network(*(part.to(device) for part in batch)).float().cpu().contiguous()
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            return None
        raise
