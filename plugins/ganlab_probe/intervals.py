"""Intervals for shares and for draws."""

from __future__ import annotations

import math

import numpy as np

Z95 = 1.959964  # two-sided 95% of the normal law


def of_share(hits: np.ndarray) -> tuple[float, float]:
    """Wilson's 95% interval for a share of n independent pictures (n,) bool."""
    n, share = len(hits), float(hits.mean())
    middle = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def of_draws(values: np.ndarray) -> tuple[float, float]:
    """The range that holds the middle 95% of repeated draws."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
