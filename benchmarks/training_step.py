"""One training step of ganlab against the reference loop: same networks, same batch, same machine, taken in turns.

    python benchmarks/training_step.py [--steps 12] [--batch 128] [--precision fp32] [--device cpu]

Each runs in a process of its own, the reference as any script does, ganlab with what ``ganlab train`` asks of its
process; a step of one waits for the step of the other. Prints images/s of both and, on a line of its own,
``ratio X``: how many times faster ganlab is, the median over pairs of neighbouring measurements. A step begins with
pictures as they lie in memory, uint8, for both.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np
import torch
from reference_loop import ReferenceLoop

from ganlab.devices import choose_device, keep_freed_memory
from ganlab.imagespec import ImageSpec
from ganlab.training.settings import TrainSettings
from ganlab.training.trainer import Trainer

WARM = 2  # turns that are not counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12, help="measured pairs of steps")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--precision", default="fp32", help="of ganlab's step; the reference is fp32")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = choose_device(options.device)
    sides = [Side(make, (options.batch, options.precision, device)) for make in (make_reference_step, make_ganlab_step)]
    theirs, ours = in_turns([side.step for side in sides], options.steps)
    for side in sides:
        side.end()
    ratio = statistics.median(a / b for a, b in zip(theirs, ours, strict=True))
    for name, seconds in (("reference", theirs), ("ganlab", ours)):
        print(f"{name:9} {options.batch / statistics.median(seconds):7.1f} images/s")
    print(f"ratio {ratio:.3f}")


class Side:
    """A process that takes one step whenever it is asked to."""

    def __init__(self, make_step: Callable[..., Callable[[], None]], given: tuple[object, ...]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make_step, given), daemon=True)
        self._process.start()

    def step(self) -> None:
        self._pipe.send(True)
        self._pipe.recv()

    def end(self) -> None:
        self._pipe.send(False)
        self._process.join()


def _serve(pipe: Connection, make_step: Callable[..., Callable[[], None]], given: tuple[object, ...]) -> None:
    step = make_step(*given)
    while pipe.recv():
        step()
        pipe.send(True)


def make_reference_step(batch: int, precision: str, device: str) -> Callable[[], None]:
    """The reference's step, always in fp32."""
    pictures, reference, spec = _pictures(batch), ReferenceLoop(device), ImageSpec(64, 3)

    def step() -> None:
        reference.step(spec.from_uint8(pictures))
        finish(device)

    return step


def make_ganlab_step(batch: int, precision: str, device: str) -> Callable[[], None]:
    """ganlab's step, in a process that ``ganlab`` would run in."""
    keep_freed_memory()
    pictures = _pictures(batch)
    trainer = Trainer(TrainSettings("benchmark", batch=batch, precision=precision), device)

    def step() -> None:
        trainer.advance(pictures)
        finish(device)

    return step


def _pictures(batch: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (batch, 64, 64, 3), dtype=np.uint8)


def finish(device: str) -> None:
    """Wait until a GPU has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def in_turns(actions: list[Callable[[], None]], times: int) -> list[list[float]]:
    """Seconds of every action at every turn, A B A B ..., after turns that warm up."""
    seconds: list[list[float]] = [[] for _ in actions]
    for turn in range(times + WARM):
        for action, taken in zip(actions, seconds, strict=True):
            began = time.perf_counter()
            action()
            if turn >= WARM:
                taken.append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    main()
