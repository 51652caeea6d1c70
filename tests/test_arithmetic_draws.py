"""Random draws of exemplars, and what draws from one pool are worth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from ganlab import Gan, ImageSpec, Labeler, Metric, random_bits
from ganlab.testing import tiny_gan
from ganlab_arithmetic import arithmetic
from ganlab_arithmetic.dependence import worth
from ganlab_arithmetic.passing import Passing
from ganlab_arithmetic.points import Space
from ganlab_arithmetic.pool import STREAM_NEAR, Pool
from ganlab_arithmetic.success import Success, draw_rows

from .planted_faces import DIM, Reader, planted_faces, truth


def test_draws_are_among_those_that_fit_and_none_twice() -> None:
    candidates = [np.array([2, 3, 5, 7, 11, 13]), np.arange(20, 40)]
    rows = draw_rows(candidates, 200, 5, seed=1)
    assert rows.shape == (200, 2, 5)
    for term, fitting in enumerate(candidates):
        assert set(rows[:, term].ravel()) == set(fitting)
        assert all(len(set(draw)) == 5 for draw in rows[:, term].tolist())
    assert np.array_equal(draw_rows(candidates, 50, 5, seed=1), rows[:50])


@pytest.mark.parametrize(
    ("rarest", "each", "clear"), [(0.05, 1, False), (0.05, 5, False), (0.5, 5, False), (0.2, 1, True), (0.2, 5, True)]
)
def test_intervals_of_success_cover_whatever_the_pool(rarest: float, each: int, clear: bool) -> None:
    """A linear GAN by its two attributes alone, pools of 1,000: the success that endless pools have lies inside."""
    rng = np.random.default_rng(0)
    edge = stats.norm.ppf(1 - rarest)  # where the smile begins

    def groups(levels: np.ndarray) -> list[np.ndarray]:
        shown = levels > [edge, 0]
        smile, woman = shown.T
        stays = np.full(len(levels), fill_value=True)
        for _ in range(8 * clear):  # noise of 0.25 on z is one of as much in units of a level's spread
            stays &= ((levels + 0.25 * rng.standard_normal(levels.shape) > [edge, 0]) == shown).all(1)
        return [np.flatnonzero(one & stays) for one in (smile & woman, ~smile & woman, ~smile & ~woman)]

    def hits(levels: np.ndarray, rows: np.ndarray) -> np.ndarray:
        first, second, third = levels[rows].mean(2).swapaxes(0, 1)
        return (first - second + third > [edge, 0]) @ [1, 2] == 1

    many = rng.standard_normal((400_000, 2))
    endless = np.stack([rng.choice(rows, (100_000, each)) for rows in groups(many)], axis=1)
    expected, covers, naive = hits(many, endless).mean(), [], []
    for _ in range(200):
        levels = rng.standard_normal((1000, 2))
        fitting = groups(levels)
        orders = [rng.random((200, len(one))).argpartition(each)[:, :each] for one in fitting]
        rows = np.stack([one[order] for one, order in zip(fitting, orders, strict=True)], axis=1)
        found, sizes = hits(levels, rows), [len(one) for one in fitting]
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


def test_the_interval_of_few_exemplars_is_that_of_those_few() -> None:
    """A draw with fewer exemplars uses the first of those with more; the others had no part in it."""
    rows, sizes = draw_rows([np.arange(40)] * 3, 200, 5, seed=0), (40, 40, 40)
    hits = rows[:, 0, 0] < 20
    none = torch.empty(0)
    success = Success((1, 5), rows, sizes, hits[None], hits[None], None, None, none, none)
    for count in (1, 5):
        found, expected = success.share(hits, count), worth(hits, rows[:, :, :count], sizes)
        assert (found.low, found.high) == pytest.approx(stats_of(hits, expected))
    one, five = success.share(hits, 1), success.share(hits, 5)
    assert five.high - five.low > 1.2 * (one.high - one.low)


def stats_of(hits: np.ndarray, n: float) -> tuple[float, float]:
    """Wilson's interval, written out."""
    z, share = stats.norm.ppf(0.975), hits.mean()
    middle, half = share + z**2 / (2 * n), z * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    return (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)


# clear exemplars


def test_clear_exemplars_stay_what_they_are_wherever_noise_leads() -> None:
    """By hand: the noise that belongs to each sample, and what z itself says of it."""
    gan, shown = planted_faces(), {"smile": True, "woman": False}
    pool = Pool(gan, Reader(), gan.latents(300, seed=4), noise=0.25)
    fits = ((truth(pool.latents.z)[:, [0, 2]] > 0) == [True, False]).all(1)
    stays = fits.copy()
    for near in range(8):
        words = random_bits(4, np.arange(300) * 8 + near, DIM, STREAM_NEAR)
        moved = pool.latents.z + torch.from_numpy((words / 2**31 - 1) * 0.25).float()
        stays &= ((truth(moved)[:, [0, 2]] > 0) == [True, False]).all(1)
    found = pool.exemplars(shown)
    assert found == pool.exemplars(dict(reversed(shown.items())))
    assert found.clear
    assert found.count == fits.sum()
    assert found.rows.tolist() == np.flatnonzero(stays).tolist()
    assert 0.3 * found.count < len(found.rows) < 0.9 * found.count  # some lie at the edge, and not all
    more = Pool(gan, Reader(), gan.latents(500, seed=4), noise=0.25).exemplars(shown).rows
    assert more[more < 300].tolist() == found.rows.tolist()


def test_where_few_are_clear_any_will_do_and_it_is_said() -> None:
    gan, words = planted_faces(), {"draws": 20, "pool": 300, "labeler": Reader()}
    everywhere = arithmetic(gan, "woman - man + man", noise=30.0, **words)  # no attribute survives such noise
    plainly = arithmetic(gan, "woman - man + man", clear=False, **words)
    assert [metric.value for metric in everywhere.metrics.values()] == [
        metric.value for metric in plainly.metrics.values()
    ]
    for result in (everywhere, plainly):
        note = next(note for note in result.notes if note.startswith("Random exemplars"))
        assert note.count("any of which is taken") == 2
        assert "clear" not in note
        assert "clear" not in result.summary
    clearly = arithmetic(gan, "woman - man + man", **words)
    assert next(note for note in clearly.notes if note.startswith("Random exemplars")).count("of them clear") == 2
    assert "draws of 5 clear exemplars" in clearly.summary


def test_clear_exemplars_succeed_more_often() -> None:
    gan = planted_faces()
    wanted = "smiling_woman - neutral_woman + neutral_man"
    one, clear = (
        arithmetic(gan, wanted, labeler=Reader(), draws=300, pool=600, clear=clear).metrics["success_1"].value
        for clear in (False, True)
    )
    assert clear > one + 0.05


# passing for a sample


def whole(images: torch.Tensor) -> torch.Tensor:
    """bool (n,): whether there is one anchor, as in every planted face."""
    return (images[:, 2] > 0.9).sum((1, 2)) == 9


class Critic(torch.nn.Module):
    """Knows a whole face, and tells no two of them alike."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return whole(images) + images.mean((1, 2, 3)) / 100


def test_overlapping_pictures_do_not_pass_for_a_sample() -> None:
    plain = planted_faces()
    gan = Gan(plain.generator, Critic(), prior=plain.prior, image=plain.image, card=plain.card)

    class Fooled(Reader):
        """Sees all it looks for in what is no face."""

        def shows(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
            return super().shows(images, image) | ~whole(images).numpy()[:, None]

    result = arithmetic(gan, "man_with_glasses - man + woman", labeler=Fooled(), draws=60, pool=300)
    value = {name: metric.value for name, metric in result.metrics.items()}
    assert value["success_5_pixels"] > 0.9
    assert value["passes_5_pixels"] < 0.1
    assert value["success_5"] - 0.25 < value["passes_5"] <= value["success_5"]  # some are among the least real
    assert result.metrics["passes_5"].control == "passes_5_pixels"
    for way in ("", "_pixels"):
        passes, hits = result.arrays[f"passes{way}"], result.arrays[f"hits{way}"]
        assert passes.shape == hits.shape == (4, 60)
        assert not (passes & ~hits).any()
        assert passes[-1].mean() == value[f"passes_5{way}"]
    assert "passes for a sample" in result.summary
    silent = arithmetic(plain, "man_with_glasses - man + woman", labeler=Reader(), draws=60, pool=300)
    assert not any(name.startswith("passes") for name in silent.metrics)
    assert any("no discriminator" in note for note in silent.notes)


class Always(Labeler):
    name, concepts, domain, card = "always", ("window",), "any pictures", {}  # type: ignore[assignment]

    def shows(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        return np.ones((len(images), 1), bool)


def test_all_but_a_twentieth_of_plain_samples_pass() -> None:
    gan = tiny_gan(size=16)
    pool = Pool(gan, Always(), gan.latents(400, seed=3))
    passing = Passing.of(Space(gan, None, rescaled=False), pool)
    assert passing is not None
    logits = gan.score(gan.image.from_uint8(gan.image.to_uint8(gan.generate(pool.latents)))).numpy()
    assert passing(pool.pictures(np.arange(400))).mean() == pytest.approx(0.95)
    assert passing.least == pytest.approx(np.quantile(logits, 0.05), abs=1e-4)
