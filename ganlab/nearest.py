"""The nearest of many vectors, exactly, without comparing everything with everything.

For an orthogonal projection P, |x - q|^2 >= |Px - Pq|^2 + (|x - Px| - |q - Pq|)^2. Along leading principal directions
that bound is sharp: of 50,000 pictures a few hundred remain for each query, and only those are compared in full.
Vectors come in blocks, so that memory does not grow with their number.

Bounds and rough distances are computed in float32 and must never lose a true neighbour, so each is lowered by the most
that rounding can have raised it, whatever the order of a sum. What is kept is computed again in float64.
"""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass

import numpy as np
import torch

DIRECTIONS = 64  # of the bound: more take longer to project on, fewer let more pairs through
SLICE = 512  # columns summed at a time: rounding errors grow with the length of a sum
EXACT = 1 << 16  # values computed in float64 at once: what a core keeps at hand
LARGEST = 1 << 22  # bounds at once, whatever the number of queries
UNIT = 2.0**-24  # largest relative rounding error of one float32 operation


@dataclass(frozen=True)
class Projected:
    """Vectors less the directions' centre, and what the bound sees of them.

    Attributes:
        centred: (n, d) float32.
        squared: (n,) float32, squared lengths.
        coefficients: (n, m + 1) float32: along the directions, and the length of what is left, never underestimated.
    """

    centred: torch.Tensor
    squared: torch.Tensor
    coefficients: torch.Tensor


class Directions:
    """Principal directions of a sample, to project on.

    Any sample gives right neighbours; one like the candidates gives a sharp bound.

    Args:
        sample: (s, d) float32, s at least 1.
        count: how many directions, at most.
    """

    def __init__(self, sample: torch.Tensor, count: int = DIRECTIONS) -> None:
        self.centre = sample.mean(0)
        self.matrix = _leading(sample - self.centre, count)  # (d, m)
        d, m = self.matrix.shape
        exact = self.matrix.double()
        skew = float(torch.linalg.matrix_norm(exact.T @ exact - torch.eye(m, dtype=torch.float64)))
        summed = _growth(min(d, SLICE) + d // SLICE + 8)
        # errors relative to a vector's length: of its coefficients, then of their square's difference to its own
        coefficients = m**0.5 * summed + skew
        self.residue_error = summed + 2 * coefficients + coefficients**2 + _growth(m + 8)
        self.bound_error = summed + 2 * coefficients + coefficients**2 + 4 * _growth(m + 8)
        self.rough_error = summed + 2 * _growth(d + 8)

    def project(self, vectors: torch.Tensor) -> Projected:
        """What the bound sees of vectors (n, d) float32."""
        centred = vectors - self.centre
        coefficients = torch.zeros(len(vectors), self.matrix.shape[1] + 1)
        along, squared = coefficients[:, :-1], torch.zeros(len(vectors))
        for first in range(0, vectors.shape[1], SLICE):
            part = centred[:, first : first + SLICE]
            along += part @ self.matrix[first : first + SLICE]
            squared += torch.linalg.vecdot(part, part)
        left = squared * (1 + self.residue_error) - torch.linalg.vecdot(along, along)
        coefficients[:, -1] = left.clamp(min=0).sqrt()
        return Projected(centred, squared, coefficients)


class Nearest:
    """The k nearest candidates of every query among all that :meth:`update` has seen.

    A query may consist of several windows; its distance to a candidate is then the smallest of theirs.

    Args:
        queries: (n, d), or (n, windows, d), float32.
        k: how many to keep.
        directions: what the bound projects on.

    Attributes:
        squared: (n, k) float64, squared distances in ascending order; infinite where there are fewer candidates.
        ids: (n, k) int64, the candidates' numbers, smaller ones first among equals; -1 where there are fewer.
    """

    def __init__(self, queries: torch.Tensor, k: int, directions: Directions) -> None:
        self.n, self.windows = len(queries), queries.shape[1] if queries.ndim == 3 else 1
        self.rows = queries.reshape(self.n * self.windows, queries.shape[-1]).contiguous()
        self.directions = directions
        self.projected = directions.project(self.rows)
        self._begin(k)

    def again(self) -> Nearest:
        """A search for the same queries that has seen no candidates; it shares what is large, the queries."""
        other = copy.copy(self)
        other._begin(self.squared.shape[1])
        return other

    def update(self, vectors: torch.Tensor, ids: np.ndarray) -> None:
        """Look at more candidates.

        Args:
            vectors: (b, d) float32.
            ids: (b,) their numbers, none of them seen before.
        """
        step = max(1, LARGEST // len(self.rows))
        for first in range(0, len(vectors), step):
            self._look(vectors[first : first + step], ids[first : first + step])

    def distances(self) -> np.ndarray:
        """(n, k) float64 Euclidean distances in ascending order."""
        return np.sqrt(self.squared)

    def _begin(self, k: int) -> None:
        self.squared = np.full((self.n, k), np.inf)
        self.ids = np.full((self.n, k), -1, np.int64)

    def _look(self, vectors: torch.Tensor, ids: np.ndarray) -> None:
        candidates = self.directions.project(vectors)
        # twice the promise, plus the squared distance so far, is above zero where the bound is below that distance
        promise = self.projected.coefficients @ candidates.coefficients.T
        shrink = (1 - self.directions.bound_error) / 2
        promise -= candidates.squared * shrink
        promise -= (self.projected.squared * shrink)[:, None]
        if np.isinf(self.squared[:, -1]).any():  # nothing to beat yet: begin with the most promising
            first = promise.topk(min(self.squared.shape[1], len(vectors)), dim=1).indices
            rows = torch.arange(len(promise)).repeat_interleave(first.shape[1])
            self._keep(rows, first.flatten(), vectors, ids)
            promise[rows, first.flatten()] = torch.nan  # not above anything: compared once is enough
        pairs = torch.nonzero(promise >= self._needed()[:, None])
        self._compare(pairs[:, 0], pairs[:, 1], vectors, candidates, ids)

    def _needed(self) -> torch.Tensor:
        """Minus half the squared distance to beat, of every window (n * windows,), rounded downwards."""
        return _lowered(self.squared[:, -1]).repeat_interleave(self.windows)

    def _needed_among(self, rows: torch.Tensor, at_worst: torch.Tensor) -> torch.Tensor:
        """What is needed once these pairs are known, of every query (n,); minus infinity without pairs.

        A window's pairs are of as many candidates: the k-th nearest is no farther than the k-th of these at worst. What
        is kept counts with them, but where queries have several windows: it may be of the same candidates.

        Args:
            rows: (p,) ascending, of windows.
            at_worst: (p,) minus half of a squared distance that is never underestimated.
        """
        k = self.squared.shape[1]
        asking, place, counts = torch.unique_consecutive(rows, return_inverse=True, return_counts=True)
        queries, starts = asking // self.windows, counts.cumsum(0) - counts
        nearest = torch.full((len(asking), k + int(counts.max())), -torch.inf)
        if self.windows == 1:
            nearest[:, :k] = _lowered(self.squared)[queries]
        nearest[place, k + torch.arange(len(rows)) - starts[place]] = at_worst
        needed = nearest.topk(k, dim=1).values[:, -1]
        return torch.full((self.n,), -torch.inf).scatter_reduce(0, queries, needed, "amax")

    def _compare(
        self, rows: torch.Tensor, columns: torch.Tensor, vectors: torch.Tensor, candidates: Projected, ids: np.ndarray
    ) -> None:
        """Compare pairs, ordered by row, in full, roughly; keep those near enough."""
        at_best, at_worst = self._roughly(rows, columns, candidates)
        near = at_best >= self._needed()[rows]
        if not near.any():
            return
        rows, columns, at_best, at_worst = rows[near], columns[near], at_best[near], at_worst[near]
        near = at_best >= self._needed_among(rows, at_worst)[rows // self.windows]
        self._keep(rows[near], columns[near], vectors, ids)

    def _roughly(
        self, rows: torch.Tensor, columns: torch.Tensor, candidates: Projected
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Minus half the squared distances of pairs (p,), at best and at worst: the true ones lie between them."""
        products = _products(self.projected.centred, candidates.centred, rows, columns)
        lengths = self.projected.squared[rows] + candidates.squared[columns]
        slack = self.directions.rough_error
        return products - lengths * ((1 - slack) / 2), products - lengths * ((1 + slack) / 2)

    def _keep(self, rows: torch.Tensor, columns: torch.Tensor, vectors: torch.Tensor, ids: np.ndarray) -> None:
        """Compute the distances of pairs and merge them into the k nearest of each query."""
        if not len(rows):
            return
        # in one piece: small results would lie where large differences were, and no further one would fit in between
        exact = torch.empty(len(rows), dtype=torch.float64)
        step = max(1, EXACT // vectors.shape[1])
        for part in (slice(first, first + step) for first in range(0, len(rows), step)):
            difference = self.rows[rows[part]].double() - vectors[columns[part]]
            torch.linalg.vecdot(difference, difference, out=exact[part])
        known = self.ids >= 0
        of = np.concatenate([np.nonzero(known)[0], (rows // self.windows).numpy()])
        named = np.concatenate([self.ids[known], ids[columns.numpy()]])
        squared = np.concatenate([self.squared[known], exact.numpy()])
        if self.windows > 1:  # of one candidate the nearest window counts
            order = np.lexsort((squared, named, of))
            again = (np.diff(of[order], prepend=-1) == 0) & (np.diff(named[order], prepend=-1) == 0)
            of, named, squared = (values[order[~again]] for values in (of, named, squared))
        order = np.lexsort((named, squared, of))
        of, named, squared = of[order], named[order], squared[order]
        place = np.arange(len(of)) - np.searchsorted(of, of)
        best = place < self.squared.shape[1]
        self.ids[of[best], place[best]] = named[best]
        self.squared[of[best], place[best]] = squared[best]


def _leading(centred: torch.Tensor, count: int) -> torch.Tensor:
    """About the leading principal directions of centred rows (s, d): (d, m), m at most ``count``, orthonormal.

    By subspace iteration, a few products instead of the decomposition of a matrix (d, d).
    """
    count = min(count, *centred.shape)
    basis = torch.from_numpy(np.random.default_rng(0).standard_normal((len(centred), count), np.float32))
    for _ in range(2):
        basis = torch.linalg.qr(centred @ torch.linalg.qr(centred.T @ basis).Q).Q
    return torch.linalg.qr((centred.T @ basis).double()).Q.float().contiguous()


def _lowered(squared: np.ndarray) -> torch.Tensor:
    """Minus half of squared distances, float32, rounded downwards."""
    return (torch.from_numpy(squared) * (-0.5 * (1 + 2 * UNIT))).float()


def _growth(terms: int) -> float:
    """The largest relative rounding error of a float32 sum of so many products, in whatever order."""
    return terms * UNIT / (1 - terms * UNIT)


def _products(a: torch.Tensor, b: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """The inner products a[rows] . b[columns], float32 (p,), without copying what is multiplied; rows ascend."""
    starts = torch.zeros(len(a) + 1, dtype=torch.int64)
    torch.cumsum(torch.bincount(rows, minlength=len(a)), 0, out=starts[1:])
    with warnings.catch_warnings():
        told = "Sparse (CSR tensor support is in beta|invariant checks are implicitly disabled)"
        warnings.filterwarnings("ignore", message=told, category=UserWarning)
        wanted = torch.sparse_csr_tensor(
            starts, columns.contiguous(), torch.zeros(len(rows)), (len(a), len(b)), check_invariants=False
        )
        return torch.sparse.sampled_addmm(wanted, a, b.T, beta=0.0).values()
