"""The numbers of a turn on curves written by hand, and what is followed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from ganlab import GanlabError, Latents
from ganlab_turn.direction import Direction, halves_agree
from ganlab_turn.judging import Judge, followed
from ganlab_turn.turning import Way, coefficients, correlation, moved, ranked

from .planted_faces import CONCEPTS, Reader


def test_correlations_are_scipys() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 6, 200).astype(float), rng.normal(size=200)
    y = np.round(y + 0.3 * x, 1)  # with ties
    assert correlation(x, y) == pytest.approx(stats.pearsonr(x, y).statistic)
    assert correlation(x, np.ones(200)) == 0
    way = Way(coefficients(9, 1.0), rng.normal(size=(20, 9, 1)).round(1) + coefficients(9, 1.0)[:, None], np.ones(1))
    t = np.broadcast_to(way.t, (20, 9)).ravel()
    assert way.correlation(0, ranks=True) == pytest.approx(stats.spearmanr(t, way.values.ravel()).statistic)


def test_ranks_are_scipys() -> None:
    values = np.random.default_rng(0).normal(size=(40, 9)).round(1)  # with ties
    assert len(np.unique(values)) < values.size
    assert np.array_equal(ranked(values), stats.rankdata(values))


@pytest.mark.parametrize(
    ("curve", "steady", "either"),
    [
        ([0, 1, 2, 3, 4], True, True),
        ([4, 3, 2, 1, 0], False, True),
        ([0, 1, 0.98, 3, 4], True, True),  # falls back by half a percent of the spread
        ([0, 2, 1, 3, 4], False, False),
        ([0, 0, 0, 0, 0], False, False),  # what does not move does not turn
        ([0, 0, 0, 0, 0.5], False, False),
        ([0, 0, 0, 0, 2], True, True),
    ],
)
def test_what_counts_as_a_steady_turn(curve: list[float], steady: bool, either: bool) -> None:
    way = Way(coefficients(5, 1.0), np.array(curve, np.float32)[None, :, None], np.array([4.0]))
    assert (way.steady(0)[0], way.steady(0, either=True)[0]) == (steady, either)


def test_what_counts_as_kept() -> None:
    curves = np.array([[0, 0, 0], [1, 1, 0], [0, 1, 1], [5, 5.9, 6.8], [5, 6.1, 5]], np.float32)[:, :, None]
    way = Way(coefficients(3, 1.0), curves, np.array([4.0]))
    assert way.kept(0).tolist() == [True, True, True, True, False]
    concept = Way(way.t, curves[:3], np.array([1.0]))
    assert concept.kept(0).tolist() == [True, False, False]


def test_coefficients_and_points() -> None:
    assert coefficients(9, 1.0).tolist() == [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1]
    assert coefficients(3, 2.0).tolist() == [-2, 0, 2]
    latents = Latents(torch.tensor([[1.0, 0], [0, 1]]), 0, np.array([4, 5]), torch.tensor([7, 8]))
    points = moved(latents, torch.tensor([[2.0, 0], [0, 4]]), np.array([-1.0, 0, 0.5]))
    assert points.z.tolist() == [[-1, 0], [1, 0], [2, 0], [0, -3], [0, 1], [0, 3]]
    assert points.labels is not None
    assert points.labels.tolist() == [7, 7, 7, 8, 8, 8]
    assert points.seed is None


def test_what_is_followed() -> None:
    judge = Judge(Reader())
    assert judge.attributes == (*CONCEPTS, "yaw")
    assert followed(judge, "left", "right", None) == (3, 1)
    assert followed(judge, "right_woman", "left_woman", None) == (3, -1)
    assert followed(judge, "smiling", "neutral", None) == (0, -1)
    assert followed(judge, "man", "man_with_glasses", None) == (1, 1)  # "man" means: without, as in arithmetic
    assert followed(judge, "woman_with_glasses", "woman", None) == (1, -1)
    assert followed(judge, "0:1", "right", "yaw") == followed(judge, "left", "0:1", "yaw") == (3, 1)
    assert followed(judge, "neutral", "left", "smile") == (0, 1)
    assert followed(judge, "left", "neutral", "smile") == (0, -1)
    assert followed(judge, "0:1", "0:2", "yaw") == followed(judge, "man", "woman", "yaw") == (3, 0)
    assert followed(judge, "a", "b", None) is None
    assert followed(judge, "0:1", "0:2", None) is None
    with pytest.raises(GanlabError, match="several attributes change: smile, woman"):
        followed(judge, "smiling_woman", "neutral_man", None)


def test_directions_of_chance_agree_within_what_mixtures_do_19_times_of_20() -> None:
    within = 0
    for seed in range(100):
        z = torch.from_numpy(np.random.default_rng(seed).uniform(-1, 1, (18, 30)))
        found = halves_agree(Direction.between("chance", z[:8], z[8:]), seed=seed)
        mixtures = found["halves_agree_shuffled"]
        assert mixtures.low is not None
        assert mixtures.high is not None
        within += mixtures.low <= found["halves_agree"].value <= mixtures.high
    assert 89 <= within <= 99
