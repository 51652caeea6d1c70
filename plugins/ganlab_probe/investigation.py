"""The probe, step by step: marks, regression, filters, and what is left without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from ganlab import (
    Boxes,
    Figure,
    Gan,
    GanlabError,
    Labeler,
    Latents,
    Metric,
    Result,
    Table,
    check_name,
    concept_name,
    shell_word,
)

from . import figures, layers
from .bench import Bench, pictures_without, random_filters
from .causal import own_effects
from .dropping import Drop, report
from .insertion import Spot, insert
from .layers import Trial
from .marks import Marks, from_boxes, from_labeler, mark_its_class, of_one_class
from .regression import Fit, NegativesFrom, draw_cells, enough, fit, weights_of

PAPER_N = 150  # samples that section 6.3.1 looked at
LIGHT_CHOICES = 5  # of the filters that follow brightness: which are in it changes what the drop removes
LIGHT_SAMPLES = 200  # samples, at most, that each is chosen by
FRESH_FROM = 1_000_000  # fresh samples begin at this index, far from whatever was marked


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The options of :func:`ganlab_probe.probe`, which explains them."""

    concept: str
    drop: bool
    top: int | None
    save: str | None
    insert: bool
    at: str | None
    causal: bool
    order: str
    layer: str
    n: int | None
    c: float
    negatives: float
    negatives_from: NegativesFrom
    fresh: int
    draws: int
    seed: int


def investigate(gan: Gan, boxes: Boxes | None, labeler: Labeler | None, choices: Choices) -> Result:
    """Run the probe; see :func:`ganlab_probe.probe`."""
    _check_together(choices)
    spot = None if choices.at is None else Spot.typed(choices.at, gan.image.size)
    concept = concept_name(choices.concept)
    asked = layers.asked_for(gan, choices.layer)
    layers.check(gan, asked, choices.top)
    labeler = labeler or Labeler.of_checkpoint(gan)
    boxes = _boxes(gan, boxes, labeler, concept)
    if boxes is not None:
        gan, boxes = of_one_class(gan, boxes, concept)
    marks = _marks(gan, boxes, labeler, concept, choices)
    one = partial(
        fit, c=choices.c, negatives=choices.negatives, seed=choices.seed, negatives_from=choices.negatives_from
    )
    fits = layers.fit_each(gan, marks, asked, one)
    trials: dict[str, Trial] = {}
    if labeler is not None and len(fits) > 1:
        trials = layers.try_each(gan, fits, labeler, concept, choices.top, choices.seed)
    paper = layers.paper_layer(gan)
    layer = paper if choices.layer == "all" and paper in fits else layers.best(fits, trials, choices.top)
    ranking = fits[layer].ranked()
    result = _regression_result(gan, marks, concept, layer, fits, trials)
    result.notes += layers.left_out(asked, fits)
    if labeler is not None and (
        trials or choices.drop or choices.insert or choices.causal or choices.order == "effect"
    ):
        result.notes += [caution for caution in labeler.cautions if caution not in result.notes]
    if choices.causal or choices.order == "effect":
        effects = own_effects(gan, layer, marks.latents, _needed(labeler, "--causal"), concept)
        effects.report(result, fits[layer].weights)
        if choices.order == "effect":
            ranking = effects.ranked()
    count = choices.top or (fits[layer].above_zero if choices.order == "weight" else effects.harmful)
    if choices.drop or choices.insert or choices.save:
        count = _checked(count, len(ranking), layer, concept)
        if count == len(ranking) and (choices.drop or choices.insert):
            result.notes.append(
                f"The random filters are no control: they are all {count} filters of {layer}, as those for {concept!r} "
                "are. Take fewer with --top, or name another --layer."
            )
    filters = ranking[:count]
    if choices.top is not None and not (choices.drop or choices.insert or choices.save):
        result.notes.append(
            f"The {len(filters)} filters that --top asks for are only named, in the array `filters`; --drop drops them."
        )
    if choices.drop:
        fresh = _fresh(gan, marks, choices)
        if labeler is None:
            _drop_unjudged(gan, layer, ranking, count, concept, fresh, result, choices)
        else:
            bench, further = Bench(gan, layer, fresh, labeler), _fresh(gan, marks, choices, 1)
            light = [_fresh(gan, marks, choices, block)[:LIGHT_SAMPLES] for block in range(2, 2 + LIGHT_CHOICES)]
            report(Drop(bench, concept, ranking, count, choices.draws, choices.seed, light), further, result)
            if choices.negatives_from != "anywhere" or layer != paper:
                _report_papers_way(gan, marks, fresh, labeler, concept, choices, result)
    if spot is not None:
        insert(
            gan,
            layer,
            filters,
            marks,
            concept,
            _needed(labeler, "--insert"),
            _fresh(gan, marks, choices),
            spot,
            choices.draws,
            choices.seed,
            result,
        )
    if choices.save:
        result.gans[choices.save] = gan.without(layer, filters).renamed(
            choices.save, f"{gan.name} without the {len(filters)} filters of {layer} that draw {concept!r}."
        )
    result.arrays["filters"] = filters
    return result


def _check_together(choices: Choices) -> None:
    if choices.insert and choices.drop:
        raise GanlabError("--drop and --insert are two experiments.", "Run one after the other.")
    if choices.insert != (choices.at is not None):
        raise GanlabError("--insert and --at x,y belong together.", "For example: --insert --at 32,20")
    if choices.save is not None:
        check_name(choices.save, "--save")
    if choices.save and choices.insert:
        raise GanlabError(
            "--save keeps a generator without filters, and --insert removes none.", "Leave one of them out."
        )


def _needed(labeler: Labeler | None, option: str) -> Labeler:
    if labeler is None:
        raise GanlabError(
            f"{option} needs a labeler to count what samples show.",
            "Name one made for such pictures: --labeler NAME (docs/plugins.md says how to write one).",
        )
    return labeler


def _boxes(gan: Gan, given: Boxes | None, labeler: Labeler | None, concept: str) -> Boxes | None:
    """Those that were given, else the checkpoint's own if they mark the concept in this class or no labeler does."""
    if given is not None:
        return given.check(gan)
    own = Boxes.of_checkpoint(gan)
    if own is None or labeler is None:
        return own
    return own if concept in own.concepts and mark_its_class(gan, own, concept) else None


def _marks(gan: Gan, boxes: Boxes | None, labeler: Labeler | None, concept: str, choices: Choices) -> Marks:
    """From boxes, else from the labeler."""
    if boxes is not None:
        return from_boxes(gan, _first(boxes, choices.n), concept)
    if labeler is None:
        raise GanlabError(
            f"Nobody has marked {concept!r} on samples of {gan.name!r}.",
            f"Draw boxes with `ganlab mark --gan GAN --concept {shell_word(concept)}` and give them as --boxes FILE, "
            "or name a labeler made for such pictures: --labeler NAME (docs/plugins.md says how to write one).",
        )
    return from_labeler(gan, labeler, concept, gan.latents(choices.n or PAPER_N, seed=choices.seed))


def _first(boxes: Boxes, n: int | None) -> Boxes:
    """Those of the first ``n`` pictures that were looked at."""
    if n is not None and n > len(boxes.pictures):
        raise GanlabError(f"Only {len(boxes.pictures)} pictures were looked at for boxes, not {n}.", "Lower --n.")
    return boxes.on(boxes.pictures[:n])


def _checked(count: int, maps: int, layer: str, concept: str) -> int:
    if count > maps:
        raise GanlabError(f"The layer {layer!r} has {maps} filters, not {count}.", f"Choose --top from 1 to {maps}.")
    if count == 0:
        raise GanlabError(f"No filter of {layer!r} speaks for {concept!r}.", "Try another --layer, or --top K.")
    return count


def _fresh(gan: Gan, marks: Marks, choices: Choices, block: int = 0) -> Latents:
    """Samples that nobody marked; other ones in every block."""
    latents = gan.latents(choices.fresh, seed=choices.seed, first=FRESH_FROM + block * choices.fresh)
    if any((choices.seed, int(index)) in marks.names for index in latents.index):
        raise GanlabError("The boxes were drawn on the samples the drop is judged on.", "Choose another --seed.")
    return latents


def _regression_result(
    gan: Gan,
    marks: Marks,
    concept: str,
    layer: str,
    fits: Mapping[str, Fit],
    trials: Mapping[str, Trial],
) -> Result:
    found = fits[layer]
    result = Result(
        f"In {layer} of {gan.name}, {found.above_zero} of {len(found.weights)} filters have positive weight for "
        f"{concept!r}; on held-out pictures they tell a cell on it from others with ROC AUC {found.auc:.2f} "
        f"({found.moved_auc:.2f} with boxes moved to other pictures)."
    )
    held_out = f"over cells of pictures the fit had not seen; {marks.source}"
    result.notes += marks.notes
    result.metrics |= {
        "accuracy": Metric(
            found.accuracy,
            n=found.cells,
            control="accuracy_moved_boxes",
            about=f"cells told right, the mean of both kinds, {held_out}",
        ),
        "accuracy_moved_boxes": Metric(
            found.moved_accuracy,
            n=found.cells,
            no_control="it is the control",
            about="the same with boxes of other pictures",
        ),
        "auc": Metric(
            found.auc, n=found.cells, control="auc_moved_boxes", about=f"area under the ROC curve, {held_out}"
        ),
        "auc_moved_boxes": Metric(
            found.moved_auc,
            n=found.cells,
            no_control="it is the control",
            about="the same with boxes of other pictures",
        ),
        "filters_above_zero": Metric(
            found.above_zero,
            n=len(found.weights),
            no_control="a count",
            about=f"filters of {layer} with positive weight",
        ),
    }
    if len(fits) > 1:
        result.tables["layers"] = layers.comparison(fits, trials)
    result.tables["filters"] = Table(
        ["rank", "filter", "weight"],
        [[rank + 1, int(which), float(found.weights[which])] for rank, which in enumerate(found.ranked()[:20])],
        f"The 20 filters of {layer} with the largest weights (per standard deviation of a filter).",
    )
    result.figures["weights"] = figures.weights(found.weights, layer, concept)
    result.figures["where"] = figures.where(gan, layer, marks, found)
    result.arrays["weights"] = found.weights
    return result


def _report_papers_way(
    gan: Gan, marks: Marks, fresh: Latents, labeler: Labeler, concept: str, choices: Choices, result: Result
) -> None:
    """What the paper's own way gives: the second-last hidden layer, negatives from anywhere outside the boxes."""
    paper = layers.paper_layer(gan)
    if paper is None:
        result.notes.append("There is no share_after_paper: this generator has no second-last hidden layer.")
        return
    with gan.record(paper) as recording:
        gan.generate(marks.latents)
    features = recording[paper]
    inside = marks.inside(features.shape[2])
    if not enough(inside):
        result.notes.append(f"There is no share_after_paper: the cells of {paper} are too coarse for these marks.")
        return
    cells = draw_cells(features, inside, choices.negatives, choices.seed, "anywhere")
    filters = np.flatnonzero(weights_of(cells, choices.c) > 0)
    shown = labeler.shows(pictures_without(gan, paper, fresh, filters), gan.image)[:, labeler.column(concept)]
    result.metrics["share_after_paper"] = Metric.of_share(
        shown,
        no_control="for comparison; --layer paper --negatives-from anywhere gives its controls",
        about=f"the same z with {len(filters)} filters of {paper} dropped instead, the paper's layer and negatives",
    )


def _drop_unjudged(
    gan: Gan,
    layer: str,
    ranking: np.ndarray,
    count: int,
    concept: str,
    fresh: Latents,
    result: Result,
    choices: Choices,
) -> None:
    """Without a labeler the drop is shown and not counted."""
    by_chance = random_filters(len(ranking), count, 1, choices.seed)[0]
    shown = fresh[: figures.SHOWN]
    rows = {
        "original": gan.generate(shown),
        f"{concept} filters dropped": pictures_without(gan, layer, shown, ranking[:count]),
        "random filters dropped": pictures_without(gan, layer, shown, by_chance),
    }
    result.figures["drop"] = Figure(
        figures.rows(gan, rows), f"Fresh samples, {count} filters of {layer} dropped; a column is one z."
    )
    result.notes.append(
        f"No share of pictures that show {concept!r} is given: no labeler knows this GAN's pictures, and boxes drawn "
        "on the original samples say nothing of the edited ones. Mark edited samples too, or name a --labeler."
    )
