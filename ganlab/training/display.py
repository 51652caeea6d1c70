"""The live line of a training run, on standard error and only where a person sees it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from ganlab.progressbar import Lines, is_dumb
from ganlab.training.loop import Moment

REMEMBERED = 3600.0  # seconds over which the time left is estimated: they must hold several steps, however slow


class _WithNumbers(Progress):
    """A bar with a line of numbers below it: in one line a terminal of 80 columns would cut the time left."""

    numbers = "first step ..."

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        yield Text(self.numbers)


class Display:
    """Epoch, images/s, both losses, D(x), D(G(z)) and the time left."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress = _WithNumbers(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            speed_estimate_period=REMEMBERED,
            disable=not console.is_terminal or is_dumb(),
        )
        self._lines = Lines() if console.is_terminal and is_dumb() else None
        self._task = self._progress.add_task("train", total=None, epoch="-")

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # the terminal may have closed, which wished the run to stop
            self._progress.stop()

    def show(self, moment: Moment) -> None:
        losses = moment.losses
        self._progress.numbers = (
            f"{moment.speed:.0f} images/s  loss D {losses['loss_d']:.2f} G {losses['loss_g']:.2f}  "
            f"D(x) {losses['d_real']:.2f} D(G(z)) {losses['d_fake']:.2f}"
        )
        epoch = f"{moment.epoch}/{moment.epochs}"
        if self._lines is not None:
            self._lines.say(f"epoch {epoch}, {moment.step:,} of {moment.steps:,} steps: {self._progress.numbers}")
        self._progress.update(self._task, completed=moment.step, total=moment.steps, epoch=epoch)
