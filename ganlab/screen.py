"""What a person sees: results on standard output, everything else on standard error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ganlab.numbers import number

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ganlab.results import Metric, Result

ROOM_FOR_WORDS = 100  # columns from which on a table also says what each number is


def say(text: str) -> None:
    """One line on standard error."""
    print(text, file=sys.stderr, flush=True)


def tell(text: str) -> None:
    """What was asked for, on standard output."""
    print(text)


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
        screen.print(_metrics_table(result.metrics, with_words=screen.width >= ROOM_FOR_WORDS))
        screen.print()
    for note in result.notes:
        screen.print(f"Note: {note}")
    for name in result.files:
        screen.print(f"File: {folder / name}", soft_wrap=True)
    screen.print(f"Page: {folder / 'index.html'}", soft_wrap=True)


def plain_console() -> Console:
    """Standard output for other people's text: nothing in it is markup, and a pipe has long lines."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 160
    return Console(markup=False, highlight=False, emoji=False, width=width)


def plain_table(*columns: str) -> Table:
    """A table without frames, as narrow as it can be."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _metrics_table(metrics: dict[str, Metric], *, with_words: bool) -> Table:
    with_words = with_words and any(metric.about for metric in metrics.values())
    table = plain_table("metric", "value", "interval", "n", "control", *(["what it is"] if with_words else []))
    for column in table.columns[:4]:
        column.no_wrap = True
    for name, metric in metrics.items():
        interval = (
            "" if metric.low is None and metric.high is None else f"[{number(metric.low)}, {number(metric.high)}]"
        )
        control = f"{metric.control}: {number(metrics[metric.control].value)}" if metric.control else ""
        words = [metric.about] if with_words else []
        table.add_row(name, number(metric.value), interval, number(metric.n), control, *words)
    return table
