"""The training loop, top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ganlab.devices import enough_memory
from ganlab.errors import GanlabError
from ganlab.training.journal import Journal
from ganlab.training.state import save_state
from ganlab.training.trainer import StepLog, Trainer

READ_EVERY = 1.0  # seconds between reading the losses off the device: reading every step would make a GPU wait
SAVE_EVERY = 300.0  # seconds between states within an epoch: what a crash can cost
STILL = 1 / 255  # a batch whose pixels spread less than this (of a range of 2) no longer depends on z
PATIENCE = 60  # steps in a row that must say so


class Pictures(Protocol):
    """What the loop needs of a packed data set; ``labels`` (n,) where the networks are told classes."""

    labels: np.ndarray | None

    def __len__(self) -> int: ...
    def batch(self, indices: np.ndarray) -> np.ndarray: ...  # (n,) -> (n, h, w, c) uint8


@dataclass(frozen=True)
class Moment:
    """Where a run stands, for whoever shows it: steps and epochs (from 1) of how many, images/s, the last losses."""

    step: int
    steps: int
    epoch: int
    epochs: int
    speed: float
    losses: dict[str, float]


def train(
    pictures: Pictures,
    run: Path,
    trainer: Trainer,
    *,
    show: Callable[[Moment], None] = lambda moment: None,
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Train until the last epoch is done, or until ``stop()`` says so; the state is saved either way.

    Where several processes train, each calls this, and the first alone reads the losses, shows and writes.

    Args:
        pictures: the packed data set, whole.
        run: the run's folder; gets ``state.safetensors``, ``epochs/``, ``samples/``, ``history.csv`` and ``.png``.
        trainer: fresh, or restored from a state.
        show: called after every reading of the losses.
        stop: asked after every step; of several processes one that says so stops all.

    Returns:
        Whether the run is finished.

    Raises:
        GanlabError: NaN, samples that no longer depend on z, no memory, a full disk. The last good state is kept.
    """
    settings = trainer.settings
    per_epoch = len(pictures) // settings.batch
    steps = per_epoch * settings.epochs
    if not trainer.processes.first:
        return _follow(pictures, trainer, steps, stop)
    if trainer.step == 0:
        save_state(trainer, run)  # from here on the run can go on, whenever it is killed
    journal = Journal(run, trainer)
    unread: list[StepLog] = []
    still = 0
    saved = read = began = time.monotonic()
    first_step = trainer.step
    for epoch, rows in _batches(trainer, len(pictures), steps):
        unread.append(_advance(trainer, pictures, rows))
        now = time.monotonic()
        ends_epoch = trainer.step % per_epoch == 0
        stopping = trainer.processes.any(stop())
        saving = ends_epoch or stopping or now - saved > SAVE_EVERY
        if saving or now - read > READ_EVERY:  # only what has been read and checked is worth keeping
            losses = [log.numbers() for log in unread]
            still = _check(losses, still)
            journal.note(trainer.step - len(losses), losses)
            unread, read = [], now
            speed = (trainer.step - first_step) * settings.batch / (now - began)
            show(Moment(trainer.step, steps, epoch, settings.epochs, speed, losses[-1]))
        if ends_epoch:
            journal.end_epoch(epoch)
        if saving:
            save_state(trainer, run)
            saved = time.monotonic()
        if stopping:
            break
    return trainer.step >= steps


def _follow(pictures: Pictures, trainer: Trainer, steps: int, stop: Callable[[], bool]) -> bool:
    """What every process but the first does: the same steps on its share, and nothing is written."""
    for _, rows in _batches(trainer, len(pictures), steps):
        _advance(trainer, pictures, rows)
        if trainer.processes.any(stop()):
            break
    return trainer.step >= steps


def _batches(trainer: Trainer, count: int, steps: int) -> Iterator[tuple[int, np.ndarray]]:
    """For every step that is left its epoch, from 1, and the rows of this process's share of the batch."""
    batch = trainer.settings.batch
    ordered = -1
    while trainer.step < steps:
        epoch, position = divmod(trainer.step, count // batch)
        if epoch != ordered:
            order, ordered = trainer.order(epoch, count), epoch
        yield epoch + 1, order[position * batch : (position + 1) * batch][trainer.share]


def _advance(trainer: Trainer, pictures: Pictures, rows: np.ndarray) -> StepLog:
    labels = pictures.labels[rows] if pictures.labels is not None else None
    with enough_memory(
        f"A step on {len(rows)} pictures of {trainer.settings.network.size} pixels does not fit into memory.",
        f"Try --batch {max(2, trainer.settings.batch // 2)} or a smaller --width; the last good state is kept.",
    ):
        return trainer.advance(pictures.batch(rows), labels)


def _check(losses: list[dict[str, float]], still: int) -> int:
    """Stop a run that is lost. Takes and returns for how many steps in a row the samples have not depended on z."""
    for log in losses:
        bad = [name for name, value in log.items() if not math.isfinite(value)]
        if bad:
            raise GanlabError(
                f"Training diverged: {bad[0]} became NaN or infinite.",
                "Try a smaller --lr; the last good state is kept.",
            )
        still = still + 1 if log["spread"] < STILL else 0
        if still >= PATIENCE:
            raise GanlabError(
                f"The samples have not depended on z for {still} steps: the generator collapsed.",
                "Try another --seed, a smaller --lr or more pictures; the last good state is kept.",
            )
    return still
