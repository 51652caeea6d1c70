"""Strided convolutions, and the one that draws the picture: of so few channels, CPUs compute it slowly as it is."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


def upsample(inputs: int, outputs: int, kernel: int) -> nn.ConvTranspose2d:
    """A fractionally-strided convolution of 4x4 or 5x5 that doubles the side exactly, without a bias."""
    return nn.ConvTranspose2d(inputs, outputs, kernel, 2, (kernel - 1) // 2, kernel - 4, bias=False)


def downsample(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    """A strided convolution of 4x4 or 5x5 that halves the side exactly, without a bias."""
    return nn.Conv2d(inputs, outputs, kernel, 2, (kernel - 1) // 2, bias=False)


class ToPicture(nn.ConvTranspose2d):
    """Feature maps (n, c, s, s) -> (n, channels, 2s, 2s): a 4x4 fractionally-strided convolution, without a bias.

    A kernel of 4x4 in steps of two gives each 2x2 cell of pixels sums over 2x2 maps. With the pixels of a cell as
    channels these are a plain 2x2 convolution to four times the channels, which fills a CPU's vectors: half the time.
    The weight keeps torch's shape and name.
    """

    input_axis = 0  # of the weight, which surgery relies on

    def __init__(self, maps: int, channels: int) -> None:
        super().__init__(maps, channels, 4, 2, 1, bias=False)

    def forward(self, maps: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        if maps.device.type != "cpu" or output_size is not None:
            return super().forward(maps, output_size)
        if len(maps) == 1:  # other sums for a batch of one: a picture is to have the same bits alone and among others
            return self.forward(maps.expand(2, -1, -1, -1))[:1]
        inputs, outputs = self.weight.shape[:2]
        # (in, out, 2 cells down, row in the cell, 2 cells across, column); a transposed kernel runs backwards
        quarters = self.weight.reshape(inputs, outputs, 2, 2, 2, 2).flip(2, 4)
        kernel = quarters.permute(1, 3, 5, 0, 2, 4).reshape(4 * outputs, inputs, 2, 2)
        if self.weight.is_contiguous(memory_format=torch.channels_last):
            # so that sums are the same, however the maps that come in lie
            kernel = kernel.contiguous(memory_format=torch.channels_last)
        pictures = F.pixel_shuffle(F.conv2d(maps, kernel, padding=1), 2)
        return pictures[:, :, 1:-1, 1:-1]  # the padding of one pixel that the strided form leaves out
