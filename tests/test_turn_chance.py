"""Random directions beside a turn, and what their numbers are worth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from ganlab import Metric, Result
from ganlab_turn import turn
from ganlab_turn.chance import against_chance, of_a_further_one, worth
from ganlab_turn.direction import random_directions
from ganlab_turn.turning import Way, coefficients

from .planted_faces import Reader, planted_faces


@pytest.fixture(scope="module")
def turned() -> Result:
    return turn(planted_faces(), "left", "right", by="yaw", labeler=Reader(), n=60, pool=1000)


@pytest.mark.parametrize("law", ["uniform", "normal", "uniform01"])
def test_random_directions_have_the_length_and_no_preference(law: str) -> None:
    gan = planted_faces(law)
    vectors = random_directions(gan, 400, 2.5, seed=0)
    torch.testing.assert_close(vectors.norm(dim=1), torch.full((400,), 2.5))
    assert float(vectors.mean(0).norm()) < 0.3
    assert torch.equal(random_directions(gan, 5, 2.5, seed=0), vectors[:5])


def test_numbers_by_chance_are_sizes_of_each_direction() -> None:
    t, which = coefficients(5, 1.0), np.array([0, 0, 1, 1])
    way = Way(t, (np.array([1.0, 1, -1, -1])[:, None] * t + [[0], [1], [0], [1]])[:, :, None], np.ones(1))
    assert (way.numbers(0)["travel"], way.numbers(0)["correlation"]) == pytest.approx((0, 0))
    by_chance = way.numbers_by_chance(0, which)
    assert by_chance["travel"].tolist() == [2, 2]
    assert by_chance["correlation"] == pytest.approx([1, 1])
    assert (by_chance["ranks_all"] > 0.5).all()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("alike", [0.05, 0.3, 1])
def test_intervals_of_random_directions_cover(share: float, alike: float) -> None:
    """Ten directions of ten samples, whose shares differ by ``alike`` of what they could at most."""
    rng, which = np.random.default_rng(0), np.arange(100) // 10
    if alike == 1:
        shares = (rng.random((500, 10)) < share).astype(float)
    else:
        shares = rng.beta(share * (1 / alike - 1), (1 - share) * (1 / alike - 1), (500, 10))
    seen = rng.random((500, 100)) < shares[:, which]
    intervals = [Metric.of_share(one, worth=worth(one, which)) for one in seen]
    assert np.mean([interval.low <= share <= interval.high for interval in intervals]) > 0.91


def test_samples_of_one_direction_that_are_alike_count_once() -> None:
    which = np.arange(30) // 3
    assert worth(which < 4, which) == pytest.approx(9 * (stats.norm.ppf(0.975) / stats.t.ppf(0.975, 9)) ** 2)
    assert worth(np.zeros(30, bool), which) == worth(np.ones(30, bool), which) == 10
    assert worth(np.arange(30) % 3 == 0, which) == 30  # as many in each: no more than the samples there are


@pytest.mark.parametrize("count", [5, 10, 20])
def test_the_range_of_random_directions_holds_the_next_one(count: int) -> None:
    sizes = np.abs(np.random.default_rng(0).normal(size=(3000, count + 1)))
    ranges = np.array([of_a_further_one(row[:-1], 0, 1e9) for row in sizes])
    assert np.mean((ranges[:, 0] <= sizes[:, -1]) & (sizes[:, -1] <= ranges[:, 1])) > 0.93


def test_the_range_of_random_directions_is_students_within_what_can_be() -> None:
    sizes = np.array([0.2, 0.9, 0.7, 0.95])
    found = against_chance("travel", 2, sizes, 30, np.inf, "how far")["travel_random"]
    assert found.high == pytest.approx(sizes.mean() + stats.t.ppf(0.975, 3) * sizes.std(ddof=1) * (1 + 1 / 4) ** 0.5)
    found = against_chance("correlation", 0.9, sizes, 30, 1, "how well")["correlation_random"]
    assert (found.value, found.low, found.high, found.n) == (pytest.approx(sizes.mean()), 0, 1, 4)
    assert "Student's prediction interval" in found.about


def test_the_control_of_a_share_has_the_interval_of_few_directions(turned: Result) -> None:
    """Whether the yaw turns steadily is the same for all samples of a direction: ten cases, not sixty."""
    control = turned.metrics["steady_random"]
    assert control.n == 60
    assert control.high - control.low > 0.25


def test_the_table_says_of_random_directions_what_the_metrics_say(turned: Result) -> None:
    """Their signs do not cancel over the ten of them."""
    value = {name: metric.value for name, metric in turned.metrics.items()}
    table = turned.tables["directions"]
    for end, rows in (("", table.rows[:2]), ("_4_and_4", table.rows[2:])):
        for suffix, row in zip(("", "_random"), rows, strict=True):
            cells = dict(zip(table.columns, row, strict=True))
            names = {
                "steady": "steady",
                "travel": "travel",
                "Pearson": "correlation",
                "Pearson, all": "correlation_all",
            }
            for column, name in names.items():
                assert cells[column] == pytest.approx(value[f"{name}{end}{suffix}"])
    assert table.rows[1][3] > 0.1
