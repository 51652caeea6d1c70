"""Start a training run, or go on with one: pictures, trainer, signals and folders around the loop."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch

from ganlab import screen
from ganlab.data.chosen import read_names
from ganlab.data.opening import short_name
from ganlab.data.packing import PackedImages
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.networks.devices import check_compiler, fast_bfloat16
from ganlab.shell import shell_word
from ganlab.training.claiming import KEEP, held, new_run
from ganlab.training.display import Display
from ganlab.training.ending import Stopped
from ganlab.training.loop import train
from ganlab.training.pictures import Reading, check_classes, packed_pictures, told_classes, too_few
from ganlab.training.processes import ALONE, Processes
from ganlab.training.settings import TrainSettings
from ganlab.training.signals import clearing_up, interruptible
from ganlab.training.state import load_state
from ganlab.training.trainer import Trainer
from ganlab.writing import check_utf8, write_file

MANY_LEFT_OUT = 0.1  # of the pictures, by every epoch


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
        chosen: nobody asked for this precision, so it is named when training begins, with the others.

    Raises:
        GanlabError: whatever the user can mend in data, options, folder or device.
    """
    check_utf8(settings.data, settings.keep, out and out.name)  # the card says them
    device = processes.device(device)
    processes.share(settings)  # a batch that cannot be divided is refused before the pictures are read
    if settings.precision == "tf32" and torch.device(device).type != "cuda":
        raise GanlabError(f"tf32 is for GPUs of CUDA, and this run would train on {device}.", "Leave out --precision.")
    if settings.precision == "bf16" and not fast_bfloat16(device):
        screen.say("This processor emulates bfloat16: --precision fp32 is many times faster on it.")
    if settings.compile:
        check_compiler()
    folder = new_run(out, short_name(settings.data)) if processes.first else nullcontext(Path())
    with clearing_up(processes), folder as run:
        packed, trainer = _prepare(settings, reading, device, run, gan, conditional, processes)
        if chosen and processes.first:
            screen.say(_about_precision(settings.precision, device))
        _train(packed, trainer, run)


def resume(
    run: Path,
    data: str | None,
    lengths: dict[str, int],
    reading: Reading,
    device: str,
    processes: Processes = ALONE,
) -> None:
    """Go on with an interrupted run, exactly where its state says.

    Args:
        run: its folder.
        data: where its pictures lie now, or None for where they lay.
        lengths: new numbers of ``epochs`` and ``decay_epochs``, where they change.
        processes: that go on together, each of which calls this; as many as before or not.

    Raises:
        GanlabError: no state, a damaged one, other pictures than before, or another process trains in it.
    """
    with clearing_up(processes), held(run) if processes.first else nullcontext():
        _go_on(run, data, reading, load_state(run, processes.device(device), processes, **lengths))


def _about_precision(precision: str, device: str) -> str:
    """What was chosen, and what else there is."""
    said, bfloat16 = f"Precision: {precision}.", fast_bfloat16(device)
    if precision == "tf32":
        return f"{said} --precision fp32 keeps all bits{'; there is bf16, too' if bfloat16 else ''}."
    if not bfloat16:
        return said
    if torch.device(device).type == "cpu":
        return f"{said} This processor has bfloat16: --precision bf16 is about twice as fast."
    return f"{said} There is also --precision bf16."


def _go_on(run: Path, data: str | None, reading: Reading, trainer: Trainer) -> None:
    """:func:`resume`, in a folder that no other process trains in."""
    settings, processes = trainer.settings, trainer.processes
    if settings.compile:
        check_compiler()
    trainer.settings = _on_threads(settings, processes.count)
    keep = None if settings.keep is None else read_names(run / KEEP)
    placed = settings if data is None else replace(settings, data=data)
    moved = f"If they lie elsewhere now: ganlab train --resume {shell_word(run)} DATA" if data is None else ""
    packed = processes.in_turn(lambda: packed_pictures(placed, reading, keep, bool(settings.classes), moved))
    if packed.fingerprint != settings.fingerprint:
        raise GanlabError(
            f"The pictures of {data or settings.data} are not those this run was trained on.",
            "Restore them, or start a new run: going on with others would not be the same run. "
            "Another version of ganlab may also cut large JPEGs otherwise.",
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
    packed = processes.in_turn(lambda: packed_pictures(settings, reading, keep, conditional))
    if len(packed) < settings.batch:
        raise too_few(settings, len(packed))
    settings = replace(
        settings,
        fingerprint=packed.fingerprint,
        threads=torch.get_num_threads(),
        processes=processes.count,
        **told_classes(settings, packed),
    )
    if gan is not None:
        check_classes(gan, settings)
    trainer = Trainer(settings, device, processes)
    if gan is not None:
        trainer.begin_with(gan)
    if keep is not None and processes.first:
        write_file(run / KEEP, ("\n".join(keep) + "\n").encode())
    return packed, trainer


def _train(packed: PackedImages, trainer: Trainer, run: Path) -> None:
    trainer.processes.check_alike(trainer.identity)
    rest = len(packed) % trainer.settings.batch
    if rest > MANY_LEFT_OUT * len(packed):
        screen.say(
            f"Each epoch leaves out {rest} of {len(packed)} pictures, others each time: "
            f"they fill no batch of {trainer.settings.batch}."
        )
    with interruptible(alone=trainer.processes.count == 1) as wished, Display() as display:
        finished = train(packed, run, trainer, show=display.show, stop=lambda: bool(wished))
    if not finished:
        screen.say(
            f"Stopped after step {trainer.step} with the state saved. To go on: ganlab train --resume {shell_word(run)}"
        )
        raise Stopped(*wished[:1])
    screen.tell(f"Trained: {run}. Samples are in {run / 'samples'}; use it with --gan {shell_word(run)}")
