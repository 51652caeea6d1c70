"""Random directions beside a turn, and what their numbers are worth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from ganlab import Metric, Result
from ganlab_turn import turn
from ganlab_turn.chance import Whose, against_chance, shares, worth
from ganlab_turn.direction import random_directions
from ganlab_turn.turning import Way, coefficients

from .planted_faces import Reader, planted_faces, truth


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


@pytest.mark.parametrize("sign", [1, -1])
def test_turned_random_directions_go_as_far_as_the_numbers_say(sign: int) -> None:
    which = np.arange(60) // 6
    way = Way(coefficients(5, 1.0), np.random.default_rng(0).normal(size=(60, 5, 1)), np.full(1, 3.0))
    turned = way.turned(0, sign, which)
    travel = way.numbers_by_chance(0, which)["travel"].mean()
    assert sign * turned.travel(0).mean() == pytest.approx(travel)
    assert way.travel(0).mean() != pytest.approx(travel)  # led both ways
    assert np.array_equal(turned.values[:, 2], way.values[:, 2])  # every sample begins where it did


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


def test_the_range_of_random_directions_is_students_within_what_can_be() -> None:
    sizes = np.array([0.2, 0.9, 0.7, 0.95])
    found = against_chance("travel", np.array([2.0]), sizes, 30, np.inf, "how far")["travel_random"]
    assert found.high == pytest.approx(sizes.mean() + stats.t.ppf(0.975, 3) * sizes.std(ddof=1) * (1 + 1 / 4) ** 0.5)
    found = against_chance("correlation", np.array([0.9]), sizes, 30, 1, "how well")["correlation_random"]
    assert (found.value, found.low, found.high, found.n) == (pytest.approx(sizes.mean()), 0, 1, 4)
    assert "Student's prediction interval" in found.about


# several choices of exemplars


def test_a_share_of_several_choices_counts_choices_where_they_differ() -> None:
    """Two choices of eight turn all their samples, six none: eight cases, not eighty."""
    which = np.arange(80)
    whose, one = Whose(which // 10, which // 8), Whose(which * 0, which // 8)
    hits = which < 20
    several, alone = (shares("steady", hits, hits, groups, "turned")["steady"] for groups in (whose, one))
    expected = Metric.of_share(hits, worth=worth(hits, whose.chosen))
    assert (several.low, several.high, several.n) == (expected.low, expected.high, 80)
    assert (alone.low, alone.high) == (Metric.of_share(hits).low, Metric.of_share(hits).high)
    assert several.high - several.low > 2.5 * (alone.high - alone.low)
    assert "the choices' own shares" in several.about
    assert "choices" not in alone.about


def test_a_number_of_several_choices_is_their_mean_with_students_interval() -> None:
    numbers, sizes = np.array([0.5, 0.9, 0.7, 0.6]), np.array([0.2, 0.3])
    several = against_chance("correlation", numbers, sizes, 30, 1, "how well")["correlation"]
    assert several.value == pytest.approx(0.675)
    expected = stats.ttest_1samp(numbers, 0).confidence_interval()
    assert (several.low, several.high) == pytest.approx((expected.low, expected.high))
    alone = against_chance("correlation", numbers[:1], sizes, 30, 1, "how well")["correlation"]
    assert (alone.value, alone.low, alone.high) == (0.5, None, None)


def test_each_choice_of_four_turns_its_share_of_the_samples(turned: Result) -> None:
    """How far the yaw travels, from z alone: eight disjoint fours of the 32 at each end, 7 or 8 of 60 samples each."""
    gan = planted_faces()
    pool, fresh = gan.latents(1000, seed=0).z, gan.latents(60, seed=0, first=1_000_000).z
    order = np.argsort(truth(pool)[:, 3])
    low, high = np.quantile(truth(pool)[:, 3], [0.05, 0.95])
    deal = [[k, 15 - k, 16 + k, 31 - k] for k in range(8)]
    travel, lengths = np.empty(8), np.empty(8)
    for k, hand in enumerate(deal):
        vector = pool[order[::-1][hand].copy()].mean(0) - pool[order[hand]].mean(0)
        mine = fresh[np.arange(60) * 8 // 60 == k]
        assert len(mine) in (7, 8)
        travel[k] = (truth(mine + vector)[:, 3] - truth(mine - vector)[:, 3]).mean() / (high - low)
        lengths[k] = vector.norm()
    found = turned.metrics["travel_4_and_4"]
    expected = stats.ttest_1samp(travel, 0).confidence_interval()
    assert found.value == pytest.approx(travel.mean(), abs=1e-3)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-3)
    assert turned.tables["directions"].rows[2][:2] == ["8 choices of 4 + 4", pytest.approx(lengths.mean())]
    assert "for 8 choices of 4 + 4" in turned.metrics["steady_4_and_4"].about
    assert "choices" not in turned.metrics["steady"].about


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
