"""Find the generator's filters that draw a concept, by logistic regression, and drop them: it forgets to draw it."""

from __future__ import annotations

from typing import Annotated, Literal

from ganlab import Analysis, Boxes, Gan, Labeler, Range, Result, analysis, hookimpl


@analysis
def probe(
    gan: Gan,
    concept: Annotated[str, "what to find: windows, beds, ...; singular and plural are one"],
    drop: Annotated[bool, "set the concept's filters to zero in fresh samples and count what is gone"] = False,
    top: Annotated[
        int | None, "drop only the K filters of the largest weight; the paper drops all above zero", Range(1)
    ] = None,
    save: Annotated[str | None, "keep the generator without these filters under this name, for --gan"] = None,
    insert: Annotated[bool, "write the concept's filters at a place instead of dropping them"] = False,
    at: Annotated[str | None, "where --insert writes: x,y of the middle, in pixels from the top left"] = None,
    causal: Annotated[bool, "measure each filter's own effect on the concept as well; takes longer"] = False,
    order: Annotated[
        Literal["weight", "effect"],
        "which filters go first: by the regression's weight (paper) or by own effect (--causal)",
    ] = "weight",
    layer: Annotated[
        str,
        "a layer's name; auto: the one whose drop takes most away, tried on samples of their own (without a labeler: "
        "the one that tells best on held-out pictures); paper: the second-last hidden one; all: compare them",
    ] = "auto",
    boxes: Annotated[
        Boxes | None, "COCO file of boxes drawn on samples; default: the checkpoint's own, else the labeler"
    ] = None,
    labeler: Annotated[
        Labeler | None, "who counts what samples show; default: the one the checkpoint's card names"
    ] = None,
    n: Annotated[
        int | None,
        "how many samples to fit on: the first N looked at for boxes, default all; or what the labeler marks, default "
        "150 as in the paper",
        Range(10),
    ] = None,
    c: Annotated[
        float,
        "C of the regression on standardised features; so small a value weighs each filter by itself",
        Range(1e-9),
    ] = 1e-5,
    negatives: Annotated[float, "cells drawn outside the boxes for each cell inside", Range(0.1, 100)] = 5.0,
    negatives_from: Annotated[
        Literal["both", "beside", "anywhere"],
        "beside the concept, at its height, is the wall that would be there instead; anywhere (paper) is floor and "
        "furniture too, which spares what is drawn there; both: three beside for two from anywhere",
    ] = "both",
    fresh: Annotated[int, "samples a condition that the drop is judged on, none of them marked", Range(10)] = 200,
    draws: Annotated[int, "how often as many random filters are dropped, for the control", Range(2)] = 20,
    seed: Annotated[int, "of the samples, the negatives and the random filters", Range(0)] = 0,
) -> Result:
    """Which filters of the generator draw a concept, and what is left without them (section 6.3.1).

    Logistic regression tells from the feature maps of one layer whether a cell lies on the concept: positives are the
    cells inside boxes, negatives are drawn at random outside them in the same pictures. --drop
    zeroes the maps with positive weight at all positions in fresh samples. The controls: boxes moved to other pictures,
    for the regression; equally many filters drawn at random out of all maps of the layer, for the drop.
    """
    from .investigation import Choices, investigate

    choices = Choices(
        concept=concept,
        drop=drop,
        top=top,
        save=save,
        insert=insert,
        at=at,
        causal=causal,
        order=order,
        layer=layer,
        n=n,
        c=c,
        negatives=negatives,
        negatives_from=negatives_from,
        fresh=fresh,
        draws=draws,
        seed=seed,
    )
    return investigate(gan, boxes, labeler, choices)


@hookimpl
def register_analyses() -> list[Analysis]:
    return [probe]
