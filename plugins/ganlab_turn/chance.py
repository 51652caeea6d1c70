"""Numbers of a turn beside those of random directions."""

from __future__ import annotations

import numpy as np
from scipy import stats

from ganlab import Metric


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


def against_chance(name: str, value: float, by_chance: np.ndarray, n: int, about: str) -> dict[str, Metric]:
    """A number, and its size for each random direction: the mean and the range of 95%."""
    low, high = np.quantile(by_chance, [0.025, 0.975])
    control = f"{name}_random"
    same = "the same along random directions, without its sign: mean and 95% of them"
    return {
        name: Metric(value, n=n, control=control, about=about),
        control: Metric(by_chance.mean(), low, high, len(by_chance), no_control="it is the control", about=same),
    }


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
    wider = stats.t.ppf(0.975, directions - 1) / stats.norm.ppf(0.975)
    return float(min(n, share * (1 - share) / max(variance * wider**2, 1e-12)))
