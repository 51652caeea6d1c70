"""The probe on a GAN whose filters are known, and everything a user can get wrong."""

from __future__ import annotations

import re
from types import MappingProxyType

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import LogisticRegression
from torch import nn

from ganlab import Boxes, Gan, GanlabError, ImageSpec, Metric, PictureName, Prior, Result
from ganlab.marks import Box
from ganlab.testing import check_analysis, check_plugin, tiny_gan
from ganlab_probe import dropping, layers, probe
from ganlab_probe.causal import rank_correlation
from ganlab_probe.dropping import Curve, drop_curve, random_filters
from ganlab_probe.layers import asked_for
from ganlab_probe.regression import draw_cells, fit

from .planted import MAPS, SIZE, SQUARE, Planted, Truth, planted_gan

FAST = {"fresh": 60, "draws": 12, "n": 60, "layer": "paper"}


@pytest.fixture(scope="module")
def gan() -> Gan:
    return planted_gan()


@pytest.fixture(scope="module")
def dropped(gan: Gan) -> Result:
    return probe(gan, "windows", drop=True, top=3, labeler=Truth(), **FAST)


def drawn_boxes(gan: Gan, n: int = 40, seed: int = 5) -> Boxes:
    """Boxes as a careful person would draw them: the tight box around each red square."""
    latents = gan.latents(n, seed=seed)
    masks = Truth().masks(gan.generate(latents), gan.image)[:, 0]
    pictures = [PictureName(gan.hash, seed, int(index)) for index in latents.index]
    boxes = []
    for picture, mask in zip(pictures, masks, strict=True):
        if mask.any():
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            boxes.append(Box(picture, "window", columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1))
    return Boxes(boxes, pictures, (SIZE, SIZE), "by-hand.json")


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


def test_shares_are_those_of_an_independent_count(gan: Gan, dropped: Result) -> None:
    """Count again with a network whose planted weights are taken out by hand."""
    other = planted_gan()
    other.generator[2].weight.data[:, list(SQUARE)] = 0
    latents = gan.latents(FAST["fresh"], seed=0, first=1_000_000)
    before = (gan.generate(latents)[:, 0] > 0).sum((1, 2)) >= 20
    after = (other.generate(latents)[:, 0] > 0).sum((1, 2)) >= 20
    assert dropped.metrics["share_before"].value == pytest.approx(float(before.float().mean()))
    assert dropped.metrics["share_after"].value == pytest.approx(float(after.float().mean()))


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


def test_layers_are_compared_and_the_one_whose_drop_does_most_is_chosen(gan: Gan) -> None:
    compared = probe(gan, "window", layer="all", labeler=Truth(), n=40)
    table = compared.tables["layers"]
    assert [row[0] for row in table.rows] == ["1", "3"]
    assert "In 1 of" in compared.summary  # the second-last hidden layer stays the one that is reported
    gap = {row[0]: row[-1] - row[-2] for row in table.rows}
    chosen = probe(gan, "window", labeler=Truth(), n=40)
    assert f"In {max(gap, key=gap.get)} of" in chosen.summary


def test_without_a_labeler_the_layer_that_tells_best_is_chosen(gan: Gan) -> None:
    boxes = drawn_boxes(gan)
    auc = {row[0]: row[5] for row in probe(gan, "window", layer="all", boxes=boxes).tables["layers"].rows}
    assert f"In {max(auc, key=auc.get)} of" in probe(gan, "window", boxes=boxes).summary


@pytest.mark.parametrize("layer", ["2", "5"])
@pytest.mark.parametrize("judged", [True, False])
def test_filters_of_any_layer_are_dropped(gan: Gan, layer: str, judged: bool) -> None:
    """Of a convolution before its activation and of the picture itself, which are no hidden layers."""
    options = {"labeler": Truth(), "order": "effect"} if judged else {"boxes": drawn_boxes(gan)}
    result = probe(gan, "window", drop=True, top=1, layer=layer, fresh=20, draws=2, **options)
    assert "drop" in result.figures
    if judged:
        assert result.metrics["share_after"].value == 0


def test_the_papers_own_way_stands_beside_another(gan: Gan) -> None:
    """In the second hidden layer one filter is the square; in the paper's, the first, three are."""
    result = probe(gan, "window", drop=True, labeler=Truth(), **(FAST | {"layer": "3"}))
    alone = probe(gan, "window", drop=True, labeler=Truth(), negatives_from="anywhere", **FAST)
    assert result.metrics["share_after_paper"].value == alone.metrics["share_after"].value
    assert "share_after_paper" not in alone.metrics


def test_negatives_beside_a_concept_lie_at_its_height(gan: Gan) -> None:
    features = torch.arange(6.0 * 8 * 8).reshape(6, 1, 8, 8)  # every cell is told by its value
    inside = np.zeros((6, 8, 8), bool)
    inside[:, 2:4, 3:5] = True
    cells = draw_cells(features, inside, negatives=1.0, seed=0, negatives_from="beside")
    height = cells.features[:, 0] % 64 // 8
    assert set(height[~cells.positive]) <= {1, 2, 3, 4}  # the rows it crosses, and one above and below
    anywhere = draw_cells(features, inside, negatives=1.0, seed=0, negatives_from="anywhere")
    assert set(anywhere.features[~anywhere.positive, 0] % 64 // 8) > {1, 2, 3, 4}
    for drawn in (cells, anywhere):
        values = drawn.features[:, 0]
        assert len(set(values)) == len(values)  # none twice, none on both sides
    both = draw_cells(features, inside, negatives=8.0, seed=0, negatives_from="both")
    near = np.isin(both.features[~both.positive, 0] % 64 // 8, [1, 2, 3, 4])
    assert near.mean() >= 0.5
    assert (~near).any()


def test_without_a_labeler_no_share_is_invented(gan: Gan) -> None:
    result = probe(gan, "window", drop=True, boxes=drawn_boxes(gan), top=3, **{**FAST, "n": 10})
    assert not any(name.startswith("share") for name in result.metrics)
    assert "drop" in result.figures
    assert any("labeler" in note for note in result.notes)


def test_a_gan_that_knows_nothing_of_the_concept_shows_no_gap() -> None:
    """The whole experiment's control: noise has no window filters, and the probe must not find any."""
    gan = tiny_gan(size=32)

    class Chance(Truth):
        def masks(self, images, image):  # marks that have nothing to do with the pictures
            rows = np.random.default_rng(7).random((len(images), 2, 4, 4)) > 0.6
            return rows.repeat(8, axis=2).repeat(8, axis=3)

    result = probe(gan, "window", labeler=Chance(), n=60)
    assert abs(result.metrics["auc"].value - 0.5) < 0.12


def test_weights_are_scikit_learns(gan: Gan) -> None:
    """The fit against one written out here: cells picked by loops, standardised by hand."""
    latents = gan.latents(20, seed=1)
    with gan.record("1") as recording:
        masks = Truth().masks(gan.generate(latents), gan.image)[:, 0]
    features, inside = recording["1"], masks[:, 1::2, 1::2]
    rows, told = [], []
    cells = draw_cells(features, inside, 1.0, seed=4, negatives_from="anywhere")
    for picture, y, x in np.argwhere(inside):
        rows.append(features[picture, :, y, x].numpy())
        told.append(True)
    assert np.array_equal(cells.features[cells.positive], np.array(rows))
    outside = {tuple(features[p, :, y, x].numpy()) for p, y, x in np.argwhere(~inside)}
    assert all(tuple(row) in outside for row in cells.features[~cells.positive])
    scaled = (cells.features - cells.features.mean(0)) / np.where(cells.features.std(0) > 0, cells.features.std(0), 1)
    expected = LogisticRegression(C=0.01, max_iter=1000).fit(scaled, cells.positive).coef_[0]
    found = fit(features, inside, c=0.01, negatives=1.0, seed=4, negatives_from="anywhere")
    np.testing.assert_allclose(found.weights, expected, atol=1e-3)


def test_negatives_come_from_the_same_pictures_in_the_ratio_asked() -> None:
    features = torch.arange(4 * 2 * 25, dtype=torch.float32).reshape(4, 2, 5, 5)
    inside = np.zeros((4, 5, 5), bool)
    inside[0, :2, :2], inside[2, 4, 4] = True, True
    cells = draw_cells(features, inside, 2.0, seed=0, negatives_from="anywhere")
    for picture, positives in ((0, 4), (1, 0), (2, 1), (3, 0)):
        here = cells.picture == picture
        assert (here & cells.positive).sum() == positives
        assert (here & ~cells.positive).sum() == 2 * positives


def test_interval_is_wilsons() -> None:
    hits = np.arange(50) < 7
    expected = stats.binomtest(7, 50).proportion_ci(method="wilson")
    share = Metric.of_share(hits)
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


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


def test_the_trial_of_layers_draws_other_random_filters_than_the_control(
    gan: Gan, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[set[tuple[int, ...]]] = []
    for module in (layers, dropping):

        def drawing(*given: int, draw=module.random_filters) -> list[np.ndarray]:
            chosen = draw(*given)
            drawn[-1] |= {tuple(filters) for filters in chosen}
            return chosen

        monkeypatch.setattr(module, "random_filters", drawing)
    drawn.append(set())
    probe(gan, "window", labeler=Truth(), n=40, top=5)
    drawn.append(set())
    probe(gan, "window", labeler=Truth(), drop=True, top=5, **FAST)
    trial, control = drawn
    assert trial
    assert control
    assert not trial & control


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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"concept": "ghost", "labeler": Truth()}, "does not know"),
        ({"concept": "window"}, "marked"),
        ({"concept": "window", "labeler": Truth(), "layer": "nowhere"}, "no layer"),
        ({"concept": "window", "labeler": Truth(), "drop": True, "top": 99}, "99"),
        ({"concept": "window", "labeler": Truth(), "drop": True, "insert": True, "at": "1,1"}, "two experiments"),
        ({"concept": "window", "labeler": Truth(), "insert": True}, "--at"),
        ({"concept": "ghost", "labeler": Truth(), "save": "out/no-windows"}, "--save"),  # before anything else
        ({"concept": "window", "labeler": Truth(), "save": ""}, "--save"),
        ({"concept": "ghost", "labeler": Truth(), "insert": True, "at": "a,b"}, "x,y"),  # before anything else
        ({"concept": "ghost", "labeler": Truth(), "insert": True, "at": "99,3"}, "outside"),
    ],
)
def test_wrong_options_are_told(gan: Gan, options: dict, words: str) -> None:
    with pytest.raises(GanlabError) as error:
        probe(gan, n=30, **options)
    assert words in error.value.message + error.value.hint
    assert error.value.hint


def test_boxes_of_another_checkpoint_are_refused(gan: Gan) -> None:
    with pytest.raises(GanlabError, match="drawn on the checkpoint"):
        probe(tiny_gan(size=32), "window", boxes=drawn_boxes(gan))


def test_a_concept_without_boxes_is_told(gan: Gan) -> None:
    with pytest.raises(GanlabError, match="no boxes of 'bed'"):
        probe(gan, "beds", boxes=drawn_boxes(gan))


def test_given_boxes_are_used_or_refused_whatever_the_labeler_knows(gan: Gan) -> None:
    with pytest.raises(GanlabError, match="no boxes of 'lamp'"):
        probe(gan, "lamp", boxes=drawn_boxes(gan), labeler=Truth())


def test_layers_too_coarse_for_the_boxes_are_left_out_and_named() -> None:
    gan = tiny_gan(size=32)
    names = [PictureName(gan.hash, 0, index) for index in range(20)]
    boxes = Boxes([Box(name, "lamp", 6, 6, 2, 2) for name in names], names, (32, 32), "small.json")
    result = probe(gan, "lamp", boxes=boxes)
    coarse = gan.hidden_layers()[0].name
    assert any("too coarse" in note and coarse in note for note in result.notes)
    assert coarse not in [row[0] for row in result.tables["layers"].rows]
    with pytest.raises(GanlabError, match="too coarse"):
        probe(gan, "lamp", boxes=boxes, layer=coarse)


def boxed(gan: Gan, x: int, y: int, size: int) -> Boxes:
    """The same box on twenty pictures."""
    names = [PictureName(gan.hash, 0, index) for index in range(20)]
    return Boxes([Box(name, "lamp", x, y, size, size) for name in names], names, (32, 32), "same.json")


def test_boxes_too_small_for_the_papers_layer_leave_it_out_and_say_so() -> None:
    gan = tiny_gan(size=32)
    *_, paper, last = (known.name for known in gan.hidden_layers())
    boxes = boxed(gan, 7, 7, 2)
    compared = probe(gan, "lamp", boxes=boxes, layer="all")
    assert f"In {last} of" in compared.summary
    assert any("too coarse" in note and paper in note for note in compared.notes)
    dropped = probe(gan, "lamp", boxes=boxes, labeler=Truth(), drop=True, top=3, layer=last, fresh=10, draws=2)
    assert "share_after" in dropped.metrics
    assert "share_after_paper" not in dropped.metrics
    assert any("share_after_paper" in note for note in dropped.notes)


def test_boxes_around_everything_are_told() -> None:
    gan = tiny_gan(size=32)
    with pytest.raises(GanlabError, match="marks too large"):
        probe(gan, "lamp", boxes=boxed(gan, 0, 0, 32))


def test_every_picture_with_cells_of_one_kind_only_is_left_to_itself() -> None:
    features = torch.arange(20 * 25, dtype=torch.float32).reshape(20, 1, 5, 5)
    inside = np.ones((20, 5, 5), bool)
    inside[:5, 1:] = False
    for negatives_from in ("both", "beside", "anywhere"):
        cells = draw_cells(features, inside, 0.1, seed=0, negatives_from=negatives_from)
        assert set(cells.picture[cells.positive]) == set(cells.picture[~cells.positive]) == set(range(5))
        assert np.isfinite(fit(features, inside, c=1.0, negatives=0.1, seed=0, negatives_from=negatives_from).auc)


def test_a_generator_with_one_hidden_layer_has_no_papers_layer() -> None:
    scene, active, *_ = Planted()
    out = nn.ConvTranspose2d(MAPS, 3, 2, 2)
    nn.init.zeros_(out.weight)
    nn.init.constant_(out.bias, -2.0)
    out.weight.data[list(SQUARE), 0] = 1.0
    gan = Gan(nn.Sequential(scene, active, out, nn.Tanh()), prior=Prior(8), image=ImageSpec(SIZE, 3))
    options = {"labeler": Truth(), "n": 20}
    result = probe(gan, "window", drop=True, top=3, layer="1", fresh=10, draws=2, **options)
    assert result.metrics["share_after"].value == 0
    assert any("no second-last hidden layer" in note for note in result.notes)
    assert "In 1 of" in probe(gan, "window", layer="all", **options).summary
    with pytest.raises(GanlabError, match="second-last"):
        probe(gan, "window", layer="paper", **options)


def test_a_generator_whose_activations_are_no_modules_is_asked_for_a_layer() -> None:
    generator = nn.Sequential(nn.Unflatten(1, (10, 1, 1)), nn.ConvTranspose2d(10, 3, 16))
    gan = Gan(generator, prior=Prior(10), image=ImageSpec(16))
    with pytest.raises(GanlabError, match="no hidden feature maps"):
        asked_for(gan, "auto")
    assert asked_for(gan, "1") == ["1"]
