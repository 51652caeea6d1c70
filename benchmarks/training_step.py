"""One training step of ganlab against the reference loop: same networks, same batch, taken in turns in one process.

    python benchmarks/training_step.py [--steps 12] [--batch 128] [--precision fp32] [--device cpu]

Prints images/s of both and, on a line of its own, ``ratio X``: how many times faster ganlab is, the median over pairs
of neighbouring measurements. A step begins with pictures as they lie in memory, uint8, for both.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from reference_loop import ReferenceLoop

from ganlab.devices import choose_device
from ganlab.imagespec import ImageSpec
from ganlab.training.settings import TrainSettings
from ganlab.training.trainer import Trainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12, help="measured pairs of steps")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--precision", default="fp32", help="of ganlab's step; the reference is fp32")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = choose_device(options.device)

    pictures = np.random.default_rng(0).integers(0, 256, (options.batch, 64, 64, 3), dtype=np.uint8)
    reference = ReferenceLoop(device)
    trainer = Trainer(TrainSettings("benchmark", batch=options.batch, precision=options.precision), device)
    spec = ImageSpec(64, 3)

    def their_step() -> None:
        reference.step(spec.from_uint8(pictures))

    def our_step() -> None:
        trainer.advance(pictures)

    theirs, ours = in_turns([their_step, our_step], options.steps, device)
    ratio = statistics.median(a / b for a, b in zip(theirs, ours, strict=True))
    for name, seconds in (("reference", theirs), ("ganlab", ours)):
        print(f"{name:9} {options.batch / statistics.median(seconds):7.1f} images/s")
    print(f"ratio {ratio:.3f}")


def in_turns(actions: list[Callable[[], None]], times: int, device: str) -> list[list[float]]:
    """Seconds of every action at every turn, A B A B ..., after two turns that warm up."""
    seconds: list[list[float]] = [[] for _ in actions]
    for turn in range(times + 2):
        for action, taken in zip(actions, seconds, strict=True):
            began = time.perf_counter()
            action()
            if device.startswith("cuda"):
                torch.cuda.synchronize()
            if turn >= 2:
                taken.append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    main()
