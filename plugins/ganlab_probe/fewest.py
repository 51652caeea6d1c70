"""How few of the maps are enough: the share that is left against how many are dropped, and the fewest that do."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ganlab import progress

from .bench import Bench

GONE = 0.9  # the removal that ``filters_for_90`` asks for
POINTS = 6  # of the curve
FAR = 1 / 3  # of the samples with the concept: between two points that both leave more, no k is asked
AT_ONCE = 64  # pictures that are asked together: fewer take longer each


@dataclass(frozen=True)
class Curve:
    """Share of pictures with the concept after dropping the first ``k`` maps of a ranking."""

    k: np.ndarray
    share: np.ndarray

    def filters_for(self, removed: float) -> int | None:
        """The smallest k that removes so large a part of the pictures with the concept, or None."""
        enough = np.flatnonzero(self.share <= (1 - removed) * self.share[0] + 1e-12)
        return int(self.k[enough[0]]) if len(enough) else None


def drop_curve(bench: Bench, ranking: np.ndarray, column: int, before: np.ndarray, after: np.ndarray) -> Curve:
    """The share after dropping ever more maps, and exactly how few remove 90% of the pictures with the concept.

    A few points draw the curve. Between them only one question is asked of every k, whether it removes enough, and the
    pictures that still showed the concept a map earlier are asked first: as soon as too many still do, k is refuted.
    Where both points leave more than a third, the curve would have to fall to a tenth and rise again between them:
    those k are not asked.

    Args:
        bench: the fresh pictures.
        ranking: maps, first to go first; the curve ends when all are gone.
        column: the concept's, in what the bench shows.
        before, after: (n,) bool, which pictures show the concept before anything, and after everything, is dropped.
    """
    n, count = len(before), len(ranking)
    allowed = int((1 - GONE) * before.sum() + 1e-9)
    share = {count: float(after.mean()), 0: float(before.mean())}
    for k in sorted({round(count * step / POINTS) for step in range(1, POINTS)} - {0}):
        share[k] = float(bench.shows(ranking[:k])[:, column].mean())
    still = before.copy()
    near = [(low, high) for low, high in pairwise(sorted(share)) if min(share[low], share[high]) <= FAR * share[0]]
    for low, high in progress(near, "dropping one filter after the other"):
        found = _first_enough(bench, ranking, range(low + 1, high), column, allowed, still)
        if found is not None:
            share[found] = float(still.mean())
        if found is not None or share[high] * n <= allowed + 1e-9:
            break
    ks = sorted(share)
    return Curve(np.array(ks), np.array([share[k] for k in ks]))


def _first_enough(
    bench: Bench, ranking: np.ndarray, ks: range, column: int, allowed: int, still: np.ndarray
) -> int | None:
    """The first of these numbers of maps without which at most ``allowed`` pictures show the concept, if any.

    Args:
        ks: in rising order.
        still: (n,) bool, which pictures showed it when last asked; kept up to date.
    """
    few = min(allowed + 3, len(still))  # a little more than what can refute
    while ks:
        rows = np.argsort(~still, kind="stable")[:few]
        seen = bench.shows_each(ranking, ks[: max(1, AT_ONCE // few)], rows)[:, :, column]
        refuted = int((seen.sum(1) > allowed).cumprod().sum())
        if refuted:
            still[rows] = seen[refuted - 1]
        elif _removes_enough(bench, ranking[: ks[0]], column, allowed, still):
            return ks[0]
        ks = ks[max(1, refuted) :]
    return None


def _removes_enough(bench: Bench, filters: np.ndarray, column: int, allowed: int, still: np.ndarray) -> bool:
    """Whether at most ``allowed`` pictures show the concept without these maps; notes in ``still`` what was seen."""
    order = np.argsort(~still, kind="stable")
    hits = 0
    for start in range(0, len(order), AT_ONCE):
        rows = order[start : start + AT_ONCE]
        still[rows] = bench.shows(filters, rows)[:, column]
        hits += int(still[rows].sum())
        if hits > allowed:
            return False
    return True
