"""Which pixels of a picture a unit of a feature map can see, for any network.

Nothing is read from the kernel sizes of convolutions: with rectifiers that let everything pass, the gradient of a unit
is nonzero exactly where the unit depends on the picture, whatever the layers in between are called. So everything
passes where a function is flat, too, and max-pooling, whose own gradient shows the largest of each window in the one
picture that is looked at, gets that of all cells. A layer that mixes the whole picture gives the whole picture. Only
the box around is kept, and rows and columns are taken to be independent of each other.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ganlab import GanlabError, random_bits

from .rectifiers import FLAT, POOLING, Call, Compute, Intercept, elementwise, run_until

STREAM_NOISE = 601
AT_ONCE = 16  # units in one backward pass


@dataclass(frozen=True)
class Fields:
    """What the units of a layer see of a picture.

    Attributes:
        rows: (unit rows, 2) int: the first row of pixels that each sees, and the one behind the last.
        columns: (unit columns, 2) int: the same for columns.
        size: (height, width) of the picture in pixels.
    """

    rows: np.ndarray
    columns: np.ndarray
    size: tuple[int, int]

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """What one unit sees: top, bottom, left, right in pixels; the picture is cut at bottom and right."""
        top, bottom = map(int, self.rows[row])
        left, right = map(int, self.columns[column])
        return top, bottom, left, right

    @property
    def largest(self) -> tuple[int, int]:
        """Height and width of the largest box, in pixels: the receptive field where no border cuts it."""
        height, width = (int(np.diff(spans, axis=1).max()) for spans in (self.rows, self.columns))
        return height, width


class _PassAll(Intercept):
    """Rectifiers and whatever else hides a part keep their values and let the whole gradient through."""

    def rectify(self, number: int, x: torch.Tensor, compute: Compute) -> torch.Tensor:
        return _through(x, compute(x.clone()))

    def bend(self, name: str, func: Call, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if name in FLAT:
            return elementwise(lambda x, compute: _through(x, compute(x.clone())), func, args, kwargs)
        output = func(*args, **kwargs)
        if name not in POOLING:
            return output
        pooled, *indices = output if isinstance(output, tuple) else (output,)
        x, *how = args or (kwargs.pop("input"),)
        if name.startswith("adaptive"):
            windows = F.adaptive_avg_pool2d(x, pooled.shape[2:])
        else:
            windows = _sums_of_windows(pooled.shape, x, *how, **kwargs)
        return (_through(windows, pooled), *indices) if indices else _through(windows, pooled)


def _through(x: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """These values with the gradient of ``x``."""
    return x + (values - x).detach()


def _sums_of_windows(
    shape: torch.Size,
    x: torch.Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    *_: Any,
    **__: Any,
) -> torch.Tensor:
    """The sum over each window of a pooling that puts out this shape, called as ``max_pool2d`` is."""
    kernel, step, before, apart = (_pair(value) for value in (kernel_size, stride or kernel_size, padding, dilation))
    # as far as the last window reaches, which may be over the edge
    behind = [
        max(0, (count - 1) * by + gap * (cells - 1) + 1 - first - side)
        for count, by, gap, cells, first, side in zip(shape[2:], step, apart, kernel, before, x.shape[2:], strict=True)
    ]
    wide = F.pad(x, (before[1], behind[1], before[0], behind[0])).flatten(0, 1)[:, None]
    sums = F.conv2d(wide, wide.new_ones(1, 1, *kernel), stride=step, dilation=apart)
    return sums[..., : shape[2], : shape[3]].reshape(shape)


def _pair(value: Any) -> tuple[int, int]:
    """What torch takes for both sides at once."""
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def receptive_fields(network: nn.Module, layer: str, shape: tuple[int, int, int]) -> Fields:
    """Find what a layer's units see, from the gradients of those on its diagonal.

    Args:
        network: images (n, c, h, w) -> anything, by way of the layer.
        layer: dotted name of a module that puts out feature maps (n, filters, rows, columns).
        shape: (channels, height, width) of a picture.

    Raises:
        GanlabError: the layer puts out no feature maps, or they do not depend on the picture.
    """
    network = copy.deepcopy(network).cpu()  # where sums are plain sums; fast convolutions of GPUs smear zeros
    noise = random_bits(0, np.arange(1), int(np.prod(shape)), STREAM_NOISE) / 2.0**31 - 1
    image = torch.from_numpy(noise.reshape(1, *shape)).float()
    with torch.no_grad():
        _, filters, *sides = run_until(network, layer, image).shape
    # all filters of a unit at once, with weights of both signs that no sum is zero by
    weights = torch.from_numpy(random_bits(1, np.arange(1), filters, STREAM_NOISE)[0] / 2.0**31 - 1).float()
    seen = []
    for start in range(0, max(sides), AT_ONCE):
        units = torch.arange(start, min(start + AT_ONCE, max(sides)))
        with torch.enable_grad(), _PassAll():
            images = image.repeat(len(units), 1, 1, 1).requires_grad_()
            features = run_until(network, layer, images)
        down, across = (units.clamp(max=side - 1) for side in sides)
        responses = (features[torch.arange(len(units)), :, down, across] * weights).sum()
        if not responses.requires_grad:
            raise GanlabError(f"The layer {layer!r} does not depend on the picture.", "Name another with --layer.")
        seen.append(torch.autograd.grad(responses, images)[0].abs().sum(1).numpy() > 0)
    support = np.concatenate(seen)
    if not support.any((1, 2)).all():
        raise GanlabError(f"Units of the layer {layer!r} do not depend on the picture.", "Name another with --layer.")
    rows, columns = np.asarray(support.any(2)), np.asarray(support.any(1))
    return Fields(_spans(rows[: sides[0]]), _spans(columns[: sides[1]]), shape[1:])


def _spans(support: np.ndarray) -> np.ndarray:
    """(units, pixels) bool -> (units, 2): the first True, and the place behind the last."""
    return np.stack([support.argmax(1), support.shape[1] - support[:, ::-1].argmax(1)], 1)
