"""TensorFlow's "same" and "valid": how many zeros go before and behind, and what a transposed convolution cuts off.

Where zeros are needed on one side only, TensorFlow puts the odd one behind (right, below), for a convolution; a
transposed convolution is the gradient of one, so it cuts off behind what that one would have added.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sides:
    """Pixels along one axis: at its beginning, at its end, and the length that comes out."""

    before: int
    after: int
    length: int


def around_convolution(length: int, kernel: int, stride: int, same: bool) -> Sides:
    """The zeros that a convolution or pooling adds along one axis."""
    if not same:
        return Sides(0, 0, (length - kernel) // stride + 1)
    outputs = -(-length // stride)
    zeros = max((outputs - 1) * stride + kernel - length, 0)
    return Sides(zeros // 2, zeros - zeros // 2, outputs)


def off_transposed(length: int, kernel: int, stride: int, same: bool, output_padding: int | None) -> Sides:
    """What is cut off the (length - 1) * stride + kernel outputs of a transposed convolution along one axis.

    A kernel shorter than the stride leaves outputs behind that no kernel reaches; those are cut off less than nothing.
    """
    whole = (length - 1) * stride + kernel
    if output_padding is not None:
        outputs = whole + output_padding - (2 * (kernel // 2) if same else 0)
    else:
        outputs = length * stride if same else length * stride + max(kernel - stride, 0)
    cut = whole - outputs
    before = max(cut, 0) // 2 if same else 0
    return Sides(before, cut - before, outputs)
