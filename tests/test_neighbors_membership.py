"""The test of copying against all exchanges of small sets, and against held-out pictures of another kind."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from ganlab import ImageSpec, Result, open_images
from ganlab_neighbors import investigation, neighbors
from ganlab_neighbors.membership import ALPHA, EXCHANGES, LEFT_OUT, Answer, Pool, compare
from ganlab_neighbors.sets import Role, draw_sets

from .test_neighbors import SIZE, replaying

EACH = 6  # pictures of either set: 924 ways to exchange them


def searched(distances: np.ndarray, k: int) -> Pool:
    """The pool that a search of both sets gives, from distances (n, 2 * EACH); the first half are training pictures."""
    order = [np.argsort(half, axis=1, kind="stable")[:, :k] for half in np.split(distances, 2, axis=1)]
    near, far = (
        np.take_along_axis(half, rows, 1) for half, rows in zip(np.split(distances, 2, axis=1), order, strict=True)
    )
    return Pool.of((near, order[0], EACH), (far, order[1], EACH))


def alone(pool: Pool, seed: int) -> Answer:
    """Of everything in the pool, against exchanges only."""
    return compare({"pixels": pool}, {LEFT_OUT: slice(None)}, seed)[LEFT_OUT]


def by_brute_force(distances: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Shares of all exchanges with a weighted mean closeness at least, and at most, as large as the observed one.

    No set is taken for farther than the last neighbour that is kept, the EACH-th.
    """
    means, last = [], np.sort(distances, axis=1)[:, EACH - 1]
    for own in combinations(range(2 * EACH), EACH):
        held = np.setdiff1d(np.arange(2 * EACH), own)
        t, h = (np.minimum(distances[:, list(rows)].min(1), last) for rows in (own, held))
        means.append(weights @ np.divide(h - t, h + t, out=np.zeros_like(t), where=h + t > 0))
    assert len(means) == comb(2 * EACH, EACH)
    found = np.array(means)  # the first is the observed one
    return float((found >= found[0] - 1e-12).mean()), float((found <= found[0] + 1e-12).mean())


@pytest.mark.parametrize("levels", [1000, 6, 2])
@pytest.mark.parametrize("seed", range(4))
def test_both_tails_are_those_of_all_exchanges(levels: int, seed: int) -> None:
    """Also where distances are equal: of few levels, most of them are."""
    distances = np.random.default_rng([levels, seed]).integers(0, levels, (9, 2 * EACH)).astype(float)
    answer = alone(searched(distances, EACH), seed)
    for ours, exact in zip((answer.p, answer.p_farther), by_brute_force(distances, np.full(9, 1 / 9)), strict=True):
        assert_estimates(ours, exact)


@pytest.mark.parametrize("levels", [1000, 3])
@pytest.mark.parametrize("seed", range(4))
def test_samples_against_left_out_pictures_are_judged_by_all_exchanges(levels: int, seed: int) -> None:
    distances = np.random.default_rng([levels, seed]).integers(0, levels, (9, 2 * EACH)).astype(float)
    groups = {"samples": np.array([0, 3, 4, 5]), LEFT_OUT: np.array([1, 2, 6, 7, 8])}
    answers = compare({"pixels": searched(distances, EACH)}, groups, seed)
    weights = np.full(9, -1 / 5)
    weights[groups["samples"]] = 1 / 4
    assert_estimates(answers["samples"].p_against, by_brute_force(distances, weights)[0])
    assert answers[LEFT_OUT].p_against == 1


def test_one_level_holds_for_all_spaces_together() -> None:
    """Of two spaces that have nothing to do with each other, either's chance to be as extreme counts."""
    rng = np.random.default_rng(1)
    pools = {}
    for name in ("first", "second"):
        members = rng.integers(0, 400, (60, 8))
        distances = np.sort(rng.normal(10, 1, (60, 8)) ** 2, axis=1)
        pools[name] = Pool(distances, np.where(members % 2 == 0, members, -1 - members), 200, 200)
    groups = {LEFT_OUT: slice(None)}
    each = {name: compare({name: pool}, groups, 1)[LEFT_OUT].p for name, pool in pools.items()}
    both = compare(pools, groups, 1)[LEFT_OUT].p_of
    for name, p in each.items():
        assert 0.1 < p < 0.6
        assert both[name] == pytest.approx(1 - (1 - p) ** 2, abs=0.08)


def assert_estimates(ours: float, exact: float) -> None:
    """The share of drawn exchanges is that of all of them, but for chance."""
    assert abs(ours - exact) < 4 * (exact * (1 - exact) / EXCHANGES) ** 0.5 + 2 / EXCHANGES


@pytest.mark.parametrize("k", [2, 5])
def test_of_equally_near_ones_each_set_counts_half(k: int) -> None:
    nearest = np.array([[1.0] * 12, [1.0] * 5 + [2.0] * 7, [2.0] * 7 + [1.0] * 5, [0.0] * 12])
    answer = alone(searched(nearest, k), 0)
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


@pytest.fixture
def beside_harder(tmp_path: Path) -> Callable[[np.ndarray], Result]:
    """Asks about a generator beside held-out pictures of a little more contrast, which are farther from everything."""

    def ask(made: np.ndarray) -> Result:
        np.save(tmp_path / "train.npy", natural(500, 1))
        harder = 128 + 1.03 * (natural(400, 2).astype(float) - 128)
        np.save(tmp_path / "held.npy", np.clip(np.rint(harder), 0, 255).astype(np.uint8))
        files = str(tmp_path / "train.npy"), str(tmp_path / "held.npy")
        return neighbors(replaying(made), *files, n=600, space=["pixels"])

    return ask


def test_sets_that_differ_a_little_accuse_no_honest_generator(beside_harder: Callable[[np.ndarray], Result]) -> None:
    """The hundred left-out pictures do not tell the difference, the 600 samples do: these are no copies for that."""
    result = beside_harder(natural(3000, 3))
    assert result.metrics["p_left_out"].value >= ALPHA / 2
    assert result.metrics["p"].value < ALPHA
    assert result.metrics["p_against_left_out"].value >= ALPHA
    assert result.metrics["p_copier"].value < ALPHA
    assert result.summary.startswith("No sign")
    assert "may merely differ a little; one copy in ten would have been noticed" in result.summary


def test_a_copier_is_caught_beside_them(beside_harder: Callable[[np.ndarray], Result]) -> None:
    rng = np.random.default_rng(4)
    copied = natural(500, 1)[rng.integers(0, 500, 300)]
    copied = np.clip(copied + rng.normal(0, 6, copied.shape), 0, 255).astype(np.uint8)
    result = beside_harder(np.concatenate([copied, natural(3000, 3)[300:]]))
    assert result.metrics["p_left_out"].value >= ALPHA / 2
    assert "copies: its samples are nearer" in result.summary


def test_one_space_has_to_show_both_signs() -> None:
    """Nearer than chance in one and nearer than left-out pictures in another is what sets that differ bring about."""
    first, second = {"pixels": 0.001, "features": 0.5}, {"pixels": 0.5, "features": 0.001}
    assert not Answer(first, second, 1.0, {}, {}).alarm
    assert Answer(first, first, 1.0, {}, {}).alarm


def test_the_planted_copier_copies_one_in_ten_by_eight_levels(tmp_path: Path) -> None:
    """What the page says of it: copies that are more, or plainer, would be noticed where one in ten is not."""
    np.save(tmp_path / "train.npy", natural(300, 1))
    gan, images = replaying(natural(50, 3)), open_images(str(tmp_path / "train.npy"))
    sets = draw_sets(images, open_images(str(tmp_path / "train.npy")), ImageSpec(SIZE, 3), 20, 0)
    asked = investigation._asked(gan, sets, gan.latents(60), 0)
    copier, samples = asked.groups["copier"], asked.pictures[asked.samples]
    assert len(copier) == len(samples) == 60
    assert np.array_equal(asked.pictures[copier[6:]], samples[6:])
    apart = asked.pictures[copier[:6], None].astype(float) - natural(300, 1)[None]
    distance = np.sqrt((apart**2).mean((2, 3, 4)))
    assert distance.min(1) == pytest.approx(8, abs=0.8)
    assert np.isin(sets.training.roles[distance.argmin(1)], [Role.TRAINING, Role.TESTED]).all()


@pytest.mark.parametrize(
    ("p", "farther", "unlike"), [(0.006, 1, False), (1, 0.006, False), (0.004, 1, True), (1, 0.004, True)]
)
def test_sets_are_unlike_at_half_the_level_either_way(p: float, farther: float, unlike: bool) -> None:
    assert Answer({"pixels": p}, {"pixels": 1.0}, farther, {}, {}).unlike == unlike
