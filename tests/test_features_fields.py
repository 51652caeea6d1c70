"""Receptive fields behind what hides most of a picture in any one pass: pooling, and functions with dead zones."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganlab_features.receptive import receptive_fields

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE = 32
Network = Callable[[torch.Tensor], torch.Tensor]


class Around(nn.Module):
    """What a function does, as the maps of a network."""

    def __init__(self, function: Network) -> None:
        super().__init__()
        self.maps, self.function = nn.Identity(), function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.maps(self.function(x))


def spans(function: Network, size: int = SIZE) -> list[list[int]]:
    """What the units on the diagonal see."""
    found = receptive_fields(Around(function), "maps", (1, size, size))
    assert found.rows.tolist() == found.columns.tolist()
    return found.rows.tolist()


def of_arithmetic(size: int, *layers: tuple[int, int, int]) -> list[list[int]]:
    """From kernel, stride and padding of each layer, without dilation."""
    sides = [size]
    for kernel, stride, padding in layers:
        sides.append((sides[-1] + 2 * padding - kernel) // stride + 1)
    found = [[unit, unit + 1] for unit in range(sides[-1])]
    for (kernel, stride, padding), side in zip(layers[::-1], sides[-2::-1], strict=True):
        found = [
            [max(0, first * stride - padding), min(side, (behind - 1) * stride - padding + kernel)]
            for first, behind in found
        ]
    return found


def convolution(seed: int, kernel: int = 3) -> nn.Conv2d:
    torch.manual_seed(seed)
    return nn.Conv2d(1, 1, kernel, padding=kernel // 2)


def test_behind_two_poolings_they_are_those_of_arithmetic() -> None:
    network = nn.Sequential(
        convolution(0), nn.LeakyReLU(0.2), nn.MaxPool2d(2), convolution(1), nn.LeakyReLU(0.2), nn.MaxPool2d(4)
    )
    expected = of_arithmetic(SIZE, (3, 1, 1), (2, 2, 0), (3, 1, 1), (4, 4, 0))
    assert expected == [[0, 11], [5, 19], [13, 27], [21, 32]]
    assert spans(network) == expected


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 2, 1), (5, 3, 2), (2, 1, 0), (4, 4, 1)])
def test_pooling_of_any_kind_sees_its_whole_window(kernel: int, stride: int, padding: int) -> None:
    expected = of_arithmetic(SIZE, (kernel, stride, padding))
    assert spans(lambda x: F.max_pool2d(x, kernel, stride, padding)) == expected
    assert spans(lambda x: torch.max_pool2d(x, kernel, stride, padding)) == expected
    assert spans(lambda x: F.max_pool2d(x, kernel, stride, padding, return_indices=True)[0]) == expected


def test_windows_with_gaps_and_windows_over_the_edge() -> None:
    assert spans(lambda x: F.max_pool2d(x, 3, 2, 1, dilation=2), 9) == [[1, 4], [1, 6], [3, 8], [5, 8]]
    assert spans(nn.MaxPool2d(2, ceil_mode=True), 5) == [[0, 2], [2, 4], [4, 5]]
    assert spans(nn.MaxPool2d((3, 3), (3, 3), ceil_mode=True), 7) == [[0, 3], [3, 6], [6, 7]]


def test_adaptive_pooling_sees_its_whole_cell() -> None:
    assert spans(nn.AdaptiveMaxPool2d(4)) == [[0, 8], [8, 16], [16, 24], [24, 32]]
    assert spans(nn.AdaptiveMaxPool2d(3), 8) == [[0, 3], [2, 6], [5, 8]]
    assert spans(lambda x: F.adaptive_max_pool2d(x, 2, return_indices=True)[0]) == [[0, 16], [16, 32]]


DEAD: dict[str, Network] = {
    "clamp": lambda x: x.clamp(0.9, 0.95),
    "clamp in place": lambda x: (x * 1).clamp_(0.9, 0.95),
    "clamp_min": lambda x: x.clamp_min(0.98),
    "clamp_max": lambda x: x.clamp_max(-0.98),
    "clip": lambda x: torch.clip(x, max=-0.98),
    "hardtanh": nn.Hardtanh(-0.01, 0.01),
    "hardtanh in place": lambda x: nn.Hardtanh(-0.01, 0.01, inplace=True)(x * 1),
    "threshold": nn.Threshold(0.98, 0.0),
    "threshold in place": lambda x: F.threshold_(x * 1, 0.98, 0.0),
    "hardsigmoid": lambda x: F.hardsigmoid(100 * x),
    "hardshrink": nn.Hardshrink(0.98),
    "softshrink": nn.Softshrink(0.98),
}


@pytest.mark.parametrize("kind", DEAD)
def test_what_a_dead_zone_hides_is_seen(kind: str) -> None:
    """One filter of one window: in most of it nothing passes."""
    mean = nn.AvgPool2d(8)
    assert spans(lambda x: mean(DEAD[kind](x))) == [[0, 8], [8, 16], [16, 24], [24, 32]]
