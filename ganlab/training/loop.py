"""The training loop, top to bottom."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import tee
from pathlib import Path

import numpy as np
import torch

from ganlab.errors import GanlabError
from ganlab.networks.devices import enough_memory
from ganlab.training.feeding import Pictures, batches, brought
from ganlab.training.journal import Journal
from ganlab.training.measures import StepLog
from ganlab.training.state import save_state, stored_settings
from ganlab.training.trainer import Trainer

READ_EVERY = 1.0  # seconds between reading the losses off the device: reading every step would make a GPU wait
SAVE_EVERY = 300.0  # seconds between states within an epoch: what a crash can cost
SAVE_AFTER_EPOCH = 10.0  # at the end of one: of a small set on a fast GPU it takes less time than writing a state
RECENT = 5  # readings that images/s are the mean of: not of all, the first step of a run may take a minute
STILL = 1 / 255  # a batch whose pixels spread less than this (of a range of 2) no longer depends on z
PATIENCE = 60  # steps in a row that must say so


@dataclass(frozen=True)
class Moment:
    """Where a run stands, for whoever shows it: steps, epochs (from 1), images/s of late and the last losses."""

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
            Fewer epochs than the run has begun: nothing is changed.
    """
    settings = trainer.settings
    per_epoch = len(pictures) // settings.batch
    steps = per_epoch * settings.epochs
    if trainer.step > steps:
        raise GanlabError(
            f"The run has begun epoch {math.ceil(trainer.step / per_epoch)} and cannot end after {settings.epochs}.",
            f"Raise --epochs; the weights of epoch {settings.epochs} are kept in epochs/{settings.epochs:04d}.",
        )
    if not trainer.processes.first:
        return _follow(pictures, trainer, per_epoch, steps, stop)
    if trainer.step == 0 or stored_settings(run) != settings:
        save_state(trainer, run)  # from here on the run can go on as it was told to, whenever it is killed
    journal = Journal(run, trainer)
    if trainer.step and trainer.step % per_epoch == 0:
        journal.mend_epoch(trainer.step // per_epoch)
    unread: list[StepLog] = []
    still = 0
    saved = read = time.monotonic()
    recent = deque([(read, trainer.step)], maxlen=RECENT + 1)
    for epoch, batch, labels in _fed(trainer, pictures, per_epoch, steps):
        unread.append(_advance(trainer, batch, labels, settings.lr_at(trainer.step, per_epoch)))
        now = time.monotonic()
        ends_epoch = trainer.step % per_epoch == 0
        stopping = trainer.processes.any(stop())
        pause = min(SAVE_EVERY, SAVE_AFTER_EPOCH) if ends_epoch else SAVE_EVERY
        saving = stopping or trainer.step == steps or now - saved > pause
        if saving or ends_epoch or now - read > READ_EVERY:  # only what has been read and checked is worth keeping
            losses = [log.numbers() for log in unread]
            still = _check(losses, still)
            journal.note(trainer.step - len(losses), losses, lasting=saving)
            unread, read = [], now
            recent.append((now, trainer.step))
            speed = (trainer.step - recent[0][1]) * settings.batch / (now - recent[0][0])
            show(Moment(trainer.step, steps, epoch, settings.epochs, speed, losses[-1]))
        if ends_epoch:
            journal.end_epoch(epoch)
        if saving:
            save_state(trainer, run)
            saved = time.monotonic()
        if stopping:
            break
    return trainer.step >= steps


def _follow(pictures: Pictures, trainer: Trainer, per_epoch: int, steps: int, stop: Callable[[], bool]) -> bool:
    """What every process but the first does: the same steps on its share, and nothing is written."""
    for _, batch, labels in _fed(trainer, pictures, per_epoch, steps):
        _advance(trainer, batch, labels, trainer.settings.lr_at(trainer.step, per_epoch))
        if trainer.processes.any(stop()):
            break
    return trainer.step >= steps


def _fed(
    trainer: Trainer, pictures: Pictures, per_epoch: int, steps: int
) -> Iterator[tuple[int, np.ndarray | torch.Tensor, np.ndarray | None]]:
    """For every step that is left its epoch, from 1, this process's share of its pictures and of their classes."""
    coming = range(trainer.step, steps)
    shown, again = tee(_rows(trainer, len(pictures), coming))
    fed = batches(brought(pictures, trainer.device), shown, trainer.device)
    for step, rows, batch in zip(coming, again, fed, strict=True):
        yield step // per_epoch + 1, batch, None if pictures.labels is None else pictures.labels[rows]


def _rows(trainer: Trainer, count: int, steps: range) -> Iterator[np.ndarray]:
    """Which pictures this process shows in each of these steps."""
    batch, ordered = trainer.settings.batch, -1
    for step in steps:
        epoch, position = divmod(step, count // batch)
        if epoch != ordered:
            order, ordered = trainer.draws.order(epoch, count), epoch
        yield order[position * batch : (position + 1) * batch][trainer.share]


def _advance(trainer: Trainer, batch: np.ndarray | torch.Tensor, labels: np.ndarray | None, lr: float) -> StepLog:
    with enough_memory(
        f"A step on {len(batch)} pictures of {trainer.settings.network.size} pixels does not fit into memory.",
        f"Try --batch {max(2, trainer.settings.batch // 2)} or a smaller --width; the last good state is kept.",
    ):
        return trainer.advance(batch, labels, lr)


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
