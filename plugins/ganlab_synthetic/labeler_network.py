"""The labeler's network: a small U-Net that sees a whole 64x64 room and says what each pixel belongs to."""

from __future__ import annotations

import copy
from functools import partial
from typing import TypeVar

import torch
from torch import nn
from torch.nn import functional as F

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


class RoomUnet(nn.Module):
    """Pictures (n, 3, 64, 64) in [-1, 1] -> logits (n, 1 + concepts, 64, 64); class 0 is none of the concepts.

    About 0.085 billion multiplications a picture. The skips are added, not concatenated; the last upsampling is a pixel
    shuffle, so that nothing wide runs at full resolution.
    """

    def __init__(self, concepts: int, batch_norm: bool = True) -> None:
        super().__init__()
        block = partial(ConvBlock, batch_norm=batch_norm)
        residual = partial(ResidualBlock, batch_norm=batch_norm)
        self.at64 = block(3, 16)
        self.at32 = nn.Sequential(block(16, 32, stride=2), block(32, 32))
        self.at16 = nn.Sequential(block(32, 64, stride=2), residual(64))
        self.at8 = nn.Sequential(block(64, 96, stride=2), residual(96), residual(96, dilation=2))
        self.to16 = nn.Conv2d(96, 64, 1)
        self.up16 = block(64, 64)
        self.to32 = nn.Conv2d(64, 32, 1)
        self.up32 = block(32, 32)
        self.to64 = nn.Conv2d(32, 4 * (1 + concepts), 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        at32 = self.at32(self.at64(images))
        at16 = self.at16(at32)
        up16 = self.up16(at16 + _doubled(self.to16(self.at8(at16))))
        up32 = self.up32(at32 + _doubled(self.to32(up16)))
        return F.pixel_shuffle(self.to64(up32), 2)


def _doubled(features: torch.Tensor) -> torch.Tensor:
    return F.interpolate(features, scale_factor=2.0, mode="nearest")


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
