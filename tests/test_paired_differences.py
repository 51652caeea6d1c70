"""The interval of a difference between two answers to the same questions: by brute force, and how often it is right."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar

from ganlab import Metric
from ganlab_classify.learning import Outcome

Z = stats.norm.ppf(0.975)


def difference(better: int, worse: int, n: int) -> tuple[float, float, float]:
    """Of n answers of which so many are right in one list only: value, low, high as fractions."""
    ours, other = np.arange(n) < better, (np.arange(n) >= better) & (np.arange(n) < better + worse)
    found = Metric.of_paired_difference(ours, other)
    assert found.n == n
    return found.value / 100, found.low / 100, found.high / 100


def score(better: int, worse: int, n: int, difference: float) -> float:
    """The difference found less this one, in deviations under the likeliest truth that has this one."""

    def unlikely(share: float) -> float:
        return -(
            better * np.log(share + difference)
            + worse * np.log(share)
            + (n - better - worse) * np.log(1 - 2 * share - difference)
        )

    lowest, highest = max(0.0, -difference), (1 - difference) / 2
    found = minimize_scalar(unlikely, bounds=(lowest, highest), method="bounded", options={"xatol": 1e-13})
    variance = (2 * found.x + difference - difference**2) / n
    return ((better - worse) / n - difference) / np.sqrt(variance)


@pytest.mark.parametrize(
    ("better", "worse", "n"), [(10, 10, 100), (3, 1, 20), (1, 7, 50), (40, 5, 60), (900, 850, 9000)]
)
def test_the_ends_are_as_far_as_the_score_test_allows(better: int, worse: int, n: int) -> None:
    value, low, high = difference(better, worse, n)
    assert value == pytest.approx((better - worse) / n)
    assert score(better, worse, n, low) == pytest.approx(Z, rel=1e-4)
    assert score(better, worse, n, high) == pytest.approx(-Z, rel=1e-4)


def test_it_has_a_width_and_ends_where_differences_end() -> None:
    assert difference(0, 0, 40) == pytest.approx((0, -(Z**2) / (40 + Z**2), Z**2 / (40 + Z**2)))  # Wilson's of 0 in 40
    value, low, high = difference(9, 0, 9)
    assert value == high == 1
    assert 0 < low < 1
    assert difference(0, 9, 9) == (-1, -1, pytest.approx(-low))


@pytest.mark.parametrize("n", [10, 30])
@pytest.mark.parametrize("shares", [(0.3, 0.2), (0.1, 0.02), (0.02, 0.02), (0.5, 0.01), (0.9, 0.05)])
def test_it_holds_the_truth_19_times_of_20(n: int, shares: tuple[float, float]) -> None:
    """Over all outcomes, each as likely as it is."""
    more, less = shares
    counts = np.array([(better, worse) for better in range(n + 1) for worse in range(n + 1 - better)])
    ends = np.array([difference(better, worse, n)[1:] for better, worse in counts])
    held = (ends[:, 0] <= more - less + 1e-9) & (more - less <= ends[:, 1] + 1e-9)
    triples = np.column_stack([counts, n - counts.sum(1)])
    assert stats.multinomial.pmf(triples, n, [more, less, 1 - more - less])[held].sum() > 0.93


def test_classify_says_it_of_answers_told_once() -> None:
    one, other = (Outcome(1, {}, 1.0, right, right) for right in (np.ones((1, 9), bool), np.zeros((1, 9), bool)))
    value, low, high = one.above(other)
    assert (value, high) == (100, 100)
    assert 0 < low < 100
    assert one.above(one)[1] < 0 < one.above(one)[2]


def holds(found: Metric, truth: float) -> bool:
    assert found.low is not None
    assert found.high is not None
    return found.low <= truth <= found.high


def test_several_differences_vary_by_what_is_compared_as_well() -> None:
    """One comparison's interval forgets that another would have come out otherwise; that of their mean does not."""
    random = np.random.default_rng(0)
    n, draws, runs = 100, 5, 300
    held, one_held = 0, 0
    for _ in range(runs):
        ours = random.random(n) < 0.1
        chances = np.clip(0.3 + 0.1 * random.standard_normal(draws), 0, 1)  # what each comparison removes
        others = random.random((draws, n)) < chances[:, None]
        found = Metric.of_paired_difference(others, ours)
        assert found.value == pytest.approx(100 * (others.mean() - ours.mean()))
        held += holds(found, 20)
        one_held += holds(Metric.of_paired_difference(others[0], ours), 20)
    assert held / runs > 0.93
    assert one_held / runs < 0.75


def test_several_equal_differences_have_the_width_of_one() -> None:
    ours, other = np.arange(40) < 12, np.arange(40) < 5
    one, several = Metric.of_paired_difference(ours, other), Metric.of_paired_difference(np.stack([ours] * 3), other)
    assert (several.value, several.low, several.high) == pytest.approx((one.value, one.low, one.high))
    assert several.n == 40
