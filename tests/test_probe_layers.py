"""Which layer is probed: the paper's, the one that is named, or the one that its boxes and the labeler choose."""

from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from ganlab import Boxes, Gan, GanlabError, ImageSpec, PictureName, Prior
from ganlab.labels.marks import Box
from ganlab.testing import tiny_gan
from ganlab_probe import dropping, layers, probe
from ganlab_probe.layers import asked_for

from .planted import MAPS, SIZE, SQUARE, Planted, Truth
from .probe_kit import FAST, boxed, drawn_boxes, known_gan  # noqa: F401 (known_gan is a fixture)


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
