"""The probe on a GAN whose filters are known: dropping them, inserting them, and their own effects."""

from __future__ import annotations

import re
from types import MappingProxyType

import numpy as np
import pytest
import torch
from scipy import stats

from ganlab import Gan, GanlabError, ImageSpec, Result
from ganlab.testing import check_analysis, check_plugin
from ganlab_probe import probe
from ganlab_probe.bench import random_filters
from ganlab_probe.brightness import along_brightness
from ganlab_probe.causal import rank_correlation
from ganlab_probe.fewest import Curve, drop_curve

from .planted import SIZE, SQUARE, Truth, planted_gan
from .probe_kit import FAST, drawn_boxes, known_gan  # noqa: F401 (known_gan is a fixture)


@pytest.fixture(scope="module")
def dropped(gan: Gan) -> Result:
    return probe(gan, "windows", drop=True, top=3, labeler=Truth(), **FAST)


def test_plugin_keeps_the_contract() -> None:
    import ganlab_probe

    check_plugin(ganlab_probe)


def test_analysis_keeps_the_contract(gan: Gan) -> None:
    check_analysis(probe, gan=gan, concept="window", drop=True, labeler=Truth(), causal=True, save="kept", **FAST)


def test_finds_exactly_the_planted_filters(dropped: Result) -> None:
    assert sorted(dropped.arrays["filters"]) == sorted(SQUARE)
    assert dropped.metrics["auc"].value > 0.99
    assert dropped.metrics["auc_moved_boxes"].value < 0.75


def test_finds_them_from_boxes_too(gan: Gan) -> None:
    result = probe(gan, "Windows", boxes=drawn_boxes(gan), top=3, layer="paper")
    assert sorted(result.arrays["filters"]) == sorted(SQUARE)


def test_n_takes_the_first_pictures_looked_at(gan: Gan) -> None:
    boxes = drawn_boxes(gan)
    some = probe(gan, "window", boxes=boxes, n=25, layer="paper")
    first = probe(gan, "window", boxes=boxes.on(boxes.pictures[:25]), layer="paper")
    assert some.metrics == first.metrics
    assert "of 25 pictures" in some.metrics["accuracy"].about
    assert "of 40 pictures" in probe(gan, "window", boxes=boxes, layer="paper").metrics["accuracy"].about
    with pytest.raises(GanlabError, match="Only 40 pictures were looked at"):
        probe(gan, "window", boxes=boxes, n=41)


def test_drop_removes_the_concept_and_random_drops_do_not(dropped: Result) -> None:
    value = {name: metric.value for name, metric in dropped.metrics.items()}
    assert value["share_before"] > 0.6
    assert value["share_after"] == 0
    assert value["share_after_random"] > 0.3  # three of 24 at random spare the square two times in three
    assert value["side_effect_lamp"] == 0
    assert 1 <= value["filters_for_90"] <= 3
    assert value["filters_for_90_removed"] >= 0.9 > value["filters_for_90_removed_at_random"]
    assert next(iter(dropped.figures)) == "drop"


def test_numbers_say_what_they_stand_against_and_what_their_interval_is(dropped: Result) -> None:
    """A control is the same number where the effect should be absent, which no number after the drop is."""
    assert dropped.metrics["share_before"].control is None
    assert dropped.metrics["share_after"].control == "share_after_random"
    assert re.search("Tango's.* Student's", dropped.metrics["more_than_brightness"].about)


def test_shares_are_those_of_an_independent_count(gan: Gan, dropped: Result) -> None:
    """Count again with a network whose planted weights are taken out by hand."""
    other = planted_gan()
    other.generator[2].weight.data[:, list(SQUARE)] = 0
    latents = gan.latents(FAST["fresh"], seed=0, first=1_000_000)
    before = (gan.generate(latents)[:, 0] > 0).sum((1, 2)) >= 20
    after = (other.generate(latents)[:, 0] > 0).sum((1, 2)) >= 20
    assert dropped.metrics["share_before"].value == pytest.approx(float(before.float().mean()))
    assert dropped.metrics["share_after"].value == pytest.approx(float(after.float().mean()))


def test_the_control_for_light_drops_what_follows_brightness(gan: Gan, dropped: Result) -> None:
    """Correlations by numpy, over all cells at once, and the share counted with the weights of those maps taken out."""
    latents = gan.latents(FAST["fresh"], seed=0, first=1_000_000)
    with gan.record("1") as recording:
        drawn = gan.generate(latents)
    pictures, maps = drawn.double().numpy(), recording["1"].double().numpy()
    side = maps.shape[2]
    light = pictures.mean(1).reshape(len(maps), side, SIZE // side, side, SIZE // side).mean((2, 4)).ravel()
    expected = [np.corrcoef(one.ravel(), light)[0, 1] if one.std() else 0.0 for one in maps.transpose(1, 0, 2, 3)]
    assert along_brightness(recording["1"], drawn) == pytest.approx(np.array(expected), abs=1e-9)
    bright = np.argsort(expected)[::-1][:3]
    other = planted_gan()
    other.generator[2].weight.data[:, bright.tolist()] = 0
    shown = (other.generate(latents)[:, 0] > 0).sum((1, 2)) >= 20
    metric = dropped.metrics["share_after_brightness"]
    assert metric.value == pytest.approx(float(shown.float().mean()))
    assert f"{len({*bright.tolist()} & {*SQUARE})} of them window filters too" in metric.about


def test_a_map_that_is_the_same_everywhere_follows_nothing() -> None:
    maps = torch.full((70, 2, 4, 4), 0.3)
    maps[:, 1] = torch.arange(16.0).reshape(4, 4)
    assert along_brightness(maps, maps[:, 1:].repeat(1, 3, 1, 1)) == pytest.approx(np.array([0, 1]))


@pytest.mark.parametrize("experiment", [{"drop": True, "save": "kept"}, {"insert": True, "at": "16,16"}])
def test_a_concepts_name_stands_in_sentences_as_it_is(gan: Gan, experiment: dict) -> None:
    """Neither "a glasses" nor "womans": a name says nothing of its article or its plural."""

    class Worn(Truth):
        concepts = ("glasses", "woman")
        card = MappingProxyType({"min_pixels": {"glasses": 20, "woman": 10}})

    for concept in Worn.concepts:
        result = probe(gan, concept, labeler=Worn(), n=60, fresh=10, draws=2, layer="paper", top=3, **experiment)
        said = [result.summary, *result.notes, *(metric.about for metric in result.metrics.values())]
        said += [figure.caption for figure in result.figures.values()]
        said += [kept.card.summary for kept in result.gans.values()]
        assert sum(repr(concept) in text for text in said) >= 3
        for text in said:
            assert not re.search(r"\b(a|an|the) (glasses|woman)\b(?! filters)|glassess|womans", text), text


def test_saved_gan_draws_what_the_drop_drew(gan: Gan) -> None:
    result = probe(gan, "window", drop=True, top=3, labeler=Truth(), save="no-windows", **FAST)
    kept = result.gans["no-windows"]
    latents = gan.latents(8, seed=3)
    with gan.edit({"1": lambda features, rows: features.index_fill(1, torch.tensor(SQUARE), 0.0)}):
        expected = gan.generate(latents)
    assert torch.equal(kept.generate(latents), expected)
    assert kept.name == "no-windows"
    assert kept.hash != gan.hash


def test_insertion_writes_a_square_where_it_is_told(gan: Gan) -> None:
    result = probe(gan, "window", insert=True, at="16,16", top=3, labeler=Truth(), **FAST)
    assert result.metrics["there_after"].value == 1
    assert result.metrics["there_before"].value < 0.7
    assert result.metrics["there_after_random"].value < 0.8


def test_own_effects_single_out_the_planted_filters(gan: Gan) -> None:
    result = probe(gan, "window", causal=True, labeler=Truth(), n=40, layer="paper")
    others = np.delete(result.arrays["effects"], SQUARE)
    assert result.arrays["effects"][list(SQUARE)].min() > others.max()


def test_rank_correlation_is_spearmans_and_dead_maps_do_not_agree() -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(200):
        effects, weights = rng.normal(size=(2, 100))
        effects[:50] = weights[:50] = 0
        found.append(rank_correlation(effects, weights))
        assert found[-1] == pytest.approx(stats.spearmanr(effects, weights).statistic)
    assert abs(np.mean(found)) < 0.02
    assert rank_correlation(np.zeros(9), np.arange(9.0)) == 0


def test_order_by_effect_drops_what_takes_the_concept_away(gan: Gan) -> None:
    result = probe(gan, "window", drop=True, order="effect", labeler=Truth(), **FAST)
    assert set(result.arrays["filters"]) >= set(SQUARE)
    assert result.metrics["share_after"].value == 0


def test_without_a_labeler_no_share_is_invented(gan: Gan) -> None:
    result = probe(gan, "window", drop=True, boxes=drawn_boxes(gan), top=3, **{**FAST, "n": 10})
    assert not any(name.startswith("share") for name in result.metrics)
    assert "drop" in result.figures
    assert any("labeler" in note for note in result.notes)


def test_curve_finds_the_smallest_count() -> None:
    curve = Curve(np.arange(5), np.array([0.8, 0.5, 0.08, 0.3, 0.0]))
    assert curve.filters_for(0.9) == 2
    assert curve.filters_for(0.5) == 2
    assert Curve(np.arange(2), np.array([0.8, 0.5])).filters_for(0.9) is None


class TableBench:
    """A bench whose answers are known: shown[k] are the pictures that still show the concept without k maps."""

    def __init__(self, shown: np.ndarray) -> None:
        self.shown, self.asked = shown, 0

    def shows(self, filters: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        rows = np.arange(self.shown.shape[1]) if rows is None else rows
        self.asked += len(rows)
        return self.shown[len(filters), rows][:, None]

    def shows_each(self, ranking: np.ndarray, ks: range, rows: np.ndarray) -> np.ndarray:
        return np.stack([self.shows(ranking[:k], rows) for k in ks])


@pytest.mark.parametrize("seed", range(8))
def test_the_curve_finds_as_few_as_trying_every_count_would(seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps, n = 40, 200
    # falls unevenly, so that some counts remove more than larger ones do
    falling = np.clip(np.linspace(0.95, -0.2, maps + 1) + rng.normal(0, 0.1, maps + 1), 0, 1)
    shown = rng.random((maps + 1, n)) < falling[:, None]
    bench = TableBench(shown)
    curve = drop_curve(bench, np.arange(maps), 0, shown[0], shown[maps])
    enough = np.flatnonzero(shown.sum(1) <= 0.1 * shown[0].sum() + 1e-9)
    assert curve.filters_for(0.9) == (enough[0] if len(enough) else None)
    assert np.array_equal(curve.share, shown[curve.k].mean(1))
    assert bench.asked < 0.6 * maps * n


def test_where_no_sample_shows_the_concept_the_drop_says_so(gan: Gan) -> None:
    class Blind(Truth):
        def masks(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
            return np.zeros((len(images), 2, *images.shape[2:]), bool)

    result = probe(gan, "window", boxes=drawn_boxes(gan), labeler=Blind(), drop=True, top=3, fresh=20, draws=2)
    assert result.summary.startswith("None of 20 fresh samples shows 'window' to begin with")
    assert "in none of them does the labeler see 'window'" in result.figures["drop"].caption
    assert not [text for text in (result.summary, *result.notes) if "gone" in text or "lose it" in text]


def test_random_filters_come_from_all_maps_without_repetition() -> None:
    chosen = random_filters(20, 10, 200, seed=0)
    assert all(len(set(row)) == 10 for row in map(tuple, chosen))
    counts = np.bincount(np.concatenate(chosen), minlength=20)
    assert counts.min() > 60  # 100 expected of each
