"""What draws from one pool are worth, as they share exemplars and would come out otherwise from another pool."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def worth(hits: np.ndarray, rows: np.ndarray, sizes: Sequence[int]) -> float:
    """How many draws with exemplars of their own the share of these hits is worth.

    The share is a mean over subsets of a pool (an incomplete U-statistic). To its variance within the pool comes what
    each member does to the draws that it takes part in (Hoeffding's first term), estimated without bias from pairs of
    draws that share members. One standard error of that estimate is added: it is noisy, and an interval has to cover.

    Args:
        hits: bool (draws,).
        rows: (draws, terms, each), the pool's members that were drawn, none twice in a term of a draw.
        sizes: (terms,) how many members each term was drawn from; more than ``each``.
    """
    draws, _, each = rows.shape
    n = np.asarray(sizes, np.float64)
    spread = hits.std()
    apart = (hits - hits.mean()) / spread if spread else np.zeros(draws)
    # a member is seen less of the others: their sum over a term is fixed
    stretch = (n - 1) / (n - each)
    weights = np.broadcast_to(stretch[:, None], rows.shape)
    together = np.bincount(rows.ravel(), (apart[:, None, None] * weights).ravel())
    taken = np.bincount(rows.ravel(), weights.ravel())
    alone = draws * each * (stretch**2).sum()  # of each draw with itself
    # the products of different draws' deviations from their own mean are -1 / (draws - 1) on average
    shared = (together**2).sum() - alone + ((taken**2).sum() - alone) / (draws - 1)
    overlap = each * (each / n) * (1 - each / n) * (n - each) / (n - 1)  # variance of members that two draws share
    noise = np.sqrt(2 * (stretch**4 * overlap).sum()) / draws
    return float(1 / (1 / draws + max(shared, 0.0) / draws**2 + noise))
