"""Walk between random points of Z: pictures that change smoothly were not memorised."""

from __future__ import annotations

from typing import Annotated

from ganlab import Analysis, Gan, Range, Result, analysis, hookimpl


@analysis
def walk(
    gan: Gan,
    points: Annotated[int, "random points to walk through; the paper took 9", Range(2)] = 9,
    steps: Annotated[int, "steps from each point to the next", Range(1, 1000)] = 9,
    loop: Annotated[bool, "go back from the last point to the first, so that the animation has no end"] = False,
    through: Annotated[
        list[str] | None, "walk through these samples, SEED:INDEX, instead of random points; may be repeated"
    ] = None,
    stored: Annotated[int, "samples that the control, a memoriser made of this GAN, knows", Range(2, 4096)] = 256,
    mp4: Annotated[bool, "keep the animation as walk.mp4 too; needs the extra `video`"] = False,
    seed: Annotated[int, "of the points and of the memoriser's samples", Range(0)] = 0,
) -> Result:
    """How smoothly a GAN's pictures change on the way between points of Z (section 6.1, figure 4).

    From point to point in even steps: straight in a cube, along the great circle for a normal prior. Each step is
    measured in pixels and in the discriminator's features. Where pictures change smoothly, the largest step halves as
    steps double; one that stays as large is a jump, as between pictures learnt by heart. The control is a memoriser on
    the same walk: it answers with the nearest of its stored samples.
    """
    from .investigation import Choices, investigate

    choices = Choices(
        points=points, steps=steps, loop=loop, through=tuple(through or ()), stored=stored, mp4=mp4, seed=seed
    )
    return investigate(gan, choices)


@hookimpl
def register_analyses() -> list[Analysis]:
    return [walk]
