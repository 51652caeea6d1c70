"""The network of the labeler of faces: it looks at a whole 64x64 face and answers a handful of questions."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from ..labelers.blocks import ConvBlock, ResidualBlock


class FaceNet(nn.Module):
    """Pictures (n, 3, 64, 64) in [-1, 1] -> answers (n, answers).

    About 370,000 weights.  The last map is flattened, not averaged: where the nose lies tells how the head is turned.
    """

    def __init__(self, answers: int, batch_norm: bool = True) -> None:
        super().__init__()
        block = partial(ConvBlock, batch_norm=batch_norm)
        residual = partial(ResidualBlock, batch_norm=batch_norm)
        self.look = nn.Sequential(
            nn.PixelUnshuffle(2),  # nothing wide runs at full resolution
            block(12, 32),
            block(32, 48, stride=2),
            residual(48),
            block(48, 96, stride=2),
            residual(96),
            block(96, 96, stride=2),
            nn.Flatten(),
            nn.Dropout(0.2),
        )
        self.answer = nn.Linear(96 * 4 * 4, answers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        answers: torch.Tensor = self.answer(self.look(images))
        return answers
