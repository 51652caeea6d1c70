"""What is done to drawn faces before the labeler sees them: a GAN's faces are bent, soft, stained and ghostly."""

from __future__ import annotations

import torch

from ..augmentation import Augmentation


class FaceAugmentation:
    """Random changes of a batch that leave what a face shows as it was.

    Args:
        generator: the source of all randomness.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self.change = Augmentation(generator, concepts=1)

    def __call__(self, pictures: torch.Tensor, yaw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Changed pictures, the turn in them, and whose colours are still true.

        Args:
            pictures: (n, 3, 64, 64) in [0, 1].
            yaw: (n,), positive to the picture's right.

        Returns:
            Pictures of the same shape, yaw (n,) and bool (n,): False where colours were changed.
        """
        change, n, size = self.change, len(pictures), pictures.shape[-1]
        swap = change.chance(n, 0.5)
        pictures, yaw = torch.where(swap, pictures.flip(-1), pictures), torch.where(swap.flatten(), -yaw, yaw)
        pictures = self.haunt(pictures)
        pictures, _ = change.warp(pictures, torch.zeros(n, size, size, dtype=torch.long))
        pictures = self.erase(pictures)
        true_colours = torch.ones(n, dtype=torch.bool)
        for share, region in ((0.25, change.blobs), (0.5, change.everywhere)):
            rows = change.some(n, share)
            pictures[rows] = change.recolour(pictures[rows], region(pictures[rows, 0]))
            true_colours[rows] = False
        return change.degrade(pictures), yaw, true_colours

    def haunt(self, pictures: torch.Tensor) -> torch.Tensor:
        """Let another face shine through some pictures, at most by a quarter."""
        n = len(pictures)
        share = self.change.uniform(0, 0.25, n, 1, 1, 1) * self.change.chance(n, 0.25)
        return torch.lerp(pictures, pictures.roll(1, 0), share)

    def erase(self, pictures: torch.Tensor) -> torch.Tensor:
        """Lay a small patch of one colour over some pictures, too small to hide a mouth or glasses."""
        change, n, size = self.change, len(pictures), pictures.shape[-1]
        steps = torch.arange(size)
        extent = torch.randint(3, 9, (2, n, 1), generator=change.generator)
        start = torch.randint(0, size, (2, n, 1), generator=change.generator)
        rows, columns = ((steps >= start) & (steps < start + extent)).unbind()
        covered = (rows[:, :, None] & columns[:, None, :])[:, None] & change.chance(n, 0.3)
        return torch.where(covered, change.uniform(0, 1, n, 3, 1, 1), pictures)
