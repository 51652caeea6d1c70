"""Blocks of the labelers' networks, and their BatchNorm multiplied into the convolutions."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

Net = TypeVar("Net", bound=nn.Module)


class ConvBlock(nn.Sequential):
    """3x3 convolution, BatchNorm (or a bias instead), ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dilation: int = 1, batch_norm: bool = True) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation, bias=not batch_norm),
            nn.BatchNorm2d(outputs) if batch_norm else nn.Identity(),
            nn.ReLU(inplace=True),  # at 64x64 the memory it would write costs more than the comparison
        )


class ResidualBlock(nn.Module):
    """x + two convolutions of x."""

    def __init__(self, channels: int, dilation: int = 1, batch_norm: bool = True) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels, dilation=dilation, batch_norm=batch_norm)
        self.second = ConvBlock(channels, channels, batch_norm=batch_norm)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features + self.second(self.first(features))


def without_batch_norm(network: Net) -> Net:
    """A network of :class:`ConvBlock` in eval mode, every BatchNorm multiplied into the convolution before it."""
    copied = copy.deepcopy(network).eval()
    for module in copied.modules():
        if isinstance(module, ConvBlock):
            convolution, norm = module[0], module[1]
            assert isinstance(convolution, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            module[0], module[1] = nn.utils.fuse_conv_bn_eval(convolution, norm), nn.Identity()
    return copied
