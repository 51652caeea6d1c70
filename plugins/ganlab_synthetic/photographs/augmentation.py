"""What is done to photographs before the judge learns from them: other crops, other light, and the flaws of a GAN."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from ..labelers.augmentation import Augmentation

SIDE = 64  # pixels of what the network sees


class PhotoAugmentation(Augmentation):
    """Random changes of a batch of photographs, all drawn from one generator of random numbers.

    Few photographs are there to learn from, so every change is strong; objects keep their label through all of them.
    """

    def __call__(self, pictures: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Crops (n, 3, 64, 64) and their labels (n, 64, 64) from pictures and labels of any larger size."""
        pictures, labels = self.crop(pictures, labels)
        bent = self.some(len(labels), 0.5)
        pictures[bent], labels[bent] = self.warp(pictures[bent], labels[bent])
        pictures, labels = self.occlude(pictures, labels)
        pictures = self.light(pictures)
        for share, regions in ((0.2, self.objects), (0.1, self.blobs), (0.15, self.everywhere)):
            rows = self.some(len(labels), share)
            pictures[rows] = self.recolour(pictures[rows], regions(labels[rows]))
        generated = self.some(len(labels), 0.6)  # the others stay as sharp as photographs are
        pictures[generated] = self.degrade(pictures[generated])
        return pictures, labels

    def crop(self, pictures: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """A part of each picture, a half of its sides at least, mirrored or not, a little turned, at 64x64."""
        n = len(labels)
        extent = 1 - 0.5 * self.uniform(0, 1, n, 1) ** 1.5
        extent = (extent * self.uniform(-0.15, 0.15, n, 2).exp()).clamp_max(1)
        place = (1 - extent) * self.uniform(-1, 1, n, 2)
        mirrored = torch.where(self.chance(n, 0.5)[:, 0, 0], -1.0, 1.0)
        turn = torch.diag_embed(torch.cat([extent[:, :1] * mirrored, extent[:, 1:]], 1))
        lean = self.uniform(-0.06, 0.06, n)
        turn[:, 0, 1], turn[:, 1, 0] = lean, -lean
        grid = F.affine_grid(torch.cat([turn, place[:, :, None]], 2), [n, 1, SIDE, SIDE], align_corners=False)
        part = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
        named = F.grid_sample(labels[:, None].float(), grid, mode="nearest", padding_mode="border", align_corners=False)
        return part, named[:, 0].long()

    def light(self, pictures: torch.Tensor) -> torch.Tensor:
        """Another exposure, contrast, tint and saturation, as another camera in another room would give."""
        n = len(pictures)
        grey = pictures.mean(1, keepdim=True)
        saturation = torch.where(self.chance(n, 0.1), 0.0, self.uniform(0.3, 1.6, n, 1, 1, 1))
        tinted = (grey + saturation * (pictures - grey)) * self.uniform(0.8, 1.2, n, 3, 1, 1)
        mean = tinted.mean((1, 2, 3), keepdim=True)
        contrast = self.uniform(-0.6, 0.3, n, 1, 1, 1).exp()
        shifted = mean + contrast * (tinted - mean) + 0.08 * self.normal(n, 1, 1, 1)
        return shifted.clamp(1e-3, 1) ** self.uniform(-0.7, 0.4, n, 1, 1, 1).exp()
