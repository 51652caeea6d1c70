"""How much memory and time a network takes to run, found out without taking it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

MOST_NUMBERS = 2**26  # that a layer puts out for one picture: 256 MiB
MOST_POOLED = 2**33  # that a pooling goes through for one picture: seconds


def largest_output(network: nn.Module, *inputs: torch.Tensor) -> int:
    """How many numbers the largest layer puts out, or a pooling goes through, up to the first that are too many.

    Args:
        network: stays as it is.
        inputs: of a forward pass, of which shapes and types count alone.
    """
    largest = 0

    def look(module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        nonlocal largest
        if isinstance(output, torch.Tensor):
            largest = max(largest, output.numel())
            pooled = output.numel() * _window(module)
            largest = max(largest, pooled) if pooled > MOST_POOLED else largest
        if largest > MOST_NUMBERS:
            raise MemoryError

    shapes = {name: value.to("meta") for name, value in (*network.named_parameters(), *network.named_buffers())}
    handles = [module.register_forward_hook(look) for module in network.modules()]
    try:
        with suppress(Exception), torch.no_grad():  # what does not run at all is told where it runs
            functional_call(network, shapes, tuple(one.to("meta") for one in inputs))
    finally:
        for handle in handles:
            handle.remove()
    return largest


def _window(module: nn.Module) -> int:
    """How many numbers one of a pooling's comes from; those of layers with weights are as many as these."""
    if not isinstance(module, (nn.MaxPool2d, nn.AvgPool2d)):
        return 1
    sides = module.kernel_size if isinstance(module.kernel_size, tuple) else (module.kernel_size,) * 2
    return int(sides[0]) * int(sides[1])
