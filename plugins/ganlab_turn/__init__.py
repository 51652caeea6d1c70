"""Turn what samples show along one direction of Z, found from two groups of pictures: `ganlab turn left right`."""

from __future__ import annotations

from typing import Annotated

from ganlab import Analysis, Exemplars, Gan, Labeler, Range, Result, analysis, hookimpl


@analysis(default_gan="faces-64")
def turn(
    gan: Gan,
    first: Annotated[str, "where the turn begins: an exemplar group, or pictures as 0:12,0:40"],
    second: Annotated[str, "where it ends: another group, or pictures"],
    by: Annotated[
        str | None,
        "follow this attribute of the labeler (yaw), and choose the exemplars by it instead of named groups; by "
        "default the words of the names say what is followed",
    ] = None,
    each: Annotated[int, "exemplars at each end where the labeler chooses them", Range(2)] = 64,
    clean: Annotated[
        bool, "take out of the direction what the labeler's other attributes change along, by least squares in the pool"
    ] = False,
    exemplars: Annotated[
        Exemplars | None, "file of named groups of pictures (`ganlab mark`); default: the checkpoint's own"
    ] = None,
    labeler: Annotated[
        Labeler | None, "who measures what pictures show; default: the one the checkpoint's card names"
    ] = None,
    n: Annotated[int, "random samples that are turned and measured", Range(10)] = 100,
    steps: Annotated[int, "points along the turn, an odd number: the middle one is the sample itself", Range(3)] = 9,
    reach: Annotated[float, "how far to go each way, in lengths of the direction", Range(1e-3)] = 1.0,
    pool: Annotated[int, "samples among which the labeler chooses exemplars", Range(20)] = 1000,
    seed: Annotated[int, "of the samples and of the random directions", Range(0)] = 0,
) -> Result:
    """Move random samples along a direction of Z that leads from one group to another (section 6.3.2).

    The direction is the mean z of the second group less the mean z of the first; samples move from -1 to +1 times its
    length along it (figure 8). Where a labeler measures the attribute: its curve, in how many samples it turns
    steadily, and what else changes. The control: random directions of equal length.
    """
    from .investigation import Choices, investigate

    choices = Choices(
        first=first, second=second, by=by, each=each, clean=clean, n=n, steps=steps, reach=reach, pool=pool, seed=seed
    )
    return investigate(gan, exemplars, labeler, choices)


@hookimpl
def register_analyses() -> list[Analysis]:
    return [turn]
