"""Whether a picture passes for one of the GAN's samples: several that are laid over each other do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ganlab import progress

from .points import Space
from .pool import Pool

LEAST_REAL = 0.05  # of plain samples, which a picture has to surpass


@dataclass(frozen=True)
class Passing:
    """The GAN's own discriminator, asked whether a picture is as real as nearly all plain samples are.

    A labeler may find all that it looks for in the ghost of many pictures; the discriminator has learnt what a whole
    one looks like, and knows no names.

    Attributes:
        least: the logit that all but one in twenty plain samples surpass.
    """

    space: Space
    least: float

    @classmethod
    def of(cls, space: Space, pool: Pool) -> Passing | None:
        """None where the GAN has no discriminator."""
        if space.gan.discriminator is None:
            return None
        chunks = progress(space.gan.image.chunks(len(pool.latents)), "scoring samples")
        rows = np.arange(len(pool.latents))
        logits = torch.cat([space.score(pool.pictures(rows[chunk])) for chunk in chunks])
        return cls(space, float(logits.double().quantile(LEAST_REAL)))

    def __call__(self, images: torch.Tensor) -> np.ndarray:
        """bool (n,) of pictures (n, c, h, w)."""
        return (self.space.score(images) > self.least).cpu().numpy()
