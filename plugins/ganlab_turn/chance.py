"""Numbers of a turn beside those of random directions."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from ganlab import Metric

UPPER = 0.975  # what lies below the upper end of an interval of 95%


def shares(
    name: str, along: np.ndarray, aside: np.ndarray, which: np.ndarray, about: str, how: str = ""
) -> dict[str, Metric]:
    """A share of the samples, and the same in random directions.

    Args:
        along: bool (n,), of each sample along the turn.
        aside: bool (n,), along random directions.
        which: (n,) the random direction that each sample went along.
        how: what else is to be said of the random directions.
    """
    control = f"{name}_random"
    same = f"the same in random directions{', ' if how else ''}{how}"
    return {
        name: Metric.of_share(along, control=control, about=about),
        control: Metric.of_share(aside, worth=worth(aside, which), no_control="it is the control", about=same),
    }


def against_chance(
    name: str, value: float, by_chance: np.ndarray, n: int, most: float, about: str
) -> dict[str, Metric]:
    """A number, and its size for each random direction: their mean, and where that of one more would lie.

    Args:
        by_chance: (directions,) from 0 to ``most``.
    """
    low, high = of_a_further_one(by_chance, 0, most)
    control = f"{name}_random"
    same = (
        f"the same along {len(by_chance)} random directions, without its sign: their mean, and where one more would "
        "lie with a probability of 95% (Student's prediction interval)"
    )
    return {
        name: Metric(value, n=n, control=control, about=about),
        control: Metric(by_chance.mean(), low, high, len(by_chance), no_control="it is the control", about=same),
    }


def of_a_further_one(values: np.ndarray, lowest: float, highest: float) -> tuple[float, float]:
    """Where one more value would lie with a probability of 95%, after these: Student's prediction interval.

    The range of 95% of the values themselves would hold the next one less often, the fewer they are: of ten in 79%.

    Args:
        values: (n,) so far, two or more.
        lowest, highest: what a value can be.
    """
    half = stats.t.ppf(UPPER, len(values) - 1) * values.std(ddof=1) * math.sqrt(1 + 1 / len(values))
    return max(float(values.mean() - half), lowest), min(float(values.mean() + half), highest)


def worth(hits: np.ndarray, which: np.ndarray) -> float:
    """How many independent samples the share of these hits (n,) is worth, as samples of one direction go together.

    The samples that would give the variance found between directions, fewer by as much as Student's t is wider for so
    few of them (Korn and Graubard, 1998). Where all samples are alike that variance cannot be seen: then each direction
    counts as one.
    """
    share, n, directions = hits.mean(), len(hits), len(np.unique(which))
    if share in (0, 1):
        return directions
    totals = np.bincount(which, hits - share)
    variance = directions / (directions - 1) * (totals**2).sum() / n**2
    wider = stats.t.ppf(UPPER, directions - 1) / stats.norm.ppf(UPPER)
    return float(min(n, share * (1 - share) / max(variance * wider**2, 1e-12)))
