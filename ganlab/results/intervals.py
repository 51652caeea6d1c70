"""The 95% intervals of a share, of a paired difference, of a mean, and of what is drawn again and again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Z = 1.959964  # deviations to either side, which hold 95% of a normal distribution
UPPER = 0.975  # the quantile at which a two-sided interval of 95% ends


def of_share(share: float, n: float) -> tuple[float, float]:
    """Wilson's (1927) interval of a share of n independent cases."""
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    low = middle - half if share > 0 else 0.0  # exactly, where rounding would leave a trace
    high = middle + half if share < 1 else 1.0
    return low, high


def of_paired_difference(better: int, worse: int, n: int) -> tuple[float, float]:
    """Tango's (1998) score interval of the difference of two shares of the same n cases, which are independent.

    Args:
        better, worse: cases that only the one, or only the other, counts.
    """
    return _farthest(better, worse, n, -1.0), _farthest(better, worse, n, 1.0)


def of_paired_differences(better: np.ndarray, worse: np.ndarray, n: int) -> tuple[float, float]:
    """The interval of the mean of several such differences of the same n cases, where what is compared varies too.

    Tango's intervals, and Student's of the differences' own mean, are joined by the squares of how far they reach to
    each side (Zou and Donner's, 2008, "method of variance estimates recovery"). What cases and comparisons do to each
    other is counted in both, so that it is rather too wide (Owen and Eckles, 2012).

    Args:
        better, worse: (comparisons,), two or more: cases that only the one, or only the other, counts.
    """
    from scipy.special import stdtrit

    found = (better - worse) / n
    mean = float(found.mean())
    of_cases = [of_paired_difference(int(b), int(w), n) for b, w in zip(better, worse, strict=True)]
    below = mean - sum(low for low, _ in of_cases) / len(found)
    above = sum(high for _, high in of_cases) / len(found) - mean
    half = stdtrit(len(found) - 1, UPPER) * float(found.std(ddof=1)) / math.sqrt(len(found))
    return max(mean - math.hypot(below, half), -1.0), min(mean + math.hypot(above, half), 1.0)


def _farthest(better: int, worse: int, n: int, limit: float) -> float:
    """The difference of shares towards the limit that the score test of paired cases still allows."""

    def allowed(difference: float) -> bool:
        # the likeliest share of cases that are worse, were this the difference
        linear = (2 * n - better + worse) * difference - better - worse
        constant = -worse * difference * (1 - difference)
        share = (math.sqrt(max(linear**2 - 8 * n * constant, 0.0)) - linear) / (4 * n)
        variance = n * (2 * share + difference * (1 - difference))
        return (better - worse - n * difference) ** 2 <= Z**2 * variance

    inside, outside = (better - worse) / n, limit
    for _ in range(60):  # halvings, to the end of what a float can tell
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if allowed(middle) else (inside, middle)
    return inside


def of_a_further_draw(values: np.ndarray, lowest: float, highest: float) -> tuple[float, float]:
    """Where one more draw would lie with a probability of 95%, after these: Student's prediction interval.

    The range of 95% of the draws themselves would hold the next one less often, the fewer they are: of ten in 79%.

    Args:
        values: (n,) of the draws so far, two or more.
        lowest, highest: what a value can be.
    """
    return _students(values, 1 + 1 / len(values), lowest, highest)


def of_mean(values: np.ndarray, lowest: float, highest: float) -> tuple[float, float]:
    """Student's interval of the mean of all such values, after these; arguments as above."""
    return _students(values, 1 / len(values), lowest, highest)


def _students(values: np.ndarray, variances: float, lowest: float, highest: float) -> tuple[float, float]:
    """Around the mean of the values, as wide as so many of their variances ask for, within what can be."""
    from scipy.special import stdtrit

    half = stdtrit(len(values) - 1, UPPER) * values.std(ddof=1) * math.sqrt(variances)
    return float(max(values.mean() - half, lowest)), float(min(values.mean() + half, highest))
