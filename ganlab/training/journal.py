"""What a run leaves to look at: the losses of every step, a plot of them, samples and weights of every epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ganlab import __version__, figures, screen
from ganlab.checkpoints import native
from ganlab.data.packing import LAYOUT
from ganlab.errors import GanlabError
from ganlab.imagespec import ImageSpec
from ganlab.training.measures import StepLog
from ganlab.training.trainer import Trainer
from ganlab.writing import NotWritten, remove_unfinished, to_disk, write_file

GRID = 8  # columns of the sample grid, and its rows where there are no classes
MOST_ROWS = 32  # of a grid with a row for each class
HISTORY = "history.csv"
MEND = "Make room, then --resume."
PLOTTED = 2000  # steps that the plot shows, or up to twice as many


class Journal:
    """The files of a run's folder, apart from its state."""

    def __init__(self, run: Path, trainer: Trainer) -> None:
        self.run = run
        self.trainer = trainer
        remove_unfinished(run)
        with _going_on():
            _forget_after(run / HISTORY, trainer.step)
        settings = trainer.settings
        self._image = ImageSpec(settings.network.size, settings.network.channels)
        self._fixed = settings.prior.sample(GRID * GRID, settings.seed)

    def note(self, first_step: int, losses: list[dict[str, float]], lasting: bool) -> None:
        """Append the losses of the steps after ``first_step`` to the history, one row a step.

        Args:
            lasting: a state of the last of them follows, which no power cut may leave ahead of the history.
        """
        rows = (
            ",".join([str(step), *(f"{value:.5f}" for value in log.values())]) + "\n"
            for step, log in enumerate(losses, first_step + 1)
        )
        try:
            with (self.run / HISTORY).open("a") as file:
                file.writelines(rows)
            if lasting:
                to_disk(self.run / HISTORY)
        except OSError as error:
            raise GanlabError(f"{self.run / HISTORY} could not be written: {error.strerror}.", MEND) from error

    def end_epoch(self, epoch: int) -> None:
        """Weights, samples of the same z as ever, and the plot."""
        networks = self.trainer.kept()
        samples = self.run / "samples" / f"epoch-{epoch:04d}.png"
        with _going_on():
            native.write(self.run / "epochs" / f"{epoch:04d}", self._card(epoch), networks, replace=True)
            self._save_picture(self._sample_grid(networks["generator"]), samples)
            self._save_picture(self._plot(), self.run / "history.png")

    def mend_epoch(self, epoch: int) -> None:
        """What :meth:`end_epoch` wrote, anew where its checkpoint does not open; the networks are still those."""
        folder = self.run / "epochs" / f"{epoch:04d}"
        try:
            native.load(folder)
        except GanlabError as error:
            screen.say(f"{error.message} {folder} is written again from the state.")
            self.end_epoch(epoch)

    def _sample_grid(self, generator: nn.Module) -> Any:
        """The same z as ever; where there are classes, the first of them in each, a row a class."""
        generator.eval()
        with torch.inference_mode():
            classes = self.trainer.settings.classes
            grid = self._by_class(generator, classes) if classes else figures.grid(self._drawn(generator, None), GRID)
        generator.train()
        return grid

    def _by_class(self, generator: nn.Module, classes: Sequence[str]) -> Any:
        shown = np.linspace(0, len(classes) - 1, min(MOST_ROWS, len(classes))).round().astype(int).tolist()
        return figures.labelled_rows({classes[label]: self._drawn(generator, label) for label in shown})

    def _drawn(self, generator: nn.Module, label: int | None) -> np.ndarray:
        z = self._fixed.z if label is None else self._fixed.z[:GRID]
        told = [] if label is None else [torch.full((GRID,), label)]
        images = generator(*(part.to(self.trainer.device) for part in (z, *told))).float().cpu()
        return self._image.shown(images)

    def _plot(self) -> Any:
        kept = np.array(_read_history(self.run / HISTORY))
        series = {
            "loss of D": (kept[:, 1], None, None),
            "loss of G": (kept[:, 2], None, None),
        }
        return figures.curve(kept[:, 0], series, xlabel="step", ylabel="loss (nats)", title=self.run.name)

    def _card(self, epoch: int) -> dict[str, Any]:
        settings, processes = self.trainer.settings, self.trainer.processes.count
        told = "class-conditional " if settings.classes else ""
        return {
            "name": self.run.name,
            "summary": f"A {told}{settings.network.title} trained on {settings.data}, after epoch {epoch}.",
            **({"classes": len(settings.classes), "class_names": list(settings.classes)} if told else {}),
            "architecture": settings.network.to_card(),
            "prior": {"law": settings.law, "dim": settings.network.z_dim},
            "image": {"size": settings.network.size, "channels": settings.network.channels, "low": -1.0, "high": 1.0},
            "training": {
                "data": settings.data,
                **({"limit": settings.limit} if settings.limit is not None else {}),
                **({"keep": settings.keep} if settings.keep is not None else {}),
                "fingerprint": settings.fingerprint,
                "layout": LAYOUT,
                "epoch": epoch,
                "steps": self.trainer.step,
                "batch": settings.batch,
                "lr": settings.lr,
                "beta1": settings.beta1,
                **({"decay_epochs": settings.decay_epochs, "epochs": settings.epochs} if settings.decay_epochs else {}),
                **({"weight_decay": settings.weight_decay} if settings.weight_decay else {}),
                "flip": settings.flip,
                "noise": settings.noise,
                "average": settings.average,
                "seed": settings.seed,
                "precision": self.trainer.precision,
                "deterministic": settings.deterministic,
                "compile": settings.compile,
                "processes": processes,
                **({"sync_batch_norm": settings.sync_batch_norm} if processes > 1 else {}),
                **({"start": settings.start} if settings.start else {}),
                "ganlab": __version__,
                "torch": torch.__version__,
            },
        }

    def _save_picture(self, picture: Any, path: Path) -> None:
        from io import BytesIO

        buffer = BytesIO()
        picture.save(buffer, "PNG")
        write_file(path, buffer.getvalue())


@contextmanager
def _going_on() -> Iterator[None]:
    """What could not be written is lost, but not the run, which goes on from its last state."""
    try:
        yield
    except NotWritten as error:
        raise GanlabError(error.message, MEND) from error


def _read_history(path: Path) -> list[list[float]]:
    """Step and both losses of some steps, evenly spaced: a long run's history would take a second of each epoch."""
    lines = path.read_text().splitlines()[1:]
    return [[float(value) for value in line.split(",")[:3]] for line in lines[:: max(1, len(lines) // PLOTTED)]]


def _forget_after(path: Path, step: int) -> None:
    """Keep the rows of steps up to ``step``: what a crash lost is going to be done, and noted, again."""
    kept = [",".join(("step", *StepLog.NAMES))]
    if path.is_file():
        lines = path.read_text().splitlines()[1 : step + 1]
        kept += [line for line in lines if line.count(",") == len(StepLog.NAMES)]
    write_file(path, ("\n".join(kept) + "\n").encode())
