"""Which concepts the filters are on, where a labeler knows them, beside untrained discriminators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ganlab import Gan, Labeler, Metric, Result, Table

from . import figures
from .choices import Choices
from .dissection import Dissection, activations, dissect, fires
from .guided import Layer, guided_gradients
from .pictures import Pictures
from .strongest import Strongest, strongest

BEST = 4  # filters of each concept whose gradients are compared with its masks


@dataclass(frozen=True)
class _Side:
    """One discriminator, trained or not.

    Attributes:
        best: (concepts, BEST) filters that fit each concept best, beyond its usual place.
        inside: (concepts,) how many times its share of the receptive fields a concept gets of the squared gradients.
        there: (concepts,) whether any of these receptive fields holds the concept.
        images, gradients, fired: of the very best filter of each concept, (concepts * top, ...).
    """

    best: np.ndarray
    inside: np.ndarray
    there: np.ndarray
    images: torch.Tensor
    gradients: torch.Tensor
    fired: torch.Tensor


def judge(
    gans: Sequence[Gan],
    layers: Sequence[Layer],
    pictures: Pictures,
    labeler: Labeler,
    choices: Choices,
    result: Result,
) -> None:
    """Dissect the layer, and add what was found to the result.

    Args:
        gans: the GAN; untrained, the control; untrained from other seeds, each of which sets a bar.
        layers: of the first two.
    """
    found = dissect(gans, layers[0].name, pictures, labeler, choices.share)
    rankings = strongest(gans[:2], layers[0].name, pictures, choices.top)
    sides = [
        _side(gans[which], layers[which], rankings[which], found, which, pictures, labeler, choices) for which in (0, 1)
    ]
    bars = np.stack([overlap.beyond_place.max(0) for overlap in found.overlaps[2:]])
    on = [overlap.beyond_place > bars[:, None] for overlap in found.overlaps[:2]]
    result.metrics |= _metrics(found, sides, on, len(pictures))
    result.tables["concepts"] = _table(found, sides, on)
    best = [side.best[:, 0] for side in sides]
    captions = []
    for place, concept in enumerate(found.concepts):
        ious = [overlap.iou[filters[place], place] for overlap, filters in zip(found.overlaps[:2], best, strict=True)]
        of_both = [f"filter {filters[place]}\nIoU {iou:.2f}" for filters, iou in zip(best, ious, strict=True)]
        captions.append(f"{concept}\n{of_both[0]}\nuntrained\n{of_both[1]}")
    titles = ("trained", "untrained, its own best filter")
    shown = {title: (side.images, side.gradients, side.fired) for title, side in zip(titles, sides, strict=True)}
    result.figures["concepts"] = figures.concepts(gans[0], captions, shown, choices.judged)
    result.arrays |= {"iou": found.overlaps[0].iou, "iou_moved": found.overlaps[0].moved}
    value = {name: metric.value for name, metric in result.metrics.items()}
    result.summary = (
        f"{value['filters_on_a_concept']:.0%} of the {len(found.overlaps[0].iou)} filters of {layers[0].name} of "
        f"{gans[0].name} fire on one of {', '.join(found.concepts)} better than any filter of an untrained "
        f"discriminator ({value['filters_on_a_concept_untrained']:.0%} before training)."
    )
    missing = [name for name in labeler.concepts if name not in found.concepts]
    if missing:
        result.notes.append(f"The labeler saw none of: {', '.join(missing)}.")


def _side(
    gan: Gan,
    layer: Layer,
    ranking: Strongest,
    found: Dissection,
    which: int,
    pictures: Pictures,
    labeler: Labeler,
    choices: Choices,
) -> _Side:
    """Gradients of each concept's best filters in the pictures that they respond to most."""
    best = np.argsort(-found.overlaps[which].beyond_place, axis=0, kind="stable")[:BEST].T
    filters = best.ravel()
    images = pictures.some(ranking.pictures[filters].ravel())
    units = ranking.units(filters)
    gradients = guided_gradients(layer, images, units, ranking.responses[filters].ravel(), choices.rule)
    masks = labeler.masks(images, gan.image)[np.arange(len(images)), found.columns.repeat(len(images) // len(best))]
    boxes = [layer.fields.box(row, column) for _, row, column in units]
    shares = [shares_on(*row) for row in zip(gradients.numpy(), masks, boxes, strict=True)]
    energy, area = np.array(shares).reshape(len(best), -1, 2).mean(1).T
    first = torch.arange(len(images)).reshape(len(best), -1)[:, : choices.top].ravel()
    rows, chosen = torch.arange(len(first)), torch.from_numpy(units[first, 0])
    maps = activations(gan, layer.name, images[first])[rows, chosen][:, None]
    thresholds = torch.from_numpy(found.thresholds[which])[chosen]
    fired = torch.cat(
        [
            fires(*row, (images.shape[2], images.shape[3]))
            for row in zip(maps.split(1), thresholds.split(1), strict=True)
        ]
    )
    return _Side(best, energy / np.maximum(area, 1e-12), area > 0, images[first], gradients[first], fired[:, 0])


def shares_on(gradient: np.ndarray, mask: np.ndarray, box: tuple[int, int, int, int]) -> tuple[float, float]:
    """Of a receptive field: how much of the squared gradient lies on the mask, and how much of the pixels."""
    top, bottom, left, right = box
    energy = (gradient[:, top:bottom, left:right].astype(np.float64) ** 2).sum(0)
    inside = mask[top:bottom, left:right]
    return float(energy[inside].sum() / max(energy.sum(), 1e-300)), float(inside.mean())


def _metrics(found: Dissection, sides: Sequence[_Side], on: Sequence[np.ndarray], pictures: int) -> dict[str, Metric]:
    """Of the filters of both; ``on`` says for each bar (bars, filters, concepts) which are above it."""
    bars, filters, _ = on[0].shape
    seen = f"over {pictures} pictures"
    own, before = found.overlaps[:2]
    pairs = {
        "filters_on_a_concept": (
            [fits.any(2).mean() for fits in on],
            "share of filters whose IoU with some concept, beyond that with masks of another picture, is above that of "
            f"every filter of an untrained discriminator: mean and range over {bars} of them",
        ),
        "best_iou": (
            [overlap.iou.max(1).mean() for overlap in (own, before)],
            f"IoU of a filter with the concept that it fits best, mean of all filters, {seen}",
        ),
        "iou_beyond_place": (
            [overlap.beyond_place.max(1).mean() for overlap in (own, before)],
            f"how much of a filter's IoU masks of another picture do not give, at its best concept, mean, {seen}",
        ),
    }
    both = sides[0].there & sides[1].there
    if both.any():
        pairs["gradient_on_concept"] = (
            [side.inside[both].mean() for side in sides],
            f"squared gradient of a concept's {sides[0].best.shape[1]} best filters that lies on it, in multiples of "
            "what its area in the receptive field would give",
        )
    metrics = {}
    for name, ((value, control), about) in pairs.items():
        metrics[name] = Metric(value, n=filters, control=f"{name}_untrained", about=about)
        metrics[f"{name}_untrained"] = Metric(
            control, n=filters, no_control="it is the control", about="the same before training"
        )
    for name, fits in zip(("filters_on_a_concept", "filters_on_a_concept_untrained"), on, strict=True):
        by_bar = fits.any(2).mean(1)
        metrics[name] = replace(metrics[name], low=by_bar.min(), high=by_bar.max())
    if both.any():
        count = int(both.sum()) * sides[0].best.shape[1]
        for name in ("gradient_on_concept", "gradient_on_concept_untrained"):
            metrics[name] = replace(metrics[name], n=count)
    metrics["best_iou_moved_masks"] = Metric(
        own.moved.max(1).mean(),
        n=filters,
        no_control="it is a control of best_iou",
        about="best_iou with the masks of the next picture: what the usual places of concepts give",
    )
    return metrics


def _table(found: Dissection, sides: Sequence[_Side], on: Sequence[np.ndarray]) -> Table:
    measured = ["best IoU", "masks moved", "filters on it", "gradient on it"]
    columns = ["concept", "share of pixels", "best filter", *measured, *(f"{name}, untrained" for name in measured)]
    rows: list[list[object]] = []
    for place, concept in enumerate(found.concepts):
        row: list[object] = [concept, found.area[place]]
        for which, (side, overlap) in enumerate(zip(sides, found.overlaps[:2], strict=True)):
            best = side.best[place, 0]
            row += [] if which else [best]
            row += [overlap.iou[best, place], overlap.moved[best, place], on[which][:, :, place].sum(1).mean()]
            row += [side.inside[place] if side.there[place] else None]
        rows.append(row)
    return Table(
        columns,
        rows,
        "Each concept's best filter, by what the right picture's masks add to its IoU; how many filters are on the "
        "concept, better than any of an untrained discriminator, the mean over several; and how many times its share "
        f"of the area the concept gets of the squared gradients of its {sides[0].best.shape[1]} best filters.",
    )
