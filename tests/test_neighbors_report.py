"""What is reported of the nearest pictures, against brute force: rows, distances, controls and what figures show."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from ganlab import Gan, Result, open_images
from ganlab.testing import tiny_gan
from ganlab_neighbors import figures, neighbors
from ganlab_neighbors.found import ratio
from ganlab_neighbors.sets import Role, Sets, draw_sets
from ganlab_neighbors.spaces import Shifted

from .kit import spied
from .test_neighbors import SIZE, brute, replaying, smooth

N, SEED = 40, 1
TRAIN, HELD = smooth(160, 1), smooth(100, 2)


class Reported(NamedTuple):
    """A result, the sets behind it, and what its figures were given."""

    result: Result
    gan: Gan
    sets: Sets
    pairs: tuple[Any, ...]
    spread: dict[str, np.ndarray]

    def nearest(self, pictures: np.ndarray, *roles: Role) -> tuple[np.ndarray, np.ndarray]:
        """Distances in levels and rows of the nearest pictures for these, (n,) each."""
        source, stored = (self.sets.heldout, HELD) if Role.HELDOUT in roles else (self.sets.training, TRAIN)
        rows = source.rows(*roles)
        squared, order = brute(pictures.reshape(len(pictures), -1), stored[rows].reshape(len(rows), -1), 1)
        return np.sqrt(squared[:, 0] / (SIZE * SIZE * 3)), rows[order[:, 0]]


@pytest.fixture(scope="module")
def reported() -> Reported:
    gan, data, held = replaying(smooth(500, 3)), open_images(TRAIN), open_images(HELD)
    with pytest.MonkeyPatch.context() as patch:
        pairs, spread = (spied(patch, figures, name) for name in ("pairs", "spread"))
        result = neighbors(gan, data, held, n=N, space=["pixels"], shown=5, seed=SEED)
    return Reported(result, gan, draw_sets(data, held, gan.image, N, SEED), pairs[0].args, spread[0].args[1])


@pytest.fixture(scope="module")
def samples(reported: Reported) -> np.ndarray:
    gan = reported.gan
    return gan.image.to_uint8(gan.generate(gan.latents(N, seed=SEED)))


def test_nearest_pictures_are_those_of_the_whole_sets(reported: Reported, samples: np.ndarray) -> None:
    assert len(reported.sets.training.rows(Role.TRAINING)) == 28  # beside the 100 of the test
    arrays = reported.result.arrays
    for name, roles in (("training", (Role.TRAINING, Role.TESTED)), ("heldout", (Role.HELDOUT,))):
        distances, rows = reported.nearest(samples, *roles)
        assert np.array_equal(arrays[f"pixels-{name}"], rows)
        np.testing.assert_allclose(arrays[f"pixels-{name}-distance"], distances, rtol=1e-12)


def test_numbers_of_samples_and_of_left_out_pictures_are_each_their_own(
    reported: Reported, samples: np.ndarray
) -> None:
    values = []
    left_out = TRAIN[reported.sets.training.rows(Role.LEFT_OUT)]
    for pictures, end in ((samples, ""), (left_out, "_left_out")):
        far, _ = reported.nearest(pictures, Role.HELDOUT)
        near, _ = reported.nearest(pictures, Role.TESTED, Role.TRAINING)
        tested, _ = reported.nearest(pictures, Role.TESTED)
        values.append((float((near / far).min()), float((tested < far).mean())))
        found = [reported.result.metrics[f"{name}_pixels{end}"].value for name in ("closest", "nearer")]
        assert found == pytest.approx(values[-1])
    assert values[0][0] != values[1][0]
    assert values[0][1] != values[1][1]


def test_the_figure_of_pairs_shows_each_sample_above_its_nearest_pictures(
    reported: Reported, samples: np.ndarray
) -> None:
    _, _, rows, near, far = reported.pairs
    found = {name.removeprefix("pixels-"): values for name, values in reported.result.arrays.items()}
    order = np.argsort(found["training-distance"] / found["heldout-distance"])[:5]
    assert np.array_equal(rows["generated"], samples[order])
    assert np.array_equal(rows["nearest training"], TRAIN[found["training"][order]])
    assert np.array_equal(rows["nearest held-out"], HELD[found["heldout"][order]])
    assert np.array_equal(near, found["training-distance"][order])
    assert np.array_equal(far, found["heldout-distance"][order])


def test_the_figure_of_closeness_shows_planted_copies_apart(reported: Reported, samples: np.ndarray) -> None:
    far, _ = reported.nearest(samples, Role.HELDOUT)
    near, _ = reported.nearest(samples, Role.TESTED)
    spread = reported.spread
    assert np.isclose(spread["samples"], (far - near) / (far + near)).mean() > 0.9  # beyond eight neighbours a bound
    assert len(spread["left-out training pictures"]) == 32
    assert len(spread["planted copies"]) == N // 10
    assert spread["planted copies"].max() > 0.5 > spread["samples"].max()


def test_of_two_distances_of_nothing_the_ratio_is_one() -> None:
    assert ratio(np.array([0.0, 0, 3, 3]), np.array([0.0, 2, 0, 2])).tolist() == [1, 0, 1e6, 1.5]


def test_larger_pictures_are_averaged_before_they_are_shifted() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3)).astype(np.uint8)
    coarse = pictures.reshape(3, 32, 2, 32, 2, 3).mean((2, 4)).transpose(0, 3, 1, 2)
    space = Shifted(tiny_gan(size=64))
    np.testing.assert_allclose(space.candidates(pictures), coarse[:, :, 1:-1, 1:-1].reshape(3, -1), rtol=1e-6)
    np.testing.assert_allclose(space.queries(pictures)[:, 8], coarse[:, :, 2:, 2:].reshape(3, -1), rtol=1e-6)
