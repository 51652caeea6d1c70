"""Who is in which set: drawn from all of the data, and nothing held out that the GAN was trained on."""

from __future__ import annotations

import numpy as np
import pytest

from ganlab import GanlabError, ImageSpec, open_images
from ganlab.testing import tiny_gan
from ganlab_neighbors import neighbors
from ganlab_neighbors.sets import Role, Sets, draw_rows, draw_sets

from .test_neighbors import smooth


def drawn(train: int, held: int | None, seed: int = 0) -> Sets:
    """The sets of so many pictures, with 20 training pictures left out."""
    data, heldout = (
        None if count is None else open_images(np.zeros((count, 4, 4, 3), np.uint8)) for count in (train, held)
    )
    assert data is not None
    return draw_sets(data, heldout, ImageSpec(4, 3), 20, seed)


def is_from_all(rows: np.ndarray, count: int) -> bool:
    """Whether these rows could be drawn from so many: their mean lies within four standard errors of the middle."""
    return bool(abs(rows.mean() - count / 2) < 4 * count / (12 * len(rows)) ** 0.5)


@pytest.mark.parametrize(("train", "held"), [(1000, None), (1000, 100), (100, 1000)])
def test_every_set_is_drawn_from_the_whole(train: int, held: int | None) -> None:
    """The first pictures of data that is sorted by class show one class alone."""
    sets, again, others = (drawn(train, held, seed) for seed in (0, 0, 1))
    for place, source in enumerate(sets.sources):
        parts = {role: source.rows(role) for role in Role if len(source.rows(role))}
        assert all(is_from_all(rows, len(source.images)) for rows in parts.values())
        assert np.array_equal(source.roles, again.sources[place].roles)
        assert len(parts) == 1 or (source.roles == others.sources[place].roles).mean() < 0.9


def test_rows_are_drawn_from_the_whole_and_in_order() -> None:
    rows = draw_rows(np.arange(1000), 100, 0, "sample")
    assert is_from_all(rows, 1000)
    assert (np.diff(rows) > 0).all()
    assert not any(
        np.array_equal(rows, draw_rows(np.arange(1000), 100, *other)) for other in ((1, "sample"), (0, "copied"))
    )


@pytest.mark.parametrize("role", [Role.TESTED, Role.TRAINING, Role.LEFT_OUT])
def test_a_single_training_picture_among_the_held_out_ones_is_refused(role: Role) -> None:
    """Whatever it is for: the GAN was trained on it."""
    train, held = smooth(200, 1), smooth(60, 2)
    row = draw_sets(open_images(train), open_images(held), ImageSpec(16, 3), 25, 0).training.rows(role)[0]
    held[7] = train[row]
    with pytest.raises(GanlabError, match=rf"^1 of .* held-out .*number 7 of .* is number {row} of") as error:
        neighbors(tiny_gan(), open_images(train), open_images(held), n=25)
    assert error.value.hint


def twice(train: np.ndarray, share: int) -> np.ndarray:
    """The pictures, one in so many of them replaced by the one before it."""
    doubled = train.copy()
    doubled[1::share] = doubled[::share][: len(doubled[1::share])]
    return doubled


@pytest.mark.parametrize("split", [False, True])
def test_pictures_that_data_holds_twice_are_no_control(split: bool) -> None:
    """Their twins are nearest to them, which does not make the held-out pictures another kind."""
    data = twice(smooth(1000, 1), 5)
    heldout = None if split else open_images(smooth(300, 2))
    found = neighbors(tiny_gan(), open_images(data), heldout, n=100, space=["pixels"])
    left_out = found.metrics["p_left_out"]
    assert left_out.n is not None
    assert 20 < 100 - left_out.n < 60
    assert left_out.value > 0.01
    assert "another kind" not in found.summary
    (note,) = [note for note in found.notes if "more than once" in note]
    assert f"{100 - left_out.n} pictures of those drawn to be left out are there again" in note
    assert "ganlab dedup" in note


def test_data_that_holds_each_picture_twice_has_no_control() -> None:
    data = smooth(200, 1).repeat(2, axis=0)
    with pytest.raises(GanlabError, match="nearly every picture more than once") as error:
        neighbors(tiny_gan(), open_images(np.concatenate([data] * 9)), open_images(smooth(60, 2)), n=20)
    assert "ganlab dedup" in error.value.hint


def test_data_without_twins_says_nothing_of_them() -> None:
    found = neighbors(tiny_gan(), open_images(smooth(300, 1)), open_images(smooth(60, 2)), n=20, space=["pixels"])
    assert found.metrics["p_left_out"].n == 20
    assert not any("more than once" in note for note in found.notes)
