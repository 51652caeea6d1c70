"""Whether what the pages write can be read: the contrast of every colour that their style sheets give to text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ganlab.runs
import ganlab_mark

from .contrast_kit import DRAWING, contrast, text_colours, too_faint, variables

PAGE = Path(ganlab_mark.__file__).with_name("page")
MARK = (PAGE / "style.css").read_text(encoding="utf-8")
_RESULT = Path(ganlab.runs.__file__).with_name("page.html").read_text(encoding="utf-8")
RESULT = _RESULT[_RESULT.index("<style>") : _RESULT.index("</style>")]
_LISTED = (PAGE / "names.js").read_text(encoding="utf-8").partition("const COLOURS = [")[2].partition("]")[0]
LABELS = re.findall(r"#[0-9a-f]{6}", _LISTED)
WHITE = "#fff"


def test_contrast_is_wcags() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", WHITE) == pytest.approx(4.48, abs=0.01)
    assert contrast("#0a8a4a", WHITE) == pytest.approx(4.42, abs=0.01)


@pytest.mark.parametrize(
    ("style", "grounds"), [(MARK, ["--wash", "--tint", "--line"]), (RESULT, ["--wash"])], ids=["mark", "result"]
)
def test_text_is_read_on_whatever_may_lie_below_it(style: str, grounds: list[str]) -> None:
    found = list(text_colours(style))
    assert len(found) > 5
    below = [WHITE, *(variables(style)[name] for name in grounds)]
    pairs = [
        (colour, ground)
        for selector, colour, own in found
        if "disabled" not in selector and (own or colour != WHITE)  # white lies on labels, below
        for ground in ([own] if own else below)
    ]
    assert not too_faint(pairs)


def test_white_is_read_on_every_label_and_each_label_on_white() -> None:
    assert len(set(LABELS)) == 9
    assert not too_faint((WHITE, colour) for colour in LABELS)
    hovered = re.findall(r"button\.main:hover \{ background: (#[0-9a-f]+)", MARK)
    assert not too_faint((WHITE, colour) for colour in [*hovered, variables(MARK)["--ink"], variables(MARK)["--blue"]])


def test_edges_and_drawings_are_seen() -> None:
    mark, result = variables(MARK), variables(RESULT)
    assert not too_faint([(mark["--rim"], WHITE), (mark["--blue"], mark["--tint"])], DRAWING)
    assert not too_faint(((result[name], WHITE) for name in ("--blue", "--grey", "--soft")), DRAWING)
    assert "#add input" in MARK
    assert re.search(r"#add input \{[^}]*border: 1px solid var\(--rim\)", MARK)
