"""Run a network over many rows, in batches as large as the device's memory allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ganlab.errors import GanlabError
from ganlab.networks.devices import is_out_of_memory

if TYPE_CHECKING:
    import torch
    from torch import nn

LARGEST_BATCH = 64  # rows at once; halved while memory does not suffice


def in_batches(
    network: nn.Module, inputs: Sequence[torch.Tensor], device: str, name: str, begin: Callable[[int], None]
) -> list[torch.Tensor]:
    """What a network makes of all rows, batch by batch, float32 on the CPU.

    Args:
        inputs: what it is called with, each (n, ...).
        device: where it runs.
        name: of the GAN, for the message.
        begin: told the first row of every batch before it runs.

    Raises:
        GanlabError: not even one row fits into memory.
    """
    outputs: list[torch.Tensor] = []
    batch, done = LARGEST_BATCH, 0
    while done < len(inputs[0]):
        begin(done)
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
