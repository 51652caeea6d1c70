"""Random draws of exemplars, and what draws from one pool are worth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ganlab import Metric
from ganlab_arithmetic.dependence import worth
from ganlab_arithmetic.success import draw_rows


def test_draws_are_among_those_that_fit_and_none_twice() -> None:
    candidates = [np.array([2, 3, 5, 7, 11, 13]), np.arange(20, 40)]
    rows = draw_rows(candidates, 200, 5, seed=1)
    assert rows.shape == (200, 2, 5)
    for term, fitting in enumerate(candidates):
        assert set(rows[:, term].ravel()) == set(fitting)
        assert all(len(set(draw)) == 5 for draw in rows[:, term].tolist())
    assert np.array_equal(draw_rows(candidates, 50, 5, seed=1), rows[:50])


@pytest.mark.parametrize(("rarest", "each"), [(0.05, 1), (0.05, 5), (0.5, 5)])
def test_intervals_of_success_cover_whatever_the_pool(rarest: float, each: int) -> None:
    """A linear GAN by its two attributes alone, pools of 1,000: the success that endless pools have lies inside."""
    rng = np.random.default_rng(0)
    edge = stats.norm.ppf(1 - rarest)  # where the smile begins

    def groups(levels: np.ndarray) -> list[np.ndarray]:
        smile, woman = (levels > [edge, 0]).T
        return [np.flatnonzero(one) for one in (smile & woman, ~smile & woman, ~smile & ~woman)]

    def hits(levels: np.ndarray, rows: np.ndarray) -> np.ndarray:
        first, second, third = levels[rows].mean(2).swapaxes(0, 1)
        return (first - second + third > [edge, 0]) @ [1, 2] == 1

    many = rng.standard_normal((400_000, 2))
    endless = np.stack([rng.choice(rows, (100_000, each)) for rows in groups(many)], axis=1)
    expected, covers, naive = hits(many, endless).mean(), [], []
    for _ in range(200):
        levels = rng.standard_normal((1000, 2))
        orders = [rng.random((200, len(one))).argpartition(each)[:, :each] for one in groups(levels)]
        rows = np.stack([one[order] for one, order in zip(groups(levels), orders, strict=True)], axis=1)
        found, sizes = hits(levels, rows), [len(one) for one in groups(levels)]
        for inside, share in (
            (covers, Metric.of_share(found, worth=worth(found, rows, sizes))),
            (naive, Metric.of_share(found)),
        ):
            inside.append(share.low <= expected <= share.high)
    assert np.mean(covers) > 0.92
    assert np.mean(naive) < 0.9


def test_draws_that_share_nobody_are_worth_themselves_and_alike_ones_less() -> None:
    rng = np.random.default_rng(0)
    apart = rng.permutation(60_000).reshape(200, 3, 100)[:, :, :1]  # terms of 20,000 each
    hits = rng.random(200) < 0.5
    assert worth(hits, apart, [20_000] * 3) == pytest.approx(200, rel=0.05)
    few = draw_rows([np.arange(20)] * 3, 200, 1, seed=0)
    by_one = few[:, 0, 0] < 10  # the first exemplar decides: twenty cases
    assert worth(by_one, few, [20] * 3) < 20 < worth(hits, few, [20] * 3)
    assert 20 < worth(np.ones(200, bool), few, [20] * 3) < 200
