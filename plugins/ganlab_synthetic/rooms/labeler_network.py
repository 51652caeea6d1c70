"""The labeler's network: a small U-Net that sees a whole 64x64 room and says what each pixel belongs to."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from ..labelers.blocks import ConvBlock, ResidualBlock


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
