"""Does the generator copy? Exact nearest training pictures of its samples, and a test against held-out ones."""

from __future__ import annotations

from typing import Annotated, Literal

from ganlab import Analysis, Gan, Images, Range, Result, analysis, hookimpl


@analysis
def neighbors(
    gan: Gan,
    data: Annotated[Images, "the pictures the GAN was trained on: a folder, zip, array or data set"],
    heldout: Annotated[
        Images | None,
        "pictures of the same kind that it was not trained on; default: half of DATA, drawn at random, stands for them",
    ] = None,
    n: Annotated[int, "samples to look up", Range(20)] = 500,
    space: Annotated[
        list[Literal["pixels", "shifted", "features"]] | None,
        "where distance is measured: pixels; shifted: pixels, the best of nine small shifts; features of the "
        "discriminator; default: all that the GAN allows",
    ] = None,
    shown: Annotated[int, "pairs in each figure, closest first", Range(1, 100)] = 8,
    skip_broken: Annotated[bool, "leave out pictures that cannot be read instead of stopping"] = False,
    seed: Annotated[int, "of the samples, the pictures drawn and the permutations", Range(0)] = 0,
) -> Result:
    """Are samples nearer to the training pictures than to held-out ones? (The paper does no such search.)

    Looks up the nearest training picture and the nearest of equally many held-out ones for every sample, exactly, in
    pixels, in pixels robust to small shifts and in discriminator features. A generator that copies is nearer to what it
    was trained on. How much nearer chance alone would make it is learnt by exchanging the two sets' pictures at random;
    the answer is given at the level of 0.01. Controls: training pictures that are left out of the set, which must be
    neither nearer to it nor farther from it, and less near than copies are; and the samples with copies among them,
    which must raise the alarm.
    """
    from .investigation import Choices, investigate

    choices = Choices(n=n, spaces=tuple(space or ()), shown=shown, skip_broken=skip_broken, seed=seed)
    return investigate(gan, data, heldout, choices)


@hookimpl
def register_analyses() -> list[Analysis]:
    return [neighbors]
