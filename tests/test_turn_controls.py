"""A turn's numbers and figures beside those of random directions: each is of what it says."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch

from ganlab import Gan, ImageSpec, Latents, Metric, Prior, Result
from ganlab import figures as draw
from ganlab_turn import investigation, turn
from ganlab_turn.chance import worth
from ganlab_turn.direction import random_directions

from .kit import Call, spied
from .planted_faces import CONCEPTS, DIM, SIZE, Reader, ToldFaces, planted_faces

SEED, N = 3, 20
ALONG, ASIDE = "the turn", "random directions, turned so that it rises"


class Drawn(NamedTuple):
    """A turn of the yaw, and what its figures were given."""

    result: Result
    rows: dict[str, np.ndarray]
    curves: dict[str, tuple[np.ndarray, ...]]


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    with pytest.MonkeyPatch.context() as patch:
        rows, curve = (spied(patch, draw, name) for name in ("labelled_rows", "curve"))
        result = turn(planted_faces(), "left", "right", by="yaw", labeler=Reader(), n=N, pool=200, each=4, seed=SEED)
    return Drawn(result, rows[0].args[0], curve[0].args[1])


def test_random_directions_that_keep_and_turn_nothing_are_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """The turn is made perfect here, the random directions useless: whatever is said of them tells them apart."""
    walks: list[Call] = []

    def walk(*args: object) -> np.ndarray:
        walks.append(Call(args, {}))
        t = np.linspace(-1, 1, 9)
        of_turn, of_random = [0 * t, 0 * t, 0 * t, 100 * t], [t > 0, t > 0, t > 0, 0 * t]
        return np.broadcast_to(np.transpose([of_turn, of_random][len(walks) - 1]), (N, 9, 4)).astype(np.float32)

    monkeypatch.setattr(investigation, "walk", walk)
    bars, curves = spied(monkeypatch, draw, "bars"), spied(monkeypatch, draw, "curve")
    result = turn(planted_faces(), "left", "right", by="yaw", labeler=Reader(), n=N, pool=200, each=4, seed=SEED)
    shares = ["steady", "kept_all", *(f"kept_{concept}" for concept in CONCEPTS)]
    for end, expected in (("", 1), ("_random", 0)):
        assert [result.metrics[name + end].value for name in shares] == [expected] * 5
    assert [[row[2], *row[-3:]] for row in result.tables["directions"].rows] == [[1] * 4, [0] * 4]
    assert "in 100% of 20 samples (0% in random directions)" in result.summary
    assert result.summary.endswith("of its spread on average (0.00); 100% keep all 3 other attributes (0%).")
    assert set(np.unique(result.arrays["values"][..., 0])) == {0}
    assert set(np.unique(result.arrays["values_random"][..., 0])) == {0, 1}
    assert [curves[0].args[1][name][0].tolist()[-1] for name in (ALONG, ASIDE)] == [100, 0]
    groups = bars[0].args[0]
    for name, end in (("the turn", ""), ("random directions", "_random")):
        metrics = {concept: result.metrics[f"kept_{concept}{end}"] for concept in CONCEPTS}
        found = {concept: (100 * one.value, 100 * one.low, 100 * one.high) for concept, one in metrics.items()}
        assert groups[name] == found
    vector = torch.from_numpy(result.arrays["direction"])
    expected = random_directions(planted_faces(), 10, float(vector.norm()), SEED).repeat_interleave(2, 0)
    torch.testing.assert_close(walks[1].args[3], expected)


def test_figure_8_moves_samples_to_the_end_that_is_named_and_others_in_a_random_direction(drawn: Drawn) -> None:
    gan = planted_faces()
    vector = torch.from_numpy(drawn.result.arrays["direction"])
    random = random_directions(gan, 1, float(vector.norm()), SEED)[0]
    z = gan.latents(3, seed=SEED, first=1_000_000).z
    for number in range(3):
        for row, way in ((f"sample {number + 1}", vector), (f"sample {number + 1}, random direction", random)):
            ends = torch.stack([z[number] - way, z[number], z[number] + way])
            expected = gan.image.shown(gan.generate(Latents(ends, None, np.arange(3))))
            assert np.array_equal(drawn.rows[row][[0, 4, 8]], expected)


def test_the_curve_holds_what_the_band_says_and_its_random_directions_go_the_same_way(drawn: Drawn) -> None:
    """By as much as they travel; as they were drawn, some would lead the other way."""
    result, (mean, low, high), (aside, *_) = drawn.result, drawn.curves[ALONG], drawn.curves[ASIDE]
    yaw = result.arrays["values"][:, :, 3]
    np.testing.assert_allclose(mean, yaw.mean(0))
    np.testing.assert_allclose([low, high], np.quantile(yaw, [0.05, 0.95], axis=0))
    travel, by_chance = (result.metrics[name].value for name in ("travel", "travel_random"))
    assert (aside[-1] - aside[0]) / (mean[-1] - mean[0]) == pytest.approx(by_chance / travel, rel=1e-3)


def test_bands_of_a_concept_are_intervals_of_its_share_each_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle, where both ways begin: as many samples, that are worth less of ten random directions."""
    curves = spied(monkeypatch, draw, "curve")
    result = turn(planted_faces(), "neutral", "smiling", labeler=Reader(), n=N, pool=200, each=4, steps=3)
    hits = result.arrays["values"][:, 1, 0] > 0.5
    bands = [[float(end[1]) for end in series[1:]] for series in curves[0].args[1].values()]
    shares = Metric.of_share(hits), Metric.of_share(hits, worth=worth(hits, np.arange(N) // 2))
    assert bands == [[share.low, share.high] for share in shares]


def test_of_a_class_the_pool_and_the_samples_are_of_that_class() -> None:
    gan = Gan(ToldFaces(), prior=Prior(DIM), image=ImageSpec(SIZE, 3), classes=3)
    result = turn(gan, "0:1:2,0:5:2", "0:3:2,0:4:2", by="yaw", labeler=Reader(), n=10, pool=40, each=4)
    assert len(result.tables["directions"].rows) == 4
    assert isinstance(gan.generator, ToldFaces)
    assert gan.generator.told == {2}
