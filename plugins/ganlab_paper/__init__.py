"""The paper's figures 4 to 8 for one GAN, on one page, each with its numbers and its control."""

from __future__ import annotations

from typing import Annotated

from ganlab import Analysis, Gan, Images, Range, Result, analysis, hookimpl


@analysis
def paper(
    gan: Gan,
    data: Annotated[
        Images | None, "pictures like those it was trained on, for figure 5; default: the data set its card names"
    ] = None,
    heldout: Annotated[
        Images | None, "pictures it has not seen; with them the page asks as well whether it has memorised any"
    ] = None,
    concept: Annotated[
        str | None, "what figure 6 forgets; default: what the checkpoint has boxes of, else the labeler's first concept"
    ] = None,
    expression: Annotated[
        list[str] | None, "arithmetic for figure 7; may be given again; default: the paper's own two"
    ] = None,
    limit: Annotated[
        int, "pictures of DATA to look through; enough for figure 5, and seconds instead of minutes", Range(10)
    ] = 2000,
    seed: Annotated[int, "of every sample and every random draw", Range(0)] = 0,
) -> Result:
    """Figures 4 to 8 of the paper for this GAN, with their numbers and controls, on one page.

    Runs `walk` (figure 4), `features` (5), `probe --drop` (6), `arithmetic` (7) and `turn` (8), and with --heldout
    `neighbors`, each with its default options, which they explain. What cannot be run for this GAN is named, and why.
    """
    from .parts import all_parts, on_one_page

    return on_one_page(gan, all_parts(gan, data, heldout, concept, expression, limit, seed))


@hookimpl
def register_analyses() -> list[Analysis]:
    return [paper]
