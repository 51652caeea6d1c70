"""Train a nearest-neighbour classifier on a GAN's samples instead of pictures: what do they teach?"""

from __future__ import annotations

from typing import Annotated

from ganlab import Analysis, Gan, Images, Range, Result, analysis, hookimpl


@analysis(all_classes=True)
def augment(
    gan: Gan,
    data: Annotated[Images, "the labelled pictures that the GAN was trained on: a folder per class, or docs/data.md"],
    test: Annotated[
        Images | None, "labelled pictures that nothing was trained on; default: those that lie beside as test"
    ] = None,
    baseline: Annotated[
        Gan | None, "another GAN of the same classes, to compare with; the paper: linear layers"
    ] = None,
    n: Annotated[int, "samples in all, the same number of each class; the paper: 50,000, and 10 million", Range(2)] = (
        50_000
    ),
    shown: Annotated[int, "pictures of each class in the figure", Range(1, 50)] = 10,
    skip_broken: Annotated[bool, "leave out pictures that do not decode; without it they stop the run"] = False,
    seed: Annotated[int, "names the samples", Range(0)] = 0,
) -> Result:
    """How well a classifier learns from a class-conditional GAN's samples (the paper's appendix, figure 9, table 3).

    A 1-nearest-neighbour classifier learns from N samples, equally many of each class, and is tested on real pictures
    that nothing was trained on: pixels from 0 to 1, Euclidean distance, exact. Beside it: the same classifier on the
    real training pictures, and, as the control, the same samples with classes drawn at random.
    """
    from .investigation import Choices, investigate

    choices = Choices(n=n, shown=shown, skip_broken=skip_broken, seed=seed)
    return investigate(gan, data, test, baseline, choices)


@hookimpl
def register_analyses() -> list[Analysis]:
    return [augment]
