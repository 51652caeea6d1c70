"""What differs from process to process only, as the order of a set of texts does, is found by running in two others."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from PIL import Image

from ganlab import Figure, Gan, Labeler, Result, analysis
from ganlab.testing import check_analysis, check_elsewhere, tiny_gan
from ganlab.testing.comparing import check_same, said

FRAMES = [Image.new("RGB", (2, 1), colour) for colour in ("red", "blue")]
WORDS = ("bed", "door", "lamp", "picture", "plant", "sofa", "window")


@analysis
def wandering(
    gan: Gan,
    labeler: Annotated[Labeler | None, "a judge"] = None,
    astray: Annotated[bool, "in what order a set has them"] = False,
) -> Result:
    """Say some words."""
    return Result(", ".join(set(WORDS) if astray else sorted(WORDS)))


@analysis
def ending(how: Annotated[Literal["error", "exit"], "what happens"]) -> Result:
    """Come to no end."""
    if how == "exit":
        sys.exit(0)
    raise ZeroDivisionError("first line\nlast line")


def test_the_order_of_a_set_is_found() -> None:
    """In one process it is the same twice."""
    check_analysis(wandering, astray=True)
    with pytest.raises(AssertionError, match=r"'wandering': result\.json differs between two processes with the same"):
        check_elsewhere(wandering, astray=True)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"summary": "Other words."}, "result.json"),
        ({"figures": {"words": Figure(Image.new("L", (2, 1), 9), "Words.")}}, "the figure 'words'"),
        ({"figures": {"words": Figure(Image.new("L", (2, 1)), "Words.", FRAMES[::-1])}}, "the figure 'words'"),
        ({"arrays": {"words": np.array([1, 0])}}, "the array 'words'"),
        ({"files": {"words.txt": b"10"}}, "the file 'words.txt'"),
    ],
)
def test_every_part_is_compared(changes: dict[str, Any], what: str) -> None:
    frames = FRAMES if "figures" not in changes or changes["figures"]["words"].frames else ()
    result = Result(
        "Words.",
        figures={"words": Figure(Image.new("L", (2, 1)), "Words.", frames)},
        arrays={"words": np.array([0, 1])},
        files={"words.txt": b"01"},
    )
    check_same(wandering, said(result), said(replace(result)), "runs")
    with pytest.raises(AssertionError, match=f"'wandering': {what} differs between two runs with the same options"):
        check_same(wandering, said(result), said(replace(result, **changes)), "runs")


def test_what_says_the_same_everywhere_passes() -> None:
    check_elsewhere(wandering, gan=tiny_gan(classes=3), labeler="rooms")


@pytest.mark.parametrize(
    ("how", "words"), [("error", "fails in another process: .*last line"), ("exit", "ended the process")]
)
def test_what_fails_there_is_told(how: str, words: str) -> None:
    with pytest.raises(AssertionError, match=f"analysis 'ending' {words}"):
        check_elsewhere(ending, how=how)


def test_what_cannot_go_to_another_process_is_told() -> None:
    @analysis
    def local() -> Result:
        """Known here only."""
        return Result("Done.")

    with pytest.raises(AssertionError, match="analysis 'local' cannot be run in another process: "):
        check_elsewhere(local)
