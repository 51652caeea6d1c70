"""How sure the figures are: whole runs of photographs drawn anew, as neighbours show the same flat."""

from __future__ import annotations

import numpy as np

from .choosing import Truth, found_and_imagined
from .reading import BLOCK

DRAWS = 2_000


def interval(shows: np.ndarray, truth: Truth, numbers: np.ndarray, beside: np.ndarray | None = None) -> np.ndarray:
    """95% of the bootstrap of the balanced accuracy, or of how far it is above that of another judge.

    Draws in which a concept is in no photograph, or in all, are left out of that concept's interval.

    Args:
        shows: bool (n, concepts), what the judge says.
        truth: of the same photographs.
        numbers: (n,) of the photographs; runs of 25 are drawn as wholes.
        beside: what another judge says.

    Returns:
        (2, concepts): low and high.
    """
    runs, which = np.unique(numbers // BLOCK, return_inverse=True)
    rng = np.random.default_rng(0)
    values = np.empty((DRAWS, shows.shape[1]))
    for draw in range(DRAWS):
        times = np.bincount(rng.integers(len(runs), size=len(runs)), minlength=len(runs))[which]
        values[draw] = _balanced(shows, truth, times) - (0 if beside is None else _balanced(beside, truth, times))
    return np.nanquantile(values, [0.025, 0.975], axis=0)


def _balanced(shows: np.ndarray, truth: Truth, times: np.ndarray) -> np.ndarray:
    """Balanced accuracy (concepts,) of photographs that count so many ``times``; NaN where one kind is missing."""
    with np.errstate(invalid="ignore"):
        found, imagined = found_and_imagined(shows, truth, times)
    return (found + 1 - imagined) / 2
