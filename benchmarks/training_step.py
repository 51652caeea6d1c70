"""One training step of ganlab against the reference loop: same networks, same batch, same machine, taken in turns.

    python benchmarks/training_step.py [--steps 12] [--batch 128] [--precision auto] [--device auto] [--memory ganlab]

Each runs in a process of its own and says how it computes, the reference as any script does, ganlab with what `ganlab
train` asks of its process; a turn of one waits for the turn of the other. A turn is one step, on a GPU fifty, after
which the GPU is waited for. Prints images/s of both and, on a line of its own, ``ratio X``: how many times faster
ganlab is, the median over pairs of neighbouring turns.

Pictures come as to the users of each. ganlab is fed as by `ganlab train`. The reference converts them from uint8 itself
on the CPU, whose cores the workers of a DataLoader would take; on a GPU its batches are converted already, and lie in
memory as a DataLoader leaves them.

``--memory both`` lets both processes keep the memory that they free, ``neither`` none: what is left is what the step
itself gains.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
from collections.abc import Callable, Iterator
from itertools import cycle
from multiprocessing.connection import Connection

import numpy as np
import torch
from reference_loop import ReferenceLoop
from stepping import BATCHES, arithmetic, fed, in_turns, random_pictures, repeat, steps_a_turn, turn_of

from ganlab.imagespec import ImageSpec
from ganlab.networks.devices import choose_device, keep_freed_memory, usual_precision
from ganlab.training.settings import TrainSettings
from ganlab.training.trainer import Trainer

Make = Callable[[int, str, str], tuple[Callable[[], None], str]]  # batch, device, precision -> a turn, how it computes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12, help="measured pairs of turns")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--precision", default="auto", help="of ganlab's step; the reference has torch's defaults")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--memory", default="ganlab", choices=("ganlab", "both", "neither"), help="who keeps it")
    options = parser.parse_args()
    device = choose_device(options.device)
    precision = usual_precision(device) if options.precision == "auto" else options.precision
    given = options.batch, device, precision
    makes: dict[str, Make] = {"reference": make_reference_turn, "ganlab": make_ganlab_turn}
    keeping = {"ganlab": ("ganlab",), "both": tuple(makes), "neither": ()}[options.memory]
    sides = {name: Side(make, given, name in keeping) for name, make in makes.items()}
    theirs, ours = in_turns([side.turn for side in sides.values()], options.steps)
    for (name, side), seconds in zip(sides.items(), (theirs, ours), strict=True):
        speed = options.batch * steps_a_turn(device) / statistics.median(seconds)
        print(f"{name:9} {speed:7.1f} images/s  ({side.said})")
        side.end()
    print(f"ratio {statistics.median(a / b for a, b in zip(theirs, ours, strict=True)):.3f}")


class Side:
    """A process that takes a turn whenever it is asked to.

    Attributes:
        said: how it computes.
    """

    def __init__(self, make: Make, given: tuple[int, str, str], keeps: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make, given, keeps), daemon=True)
        self._process.start()
        self.said: str = self._pipe.recv()

    def turn(self) -> None:
        self._pipe.send(True)
        self._pipe.recv()

    def end(self) -> None:
        self._pipe.send(False)
        self._process.join()


def _serve(pipe: Connection, make: Make, given: tuple[int, str, str], keeps: bool) -> None:
    kept = keeps and keep_freed_memory()
    turn, said = make(*given)
    pipe.send(f"{said}, freed memory {'kept' if kept else 'given back'}")
    while pipe.recv():
        turn()
        pipe.send(True)


def make_reference_turn(batch: int, device: str, precision: str) -> tuple[Callable[[], None], str]:
    """The reference's turn, in torch's own precision."""
    loop, spec = ReferenceLoop(device), ImageSpec(64, 3)
    parts = np.split(random_pictures(batch), BATCHES)
    if device.startswith("cuda"):
        feed: Iterator[torch.Tensor] = cycle([spec.from_uint8(part).contiguous() for part in parts])
    else:
        feed = map(spec.from_uint8, cycle(parts))
    return lambda: repeat(lambda: loop.step(next(feed)), device), f"float32, {arithmetic(device)}"


def make_ganlab_turn(batch: int, device: str, precision: str) -> tuple[Callable[[], None], str]:
    """ganlab's turn."""
    trainer = Trainer(TrainSettings("benchmark", batch=batch, precision=precision), device)
    return turn_of(trainer, fed(trainer)), f"{precision}, {arithmetic(device)}"


if __name__ == "__main__":
    main()
