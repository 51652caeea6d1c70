"""Add and subtract concepts in Z: "smiling_woman - neutral_woman + neutral_man", with the same on pixels as control."""

from __future__ import annotations

from typing import Annotated

from ganlab import Analysis, Exemplars, Gan, Labeler, Range, Result, analysis, hookimpl


@analysis(default_gan="faces-64")
def arithmetic(
    gan: Gan,
    expression: Annotated[
        str,
        'names of exemplar groups, or pictures by seed:index, joined by + and -: "smiling_woman - neutral_woman + '
        'neutral_man", "0:12,0:40 - 0:7,0:9"',
    ],
    exemplars: Annotated[
        Exemplars | None, "file of named groups of pictures (`ganlab mark`); default: the checkpoint's own"
    ] = None,
    exemplars_each: Annotated[int, "exemplars that are averaged for each name: the group's first N", Range(1)] = 3,
    noise: Annotated[
        float,
        "the eight around the centre, and around exemplars for --clear: uniform noise up to this, either way, on z",
        Range(0),
    ] = 0.25,
    rescale: Annotated[
        bool, "bring means and Y to the length a z of the prior has; for a normal prior and many exemplars"
    ] = False,
    labeler: Annotated[
        Labeler | None, "who judges what a picture shows; default: the one the checkpoint's card names"
    ] = None,
    clear: Annotated[
        bool, "draw only exemplars that stay what they are under --noise, as a person chooses clear ones; else any"
    ] = True,
    draws: Annotated[int, "random draws of exemplars that the success rates are counted over", Range(10)] = 200,
    pool: Annotated[int, "labelled samples the random exemplars are drawn from", Range(20)] = 1000,
    seed: Annotated[int, "of the pool, the draws and the noise", Range(0)] = 0,
) -> Result:
    """Arithmetic on concepts in Z, and on pixels for comparison (section 6.3.2).

    Each name stands for the mean z of its exemplars; their sum and difference is Y. Figure 7: the exemplars, what their
    means draw, and G(Y) with eight pictures around it. Where a labeler knows the words of the names, it counts how
    often G(Y) shows all that it should, over many random draws of 1, 2, 3 and 5 clear exemplars. The controls: the
    same arithmetic on the pixels of the same exemplars, and plain samples.
    """
    from .investigation import Choices, investigate

    choices = Choices(
        expression=expression,
        exemplars_each=exemplars_each,
        noise=noise,
        rescale=rescale,
        clear=clear,
        draws=draws,
        pool=pool,
        seed=seed,
    )
    return investigate(gan, exemplars, labeler, choices)


@hookimpl
def register_analyses() -> list[Analysis]:
    return [arithmetic]
