"""The table of numbers on a terminal: names stay whole where there is room, and no column is empty."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from ganlab import Metric, Result
from ganlab.screen import for_the_result, plain_console, plain_table, say, show_error, show_result, tell

MOVERS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}  # that turn text round
NAMES = ("filters_on_a_concept", "gradient_in_tenth", "accuracy")


def table(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **more: float | str
) -> list[str]:
    """The lines of a table of three numbers with their controls, as a terminal of this width shows it."""
    metrics = {}
    for name in NAMES:
        metrics[name] = Metric(0.159, control=f"{name}_untrained", about="share of the filters that fire", **more)
        metrics[f"{name}_untrained"] = Metric(0.0054, no_control="it is the control", **more)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    show_result(Result("Found.", metrics), Path("run"))
    lines = capsys.readouterr().out.splitlines()
    return [re.sub("\x1b.*?m", "", line).rstrip() for line in lines[2 : lines.index("", 2)]]


def test_columns_that_are_empty_in_every_row_are_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert table(80, monkeypatch, capsys)[0].split() == ["metric", "value", "control"]
    assert table(80, monkeypatch, capsys, n=384)[0].split() == ["metric", "value", "n", "control"]


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_a_line_a_number_and_no_name_broken(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    head, rule, *lines, last = table(width, monkeypatch, capsys, n=1384, low=0.001, high=0.25)
    assert set(rule) == {"─"}
    assert last.startswith("Intervals are of 95%")
    assert max(map(len, [head, *lines])) <= width
    rows = [line for line in lines if "[" in line]
    assert len(rows) == 6
    assert all("[0.00100, 0.250]  1,384" in row for row in rows)
    if width > 60:  # only there the first column gives way
        assert [row.split()[0] for row in rows] == [f"{name}{end}" for name in NAMES for end in ("", "_untrained")]
    assert ("what it is" in head) == (width == 160)
    assert ("control" in head) == (width > 80)
    words = " ".join(" ".join(lines).split())
    assert words.count("share of the filters that fire") == 3
    untrained = "…_untrained" if width == 100 else "filters_on_a_concept_untrained"
    assert f"{untrained}: 0.00540" in words


@pytest.mark.parametrize(("about", "width", "beside"), [("a share", 60, True), ("it is " * 30, 70, False)])
def test_what_a_number_is_stands_where_it_takes_fewer_lines(
    about: str, width: int, beside: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    metrics = {"a_number_of_long_name": Metric(0.5, no_control="none", about=about)}
    show_result(Result("Found.", metrics), Path("run"))
    written = capsys.readouterr().out
    assert ("what it is" in written) == beside
    assert about.strip() in " ".join(re.sub("\x1b.*?m", "", written).split())


def test_values_stay_whole_on_the_narrowest_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = table(44, monkeypatch, capsys, low=0.001, high=0.25)
    assert sum("0.159    [0.00100, 0.250]" in row for row in rows) == 3


def test_a_control_of_another_name_is_named_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "30")
    metrics = {"p": Metric(1.0, control="the_p_of_chance"), "the_p_of_chance": Metric(2.0, no_control="it is one")}
    show_result(Result("Found.", metrics), Path("run"))
    assert "…" not in capsys.readouterr().out


def test_no_control_character_reaches_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    text = "".join(map(chr, range(0x2100)))
    bad = {one for one in text if unicodedata.category(one) == "Cc" and one not in "\t\n"}
    bad |= {one for one in text if unicodedata.bidirectional(one) in MOVERS} | set("\u061c\u200e\u200f")
    assert len(bad) == 63 + 12
    say(text)
    tell(text)
    show_error(text, text)
    written = capsys.readouterr()
    assert not bad & set(written.out + written.err)
    assert set(text) - bad <= set(written.out)
    evil = "\x1b[2J"
    rows = plain_table(evil)
    rows.add_row(evil)
    plain_console().print(evil, rows)
    assert capsys.readouterr().out.count("\\x1b[2J") == 3
    show_result(Result(evil, {evil: Metric(1.0, no_control=evil, about=evil)}, notes=[evil]), Path(evil))
    assert "\x1b" not in capsys.readouterr().out


def test_an_interval_that_is_open_says_so_in_words() -> None:
    from ganlab.wording import interval

    assert interval(0.3, None) == "at least 0.300"
    assert interval(None, 0.3) == "at most 0.300"
    assert interval(0.1, 0.3) == "[0.100, 0.300]"
    assert interval(None, None) == ""


def test_standard_output_is_for_the_result_whoever_writes_there(capfd: pytest.CaptureFixture[str]) -> None:
    with for_the_result():
        print("by the plugin")
        subprocess.run([sys.executable, "-c", "print('by its child')"], check=True)
        os.write(1, b"by hand\n")
    tell("the result")
    captured = capfd.readouterr()
    assert captured.out == "the result\n"
    assert all(words in captured.err for words in ("by the plugin", "by its child", "by hand"))


def test_a_closed_standard_output_is_nobodys_fault() -> None:
    code = "import os; from ganlab.screen import for_the_result\nos.close(1)\nwith for_the_result(): os.write(2, b'on')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.stderr == "on"
