"""Classify labelled pictures by what a discriminator has learnt without labels: its features and a linear SVM."""

from __future__ import annotations

from typing import Annotated

from ganlab import Analysis, Gan, Images, Range, Result, analysis, hookimpl


@analysis
def classify(
    gan: Gan,
    data: Annotated[Images, "pictures in a folder per class, below train and test if there are such; or an npz"],
    test: Annotated[
        Images | None, "pictures to test on, of the same classes; default: the test part of DATA, else one is drawn"
    ] = None,
    per_class: Annotated[
        int | None, "learn from only N labels of each class, drawn again and again; the paper: 400, 100", Range(1)
    ] = None,
    draws: Annotated[int, "how many such draws; the paper's code draws 100", Range(2)] = 10,
    c: Annotated[
        list[float] | None,
        "C of the SVM, for pictures of length 1; several: the best on held-out pictures",
        Range(1e-9),
    ] = None,
    layers: Annotated[list[str] | None, "the discriminator's layers to take; default: all hidden ones (paper)"] = None,
    skip_broken: Annotated[bool, "leave out pictures that do not decode; without it they stop the run"] = False,
    seed: Annotated[int, "of the untrained networks, the draws and the held-out pictures", Range(0)] = 0,
) -> Result:
    """How well a linear SVM tells classes by the discriminator's features (section 5).

    The feature maps of all hidden layers, each max-pooled to 4x4, flattened and joined, describe a picture; a linear
    L2-SVM learns the classes from labelled ones, with C chosen on pictures held out of the training part. The
    controls: the same features of untrained networks, and the pixels.
    """
    from .investigation import Choices, investigate

    choices = Choices(
        per_class=per_class,
        draws=draws,
        c=tuple(sorted(set(c or ()))),
        layers=layers,
        skip_broken=skip_broken,
        seed=seed,
    )
    return investigate(gan, data, test, choices)


@hookimpl
def register_analyses() -> list[Analysis]:
    return [classify]
