"""What the probe's numbers stand against: samples that chose nothing, and random drops that are another drop."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from ganlab import Boxes, Gan, ImageSpec, Latents, PictureName, Result
from ganlab.labels.marks import Box
from ganlab.networks.activations import Recording
from ganlab_probe import bench, dropping, investigation, layers, probe
from ganlab_probe.bench import Bench, random_filters
from ganlab_probe.layers import Trial, best
from ganlab_probe.marks import from_labeler
from ganlab_probe.regression import Fit

from .planted import MAPS, SIZE, Truth, planted_gan

pytestmark = pytest.mark.usefixtures("one_thread")

FRESH, DRAWS = 120, 12
OPTIONS = {"top": 3, "fresh": FRESH, "draws": DRAWS, "n": 60, "layer": "paper"}
BLUE = 0.95  # the part of the pictures whose blue is not too strong for the fickle labeler


class Fickle(Truth):
    """Takes a square for none where there is much blue, and sees one there where there is none."""

    concepts = ("window",)
    card = MappingProxyType({"min_pixels": {"window": 20}})

    def __init__(self, much: float) -> None:
        self.much = much

    def masks(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        masks = super().masks(images, image)[:, :1]
        there, wrong = masks.sum((1, 2, 3)) >= 20, (images[:, 2].mean((1, 2)) > self.much).numpy()
        masks[wrong] = False
        masks[wrong & ~there, :, :5, :5] = True
        return masks


@pytest.fixture(scope="module")
def gan() -> Gan:
    return planted_gan()


@pytest.fixture(scope="module")
def judge(gan: Gan) -> Fickle:
    blue = gan.generate(gan.latents(200, seed=9))[:, 2].mean((1, 2))
    return Fickle(float(blue.quantile(BLUE)))


@pytest.fixture(scope="module")
def result(gan: Gan, judge: Fickle) -> Result:
    return probe(gan, "window", drop=True, **OPTIONS, labeler=judge)


def shown_by(gan: Gan, judge: Fickle, first: int) -> Callable[[np.ndarray], np.ndarray]:
    """filters -> which of the samples from an index on show the concept without them."""
    latents = gan.latents(FRESH, seed=0, first=first)

    def shown(filters: np.ndarray) -> np.ndarray:
        dropped = torch.from_numpy(filters)
        with gan.edit({"1": lambda features, rows: features.index_fill(1, dropped, 0.0)}):
            return judge.shows(gan.generate(latents), gan.image)[:, 0]

    return shown


def test_what_one_bench_recorded_is_gone_before_another_records(
    gan: Gan, judge: Fickle, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings: list[weakref.ref[Recording]] = []
    kept: list[int] = []

    class Watched(Bench):
        def __init__(self, *of: Any) -> None:
            kept.append(sum(one() is not None for one in recordings))
            super().__init__(*of)
            recordings.append(weakref.ref(self._recording))

    monkeypatch.setattr(investigation, "Bench", Watched)
    monkeypatch.setattr(dropping, "Bench", Watched)
    probe(gan, "window", drop=True, top=3, labeler=judge, fresh=FRESH, draws=2, n=60, layer="paper")
    assert kept == [0, 0]


def test_where_a_recording_would_be_too_large_all_is_drawn_anew_and_nothing_else_changes(
    gan: Gan, judge: Fickle, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "MOST_KEPT", 0)
    monkeypatch.setattr(Gan, "replay", None)
    anew = probe(gan, "window", drop=True, **OPTIONS, labeler=judge)
    assert anew.summary == result.summary
    assert anew.metrics == result.metrics
    assert all(np.array_equal(anew.arrays[name], array) for name, array in result.arrays.items())


def test_what_few_filters_remove_is_counted_in_samples_that_did_not_choose_them(
    gan: Gan, judge: Fickle, result: Result
) -> None:
    few = result.arrays["filters"][: int(result.metrics["filters_for_90"].value)]
    shown = shown_by(gan, judge, 1_000_000 + FRESH)
    before, after = shown(few[:0]), shown(few)
    assert (after & ~before).any(), "else what loses the concept is the difference of the shares"
    found = result.metrics["filters_for_90_removed"]
    lost, had = int((before & ~after).sum()), int(before.sum())
    assert (found.value, found.n) == (lost / had, had)
    interval = stats.binomtest(lost, had).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-6)

    by_chance = [(before & ~shown(chosen)).sum() / had for chosen in random_filters(MAPS, len(few), DRAWS // 4, 0)]
    control = result.metrics["filters_for_90_removed_at_random"]
    assert (control.value, control.n) == (pytest.approx(np.mean(by_chance)), had)
    assert found.control == "filters_for_90_removed_at_random"


def test_where_no_further_sample_shows_the_concept_nothing_is_said_of_them(gan: Gan) -> None:
    class Early(Truth):
        """Sees squares in the samples that choose, by their z's place in the picture's corner: none in others."""

        def shows(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
            known = np.array([picture.numpy().tobytes() in first for picture in images[:, 2]])
            return super().shows(images, image) & known[:, None]

    first = {picture.numpy().tobytes() for picture in gan.generate(gan.latents(20, first=1_000_000))[:, 2]}
    first |= {picture.numpy().tobytes() for picture in gan.generate(gan.latents(40))[:, 2]}
    found = probe(gan, "window", drop=True, top=3, labeler=Early(), fresh=20, draws=2, n=40, layer="paper")
    assert found.metrics["filters_for_90"].value <= 3
    assert "filters_for_90_removed" not in found.metrics
    assert any("none of 20 further samples" in note for note in found.notes)


@pytest.mark.parametrize("experiment", [{"drop": True}, {"insert": True, "at": "16,16"}])
def test_where_all_filters_go_the_random_ones_are_the_same_and_a_note_says_so(gan: Gan, experiment: dict) -> None:
    options = {"labeler": Truth(), "fresh": 10, "draws": 2, "n": 40, "layer": "paper"}
    everything = probe(gan, "window", top=MAPS, **experiment, **options)
    said = "no control"
    assert [note for note in everything.notes if said in note]
    assert not [note for note in probe(gan, "window", top=3, **experiment, **options).notes if said in note]


def test_what_is_marked_what_is_tried_and_what_is_judged_are_other_samples(
    gan: Gan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layer, or a number of filters, that was chosen on the samples that judge it would look better than it is."""
    asked: dict[str, set[int]] = {}
    for module in (layers, investigation, dropping):

        def bench(gan: Gan, layer: str, latents: Latents, labeler: Truth, name: str = module.__name__) -> Bench:
            asked.setdefault(name, set()).update(latents.index.tolist())
            return Bench(gan, layer, latents, labeler)

        monkeypatch.setattr(module, "Bench", bench)
    probe(gan, "window", drop=True, labeler=Truth(), n=40, fresh=30, draws=2)
    sets = [set(range(40)), *asked.values()]
    assert [len(one) for one in sets] == [40, layers.TRIAL, 30, 30]
    assert len(set().union(*sets)) == sum(map(len, sets))


def test_side_effects_stand_against_those_of_random_drops(gan: Gan) -> None:
    found = probe(gan, "window", drop=True, top=3, labeler=Truth(), n=40, fresh=40, draws=6, layer="paper")
    before = found.arrays["shows_before"][:, 1].mean()
    value = {name: metric.value for name, metric in found.metrics.items()}
    assert value["side_effect_lamp"] == pytest.approx(100 * (found.arrays["shows_after"][:, 1].mean() - before))
    random = 100 * (found.arrays["shares_random"][:, 1] - before)
    assert value["side_effect_lamp_random"] == pytest.approx(random.mean())
    assert random.mean() < -1, "some random drops take the lamp's own filter"


@pytest.mark.parametrize("side", [8, 16])
def test_a_labelers_mask_and_a_box_around_it_mark_the_same_cells(gan: Gan, side: int) -> None:
    class Blocks(Truth):
        def masks(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
            masks = np.zeros((len(images), 2, SIZE, SIZE), bool)
            for picture in range(len(images)):
                masks[picture, 0, 5 + picture : 12 + picture, 9 : 20 + picture] = True
            return masks

    names = [PictureName(gan.hash, 0, index) for index in range(6)]
    boxes = [Box(name, "window", 9, 5 + row, 11 + row, 7) for row, name in enumerate(names)]
    cells = from_labeler(gan, Blocks(), "window", gan.latents(6)).inside(side)
    assert np.array_equal(cells, Boxes(boxes, names, (SIZE, SIZE), "by-hand.json").grid("window", side))


def fitted(weights: list[float], auc: float) -> Fit:
    return Fit(np.array(weights), auc, auc, 0.5, 0.5, 100)


@pytest.mark.parametrize("tried", [True, False])
def test_auto_prefers_a_layer_whose_random_drop_is_another_drop(tried: bool) -> None:
    fits = {"all": fitted([1, 2, 3], 0.9), "none": fitted([-1, -2, -3], 0.95), "some": fitted([1, 2, -1], 0.6)}
    gaps = {"all": Trial(0.9, 0.1, 0.1), "none": Trial(0.9, 0.9, 0.9), "some": Trial(0.9, 0.8, 0.75)}
    trials = gaps if tried else {}
    assert best(fits, trials, None) == "some"
    assert best(fits, trials, 3) == "none"  # all three lose everything, and it tells best
    assert best({name: fits[name] for name in ("all", "none")}, trials, None) == "all"
