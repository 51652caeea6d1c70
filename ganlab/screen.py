"""What a person sees: results on standard output, everything else on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganlab.documentation import located
from ganlab.wording import interval, number, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ganlab.results import Metric, Result

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2  # as the system numbers them
GAP = 2  # between the columns of a table
INDENT = "  "  # before what is said of a number below it
ROOM_FOR_WORDS = 24  # that a table leaves free where it says beside each number what it is


def say(text: str) -> None:
    """One line on standard error; where that is a terminal that has closed, nobody hears it, and the work goes on."""
    with suppress(OSError):
        print(printable(text), file=sys.stderr, flush=True)


def tell(text: str) -> None:
    """What was asked for, on standard output."""
    print(printable(text))


@contextmanager
def for_the_result() -> Iterator[None]:
    """Standard output is for the result: what else writes there, a program that was started too, goes to the other."""
    with redirect_stdout(sys.stderr), ExitStack() as back:
        with suppress(OSError):  # one of them is closed
            kept = os.dup(STANDARD_OUTPUT)
            back.callback(os.close, kept)
            os.dup2(STANDARD_ERROR, STANDARD_OUTPUT)
            back.callback(os.dup2, kept, STANDARD_OUTPUT)
        yield


def show_error(message: str, hint: str = "") -> None:
    """A mistake in a sentence, and what to do about it."""
    say(f"Error: {message}")
    if hint:
        say(f"Hint: {located(hint)}")


def print_json(result: Result) -> None:
    """``result.json`` on standard output, byte by byte, whatever the terminal's encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write(result.to_json().encode("utf-8"))
    sys.stdout.buffer.flush()


def show_result(result: Result, folder: Path) -> None:
    """Summary, what each section found, numbers with their controls, notes, and where files and the page are."""
    screen = plain_console()
    screen.print(result.summary, style="bold", end="\n\n")
    for section in result.sections:
        screen.print(section.title, style="bold")
        screen.print(section.summary, end="\n\n")
    if result.metrics:
        _show_metrics(result.metrics, screen)
        screen.print()
    for note in result.notes:
        screen.print(f"Note: {note}")
    for name in result.files:
        screen.print(f"File: {folder / name}", soft_wrap=True)
    screen.print(f"Page: {folder / 'index.html'}", soft_wrap=True)


def plain_console() -> Console:
    """Standard output for other people's text: nothing in it is markup or controls, and a pipe has long lines."""
    from rich.console import Console

    class PlainConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:  # of whatever is printed, a table's cells too
            return super().render_str(printable(text), **options)

    width = None if sys.stdout.isatty() else 160
    return PlainConsole(markup=False, highlight=False, emoji=False, width=width)


def plain_table(*columns: str) -> Table:
    """A table without frames, as narrow as it can be."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _show_metrics(metrics: dict[str, Metric], screen: Console) -> None:
    """A line for each number, and what it is beside it or, where that takes fewer lines, below it.

    Where it is narrow, the control's name is shortened; where it is narrower still, the control goes below as well.
    """
    numbers = {
        "metric": list(metrics),
        "value": [number(metric.value) for metric in metrics.values()],
        "interval": [interval(metric.low, metric.high) for metric in metrics.values()],
        "n": [number(metric.n) for metric in metrics.values()],
    }
    whole = numbers | {"control": [_control(name, metrics) for name in metrics]}
    short = numbers | {"control": [_control(name, metrics, short=True) for name in metrics]}
    about = [metric.about for metric in metrics.values()]
    columns = next((one for one in (whole, short) if _room_beside(one, screen.width) >= 0), numbers)
    beside = next((one for one in (whole, short) if _fits_beside(one, about, screen.width)), None)
    if beside is not None:
        screen.print(_rows(beside | {"what it is": about}))
    else:
        _print_with_lines_below(screen, columns, _with_controls(metrics) if columns is numbers else about)
    if any(numbers["interval"]):
        screen.print("Intervals are of 95%, unless a measure says otherwise.", style="dim")


def _fits_beside(columns: dict[str, list[str]], about: list[str], width: int) -> bool:
    """Whether what the numbers are takes no more lines as a last column than on lines of its own."""
    from math import ceil

    from rich.cells import cell_len

    room = _room_beside(columns, width) - GAP
    if not any(about):
        return room + GAP >= 0
    if room < ROOM_FOR_WORDS:
        return False
    lengths = [cell_len(one) for one in about]
    beside = sum(max(1, ceil(length / room)) for length in lengths)
    return beside <= sum(1 + ceil(length / (width - len(INDENT))) for length in lengths)


def _rows(columns: dict[str, list[str]]) -> Table:
    shown = {head: cells for head, cells in columns.items() if any(cells)}
    table = plain_table(*shown)
    for column in table.columns:
        column.no_wrap = column.header in ("value", "interval", "n")
    for row in zip(*shown.values(), strict=True):
        table.add_row(*row)
    return table


def _print_with_lines_below(screen: Console, columns: dict[str, list[str]], below: list[str]) -> None:
    """Rows of one table, and below each in dim letters what is to be said of it; the first column gives way."""
    from rich.cells import cell_len
    from rich.padding import Padding
    from rich.text import Text

    columns = {head: cells for head, cells in columns.items() if any(cells)}
    wide = [max(map(cell_len, [head, *cells])) for head, cells in columns.items()]
    wide[0] = max(len("metric"), wide[0] + min(0, screen.width - sum(wide) - GAP * (len(wide) - 1)))
    for at in range(len(columns["metric"])):
        table = _rows({head: [cells[at] or " "] for head, cells in columns.items()})
        table.show_header = not at
        for column, width in zip(table.columns, wide, strict=True):
            column.width = width
        screen.print(table)
        if below[at]:
            screen.print(Padding(Text(printable(below[at]), "dim"), (0, 0, 0, len(INDENT))))


def _control(name: str, metrics: dict[str, Metric], *, short: bool = False) -> str:
    control = metrics[name].control
    if not control:
        return ""
    shown = control.replace(name, "…", 1) if short and control.startswith(f"{name}_") else control
    return f"{shown}: {number(metrics[control].value)}"


def _with_controls(metrics: dict[str, Metric]) -> list[str]:
    """What each number is, and what it stands against."""
    against = [f"against {_control(name, metrics)}" if metric.control else "" for name, metric in metrics.items()]
    return ["; ".join(filter(None, (metric.about, one))) for metric, one in zip(metrics.values(), against, strict=True)]


def _room_beside(columns: dict[str, list[str]], width: int) -> int:
    """How many of a screen's columns a table leaves free, below 0 where it is too wide."""
    from rich.cells import cell_len

    taken = [max(map(cell_len, [head, *cells])) + GAP for head, cells in columns.items() if any(cells)]
    return width - sum(taken) + GAP
