"""One training step of ganlab against the reference loop: same networks, same batch, same machine, taken in turns.

    python benchmarks/training_step.py [--steps 12] [--batch 128] [--precision auto] [--compile] [--deterministic]
        [--device auto] [--memory ganlab] [--jpegs [FOLDER]] [--pictures 12800] [--workers 2]

Each runs in a process of its own and says how it computes, the reference as any script does, ganlab with what `ganlab
train` asks of its process; a turn of one waits for the turn of the other. A turn is one step, on a GPU fifty, after
which the GPU is waited for. Prints images/s of both and, on a line of its own, ``ratio X``: how many times faster
ganlab is, the median over pairs of neighbouring turns.

Pictures come as to the users of each. ganlab is fed as by `ganlab train`. The reference converts them from uint8 itself
on the CPU, whose cores the workers of a DataLoader would take; on a GPU its batches are converted already, and lie in
memory as a DataLoader leaves them.

With ``--jpegs`` both take their pictures from a folder of JPEGs, drawn where none is given, and a turn is an epoch: the
reference decodes them in every one, by the workers of a DataLoader; ganlab has packed them before, and says how long
that took.

``--memory both`` lets both processes keep the memory that they free, ``neither`` none: what is left is what the step
itself gains.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count, cycle
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from decoding import draw_jpegs
from reference_loop import ReferenceLoop, loaded
from stepping import BATCHES, arithmetic, fed, in_turns, random_pictures, repeat, steps_a_turn, turn_of

from ganlab.data import open_images
from ganlab.data.packing import pack
from ganlab.imagespec import ImageSpec
from ganlab.networks.devices import choose_device, keep_freed_memory, usual_precision
from ganlab.training.feeding import batches, brought
from ganlab.training.settings import TrainSettings
from ganlab.training.trainer import Trainer

Turn = tuple[Callable[[], None], str]  # and how it computes
Make = Callable[[argparse.Namespace], Turn]


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    """The options, device and precision chosen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12, help="measured pairs of turns")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--precision", default="auto", help="of ganlab's step; the reference has torch's defaults")
    parser.add_argument("--compile", action="store_true", help="ganlab's networks")
    parser.add_argument("--deterministic", action="store_true", help="ganlab's algorithms on a GPU")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--memory", default="ganlab", choices=("ganlab", "both", "neither"), help="who keeps it")
    parser.add_argument("--jpegs", nargs="?", const="", metavar="FOLDER", help="where both read their pictures")
    parser.add_argument("--pictures", type=int, default=12_800, help="of the folder, at most")
    parser.add_argument("--workers", type=int, default=2, help="of the reference's DataLoader; the example has two")
    options = parser.parse_args(words)
    options.device = choose_device(options.device)
    if options.precision == "auto":
        options.precision = usual_precision(options.device)
    options.turn = steps_a_turn(options.device)
    return options


def main() -> None:
    options = parsed()
    makes: dict[str, Make] = {"reference": make_reference_turn, "ganlab": make_ganlab_turn}
    keeping = {"ganlab": ("ganlab",), "both": tuple(makes), "neither": ()}[options.memory]
    with ExitStack() as ending:
        if options.jpegs is not None:
            temporary = Path(ending.enter_context(tempfile.TemporaryDirectory()))
            take_from_folder(options, temporary)
        sides = {name: Side(make, options, name in keeping) for name, make in makes.items()}
        for side in sides.values():
            ending.callback(side.end)
        theirs, ours = in_turns([side.turn for side in sides.values()], options.steps)
        for (name, side), seconds in zip(sides.items(), (theirs, ours), strict=True):
            speed = options.batch * options.turn / statistics.median(seconds)
            print(f"{name:9} {speed:7.1f} images/s  ({side.said})")
    print(f"ratio {statistics.median(a / b for a, b in zip(theirs, ours, strict=True)):.3f}")


def take_from_folder(options: argparse.Namespace, temporary: Path) -> None:
    """Say in the options where the JPEGs are, how many, and that a turn is an epoch of them."""
    options.cache = temporary / "cache"
    options.jpegs = Path(options.jpegs) if options.jpegs else draw_jpegs(temporary / "jpegs", options.pictures)
    options.turn = min(options.pictures, len(open_images(str(options.jpegs)))) // options.batch


class Side:
    """A process that takes a turn whenever it is asked to.

    Attributes:
        said: how it computes.
    """

    def __init__(self, make: Make, options: argparse.Namespace, keeps: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        # no daemon, which could have no workers
        self._process = context.Process(target=_serve, args=(theirs, make, options, keeps))
        self._process.start()
        theirs.close()  # so that it is heard when the process ends
        self.said: str = self._pipe.recv()

    def turn(self) -> None:
        self._pipe.send(True)
        self._pipe.recv()

    def end(self) -> None:
        self._pipe.close()
        self._process.join()


def _serve(pipe: Connection, make: Make, options: argparse.Namespace, keeps: bool) -> None:
    kept = keeps and keep_freed_memory()
    turn, said = make(options)
    pipe.send(f"{said}, freed memory {'kept' if kept else 'given back'}")
    while True:
        try:
            pipe.recv()
        except EOFError:  # the other end is closed
            return
        turn()
        pipe.send(True)


def make_reference_turn(options: argparse.Namespace) -> Turn:
    """The reference's turn, in torch's own precision."""
    device, said = options.device, ""
    loop, spec = ReferenceLoop(device), ImageSpec(64, 3)
    feed: Iterator[torch.Tensor]
    if options.jpegs is not None:
        loader = loaded(options.jpegs, options.turn * options.batch, options.batch, options.workers)
        feed = (batch for _ in count() for batch in loader)  # the workers of an epoch begin with it
        said = f", {options.workers} workers"
    elif device.startswith("cuda"):
        parts = np.split(random_pictures(options.batch), BATCHES)
        feed = cycle([spec.from_uint8(part).contiguous() for part in parts])
    else:
        feed = map(spec.from_uint8, cycle(np.split(random_pictures(options.batch), BATCHES)))
    return lambda: repeat(lambda: loop.step(next(feed)), device, options.turn), f"float32, {arithmetic(device)}{said}"


def make_ganlab_turn(options: argparse.Namespace) -> Turn:
    """ganlab's turn."""
    settings = TrainSettings(
        "benchmark",
        batch=options.batch,
        precision=options.precision,
        compile=options.compile,
        deterministic=options.deterministic,
    )
    trainer = Trainer(settings, options.device)
    chosen = [name for name in ("compile", "deterministic") if getattr(options, name)]
    said = ", ".join([options.precision, *chosen, arithmetic(options.device)])
    if options.jpegs is None:
        return turn_of(trainer, fed(trainer), options.turn), said
    began = time.perf_counter()
    packed = pack(open_images(str(options.jpegs)).first(options.pictures), 64, 3, cache=options.cache)
    said += f", packed in {time.perf_counter() - began:.3g} s"
    shown = options.turn * options.batch
    rows = (
        part for epoch in count() for part in np.split(trainer.draws.order(epoch, len(packed))[:shown], options.turn)
    )
    feed = iter(batches(brought(packed, options.device), rows, options.device))
    return turn_of(trainer, feed, options.turn), said


if __name__ == "__main__":
    main()
