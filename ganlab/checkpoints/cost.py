"""How much memory and time a network takes to run, found out without taking it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from math import prod

from torch import nn

from ganlab.architectures.chain import Chain
from ganlab.architectures.shapes import Shape, pair, shape_after

MOST_NUMBERS = 2**26  # that a layer puts out for one picture: 256 MiB
MOST_POOLED = 2**33  # that a pooling goes through for one picture: seconds


def largest_output(network: Chain, shape: Shape) -> int:
    """How many numbers the largest layer puts out, or a pooling goes through, up to the first that are too many.

    Args:
        network: nothing of it is run.
        shape: of what it would be given, one picture or one z.
    """
    largest = 0
    with suppress(ValueError, TypeError, ArithmeticError):  # what does not run at all is told where it runs
        for layer in _layers(network):
            shape = shape_after(layer, shape)
            largest = max(largest, prod(shape))
            pooled = prod(shape) * _window(layer)
            largest = max(largest, pooled) if pooled > MOST_POOLED else largest
            if largest > MOST_NUMBERS:
                break
    return largest


def _layers(network: nn.Sequential) -> Iterator[nn.Module]:
    """One after the other, those of blocks too."""
    for layer in network:
        yield from _layers(layer) if isinstance(layer, nn.Sequential) else (layer,)


def _window(module: nn.Module) -> int:
    """How many numbers one of a pooling's comes from; those of layers with weights are as many as these."""
    return prod(pair(module.kernel_size)) if isinstance(module, (nn.MaxPool2d, nn.AvgPool2d)) else 1
