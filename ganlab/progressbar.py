"""Progress of whatever takes long, on standard error: bars on a terminal, now and then a line where there is none."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar, overload

from ganlab.wording import printable

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")

PATIENCE = 2.0  # seconds before a bar appears
EVERY = 30.0  # seconds between lines, where there is no terminal


class Bars:
    """The bars of one command: one rich display, one line for each loop that runs."""

    def __init__(self) -> None:
        self._display: Progress | None = None

    def follow(self, items: Iterable[T], total: int | None, description: str) -> Iterator[T]:
        """Hand the items on, with a bar once they have taken longer than the patience."""
        began, task = time.monotonic(), None
        try:
            for done, item in enumerate(items):
                if task is None and time.monotonic() - began > PATIENCE:
                    task = self._shown().add_task(printable(description), total=total, completed=done)
                    self._shown().refresh()  # the next one comes by itself, a tenth of a second later
                elif task is not None:
                    self._shown().update(task, completed=done)
                yield item
        finally:
            if task is not None:
                self._shown().remove_task(task)

    def close(self) -> None:
        if self._display is not None:
            self._display.stop()

    def _shown(self) -> Progress:
        if self._display is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._display = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                redirect_stdout=False,
                transient=True,
            )
            self._display.start()
        return self._display


class Lines:
    """Where no bar can move, as in a log or an editor's window: a line every half minute, of all loops that run.

    The outer ones come first.
    """

    def __init__(self) -> None:
        self._running: list[str] = []
        self._said = time.monotonic()

    def follow(self, items: Iterable[T], total: int | None, description: str) -> Iterator[T]:
        """Hand the items on, and say now and then how far it has got."""
        place, what = len(self._running), printable(description)
        of = "" if total is None else f" of {total:,}"
        try:
            for done, item in enumerate(items):
                self._running[place:] = [f"{what} {done:,}{of}"]
                self.say(": ".join(self._running))
                yield item
        finally:
            del self._running[place:]

    def say(self, line: str) -> None:
        """Write this line, if the last one is long enough ago."""
        if time.monotonic() - self._said > EVERY:
            self._said = time.monotonic()
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    def close(self) -> None:
        """Nothing stays open."""


def is_dumb() -> bool:
    """Whether the terminal moves no cursor, as that of an editor: it says so."""
    return os.environ.get("TERM", "").lower() in ("dumb", "unknown")


_bars: ContextVar[Bars | Lines | None] = ContextVar("ganlab_bars", default=None)


@overload
def progress(items: int, description: str = "") -> Iterator[int]: ...
@overload
def progress(items: Iterable[T], description: str = "") -> Iterator[T]: ...
def progress(items: int | Iterable[T], description: str = "") -> Iterator[int] | Iterator[T]:
    """Go through ``items``, showing how far it has got.

    The command line shows a bar on the terminal when this lasts over two seconds, and where standard error is none, as
    in a log, or one that moves no cursor (TERM=dumb), a line every half minute. Called from Python nothing is shown but
    inside :func:`shown_progress`, so an analysis may use it freely::

        for batch in progress(batches, "scoring pictures"):
            ...

    Args:
        items: what to go through, or how many times to count.
        description: what is going on, in a few words.
    """
    if isinstance(items, int):
        return progress(range(items), description)
    bars = _bars.get()
    if bars is None:
        return iter(items)
    return bars.follow(items, len(items) if isinstance(items, Sized) else None, description)


@contextmanager
def shown_progress() -> Iterator[None]:
    """Show the progress of whatever runs inside: bars where standard error is a terminal, else now and then a line.

    The command line does it by itself; from Python, ``with ganlab.shown_progress(): result = probe(...)``.
    """
    bars = Bars() if sys.stderr.isatty() and not is_dumb() else Lines()
    token = _bars.set(bars)
    try:
        yield
    finally:
        _bars.reset(token)
        bars.close()


@contextmanager
def reading_bar() -> Iterator[Callable[[int, int], None]]:
    """A bar for one pass over pictures by several threads: called with how many are done, and of how many.

    Where a terminal moves no cursor, a line now and then.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if console.is_terminal and is_dumb():
        lines = Lines()
        yield lambda done, total: lines.say(f"reading pictures {done:,} of {total:,}")
        return
    with Progress(
        TextColumn("reading pictures"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as bars:
        task = bars.add_task("read", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
