"""What a person sees: results on standard output, everything else on standard error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganlab.wording import number, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ganlab.results import Metric, Result

GAP = 2  # between the columns of a table
ROOM_FOR_WORDS = 24  # that a table leaves free where it also says what each number is


def say(text: str) -> None:
    """One line on standard error."""
    print(printable(text), file=sys.stderr, flush=True)


def tell(text: str) -> None:
    """What was asked for, on standard output."""
    print(printable(text))


def show_error(message: str, hint: str = "") -> None:
    """A mistake in a sentence, and what to do about it."""
    say(f"Error: {message}")
    if hint:
        say(f"Hint: {hint}")


def print_json(result: Result) -> None:
    """``result.json`` on standard output, byte by byte, whatever the terminal's encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write(result.to_json().encode("utf-8"))
    sys.stdout.buffer.flush()


def show_result(result: Result, folder: Path) -> None:
    """Summary, numbers with their controls, notes, and where files and the page are."""
    screen = plain_console()
    screen.print(result.summary, style="bold", end="\n\n")
    if result.metrics:
        screen.print(_metrics_table(result.metrics, screen.width))
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


def _metrics_table(metrics: dict[str, Metric], width: int) -> Table:
    """A line for each number; where it is narrow, without what the number is, or the control's whole name."""
    shared = {
        "metric": list(metrics),
        "value": [number(metric.value) for metric in metrics.values()],
        "interval": [_interval(metric) for metric in metrics.values()],
        "n": [number(metric.n) for metric in metrics.values()],
    }
    whole = shared | {"control": [_control(name, metrics) for name in metrics]}
    short = shared | {"control": [_control(name, metrics, short=True) for name in metrics]}
    words = {"what it is": [metric.about for metric in metrics.values()]}
    needed = ROOM_FOR_WORDS if any(words["what it is"]) else 0
    columns = next((one | words for one in (whole, short) if _room_beside(one, width) >= needed), None)
    if columns is None:
        columns = whole if _room_beside(whole, width) >= 0 else short
    columns = {head: cells for head, cells in columns.items() if any(cells)}
    table = plain_table(*columns)
    for column in table.columns:
        column.no_wrap = column.header in ("value", "interval", "n")
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    return table


def _interval(metric: Metric) -> str:
    return "" if metric.low is None and metric.high is None else f"[{number(metric.low)}, {number(metric.high)}]"


def _control(name: str, metrics: dict[str, Metric], *, short: bool = False) -> str:
    control = metrics[name].control
    if not control:
        return ""
    shown = control.replace(name, "…", 1) if short and control.startswith(f"{name}_") else control
    return f"{shown}: {number(metrics[control].value)}"


def _room_beside(columns: dict[str, list[str]], width: int) -> int:
    """How many of a screen's columns a table leaves free, below 0 where it is too wide."""
    from rich.cells import cell_len

    taken = [max(map(cell_len, [head, *cells])) + GAP for head, cells in columns.items() if any(cells)]
    return width - sum(taken) + GAP
