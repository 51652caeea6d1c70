"""Numbers of a turn beside those of random directions, and what few directions say of others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit

from ganlab import Metric

UPPER = 0.975  # what lies below the upper end of an interval of 95%


class Whose(NamedTuple):
    """Which direction each sample went along, (n,) both: that of which choice of exemplars, and which random one."""

    chosen: np.ndarray
    random: np.ndarray


def shares(
    name: str, along: np.ndarray, aside: np.ndarray, whose: Whose, about: str, how: str = ""
) -> dict[str, Metric]:
    """A share of the samples, and the same in random directions.

    Args:
        along: bool (n,), of each sample along the turn.
        aside: bool (n,), along random directions.
        how: what else is to be said of the random directions.
    """
    control = f"{name}_random"
    same = f"the same in random directions{', ' if how else ''}{how}"
    independent = None
    if len(np.unique(whose.chosen)) > 1:
        independent = worth(along, whose.chosen)
        about += "; Wilson's interval, for as many samples as the choices' own shares show them to be worth"
    return {
        name: Metric.of_share(along, worth=independent, control=control, about=about),
        control: Metric.of_share(aside, worth=worth(aside, whose.random), no_control="it is the control", about=same),
    }


def against_chance(
    name: str, numbers: np.ndarray, by_chance: np.ndarray, n: int, most: float, about: str
) -> dict[str, Metric]:
    """A number, and its size for each random direction: their mean, and where that of one more would lie.

    Args:
        numbers: (choices,) of each choice of exemplars, from -``most`` to ``most``; the number is their mean.
        by_chance: (directions,) from 0 to ``most``.
    """
    if len(numbers) > 1:
        about += "; the mean of the choices' own numbers, and Student's interval of it"
    control = f"{name}_random"
    same = (
        f"the same along {len(by_chance)} random directions, without its sign: their mean, and where one more would "
        "lie with a probability of 95% (Student's prediction interval)"
    )
    return {
        name: Metric.of_mean(numbers, lowest=-most, highest=most, n=n, control=control, about=about),
        control: Metric.of_draws(by_chance, highest=most, no_control="it is the control", about=same),
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
    wider = stdtrit(directions - 1, UPPER) / ndtri(UPPER)
    return float(min(n, share * (1 - share) / max(variance * wider**2, 1e-12)))
