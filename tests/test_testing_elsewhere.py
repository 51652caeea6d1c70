"""What differs from process to process only, as the order of a set of texts does, is found by running in two others."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import numpy as np
import pytest
from PIL import Image

from ganlab import Figure, Gan, Labeler, Result, analysis
from ganlab.testing import check_analysis, check_elsewhere, tiny_gan

WORDS = ("bed", "door", "lamp", "picture", "plant", "sofa", "window")


@analysis
def wandering(
    gan: Gan,
    labeler: Annotated[Labeler | None, "a judge"] = None,
    where: Annotated[Literal["nowhere", "summary", "figure", "array", "file"], "what goes through a set"] = "nowhere",
) -> Result:
    """Say some words."""
    known = sorted(WORDS)
    order = list(set(WORDS)) if where != "nowhere" else known
    rows = np.array([WORDS.index(word) for word in order])
    picture = Image.fromarray(rows[None].astype(np.uint8))
    return Result(
        ", ".join(order if where == "summary" else known),
        figures={"words": Figure(picture, "Words.")} if where == "figure" else {},
        arrays={"words": rows} if where == "array" else {},
        files={"words.txt": " ".join(order).encode()} if where == "file" else {},
    )


@analysis
def ending(how: Annotated[Literal["error", "exit"], "what happens"]) -> Result:
    """Come to no end."""
    if how == "exit":
        sys.exit(0)
    raise ZeroDivisionError("first line\nlast line")


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("summary", "result.json"),
        ("figure", "the figure 'words'"),
        ("array", "the array 'words'"),
        ("file", "the file"),
    ],
)
def test_the_order_of_a_set_is_found(where: str, what: str) -> None:
    check_analysis(wandering, where=where)
    with pytest.raises(AssertionError, match=f"'wandering': {what}.* differs between two processes with the same"):
        check_elsewhere(wandering, where=where)


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
