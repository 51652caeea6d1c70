"""What is done to drawn rooms before the labeler sees them, so that it judges structure and not colour.

The rule behind every change: what a person would still call a window stays labelled, what a person would not is
labelled as nothing, and where people would differ the pixels carry no label at all (``IGNORED``).  Everything works on
a whole batch at once; pictures are (n, 3, h, w) in [0, 1], labels (n, h, w) int64 with 0 for none of the concepts.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from .pixels import blurred, cosine_basis, hue_rotation, shrunk, softened

IGNORED = 255  # label of pixels that neither teach nor count
RADIUS = (torch.arange(-2.0, 3.0) ** 2)[:, None] + torch.arange(-2.0, 3.0) ** 2  # squared, of a 5x5 kernel's places


class Augmentation:
    """Random changes of a batch, all drawn from one generator of random numbers.

    Args:
        generator: the source of all randomness.
        concepts: number of concepts; labels go from 1 to it.
    """

    def __init__(self, generator: torch.Generator, concepts: int) -> None:
        self.generator = generator
        self.concepts = concepts

    def __call__(self, pictures: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """New pictures and labels of the same shapes."""
        pictures, labels = self.mirror(pictures, labels)
        faded = self.some(len(labels), 0.4)
        pictures[faded], labels[faded] = self.fade(pictures[faded], labels[faded])
        outlined = self.some(len(labels), 0.2)
        pictures[outlined] = self.outline(pictures[outlined], labels[outlined])
        pictures, labels = self.occlude(pictures, labels)
        pictures, labels = self.warp(pictures, labels)
        for share, regions in ((0.6, self.objects), (0.25, self.blobs), (0.7, self.everywhere)):
            rows = self.some(len(labels), share)
            pictures[rows] = self.recolour(pictures[rows], regions(labels[rows]))
        labels = self.forget_invisible(pictures, labels)
        return self.degrade(pictures), labels

    def gently(self, pictures: torch.Tensor) -> torch.Tensor:
        """Only what leaves a sample as much or as little of a window as it was."""
        nothing = torch.zeros(len(pictures), *pictures.shape[2:], dtype=torch.long)
        pictures, _ = self.warp(*self.mirror(pictures, nothing))
        for share, regions in ((0.3, self.blobs), (0.6, self.everywhere)):
            rows = self.some(len(pictures), share)
            pictures[rows] = self.recolour(pictures[rows], regions(nothing[rows]))
        return pictures

    # --- randomness ---------------------------------------------------------------------------------------------

    def uniform(self, low: float, high: float, *shape: int) -> torch.Tensor:
        """Uniform numbers."""
        return low + (high - low) * torch.rand(shape, generator=self.generator)

    def normal(self, *shape: int) -> torch.Tensor:
        """Normal numbers."""
        return torch.randn(shape, generator=self.generator)

    def chance(self, n: int, probability: float) -> torch.Tensor:
        """True with a probability for each picture, (n, 1, 1, 1)."""
        return torch.rand((n, 1, 1, 1), generator=self.generator) < probability

    def some(self, n: int, share: float) -> torch.Tensor:
        """The rows of a random share of the pictures."""
        return torch.randperm(n, generator=self.generator)[: round(share * n)]

    def smooth(self, n: int, channels: int, cells: int, size: int) -> torch.Tensor:
        """Smooth noise of unit variance, about ``cells`` bumps across: (n, channels, size, size)."""
        coarse = self.normal(n, channels, cells + 2, cells + 2)
        fine = F.interpolate(coarse, size=(size + 2 * size // cells, size + 2 * size // cells), mode="bilinear")
        start = size // cells
        return 1.4 * fine[..., start : start + size, start : start + size]

    # --- regions ------------------------------------------------------------------------------------------------

    def blobs(self, labels: torch.Tensor) -> torch.Tensor:
        """Soft random regions that cover about half of each picture, (n, 1, h, w) in [0, 1]."""
        return (4 * self.smooth(len(labels), 1, 4, labels.shape[-1])).clamp(0, 1)

    def everywhere(self, labels: torch.Tensor) -> torch.Tensor:
        """The whole picture, (n, 1, h, w)."""
        return torch.ones_like(labels[:, None], dtype=torch.float32)

    def objects(self, labels: torch.Tensor) -> torch.Tensor:
        """All pixels of one concept of each picture, softened at the edge: (n, 1, h, w) in [0, 1]."""
        return softened(F.max_pool2d(self.one_concept(labels), 3, 1, 1))

    def one_concept(self, labels: torch.Tensor) -> torch.Tensor:
        """All pixels of one concept of each picture, of windows most often: (n, 1, h, w), 0 or 1."""
        odds = torch.ones(self.concepts)
        odds[0] = 2 * self.concepts
        chosen = 1 + torch.multinomial(odds, len(labels), replacement=True, generator=self.generator)
        return (labels == chosen[:, None, None]).float()[:, None]

    # --- changes that take the label away -----------------------------------------------------------------------

    def fade(self, pictures: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Replace objects, or only what is inside their frame, wholly or nearly, by what ``filling`` makes.

        What is left of the contrast decides on the label: over 0.3 it stays, under 0.12 it goes.
        """
        n = len(labels)
        mask = self.one_concept(labels)
        inner = torch.where(self.chance(n, 0.5), shrunk(mask, 1), shrunk(mask, 2))
        hollow = self.chance(n, 0.5) & (inner.sum((1, 2, 3), keepdim=True) > 60)
        region = softened(torch.where(hollow, inner, F.max_pool2d(mask, 3, 1, 1)))
        stuff = self.filling(pictures, region)
        rest = torch.where(self.chance(n, 0.5), 0.0, self.uniform(0, 0.6, n, 1, 1, 1))
        exact = ((region > 0.6) | (mask > 0))[:, 0]
        gone, doubtful = exact & (rest < 0.12)[:, 0], exact & (rest < 0.3)[:, 0] & (labels > 0)
        labels = torch.where(gone, 0, torch.where(doubtful, IGNORED, labels))
        return pictures + region * (1 - rest) * (stuff - pictures), labels

    def filling(self, pictures: torch.Tensor, region: torch.Tensor) -> torch.Tensor:
        """What replaces a region: the wall around it, a smudge of itself, or of another part; sometimes stained."""
        n, size = len(pictures), pictures.shape[-1]
        outside = 1 - region
        around = blurred(pictures * outside, 6.0) / blurred(outside, 6.0).clamp_min(1e-3)
        sigma = float(self.uniform(3.5, 7, 1))
        inside = blurred(pictures * region, sigma) / blurred(region, sigma).clamp_min(1e-3)
        elsewhere = blurred(pictures.roll(size // 2, -1), float(self.uniform(1, 4, 1)))
        kind = torch.randint(3, (n, 1, 1, 1), generator=self.generator)
        filled = torch.where(kind == 0, around, torch.where(kind == 1, inside, elsewhere))
        blotches = self.smooth(n, 1, int(torch.randint(2, 12, (1,), generator=self.generator)), size)
        stain = self.uniform(-0.3, 0.3, n, 3, 1, 1) + 0.08 * self.smooth(n, 3, 3, size)
        stain = stain + self.uniform(-0.2, 0.2, n, 3, 1, 1) * blotches
        return (filled + self.chance(n, 0.65) * stain).clamp(0, 1)

    def occlude(self, pictures: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Lay a rectangle over some pictures: one colour, or a piece of another picture with its objects ignored."""
        n, size = len(labels), labels.shape[-1]
        steps = torch.arange(size)
        extent = torch.randint(4, 18, (2, n, 1), generator=self.generator)
        start = torch.randint(-4, size - 4, (2, n, 1), generator=self.generator)
        rows, columns = ((steps >= start) & (steps < start + extent)).unbind()
        covered = (rows[:, :, None] & columns[:, None, :]) & self.chance(n, 0.3)[:, 0]
        piece = torch.where(self.chance(n, 0.5), pictures.roll(1, 0), self.uniform(0, 1, n, 3, 1, 1))
        theirs = torch.where(labels.roll(1, 0) > 0, IGNORED, 0)
        return torch.where(covered[:, None], piece, pictures), torch.where(covered, theirs, labels)

    def forget_invisible(self, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Objects that a change of colour left with hardly any contrast carry no label."""
        detail = (pictures - blurred(pictures, 2.0)).square().mean(1)
        n, groups = len(labels), 256
        group = (labels + groups * torch.arange(n)[:, None, None]).flatten()
        areas = torch.bincount(group, minlength=n * groups)
        totals = torch.bincount(group, detail.flatten(), minlength=n * groups)
        invisible = totals < 0.025**2 * areas
        invisible[::groups] = False  # what is nothing stays nothing
        return torch.where(invisible[group].reshape(labels.shape), IGNORED, labels)

    # --- changes that keep it -----------------------------------------------------------------------------------

    def mirror(self, pictures: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Swap left and right in half of the pictures."""
        swap = self.chance(len(labels), 0.5)
        return torch.where(swap, pictures.flip(-1), pictures), torch.where(swap[:, 0], labels.flip(-1), labels)

    def warp(self, pictures: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Shift, stretch and bend by a few pixels, as a GAN's lines are bent."""
        n, size = len(labels), labels.shape[-1]
        scale = self.uniform(0.85, 1.12, n, 2)
        turn = torch.diag_embed(scale)
        turn[:, 0, 1] += self.uniform(-0.08, 0.08, n)
        grid = F.affine_grid(
            torch.cat([turn, self.uniform(-0.12, 0.12, n, 2, 1)], 2), [n, 1, size, size], align_corners=False
        )
        pixel = 2 / size
        strength = pixel * self.uniform(0, 1.6, n, 1, 1, 1)
        bends = self.smooth(n, 2, 5, size) * strength + self.smooth(n, 2, 12, size) * strength * 0.35
        grid = grid + bends.permute(0, 2, 3, 1)
        moved = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
        named = F.grid_sample(labels[:, None].float(), grid, mode="nearest", padding_mode="border", align_corners=False)
        return moved, named[:, 0].long()

    def outline(self, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Run a line of one colour around objects, so that no kind of frame belongs to one concept."""
        n = len(labels)
        mask = self.one_concept(labels)
        outer = torch.where(self.chance(n, 0.5), F.max_pool2d(mask, 3, 1, 1), F.max_pool2d(mask, 5, 1, 2))
        inner = torch.where(self.chance(n, 0.5), mask, shrunk(mask, 1))
        line = (outer - inner) * self.uniform(0.3, 1, n, 1, 1, 1)
        tone = self.uniform(0, 1, n, 1, 1, 1) + self.uniform(-0.2, 0.2, n, 3, 1, 1)
        return torch.lerp(pictures, tone.clamp(0, 1).expand_as(pictures), line)

    def recolour(self, pictures: torch.Tensor, region: torch.Tensor) -> torch.Tensor:
        """Another colour space, light and contrast inside a region (n, 1, h, w) in [0, 1].

        A random matrix turns, mixes, swaps, greys or inverts the colours; the mean colour may move, the contrast may
        fall to 0.3, so that structure stays.
        """
        n = len(pictures)
        mixed = torch.eye(3) + self.uniform(0, 0.8, n, 1, 1) * self.normal(n, 3, 3) * 0.6
        turned = hue_rotation(self.uniform(0, 2 * math.pi, n))
        grey = torch.tensor([0.3, 0.6, 0.1]).expand(3, 3)
        saturation = torch.where(self.chance(n, 0.25)[:, 0], 0.0, self.uniform(0, 1.6, n, 1, 1))
        faded = grey + saturation * (torch.eye(3) - grey)
        tinted = torch.diag_embed(self.uniform(0.15, 1.1, n, 3))
        kind = torch.randint(4, (n, 1, 1), generator=self.generator)
        matrix = torch.where(kind == 0, mixed, torch.where(kind == 1, turned, torch.where(kind == 2, faded, tinted)))
        gain = self.uniform(-0.9, 0.4, n, 1, 1).exp() * torch.where(self.chance(n, 0.12)[:, 0], -1.0, 1.0)
        matrix = matrix * gain.clamp(-1.6, 1.6)
        weight = region.clamp_min(1e-4)
        mean = (pictures * weight).sum((2, 3), keepdim=True) / weight.sum((2, 3), keepdim=True)
        shift = torch.where(self.chance(n, 0.5), 0.18, 0.03) * self.normal(n, 3, 1, 1)
        target = torch.where(self.chance(n, 0.5), mean, torch.einsum("nij,njhw->nihw", matrix.abs(), mean)) + shift
        changed = torch.einsum("nij,njhw->nihw", matrix, pictures - mean) + target.clamp(0.1, 0.9)
        power = self.uniform(-0.6, 0.6, n, 1, 1, 1).exp()
        changed = changed.clamp(1e-3, 1) ** power
        return pictures + region * (changed - pictures)

    def degrade(self, pictures: torch.Tensor) -> torch.Tensor:
        """Blur, ringing, colour fringes, coarser pixels, noise, block and grid patterns."""
        n, size = len(pictures), pictures.shape[-1]
        for share, region in ((0.25, self.blobs), (0.2, self.everywhere)):
            rows = self.some(n, share)
            soft = blurred(pictures[rows], float(self.uniform(0.5, 1.6, 1)))
            pictures[rows] += region(pictures[rows, 0]) * (soft - pictures[rows])
        for _ in range(3):
            rows = self.some(n, 0.18)
            pictures[rows] = self.filtered(pictures[rows])
        coarse = self.some(n, 0.2)
        pictures[coarse] = self.coarsened(pictures[coarse])
        blocky = self.some(n, 0.1)
        pictures[blocky] = self.blocky(pictures[blocky])
        patterned = self.some(n, 0.45)
        pictures[patterned] += self.grid_pattern(len(patterned), size)
        stained, grainy = self.some(n, 0.4), self.some(n, 0.4)
        pictures[stained] += self.share_of_contrast(pictures[stained], 0.4) * self.smooth(len(stained), 3, 6, size)
        pictures[grainy] += self.share_of_contrast(pictures[grainy], 0.3) * self.normal(len(grainy), 3, size, size)
        return pictures.clamp(0, 1)

    def filtered(self, pictures: torch.Tensor) -> torch.Tensor:
        """Through a random 5x5 convolution near the identity: outlines, ringing, fringes, as when feature maps lack."""
        kernel = self.normal(3, 3, 5, 5) * torch.exp(-0.5 * self.uniform(0.2, 1.2, 1) * RADIUS)
        kernel = kernel / kernel.norm() * float(self.uniform(0.4, 2.5, 1))
        kernel -= kernel.mean((2, 3), keepdim=True) * float(self.uniform(0.4, 1, 1))  # no new colour of plain areas
        ringing = F.conv2d(F.pad(pictures, (2, 2, 2, 2), mode="replicate"), kernel)
        return (pictures + ringing - ringing.mean((2, 3), keepdim=True)).clamp(0, 1)

    def share_of_contrast(self, pictures: torch.Tensor, share: float) -> torch.Tensor:
        """Up to ``share`` of each picture's contrast, (n, 1, 1, 1): noise that leaves dim pictures readable."""
        contrast = pictures.std((1, 2, 3), keepdim=True).clamp_max(0.2)
        return contrast * self.uniform(0, share, len(pictures), 1, 1, 1)

    def coarsened(self, pictures: torch.Tensor) -> torch.Tensor:
        """Scaled down to 26 to 56 pixels and up again."""
        size = int(torch.randint(26, 57, (1,), generator=self.generator))
        small = F.interpolate(pictures, size=size, mode="bilinear")
        return F.interpolate(small, size=pictures.shape[-1], mode="bilinear")

    def grid_pattern(self, n: int, size: int) -> torch.Tensor:
        """What transposed convolutions leave: a tile of 2, 4 or 8 pixels, repeated, here and there, (n, 3, h, w)."""
        side = 2 ** int(torch.randint(1, 4, (1,), generator=self.generator))
        tile = self.normal(n, 3, side, side) + 1.5 * self.normal(n, 1, side, side)
        lines = self.chance(n, 0.4)
        flat = 2 * tile.mean(2 if side == 4 else 3, keepdim=True)
        tile = torch.where(lines, flat.expand_as(tile), tile)
        amplitude = self.uniform(0, 0.05, n, 1, 1, 1) * (0.4 + self.smooth(n, 1, 3, size)).clamp_min(0)
        return tile.repeat(1, 1, size // side, size // side) * amplitude

    def blocky(self, pictures: torch.Tensor) -> torch.Tensor:
        """Cosine coefficients of 8x8 blocks rounded, coarser for higher frequencies, as JPEG does."""
        n, channels, height, width = pictures.shape
        blocks = pictures.reshape(n, channels, height // 8, 8, width // 8, 8).transpose(3, 4).reshape(-1, 64)
        basis = torch.kron(cosine_basis(), cosine_basis())
        steps = torch.arange(8.0)
        coarser = (1 + steps[:, None] + steps).reshape(1, 64)
        coarseness = self.uniform(0.02, 0.1, n, 1).repeat_interleave(len(blocks) // n, 0) if n else 1.0
        quantum = coarseness * coarser
        rounded = (((blocks @ basis.T) / quantum).round() * quantum) @ basis
        rounded = rounded.reshape(n, channels, height // 8, width // 8, 8, 8).transpose(3, 4)
        return rounded.reshape(pictures.shape)
