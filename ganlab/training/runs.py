"""Start a training run, or go on with one: pictures, trainer, signals and folders around the loop."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import typer

from ganlab import screen
from ganlab.data import open_images
from ganlab.data.chosen import read_names
from ganlab.data.opening import short_name
from ganlab.data.packing import PackedImages, pack
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.networks.devices import check_compiler, fast_bfloat16
from ganlab.progressbar import reading_bar, shown_progress
from ganlab.training.claiming import KEEP, held, new_run
from ganlab.training.display import Display
from ganlab.training.loop import train
from ganlab.training.processes import ALONE, Processes
from ganlab.training.settings import TrainSettings
from ganlab.training.state import load_state
from ganlab.training.trainer import Trainer
from ganlab.wording import few
from ganlab.writing import write_file

NAMED = 5  # broken pictures or classes told by name
MANY_LEFT_OUT = 0.1  # of the pictures, by every epoch
MANY_CLASSES = 64  # of which one-hot numbers begin to cost most of a step


@dataclass(frozen=True)
class Reading:
    """How pictures are read: by how many processes, None for one on each core; whether broken ones are left out."""

    workers: int | None
    skip_broken: bool


def start(
    settings: TrainSettings,
    reading: Reading,
    device: str,
    out: Path | None,
    gan: Gan | None = None,
    conditional: bool = False,
    processes: Processes = ALONE,
    *,
    chosen: bool = False,
) -> None:
    """Train from the beginning into a new folder.

    Args:
        gan: whose weights to begin with, of the shape that the settings say; None for random ones.
        conditional: tell the networks the classes of the pictures, which the settings say nothing of yet.
        processes: that train together, each of which calls this.
        chosen: nobody asked for this precision, so a faster one is named when training begins.

    Raises:
        GanlabError: whatever the user can mend in data, options, folder or device.
    """
    device = processes.device(device)
    processes.share(settings)  # a batch that cannot be divided is refused before the pictures are read
    if settings.precision == "tf32" and torch.device(device).type != "cuda":
        raise GanlabError(f"tf32 is for GPUs of CUDA, and this run would train on {device}.", "Leave out --precision.")
    if settings.precision == "bf16" and not fast_bfloat16(device):
        screen.say("This processor emulates bfloat16: --precision fp32 is many times faster on it.")
    if settings.compile:
        check_compiler()
    folder = new_run(out, short_name(settings.data)) if processes.first else nullcontext(Path())
    with _clearing_up(processes), folder as run:
        packed, trainer = _prepare(settings, reading, device, run, gan, conditional, processes)
        if chosen and settings.precision == "fp32" and fast_bfloat16(device) and processes.first:
            faster = "This processor has bfloat16: --precision bf16 is about twice as fast."
            screen.say(f"Precision: fp32. {faster}")
        _train(packed, trainer, run)


def resume(
    run: Path,
    data: str | None,
    epochs: int | None,
    reading: Reading,
    device: str,
    processes: Processes = ALONE,
) -> None:
    """Go on with an interrupted run, exactly where its state says.

    Args:
        run: its folder.
        data: where its pictures lie now, or None for where they lay.
        epochs: a new number of epochs, or None for its own.
        processes: that go on together, each of which calls this; as many as before or not.

    Raises:
        GanlabError: no state, a damaged one, other pictures than before, or another process trains in it.
    """
    with _clearing_up(processes), held(run) if processes.first else nullcontext():
        _go_on(run, data, reading, load_state(run, processes.device(device), epochs, processes))


def _go_on(run: Path, data: str | None, reading: Reading, trainer: Trainer) -> None:
    """:func:`resume`, in a folder that no other process trains in."""
    settings, processes = trainer.settings, trainer.processes
    if settings.compile:
        check_compiler()
    trainer.settings = _on_threads(settings, processes.count)
    keep = None if settings.keep is None else read_names(run / KEEP)
    placed = settings if data is None else replace(settings, data=data)
    moved = f"If they lie elsewhere now: ganlab train --resume {shlex.quote(str(run))} DATA" if data is None else ""
    packed = processes.in_turn(lambda: _pack(placed, reading, keep, bool(settings.classes), moved))
    if packed.fingerprint != settings.fingerprint:
        raise GanlabError(
            f"The pictures of {data or settings.data} are not those this run was trained on.",
            "Restore them, or start a new run: going on with others would not be the same run.",
        )
    _train(packed, trainer, run)


def _on_threads(settings: TrainSettings, processes: int) -> TrainSettings:
    """Take as many threads as the run had, or sums in another order would differ in their last bits.

    Among another number of processes the cores are divided otherwise: then torch's own number is kept.
    """
    if settings.processes in (0, processes):
        torch.set_num_threads(settings.threads)
    return replace(settings, threads=torch.get_num_threads(), processes=processes)


def _prepare(
    settings: TrainSettings,
    reading: Reading,
    device: str,
    run: Path,
    gan: Gan | None,
    conditional: bool,
    processes: Processes,
) -> tuple[PackedImages, Trainer]:
    """What :func:`start` trains on and with; a list of pictures to keep is copied into its folder."""
    keep = None if settings.keep is None else read_names(Path(settings.keep))
    packed = processes.in_turn(lambda: _pack(settings, reading, keep, conditional))
    if len(packed) < settings.batch:
        raise _too_few(settings, len(packed))
    settings = replace(
        settings,
        fingerprint=packed.fingerprint,
        threads=torch.get_num_threads(),
        processes=processes.count,
        **_classes(settings, packed),
    )
    if gan is not None:
        _check_classes(gan, settings)
    trainer = Trainer(settings, device, processes)
    if gan is not None:
        trainer.begin_with(gan)
    if keep is not None and processes.first:
        write_file(run / KEEP, ("\n".join(keep) + "\n").encode())
    return packed, trainer


def _too_few(settings: TrainSettings, count: int) -> GanlabError:
    if settings.limit == 1:
        return GanlabError("--limit 1 leaves one picture, and a batch has at least two.", "Raise --limit.")
    if count == 1:
        return GanlabError(f"{settings.data} holds one picture, and a batch has at least two.", "Give more pictures.")
    return GanlabError(
        f"{settings.data} holds {count} pictures, fewer than a batch of {settings.batch}.", f"Try --batch {count}."
    )


def _classes(settings: TrainSettings, packed: PackedImages) -> dict[str, Any]:
    """What the settings say of the classes of these pictures.

    Raises:
        GanlabError: all are of one.
    """
    if packed.labels is None:
        return {}
    if len(packed.classes) < 2:
        if settings.limit is not None and len(packed) + len(packed.broken) == settings.limit:
            raise GanlabError(
                f"The first {settings.limit} pictures of {settings.data} are all of one class, {packed.classes[0]!r}: "
                "where a set is sorted by class, --limit takes the first class only.",
                "Take a larger --limit or leave it out; or leave out --conditional.",
            )
        raise GanlabError(
            f"All pictures of {settings.data} are of one class, {packed.classes[0]!r}.",
            "Leave out --conditional, or give a folder with a folder per class.",
        )
    if len(packed.classes) > MANY_CLASSES and settings.network.classes_as == "one-hot":
        screen.say(
            f"{len(packed.classes)} classes as one-hot numbers make every layer as many maps wider: "
            "--classes-as embedding is faster."
        )
    counts = np.bincount(packed.labels, minlength=len(packed.classes))
    network = replace(settings.network, classes=len(packed.classes))
    return {"network": network, "classes": packed.classes, "class_counts": tuple(counts.tolist())}


def _check_classes(gan: Gan, settings: TrainSettings) -> None:
    """That a GAN to start from draws the classes of the pictures, in their order."""
    if gan.class_names != list(settings.classes):
        raise GanlabError(
            f"{gan.name} draws the classes {few(gan.class_names, NAMED)}, "
            f"and {settings.data} has {few(settings.classes, NAMED)}.",
            "Start from a GAN of the same classes.",
        )


def _pack(
    settings: TrainSettings, reading: Reading, keep: list[str] | None, labelled: bool, otherwise: str = ""
) -> PackedImages:
    """The pictures of a run; ``otherwise`` is told where they cannot be opened."""
    try:
        with shown_progress():
            images = open_images(settings.data)
    except GanlabError as error:
        raise GanlabError(error.message, f"{error.hint} {otherwise}".strip()) from error
    if keep is not None:
        images = images.only(keep)
    if settings.limit is not None:
        images = images.first(settings.limit)
    with reading_bar() as bar:
        packed = pack(
            images,
            settings.network.size,
            settings.network.channels,
            workers=reading.workers,
            skip_broken=reading.skip_broken,
            labelled=labelled,
            progress=bar,
        )
    if packed.broken:
        named = few(packed.broken, NAMED)
        screen.say(f"Left out {len(packed.broken)} of {len(images)} pictures that do not decode: {named}")
    return packed


def _train(packed: PackedImages, trainer: Trainer, run: Path) -> None:
    trainer.processes.check_alike(trainer.identity)
    rest = len(packed) % trainer.settings.batch
    if rest > MANY_LEFT_OUT * len(packed):
        screen.say(
            f"Each epoch leaves out {rest} of {len(packed)} pictures, others each time: "
            f"they fill no batch of {trainer.settings.batch}."
        )
    with _interruptible(alone=trainer.processes.count == 1) as interrupted, Display() as display:
        finished = train(packed, run, trainer, show=display.show, stop=interrupted)
    if not finished:
        screen.say(f"Stopped after step {trainer.step} with the state saved. To go on: ganlab train --resume {run}")
        raise typer.Exit(130)
    screen.tell(f"Trained: {run}. Samples are in {run / 'samples'}; use it with --gan {run}")


@contextmanager
def _clearing_up(processes: Processes) -> Iterator[None]:
    """Let SIGTERM end this process as Ctrl-C does, so that it removes what is unfinished, such as an empty run folder.

    Of several only the first, which has such: another may be waiting for it where no handler would be heard.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler) if processes.first else None
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _interruptible(alone: bool) -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C and SIGTERM into a wish to stop after the current step; a second Ctrl-C stops at once.

    Not so where several processes train: torchrun passes on to all of them what one got already.
    """
    wished = False

    def wish(signum: int, frame: object) -> None:
        nonlocal wished
        if wished and alone:
            raise KeyboardInterrupt
        wished = True

    before = {number: signal.signal(number, wish) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: wished
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
