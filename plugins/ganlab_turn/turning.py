"""Samples moved along a direction, and the attribute over the way."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from ganlab import Gan, Latents, progress

from .judging import Judge

SLACK = 0.02  # of the attribute's spread: falling back by less is the labeler's noise
RISE = 0.5  # of the spread: a turn rises at least so far from end to end
KEPT = 0.25  # of the spread: what changes by less is kept


@dataclass(frozen=True)
class Way:
    """What a labeler saw of samples on their way.

    Attributes:
        t: (steps,) coefficients, 0 in the middle.
        values: (n, steps, attributes).
        spread: (attributes,) from the 5th to the 95th percentile of plain samples; 1 for a concept.
    """

    t: np.ndarray
    values: np.ndarray
    spread: np.ndarray

    def facing(self, column: int, sign: int) -> Way:
        """The same with this attribute's sign turned where ``sign`` is -1: what fell then rises."""
        values = self.values.copy()
        values[:, :, column] *= sign
        return replace(self, values=values)

    def turned(self, column: int, sign: int, which: np.ndarray) -> Way:
        """The same with each direction turned round that led the other way: the attribute rises, or falls for -1.

        Args:
            which: (n,) the direction that each sample went along.
        """
        values = self.values.copy()
        for one in np.unique(which):
            if sign * self.travel(column)[which == one].mean() < 0:
                values[which == one] = self.values[which == one, ::-1]
        return replace(self, values=values)

    def steady(self, column: int, *, either: bool = False) -> np.ndarray:
        """bool (n,): the attribute rises by RISE from end to end and never falls back by more than SLACK.

        Args:
            either: falling counts as well; for directions that have no sense of their own.
        """
        curve = self.values[:, :, column] / self.spread[column]
        signs = (1, -1) if either else (1,)
        return np.any([self._rises(sign * curve) for sign in signs], axis=0)

    @staticmethod
    def _rises(curve: np.ndarray) -> np.ndarray:
        return (np.diff(curve) >= -SLACK).all(1) & (curve[:, -1] - curve[:, 0] >= RISE)

    def kept(self, column: int) -> np.ndarray:
        """bool (n,): at every step the attribute is what it is in the middle; a measure within KEPT of its spread."""
        curve = self.values[:, :, column]
        middle = curve[:, [len(self.t) // 2]]
        return (np.abs(curve - middle) <= KEPT * self.spread[column]).all(1)

    def numbers(self, column: int) -> dict[str, float]:
        """How far the attribute rises and how it follows the coefficient, in the order of the table of directions."""
        return {
            "travel": float(self.travel(column).mean()),
            "correlation": float(self.within(column).mean()),
            "correlation_all": self.correlation(column),
            "ranks_all": self.correlation(column, ranks=True),
        }

    def numbers_of_each(self, column: int, which: np.ndarray) -> dict[str, np.ndarray]:
        """The same of each direction by itself, (directions,).

        Args:
            which: (n,) the direction that each sample went along.
        """
        each = [replace(self, values=self.values[which == one]).numbers(column) for one in np.unique(which)]
        return {name: np.array([numbers[name] for numbers in each]) for name in each[0]}

    def numbers_by_chance(self, column: int, which: np.ndarray) -> dict[str, np.ndarray]:
        """The same of random directions, without their signs: they have no sense of their own."""
        return {name: np.abs(numbers) for name, numbers in self.numbers_of_each(column, which).items()}

    def correlation(self, column: int, *, ranks: bool = False) -> float:
        """Pearson's (or Spearman's) correlation of attribute and coefficient over all pictures; 0 where constant."""
        curve = self.values[:, :, column].astype(np.float64)
        t = np.broadcast_to(self.t, curve.shape)
        return correlation(*(ranked(part) if ranks else part.ravel() for part in (t, curve)))

    def within(self, column: int) -> np.ndarray:
        """(n,) Pearson's correlation along each sample's own way."""
        return np.array([correlation(self.t, row) for row in self.values[:, :, column].astype(np.float64)])

    def travel(self, column: int) -> np.ndarray:
        """(n,) how far the attribute rises from end to end, in spreads."""
        return (self.values[:, -1, column] - self.values[:, 0, column]) / self.spread[column]


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's; 0 where one of the two is constant."""
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 1e-12 * len(x) else 0.0


def ranked(values: np.ndarray) -> np.ndarray:
    """The rank of each, from 1 on, flat; equal ones share the mean of theirs. scipy.stats would take long to import."""
    _, place, count = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    return (count.cumsum() - (count - 1) / 2)[place]


def coefficients(steps: int, reach: float) -> np.ndarray:
    """(steps,) from -reach to +reach, exactly 0 in the middle and mirrored around it."""
    half = steps // 2
    return np.arange(-half, half + 1) / half * reach


def moved(latents: Latents, vectors: torch.Tensor, t: np.ndarray) -> Latents:
    """Every sample at every coefficient along its own of ``vectors`` (n, dim): sample by sample, (n * steps, dim)."""
    steps = torch.from_numpy(t).float()
    z = latents.z[:, None] + steps[None, :, None] * vectors[:, None]
    labels = None if latents.labels is None else latents.labels.repeat_interleave(len(t))
    return Latents(z.flatten(0, 1), None, latents.index.repeat(len(t)), labels)


def walk(gan: Gan, judge: Judge, latents: Latents, vectors: torch.Tensor, t: np.ndarray) -> np.ndarray:
    """What the judge sees along the way: float32 (n, steps, attributes)."""
    values = np.empty((len(latents), len(t), len(judge.attributes)), np.float32)
    for rows in progress(gan.image.chunks(len(latents), len(t)), "turning samples"):
        images = gan.generate(moved(latents[rows], vectors[rows], t))
        values[rows] = judge.values(images, gan.image).reshape(-1, *values.shape[1:])
    return values
