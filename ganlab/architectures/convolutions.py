"""The two convolutions beside the picture, which has so few channels that a CPU computes them slowly as they are.

A 4x4 kernel that goes in steps of two meets every 2x2 cell of pixels with one of its own 2x2 quarters. With a cell's
pixels as channels the same sums are a 2x2 convolution in steps of one with four times the channels, which fills a
CPU's vectors: half the time, on two cores, of either layer. Weights keep the shape and the name that torch gives them.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class ToPicture(nn.ConvTranspose2d):
    """Feature maps (n, c, s, s) -> (n, channels, 2s, 2s): a 4x4 fractionally-strided convolution, without a bias."""

    input_axis = 0  # of the weight, which surgery relies on

    def __init__(self, maps: int, channels: int) -> None:
        super().__init__(maps, channels, 4, 2, 1, bias=False)

    def forward(self, maps: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        if maps.device.type != "cpu" or output_size is not None:
            return super().forward(maps, output_size)
        inputs, outputs = self.weight.shape[:2]
        # (in, out, 2 cells down, row in the cell, 2 cells across, column); a transposed kernel runs backwards
        quarters = self.weight.reshape(inputs, outputs, 2, 2, 2, 2).flip(2, 4)
        kernel = quarters.permute(1, 3, 5, 0, 2, 4).reshape(4 * outputs, inputs, 2, 2)
        pictures = F.pixel_shuffle(F.conv2d(maps, kernel, padding=1), 2)
        return pictures[:, :, 1:-1, 1:-1]  # the padding of one pixel that the strided form leaves out


class FromPicture(nn.Conv2d):
    """Pictures (n, channels, 2s, 2s) -> feature maps (n, c, s, s): a 4x4 convolution of stride 2, without a bias."""

    input_axis = 1  # of the weight, which surgery relies on

    def __init__(self, channels: int, maps: int) -> None:
        super().__init__(channels, maps, 4, 2, 1, bias=False)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        if pictures.device.type != "cpu":
            return super().forward(pictures)
        outputs, inputs = self.weight.shape[:2]
        quarters = self.weight.reshape(outputs, inputs, 2, 2, 2, 2)
        kernel = quarters.permute(0, 1, 3, 5, 2, 4).reshape(outputs, 4 * inputs, 2, 2)
        return F.conv2d(F.pixel_unshuffle(F.pad(pictures, (1, 1, 1, 1)), 2), kernel)
