"""The interval of repeated draws."""

from __future__ import annotations

import numpy as np


def of_draws(values: np.ndarray) -> tuple[float, float]:
    """The range that holds the middle 95% of repeated draws."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
