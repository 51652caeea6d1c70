"""The paper's figures 4 to 8 for one GAN, on one page, each with its numbers and its control."""

from __future__ import annotations

from typing import Annotated

from ganlab import Analysis, Boxes, Exemplars, Gan, Images, Labeler, Range, Result, analysis, hookimpl


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
        str | None, "what figure 6 forgets; default: what there are boxes of, else the labeler's first concept"
    ] = None,
    boxes: Annotated[
        Boxes | None, "COCO file of boxes for figure 6 (`ganlab mark`); default: the checkpoint's own, else the labeler"
    ] = None,
    exemplars: Annotated[
        Exemplars | None, "file of groups for figures 7 and 8 (`ganlab mark`); default: the checkpoint's own"
    ] = None,
    labeler: Annotated[
        Labeler | None, "who judges what pictures show; default: the one that the checkpoint's card names"
    ] = None,
    expression: Annotated[
        list[str] | None, "arithmetic for figure 7; may be given again; default: the paper's own two"
    ] = None,
    turn_from: Annotated[str, "where the turn of figure 8 begins: a group, or pictures as 0:12,0:40"] = "left",
    turn_to: Annotated[str, "where it ends: another group, or pictures"] = "right",
    limit: Annotated[
        int, "pictures of DATA to look through; enough for figure 5, and seconds instead of minutes", Range(10)
    ] = 2000,
    skip_broken: Annotated[bool, "leave out pictures that do not decode; without it they stop what needs them"] = False,
    seed: Annotated[int, "of every sample and every random draw", Range(0)] = 0,
) -> Result:
    """Figures 4 to 8 of the paper for this GAN, with their numbers and controls, on one page.

    Runs `walk` (figure 4), `features` (5), `probe --drop` (6), `arithmetic` (7) and `turn` (8), and with --heldout
    `neighbors`, each with what is given here and else its default options, which they explain. What cannot be run for
    this GAN is named, and why.
    """
    from .marks import Marks
    from .parts import all_parts, on_one_page

    marks, turn = Marks(gan, boxes, exemplars, labeler), (turn_from, turn_to)
    found = all_parts(gan, data, heldout, concept, expression, turn, limit, seed, marks, skip_broken)
    return on_one_page(gan, found)


@hookimpl
def register_analyses() -> list[Analysis]:
    return [paper]
