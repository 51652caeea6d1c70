"""Samples and what a labeler sees in them: where random exemplars come from."""

from __future__ import annotations

import numpy as np
import torch

from ganlab import Gan, Labeler, Latents, progress

from .meaning import Shown

KEPT = 2**28  # of uint8 pictures that are kept instead of being drawn again


class Pool:
    """Labelled samples of a GAN; with pictures of their own while those are small.

    Attributes:
        latents: the samples.
        shows: bool (n, concepts), what the labeler sees.
    """

    def __init__(self, gan: Gan, labeler: Labeler, latents: Latents) -> None:
        self.gan, self.labeler, self.latents = gan, labeler, latents
        side, channels = gan.image.size, gan.image.channels
        kept = len(latents) * channels * side**2 <= KEPT
        self._pictures = np.empty((len(latents), side, side, channels), np.uint8) if kept else None
        self.shows = np.empty((len(latents), len(labeler.concepts)), bool)
        for rows in progress(gan.image.chunks(len(latents)), "drawing and judging samples"):
            images = gan.generate(latents[rows])
            self.shows[rows] = labeler.shows(images, gan.image)
            if self._pictures is not None:
                self._pictures[rows] = gan.image.to_uint8(images)

    def chance(self, shown: Shown) -> np.ndarray:
        """bool (n,), which samples show and lack just this."""
        columns = [self.labeler.column(concept) for concept in shown]
        return (self.shows[:, columns] == list(shown.values())).all(1)

    def showing(self, shown: Shown) -> np.ndarray:
        """Rows of the samples that show and lack just this."""
        return np.flatnonzero(self.chance(shown))

    def pictures(self, rows: np.ndarray) -> torch.Tensor:
        """Pictures (n, c, h, w) of these rows."""
        if self._pictures is not None:
            return self.gan.image.from_uint8(self._pictures[rows])
        return self.gan.generate(self.latents[rows])
