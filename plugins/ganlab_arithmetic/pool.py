"""Samples and what a labeler sees in them: where random exemplars come from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from ganlab import Gan, Labeler, Latents, progress, random_bits

from .meaning import Shown

KEPT = 2**28  # of uint8 pictures that are kept instead of being drawn again
STREAM_NEAR = 712  # far from the core's streams and those of other analyses
NEAR = 8  # pictures around an exemplar, as around Y in figure 7
FEWEST = 20  # samples to draw exemplars from


@dataclass(frozen=True)
class Fitting:
    """Samples that show what a name says.

    Attributes:
        count: how many do.
        rows: those that exemplars are taken from.
        clear: whether these are the clear ones alone.
    """

    count: int
    rows: np.ndarray
    clear: bool

    @property
    def in_words(self) -> str:
        return f"{self.count}, {len(self.rows)} of them clear" if self.clear else f"{self.count}, any of which is taken"


class Pool:
    """Labelled samples of a GAN; with pictures of their own while those are small.

    Attributes:
        latents: the samples.
        noise: by how much z is moved to see whether a sample is clear; 0 where any that fits will do.
        shows: bool (n, concepts), what the labeler sees.
    """

    def __init__(self, gan: Gan, labeler: Labeler, latents: Latents, noise: float = 0.0) -> None:
        self.gan, self.labeler, self.latents, self.noise = gan, labeler, latents, noise
        self._exemplars: dict[tuple[tuple[str, bool], ...], Fitting] = {}
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

    def exemplars(self, shown: Shown) -> Fitting:
        """Where exemplars of this come from: clear samples, or where they are fewer than 20 any that show it."""
        key = tuple(sorted(shown.items()))
        if key not in self._exemplars:
            rows = self.showing(shown)
            clear = self._clear(shown, rows) if self.noise else rows[:0]
            enough = len(clear) >= FEWEST
            self._exemplars[key] = Fitting(len(rows), clear if enough else rows, enough)
        return self._exemplars[key]

    def _clear(self, shown: Shown, rows: np.ndarray) -> np.ndarray:
        """Those of the rows around which eight pictures show it as well.

        People choose clear exemplars; many that a labeler takes lie near the edge of what they show.
        """
        columns = [self.labeler.column(concept) for concept in shown]
        for near in range(NEAR):
            around = self._moved(rows, near)
            seen = [
                self.labeler.shows(self.gan.generate(around[chunk]), self.gan.image)[:, columns]
                for chunk in progress(
                    self.gan.image.chunks(len(rows)), f"looking around exemplars, {near + 1} of {NEAR}"
                )
            ]
            rows = rows[(np.concatenate(seen) == list(shown.values())).all(1)] if seen else rows
        return rows

    def _moved(self, rows: np.ndarray, near: int) -> Latents:
        """These samples with uniform noise on z, either way, that belongs to each and to this one of its neighbours."""
        chosen = self.latents[rows]
        assert chosen.seed is not None
        bits = random_bits(chosen.seed, chosen.index * NEAR + near, chosen.z.shape[1], STREAM_NEAR)
        return replace(chosen, z=chosen.z + torch.from_numpy((bits / 2**31 - 1.0) * self.noise).float(), seed=None)

    def pictures(self, rows: np.ndarray) -> torch.Tensor:
        """Pictures (n, c, h, w) of these rows."""
        if self._pictures is not None:
            return self.gan.image.from_uint8(self._pictures[rows])
        return self.gan.generate(self.latents[rows])
