"""Make a page to mark a GAN's pictures on: boxes around concepts, named groups of exemplars."""

from __future__ import annotations

from typing import Annotated

from ganlab import Analysis, Boxes, Exemplars, Gan, Range, Result, analysis, hookimpl


@analysis
def mark(
    gan: Gan,
    n: Annotated[int, "pictures to mark; the paper looked at 150", Range(1)] = 150,
    seed: Annotated[int, "with an index it names a picture for ever; any number is as good", Range(0)] = 0,
    first: Annotated[int, "index of the first picture", Range(0)] = 0,
    concept: Annotated[list[str] | None, "a concept to begin with, to draw boxes around; may be repeated"] = None,
    group: Annotated[list[str] | None, "a group to begin with, to click pictures into; may be repeated"] = None,
    boxes: Annotated[
        Boxes | None, "COCO file of boxes to go on with; default: those that come with the checkpoint"
    ] = None,
    exemplars: Annotated[
        Exemplars | None, "file of groups to go on with; default: those that come with the checkpoint"
    ] = None,
    blank: Annotated[bool, "begin without the marks that come with the checkpoint"] = False,
    scale: Annotated[
        int | None, "enlarge the pictures of the overview this many times; default: to about 128 pixels", Range(1, 32)
    ] = None,
) -> Result:
    """A page of samples to draw boxes on and to choose exemplars from (sections 6.3.1 and 6.3.2).

    The result's one file, mark.html, works from the disk without a server or a network. It saves the boxes as COCO, for
    --boxes, and the groups as JSON, for --exemplars. Pictures that have marks already are shown after the ones asked
    for, so that nothing is lost when they are saved again.
    """
    from .marking import Choices, make_page

    choices = Choices(
        n=n,
        seed=seed,
        first=first,
        concepts=tuple(concept or ()),
        groups=tuple(group or ()),
        blank=blank,
        scale=scale,
    )
    return make_page(gan, boxes, exemplars, choices)


@hookimpl
def register_analyses() -> list[Analysis]:
    return [mark]
