"""The test of copying against all exchanges of small sets, and against held-out pictures of another kind."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from ganlab import Result
from ganlab_neighbors import neighbors
from ganlab_neighbors.membership import ALPHA, EXCHANGES, Pool, compare

from .test_neighbors import SIZE, replaying

EACH = 6  # pictures of either set: 924 ways to exchange them


def searched(distances: np.ndarray, k: int) -> Pool:
    """The pool that a search of both sets gives, from distances (n, 2 * EACH); the first half are training pictures."""
    order = [np.argsort(half, axis=1, kind="stable")[:, :k] for half in np.split(distances, 2, axis=1)]
    near, far = (
        np.take_along_axis(half, rows, 1) for half, rows in zip(np.split(distances, 2, axis=1), order, strict=True)
    )
    return Pool.of((near, order[0], EACH), (far, order[1], EACH))


def by_brute_force(distances: np.ndarray) -> tuple[float, float]:
    """Shares of all exchanges with a mean closeness at least, and at most, as large as the observed one.

    No set is taken for farther than the last neighbour that is kept, the EACH-th.
    """
    means, last = [], np.sort(distances, axis=1)[:, EACH - 1]
    for own in combinations(range(2 * EACH), EACH):
        held = np.setdiff1d(np.arange(2 * EACH), own)
        t, h = (np.minimum(distances[:, list(rows)].min(1), last) for rows in (own, held))
        means.append(np.divide(h - t, h + t, out=np.zeros_like(t), where=h + t > 0).mean())
    assert len(means) == comb(2 * EACH, EACH)
    found = np.array(means)  # the first is the observed one
    return float((found >= found[0] - 1e-12).mean()), float((found <= found[0] + 1e-12).mean())


@pytest.mark.parametrize("levels", [1000, 6, 2])
@pytest.mark.parametrize("seed", range(4))
def test_both_tails_are_those_of_all_exchanges(levels: int, seed: int) -> None:
    """Also where distances are equal: of few levels, most of them are."""
    distances = np.random.default_rng([levels, seed]).integers(0, levels, (9, 2 * EACH)).astype(float)
    answer = compare({"pixels": searched(distances, EACH)}, seed)
    for ours, exact in zip((answer.p, answer.p_farther), by_brute_force(distances), strict=True):
        assert abs(ours - exact) < 4 * (exact * (1 - exact) / EXCHANGES) ** 0.5 + 2 / EXCHANGES


@pytest.mark.parametrize("k", [2, 5])
def test_of_equally_near_ones_each_set_counts_half(k: int) -> None:
    nearest = np.array([[1.0] * 12, [1.0] * 5 + [2.0] * 7, [2.0] * 7 + [1.0] * 5, [0.0] * 12])
    answer = compare({"pixels": searched(nearest, k)}, 0)
    assert answer.nearer["pixels"] == pytest.approx((0.5 + 1 + 0 + 0.5) / 4)


def natural(n: int, seed: int) -> np.ndarray:
    """Pictures (n, SIZE, SIZE, 3) uint8 whose spectrum falls as 1 / f, as that of photographs does."""
    spectrum = np.fft.fft2(np.random.default_rng(seed).normal(size=(n, SIZE, SIZE)))
    frequency = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.fftfreq(SIZE))
    frequency[0, 0] = 1 / SIZE
    waves = np.fft.ifft2(spectrum / frequency).real
    waves -= waves.mean((1, 2), keepdims=True) / 2
    levels = np.clip(np.rint(128 + 50 * waves / waves.std()), 0, 255).astype(np.uint8)
    return levels[..., None].repeat(3, 3)


def softer(pictures: np.ndarray, sigma: float) -> np.ndarray:
    return np.rint(gaussian_filter(pictures.astype(float), (0, sigma, sigma, 0))).astype(np.uint8)


@pytest.fixture
def asked(tmp_path: Path) -> Callable[[np.ndarray, np.ndarray], Result]:
    """Asks about a generator of soft pictures, 15% of them soft training pictures."""

    def ask(train: np.ndarray, held: np.ndarray) -> Result:
        np.save(tmp_path / "train.npy", train)
        np.save(tmp_path / "held.npy", held)
        copied = train[np.random.default_rng(4).integers(0, len(train), 600)]
        gan = replaying(softer(np.concatenate([copied, natural(3400, 3)]), 0.5))
        return neighbors(gan, str(tmp_path / "train.npy"), str(tmp_path / "held.npy"), n=300, space=["pixels"])

    return ask


@pytest.mark.parametrize("sigma", [0.36, 0.5])
def test_held_out_pictures_that_are_softer_give_no_answer(
    sigma: float, asked: Callable[[np.ndarray, np.ndarray], Result]
) -> None:
    """They are nearer to everything, and would hide a generator that copies."""
    result = asked(natural(1500, 1), softer(natural(600, 2), sigma))
    assert result.metrics["p"].value > ALPHA
    assert result.metrics["p_left_out_farther"].value < ALPHA / 2
    assert result.summary.startswith("No answer")
    assert "of another kind" in result.summary
    assert "softer" in result.summary


def test_the_same_copier_is_caught_where_the_sets_are_alike(
    asked: Callable[[np.ndarray, np.ndarray], Result],
) -> None:
    result = asked(natural(1500, 1), natural(600, 2))
    assert "copies:" in result.summary
    assert result.metrics["p_left_out_farther"].value >= ALPHA / 2
