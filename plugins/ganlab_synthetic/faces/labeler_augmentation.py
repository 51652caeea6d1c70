"""What is done to drawn faces before the labeler sees them: a GAN's faces are bent, soft, stained and ghostly."""

from __future__ import annotations

import torch

from ..labelers.augmentation import Augmentation


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
        change, n = self.change, len(pictures)
        pictures, yaw = self.mirror(pictures, yaw)
        pictures = self.erase(self.warp(self.haunt(pictures)))
        true_colours = torch.ones(n, dtype=torch.bool)
        for share, region in ((0.25, change.blobs), (0.5, change.everywhere)):
            rows = change.some(n, share)
            pictures[rows] = change.recolour(pictures[rows], region(pictures[rows, 0]))
            true_colours[rows] = False
        return change.degrade(pictures), yaw, true_colours

    def gently(self, pictures: torch.Tensor, yaw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Only what leaves of a sample as much or as little as there was: (n, 3, 64, 64) and (n,), as they come."""
        pictures, yaw = self.mirror(pictures, yaw)
        pictures = self.warp(pictures)
        for share, region in ((0.3, self.change.blobs), (0.6, self.change.everywhere)):
            rows = self.change.some(len(pictures), share)
            pictures[rows] = self.change.recolour(pictures[rows], region(pictures[rows, 0]))
        return pictures, yaw

    def mirror(self, pictures: torch.Tensor, yaw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Swap left and right in half of the pictures."""
        swap = self.change.chance(len(pictures), 0.5)
        return torch.where(swap, pictures.flip(-1), pictures), torch.where(swap.flatten(), -yaw, yaw)

    def warp(self, pictures: torch.Tensor) -> torch.Tensor:
        """Shift, stretch and bend by a few pixels."""
        nothing = torch.zeros(len(pictures), *pictures.shape[2:], dtype=torch.long)
        return self.change.warp(pictures, nothing)[0]

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
