"""The page of a result, and the figures that move on it."""

from __future__ import annotations

import math
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from ganlab.errors import GanlabError
from ganlab.results import Figure, Metric, Result, Section, Table
from ganlab.runs import page as page_module
from ganlab.runs.environment import environment
from ganlab.runs.folders import load_result, save_result
from ganlab.screen import show_result
from ganlab.wording import number
from ganlab.writing import png_bytes

from .results_kit import a_result, contents, picture

# --- figures that move


def moving(**changes: Any) -> Figure:
    frames = [picture((value, 40, 90)) for value in (0, 60, 60, 60, 200, 200)]
    return Figure(**({"image": frames[0], "caption": "It moves.", "frames": frames, "seconds": 0.04} | changes))


def test_frames_come_back_as_they_were_in_the_same_bytes(tmp_path: Path) -> None:
    result = a_result(figures={"still": Figure(picture(), "Still."), "walk": moving()})
    for name in ("a", "b"):
        save_result(result, tmp_path / name, environment={})
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert {"figures/walk.png", "figures/walk.webp", "figures/still.png"} <= set(contents(tmp_path / "a"))
    back = load_result(tmp_path / "a")
    assert back.to_json() == result.to_json()
    assert [frame.tobytes() for frame in back.figures["walk"].frames] == [
        frame.tobytes() for frame in result.figures["walk"].frames
    ]
    assert back.figures["walk"].seconds == 0.04
    assert not back.figures["still"].frames
    with Image.open(tmp_path / "a/figures/walk.webp") as animation:
        assert animation.info["loop"] == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"frames": [picture()]}, "two or more"),
        ({"frames": [picture(), Image.new("RGB", (3, 3))]}, "one size"),
        ({"frames": [picture(), Image.new("L", (6, 4))]}, "RGB"),
        ({"frames": [picture(), np.zeros((4, 6, 3))]}, "RGB"),
        ({"seconds": 0.0}, "seconds"),
        ({"seconds": math.nan}, "seconds"),
    ],
)
def test_frames_that_are_none_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        a_result(figures={"walk": moving(**changes)}).check()


def test_a_damaged_animation_is_refused(tmp_path: Path) -> None:
    save_result(a_result(figures={"walk": moving()}), tmp_path / "run")
    file = tmp_path / "run/figures/walk.webp"
    whole = file.read_bytes()
    for content in (b"RIFF", whole[: len(whole) // 2]):
        file.write_bytes(content)
        with pytest.raises(GanlabError, match="damaged"):
            load_result(tmp_path / "run")
    file.unlink()
    with pytest.raises(GanlabError, match=r"walk\.webp is missing"):
        load_result(tmp_path / "run")


@pytest.mark.parametrize("seconds", [0.05, 0.0123, 60])
def test_frames_that_are_all_equal_come_back(tmp_path: Path, seconds: float) -> None:
    """They are stored as a still picture."""
    still = moving(frames=[picture()] * 5, seconds=seconds)
    save_result(a_result(figures={"walk": still}), tmp_path / "run")
    back = load_result(tmp_path / "run").figures["walk"]
    assert [frame.tobytes() for frame in back.frames] == [picture().tobytes()] * 5


@pytest.mark.parametrize("frames", [0, -1, 10**12])
def test_a_count_of_frames_that_cannot_be_is_refused(tmp_path: Path, frames: int) -> None:
    save_result(a_result(figures={"walk": moving(frames=[picture()] * 5)}), tmp_path / "run")
    file = tmp_path / "run/result.json"
    file.write_text(file.read_text().replace('"frames": 5', f'"frames": {frames}'))
    with pytest.raises(GanlabError, match="damaged"):
        load_result(tmp_path / "run")


def test_what_moves_moves_on_the_page(tmp_path: Path) -> None:
    page, found = page_of(a_result(figures={"walk": moving()}), tmp_path / "run")
    kinds = [source.partition(",")[0] for source in found.sources]
    assert kinds == ["data:image/png;base64", "data:image/webp;base64"], "the first where nothing is to move"
    assert {"figures/walk.webp", "figures/walk.png"} <= set(found.links)
    assert "prefers-reduced-motion" in page
    assert "It moves." in page


# --- the page


class Checker(HTMLParser):
    """Collects what a page refers to and whether its elements close."""

    VOID = frozenset({"meta", "img", "link", "br", "line", "circle", "source", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "srcset")]
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def page_of(result: Result, folder: Path, **more: Any) -> tuple[str, Checker]:
    save_result(result, folder, **more)
    page = (folder / "index.html").read_text(encoding="utf-8")
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    return page, checker


def test_the_page_needs_nothing_from_anywhere(tmp_path: Path) -> None:
    page, found = page_of(a_result(), tmp_path / "run", environment=environment(device="cpu", seconds=1.5))
    assert "script" not in found.tags
    assert "link" not in found.tags
    assert all(source.startswith("data:image/png;base64,") for source in found.sources)
    assert len(found.sources) == 1
    assert not re.search(r"https?://|@import|url\(", page)
    for link in found.links:
        assert (tmp_path / "run" / link).exists()


def test_the_page_says_what_the_result_says(tmp_path: Path) -> None:
    page, _ = page_of(a_result(), tmp_path / "run", command="ganlab probe windows --drop")
    text = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))
    for said in [
        "Dropping 3 filters took windows from 62% to 4%.", "share of pictures with a window", "0.0200 to 0.0800",
        "0.460 less", "its interval does not hold the control", "No control: it is the control", "Rows of pictures.",
        "Judged by nobody.", "ganlab probe windows --drop", "up16", "3fa9c1d2e4b0",
        "weights 2 \N{MULTIPLICATION SIGN} 3",
    ]:  # fmt: skip
        assert said in text, said


def sectioned(**changes: Any) -> Result:
    figures = {name: Figure(picture(), f"What {name} shows.") for name in ("alone", "first", "other")}
    sections = [Section("Walking", "It is smooth.", ["first", "other"]), Section("Turning", "Not run: no exemplars.")]
    return a_result(**({"figures": figures, "sections": sections} | changes))


def test_what_several_parts_found_comes_first_and_each_above_its_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = sectioned()
    page, _ = page_of(result, tmp_path / "run")
    body = page.partition("<body>")[2]
    order = ["It is smooth.", "Not run: no exemplars.", "What alone shows.", "<h2 id=", "It is smooth.",
             "What first shows.", "What other shows.", "Turning", "Not run: no exemplars.", "The numbers"]  # fmt: skip
    at = 0
    for words in order:
        at = body.index(words, at) + 1
    back = load_result(tmp_path / "run")
    assert back.sections == result.sections
    assert back.to_json() == result.to_json()
    show_result(result, tmp_path)
    written = capsys.readouterr().out
    assert written.index("It is smooth.") < written.index("Not run: no exemplars.") < written.index("metric")
    assert "sections" not in a_result().to_json()


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ([Section("a", "b", ["none"])], "no figure"),
        ([Section("", "b")], "a title"),
        ([Section("a", "b", ["first"]), Section("c", "d", ["first"])], "one section"),
    ],
)
def test_sections_of_other_figures_are_refused(sections: list[Section], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        sectioned(sections=sections).check()


def test_a_table_is_read_aloud_with_its_name_and_heads(tmp_path: Path) -> None:
    page, found = page_of(sectioned(), tmp_path / "run")
    assert found.tags.count("table") == found.tags.count("caption") > 2
    assert not re.search(r"<th[^>]*>\s*</th>", page)
    assert all("scope=" in head for head in re.findall(r"<th\b[^>]*>", page))
    assert "<tbody>\n<tr><td" not in page
    for text in re.findall(r'alt="([^"]*)"', page):
        assert page.count(text) == 1, "it does not repeat the caption"


def test_whatever_a_result_says_stays_text_on_the_page(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\"'&"
    result = Result(
        summary=evil,
        metrics={evil: Metric(1.0, no_control=evil, about=evil), "b": Metric(2.0, control=evil)},
        tables={evil: Table([evil], [[evil]], evil)},
        figures={"f": Figure(picture(), evil)},
        notes=[evil],
        record={"analysis": evil, "options": {evil: evil, "more": {"a": [evil]}}, "gan": {"name": evil, "hash": evil}},
    )
    page, found = page_of(
        result, tmp_path / "run", command=evil, environment={"device": evil, "versions": {evil: evil}}
    )
    assert "script" not in found.tags
    assert "<script" not in page


def test_the_least_result_has_a_page(tmp_path: Path) -> None:
    page, _ = page_of(Result("Nothing much."), tmp_path / "run")
    assert "Nothing much." in page
    assert "The numbers" not in page


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0412, "0.0412"), (0.0098, "0.00980"), (0.00012, "0.000120"), (0.62, "0.620"), (-3.25, "-3.25"),
        (12345.6, "12,346"), (19, "19"), (123456, "123,456"),
        (123456.0, "123,456"), (-2, "-2"), (-2000.4, "-2,000"), (0.0, "0"), (-0.0, "0"), (1e-7, "1e-07"), (True, "yes"),
        (None, ""), ("up16", "up16"), (1.0, "1"), (99.96, "100"), (999.4, "999"), (999.7, "1,000"), (0.9994, "0.999"),
        (0.9997, "1"), (0.0009999, "0.00100"), (0.00999999, "0.0100"), (999_999_999.9, "1e+09"),
    ],
)  # fmt: skip
def test_numbers_are_written_for_people(value: Any, text: str) -> None:
    assert number(value) == text


def test_page_and_screen_write_numbers_alike_but_for_the_minus_sign(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = {
        "change": Metric(-999.7, -12345.0, 0.62, 10000, control="none"),
        "none": Metric(0.0, no_control="a test"),
    }
    result = Result("It changed.", metrics=metrics)
    page, _ = page_of(result, tmp_path / "run")
    show_result(result, tmp_path / "run")
    for text, minus in ((page, "\N{MINUS SIGN}"), (capsys.readouterr().out, "-")):
        for written in (f"{minus}1,000", f"{minus}12,345", "0.620", "10,000"):
            assert written in text


def test_the_same_pixels_give_the_same_png_whatever_the_picture_carries() -> None:
    plain, laden = picture(), picture()
    laden.info = {"Software": "x", "timestamp": "now", "icc_profile": b"junk"}
    assert png_bytes(plain) == png_bytes(laden)


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ((1.0, None, None), (1.0, None, None), "the same"),
        ((3.0, None, None), (1.0, None, None), "2 more"),
        ((1.0, 0.5, 1.5), (3.0, 2.5, 3.5), "2 less; the intervals do not overlap"),
        ((1.0, 0.5, 2.6), (3.0, 2.5, 3.5), "2 less; the intervals overlap"),
        ((1.0, None, None), (3.0, 2.5, 3.5), "2 less; outside the control's interval"),
        ((3.0, None, None), (3.5, 2.5, 3.6), "0.500 less; within the control's interval"),
        ((3.0, 1.0, 4.0), (3.5, None, None), "0.500 less; its interval holds the control"),
        ((3.0, 1.0, None), (9.0, None, None), "6 less; its interval holds the control"),
        ((3.0, 1.0, None), (0.5, None, None), "2.5 more; its interval does not hold the control"),
        ((3.0, None, 4.0), (1.0, None, None), "2 more; its interval holds the control"),
        ((3.0, None, 4.0), (5.0, 4.5, None), "2 less; the intervals do not overlap"),
        ((3.0, None, None), (1.0, 0.5, None), "2 more; within the control's interval"),
    ],
)
def test_a_comparison_is_said_in_words(one: Any, other: Any, words: str, tmp_path: Path) -> None:
    metrics = {
        "value": Metric(*one, control="other"),
        "other": Metric(*other, no_control="it is the control"),
    }
    page, _ = page_of(Result("One.", metrics=metrics), tmp_path / "run")
    assert f"<small>{words}</small>" in unescape(page)


def test_the_strip_of_an_open_interval_goes_on_to_its_end(tmp_path: Path) -> None:
    metrics = {"value": Metric(0.5, 0.4, None, control="other"), "other": Metric(0.1, no_control="it is the control")}
    page, _ = page_of(Result("One.", metrics=metrics), tmp_path / "run")
    assert '<line class="value" x1="54.0" x2="126.0"' in page
    assert "inf" not in page.split("<svg")[1].split("</svg>")[0]


def test_the_strips_zero_is_as_dark_as_small_print(tmp_path: Path) -> None:
    page, _ = page_of(a_result(), tmp_path / "run")
    assert re.search(r'<line class="zero" x1="6.0" x2="6.0"', page)
    assert ".strip .zero { stroke: var(--soft);" in page


def test_a_table_is_looked_through_once_for_each_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, is_numeric = [], page_module._is_numeric
    monkeypatch.setattr(
        page_module, "_is_numeric", lambda table, column: looks.append(column) or is_numeric(table, column)
    )
    table = Table(["number", "word"], [[1.5, "a"], [None, "b"], [-2, None]] * 20)
    page, _ = page_of(Result("One.", tables={"t": table}), tmp_path / "run")
    assert sorted(looks) == [0, 1]
    assert page.count('class="number" title="1.5"') == page.count('class="number" title="-2"') == 20
    assert "None" not in page, "an empty cell has nothing to show"


LONG = {
    "change": Metric(-0.123456789, -0.2345678, None, control="none"),
    "none": Metric(0.98765432, 0.87654321, 0.99, no_control="a test"),
}


def test_all_digits_are_reached_without_a_pointer(tmp_path: Path) -> None:
    """By one switch and no script: a stop of the Tab key for every number would be many."""
    table = Table(["share", "word"], [[0.3333333333, "a"], [0.5, None]])
    page, found = page_of(Result("One.", LONG, {"t": table}), tmp_path / "run")
    assert found.tags.count("input") == page.count('id="digits"') == page.count("Show all digits") == 1
    assert page.index('id="digits"') < page.index("<table")
    full = re.findall(r'<span class="short">([^<]*)</span><span class="full">([^<]*)</span>', page)
    change, low = (
        ("\N{MINUS SIGN}0.123", "\N{MINUS SIGN}0.123456789"),
        ("\N{MINUS SIGN}0.235", "\N{MINUS SIGN}0.2345678"),
    )
    none, end = ("0.988", "0.98765432"), ("0.877", "0.87654321")
    assert full == [change, low, none, end, none, end, ("0.333", "0.3333333333")]
    for text in (f"at least {low[0]}", "0.990", "0.500"):
        assert text in re.sub(r'<span class="full">[^<]*</span>|<[^>]*>', "", page)
    assert 'title="-0.123456789"' in page


@pytest.mark.parametrize("tables", [{}, {"t": Table(["share"], [[0.3333333333]])}])
def test_the_switch_is_there_where_there_is_more_to_show(tmp_path: Path, tables: dict[str, Table]) -> None:
    metrics = {"a": Metric(0.5, n=10000, no_control="a test"), "b": Metric(1200, no_control="a test")}
    for name, given in (("with", metrics), ("without", {})):
        page, found = page_of(Result("One.", given, tables), tmp_path / name)
        assert found.tags.count("input") == len(tables)
        assert page.count('class="full"') == len(tables)


def test_a_table_that_scrolls_is_scrolled_by_keys(tmp_path: Path) -> None:
    tables = {
        "short": Table(["a"], [[1]] * 30),
        "long": Table(["a"], [[1]] * 31),
        "wide": Table([str(number) for number in range(11)], [[1] * 11], "How wide it is"),
    }
    page, _ = page_of(Result("One.", tables=tables), tmp_path / "run")
    assert re.findall(r'tabindex="0" role="group" aria-label="([^"]*)"', page) == ["long", "How wide it is"]


def test_a_name_that_turns_text_round_turns_only_itself(tmp_path: Path) -> None:
    name = "\u202eevil"
    metrics = {name: Metric(1.0, no_control="x"), "b": Metric(2.0, control=name)}
    result = Result("One.", metrics)
    result.record = {"gan": {"name": name, "hash": "3fa9c1d2e4b0"}}
    page, _ = page_of(result, tmp_path / "run")
    assert page.count(name) == page.count(f"<bdi>{name}") == 3


@pytest.mark.parametrize(("right", "n"), [(0, 7), (7, 50), (50, 50), (1, 1)])
def test_a_shares_interval_is_wilsons(right: int, n: int) -> None:
    share = Metric.of_share(np.arange(n) < right, no_control="a test")
    expected = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert (share.value, share.n) == (right / n, n)
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high), abs=1e-6)
    thrice = Metric.of_share(np.repeat(np.arange(n) < right, 3), worth=n, no_control="a test")
    assert (thrice.value, thrice.low, thrice.high, thrice.n) == (share.value, share.low, share.high, 3 * n)


def test_repeated_draws_are_told_with_where_one_more_would_lie() -> None:
    values = np.array([0.9, 0.95, 0.85, 0.92])
    metric = Metric.of_draws(values, n=200, no_control="none")
    half = stats.t.ppf(0.975, 3) * values.std(ddof=1) * np.sqrt(1 + 1 / 4)
    assert (metric.value, metric.low, metric.n) == (
        pytest.approx(values.mean()),
        pytest.approx(values.mean() - half),
        200,
    )
    assert metric.high == 1
    assert Metric.of_draws(values, no_control="none").n == 4


@pytest.mark.parametrize("share", [0.0, 1.0, 0.25, 0.1])
def test_draws_that_do_not_differ_are_as_uncertain_as_a_share_of_so_many_pictures(share: float) -> None:
    metric = Metric.of_draws(np.full(5, share), n=200, no_control="none")
    expected = stats.binomtest(int(200 * share), 200).proportion_ci(method="wilson")
    assert (metric.low, metric.high) == pytest.approx((expected.low, expected.high), abs=1e-6)
    points = Metric.of_draws(np.zeros(5), lowest=-100, highest=100, n=200, no_control="none")
    assert (points.low, points.high) == (0, 0), "of what is no share nothing is known"


@pytest.mark.parametrize("count", [2, 5, 20])
def test_one_more_draw_lies_where_it_is_said_to(count: int) -> None:
    sizes = np.abs(np.random.default_rng(0).normal(size=(3000, count + 1)))
    found = [Metric.of_draws(row[:-1], highest=np.inf, no_control="none") for row in sizes]
    low, high = np.array([(one.low, one.high) for one in found]).T
    assert np.mean((low <= sizes[:, -1]) & (sizes[:, -1] <= high)) > 0.93


def test_a_mean_has_students_interval_within_what_can_be() -> None:
    values = np.array([0.5, 0.9, 0.7, 0.6])
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    found = Metric.of_mean(values, no_control="none")
    assert (found.value, found.low, found.high) == pytest.approx((0.675, expected.low, expected.high))
    found = Metric.of_mean(values, lowest=0.6, highest=0.7, no_control="none")
    assert (found.low, found.high) == (0.6, 0.7)
    alone = Metric.of_mean(values[:1], no_control="none")
    assert (alone.value, alone.low, alone.high, alone.n) == (0.5, None, None, 1)


@pytest.mark.parametrize("count", [2, 6])
def test_intervals_hold_the_true_mean_19_times_of_20(count: int) -> None:
    values = np.random.default_rng(count).normal(0, 0.01, (4000, count))
    found = [Metric.of_mean(row, lowest=-1, no_control="none") for row in values]
    low, high = np.array([(one.low, one.high) for one in found]).T
    assert ((low <= 0) & (high >= 0)).mean() == pytest.approx(0.95, abs=0.015)
