"""A walk's sentence, numbers, table, plots and pictures say of the walk and of its control what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganlab import Gan, Result
from ganlab import figures as draw
from ganlab_walk import walk
from ganlab_walk.distance import Features
from ganlab_walk.investigation import Choices, _memoriser
from ganlab_walk.memoriser import Memoriser
from ganlab_walk.path import Path, chosen_path, random_path
from ganlab_walk.smoothness import FINEST, Answer, Smoothness, measure

from .walk_kit import Classes, Discriminator, Picture, known, values

pytestmark = pytest.mark.usefixtures("one_thread")

POINTS, STEPS, STORED = 5, 3, 8
LEGS, COUNTS = POINTS - 1, [STEPS * 2**k for k in range(11)]
ENDINGS = {"walk": "", "memoriser": "_memoriser"}


@dataclass(frozen=True)
class Walked:
    """A walk's result, and what its figures were drawn of: x and lines by the label of y, rows of pictures by name."""

    result: Result
    plots: dict[str, tuple[np.ndarray, dict[str, np.ndarray]]]
    rows: dict[str, np.ndarray]


def walked_on(gan: Gan) -> Walked:
    plots, rows, drawn = {}, {}, draw.labelled_rows

    def curve(x: np.ndarray, lines: dict[str, Any], *, ylabel: str, **_: Any) -> Image.Image:
        plots[ylabel] = (x, {name: line for name, (line, _, _) in lines.items()})
        return Image.new("RGB", (4, 4))

    def labelled_rows(pictures: dict[str, np.ndarray], **options: Any) -> Image.Image:
        rows.update(pictures)
        return drawn(pictures, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganlab.figures.curve", curve)
        patch.setattr("ganlab.figures.labelled_rows", labelled_rows)
        return Walked(walk(gan, points=POINTS, steps=STEPS, stored=STORED), plots, rows)


class Bent(Picture):
    """So that no picture halfway is as far from one end as from the other, where the control would waver."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return super().forward(z).exp() - 1


def some_legs_jump() -> Gan:
    """By little, and most on another leg than that of the largest step."""
    return known(Bent(jump=-0.1, edge=-0.3), discriminator=Discriminator(functional=False))


@cache
def walked() -> Walked:
    return walked_on(some_legs_jump())


@cache
def by_hand() -> tuple[Path, dict[str, Answer], dict[str, Smoothness]]:
    """The same walk: its way, what it and its control show for the way's pictures, and what is measured of that."""
    gan = some_legs_jump()
    path = random_path(gan, POINTS, 0, loop=False)
    answers: dict[str, Answer] = {"walk": lambda images: images}
    answers["memoriser"] = Memoriser(gan.generate(gan.latents(POINTS + STORED)))
    return path, answers, measure(path, STEPS, answers, Features(gan))


def test_the_control_knows_the_points_and_other_samples_of_their_class() -> None:
    gan = known(Classes(), classes=3)
    choices = Choices(points=2, steps=3, loop=False, through=(), stored=STORED, mp4=False, seed=0)
    stored = _memoriser(chosen_path(gan, ["0:0:2", "0:1:2"], loop=False), choices)._stored
    torch.testing.assert_close(stored, gan.generate(gan.latents(2 + STORED, label=2)))


def test_arrays_are_what_was_measured() -> None:
    _, _, found = by_hand()
    arrays = dict(walked().result.arrays)
    assert arrays.pop("steps").tolist() == COUNTS
    for name, ending in ENDINGS.items():
        for what in ("distance", "features", "largest"):
            np.testing.assert_allclose(arrays.pop(what + ending), getattr(found[name], what), rtol=1e-6)
    assert not arrays


def test_metrics_and_the_sentence_are_the_walks_beside_its_controls() -> None:
    _, _, found = by_hand()
    own, control = found["walk"], found["memoriser"]
    assert 0 < own.jumps.sum() < control.jumps.sum()
    told, expected = values(walked().result), {}
    for name, ending in ENDINGS.items():
        one = found[name]
        expected |= {
            f"jumps{ending}": one.jumps.sum(),
            f"small_jumps{ending}": one.small_jumps.sum(),
            f"largest_step_kept{ending}": one.kept.max(),
            f"largest_step_per_doubling{ending}": one.per_doubling,
            f"largest_step{ending}": one.distance.max(),
            f"mean_step{ending}": one.distance.mean(),
            f"largest_step_features{ending}": one.features.max(),
        }
    assert told == pytest.approx(expected)
    assert walked().result.summary.partition(" jumps on ")[2] == (
        f"{own.jumps.sum()} of {LEGS} legs: with 1,024 times as many steps the largest step keeps "
        f"{own.kept.max():.0%} of its size; a memoriser on the same walk keeps {control.kept.max():.0%} and jumps on "
        f"{control.jumps.sum()} of {LEGS} legs."
    )


def test_the_table_tells_of_each_leg_what_was_measured_on_it() -> None:
    _, _, found = by_hand()
    own, control = found["walk"], found["memoriser"]
    rows = walked().result.tables["legs"].rows
    steps = [own.distance.mean(1), own.distance.max(1), own.distance.argmax(1) + 1]
    expected = np.stack([*steps, own.kept, own.jumps, control.kept, control.jumps], axis=1)
    np.testing.assert_allclose(np.array([row[1:] for row in rows], float), expected, rtol=1e-6)
    assert [row[0] for row in rows] == [f"0:{leg} to 0:{leg + 1}" for leg in range(LEGS)]


@pytest.mark.parametrize("name", ENDINGS)
def test_the_sharpest_steps_are_shown_with_how_much_they_differ(name: str) -> None:
    path, answers, found = by_hand()
    one, image = found[name], path.gan.image
    leg, step = divmod(int(one.distance.argmax()), STEPS)
    finest = int(one.largest[:, -1].argmax())
    for count, which, t in (
        (STEPS, leg, np.array([step, step + 1]) / STEPS),
        (STEPS * FINEST, finest, one.place[finest]),
    ):
        pair = image.to_uint8(answers[name](path.draw(np.full(2, which), t)))
        apart = np.abs(pair[1].astype(int) - pair[0])
        np.testing.assert_array_equal(walked().rows[f"{name}, {count:,} steps"], [*pair, apart])
    assert apart.max() > 9  # levels, of a jump of ten


def test_plots_of_steps_hold_each_in_the_middle_of_its_place_on_the_way() -> None:
    _, _, found = by_hand()
    for label, what in (
        ("step in pixels (RMS, levels of 255)", "distance"),
        ("step in the discriminator's features", "features"),
    ):
        x, lines = walked().plots[label]
        np.testing.assert_allclose(x, np.arange(1, 2 * STEPS * LEGS, 2) / (2 * STEPS))
        for name in ENDINGS:
            np.testing.assert_allclose(lines[name], getattr(found[name], what).ravel(), rtol=1e-6)


def test_what_is_straight_lies_on_the_line_that_is_halved_each_time() -> None:
    straight = walked_on(known(Picture()))
    x, lines = straight.plots["largest step (RMS, levels of 255)"]
    assert x.tolist() == COUNTS
    assert lines["walk"][0] == straight.result.arrays["distance"].max()
    np.testing.assert_allclose(lines["walk"], lines["halved each time"], rtol=0.02)
    assert (lines["memoriser"] > lines["walk"]).all()
