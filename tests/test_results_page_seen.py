"""The page of a result as a browser shows it: on a phone, on paper, and to whoever wants nothing to move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ganlab.results import Figure, Metric, Result, Table
from ganlab.runs.folders import save_result

from .results_kit import picture

LONG = "a_very_long_name_without_any_break_" * 3
TOO_WIDE = """[...document.querySelectorAll('h1, h2, p, li, figcaption, dl, dt, dd')]
    .filter(part => part.scrollWidth > part.clientWidth + 1).map(part => part.tagName)"""
SOURCE = "document.querySelector('figure img').currentSrc.split(';')[0]"


@pytest.fixture(scope="module", name="page")
def page_with_long_names(tmp_path_factory: pytest.TempPathFactory) -> str:
    frames = [picture((0, 160, 0)), picture((0, 0, 200))]
    result = Result(
        f"The GAN {LONG} draws windows.",
        {"a": Metric(0.5, 0.4, 0.6, n=10, control="b"), "b": Metric(0.1, no_control="it is the control")},
        {LONG: Table([f"column {number}" for number in range(12)], [[100.5] * 12])},
        {"walk": Figure(picture(), f"It moves {LONG}.", frames)},
        files={f"{LONG[:70]}.csv": b"1"},
        notes=[f"Read from /data/{LONG}/{LONG}.zip."],
        record={"analysis": "walk", "options": {LONG: LONG}},
    )
    folder = save_result(result, tmp_path_factory.mktemp("seen") / "run", command="ganlab walk")
    return (folder / "index.html").as_uri()


@pytest.mark.parametrize("width", [320, 400, 599, 700, 1200])
def test_nothing_is_wider_than_the_screen(browser: Any, page: str, width: int) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 800})
    tab.goto(page)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(TOO_WIDE) == []


def test_on_a_phone_every_number_is_read_whole(browser: Any, page: str) -> None:
    tab = browser.new_page(viewport={"width": 360, "height": 800})
    tab.goto(page)
    cells = "[...document.querySelectorAll('.numbers tbody th, .numbers td')]"
    ends = tab.evaluate(f"{cells}.map(cell => Math.max(cell.getBoundingClientRect().right, cell.scrollWidth))")
    assert len(ends) > 6
    assert max(ends) <= 360
    wide = tab.evaluate("document.querySelector('.numbers tbody th').getBoundingClientRect().width")
    assert wide > 300, "a line of its own"


@pytest.mark.parametrize("width", [320, 1200])
def test_the_keyboard_shows_all_digits(browser: Any, tmp_path: Path, width: int) -> None:
    metrics = {
        "a": Metric(-1 / 3, -0.7123456789012345, -0.1123456789012345, n=10, control="b"),
        "b": Metric(2 / 3, no_control="it is the control"),
    }
    folder = save_result(Result("One.", metrics, {"t": Table(["share"], [[1 / 7]])}), tmp_path / "run")
    tab = browser.new_page(viewport={"width": width, "height": 800})
    tab.goto((folder / "index.html").as_uri())
    values = tab.locator("td.value").all_inner_texts
    before = [*values(), tab.inner_text("td.interval")]
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.id") == "digits"
    tab.keyboard.press("Space")
    assert values() == [f"\N{MINUS SIGN}{1 / 3}", str(2 / 3)]
    assert tab.inner_text("td.interval") == "\N{MINUS SIGN}0.7123456789012345 to \N{MINUS SIGN}0.1123456789012345"
    assert str(2 / 3) in tab.inner_text("td.against >> nth=0")
    assert tab.locator("tbody th", has_text=str(1 / 7)).is_visible()
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert (
        tab.evaluate("Math.max(...[...document.querySelectorAll('.numbers td')].map(cell => cell.scrollWidth))")
        <= width
    )
    tab.keyboard.press("Space")
    assert [*values(), tab.inner_text("td.interval")] == before


def test_the_drawings_keep_their_colours_where_others_are_forced(browser: Any, page: str) -> None:
    tab = browser.new_page()
    tab.emulate_media(forced_colors="active")
    tab.goto(page)
    dots = "[...document.querySelectorAll('.dot')].map(dot => getComputedStyle(dot).backgroundColor)"
    assert tab.evaluate(dots) == ["rgb(31, 98, 184)", "rgb(141, 149, 161)"]


def test_on_paper_no_column_is_cut_off(browser: Any, page: str) -> None:
    tab = browser.new_page(viewport={"width": 738, "height": 900})  # a page of letter paper
    tab.goto(page)
    tab.emulate_media(media="print")
    overflows = "[...document.querySelectorAll('.scroll')].map(part => getComputedStyle(part).overflow)"
    assert set(tab.evaluate(overflows)) == {"visible"}
    assert tab.evaluate("document.documentElement.scrollWidth") <= 738
    assert tab.evaluate("getComputedStyle(document.querySelector('.dot')).printColorAdjust") == "exact"


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ({"media": "screen", "reduced_motion": "no-preference"}, "data:image/webp"),
        ({"media": "screen", "reduced_motion": "reduce"}, "data:image/png"),
        ({"media": "print", "reduced_motion": "no-preference"}, "data:image/png"),
    ],
)
def test_what_moves_stands_still_on_paper_and_for_whoever_wants_that(
    browser: Any, page: str, wanted: dict[str, Any], shown: str
) -> None:
    tab = browser.new_page()
    tab.emulate_media(**wanted)
    tab.goto(page)
    assert tab.evaluate(SOURCE) == shown
