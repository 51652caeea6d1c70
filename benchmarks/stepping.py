"""What the benchmarks of training share: steps fed as `ganlab train` feeds them, timed in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import cycle

import numpy as np
import torch

from ganlab.training.feeding import batches, brought
from ganlab.training.trainer import StepLog, Trainer

WARM = 2  # turns that are not counted
BATCHES = 8  # of different pictures


class InMemory:
    """Pictures (n, h, w, c) uint8 as training takes them."""

    labels = None

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def batch(self, indices: np.ndarray) -> np.ndarray:
        return self.array[indices]


def random_pictures(batch: int) -> np.ndarray:
    """Some batches (n, 64, 64, 3) uint8."""
    return np.random.default_rng(0).integers(0, 256, (BATCHES * batch, 64, 64, 3), dtype=np.uint8)


def fed(trainer: Trainer) -> Iterator[np.ndarray | torch.Tensor]:
    """Batches of random pictures without end, as the training loop gets them."""
    pictures = InMemory(random_pictures(trainer.settings.batch))
    rows = np.split(trainer.draws.order(0, len(pictures)), BATCHES)
    return iter(batches(brought(pictures, trainer.device), cycle(rows), trainer.device))


def turn_of(trainer: Trainer, feed: Iterator[np.ndarray | torch.Tensor], steps: int) -> Callable[[], None]:
    """A turn of ganlab's: its steps, and then their losses read, as the training loop does about once a second."""

    def turn() -> None:
        logs: list[StepLog] = []
        repeat(lambda: logs.append(trainer.advance(next(feed))), trainer.device, steps)
        for log in logs:
            log.numbers()

    return turn


def steps_a_turn(device: str) -> int:
    """So many that a GPU, which is waited for after each turn, is not kept from working ahead."""
    return 50 if device.startswith("cuda") else 1


def repeat(step: Callable[[], object], device: str, steps: int) -> None:
    """The steps of a turn, and the wait until a GPU has done them."""
    for _ in range(steps):
        step()
    finish(device)


def finish(device: str) -> None:
    """Wait until a GPU has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def in_turns(turns: list[Callable[[], None]], times: int) -> list[list[float]]:
    """Seconds of every one, A B A B ..., after those that warm up."""
    seconds: list[list[float]] = [[] for _ in turns]
    for number in range(times + WARM):
        for turn, taken in zip(turns, seconds, strict=True):
            began = time.perf_counter()
            turn()
            if number >= WARM:
                taken.append(time.perf_counter() - began)
    return seconds


def arithmetic(device: str) -> str:
    """How this process computes, for whoever compares it with another."""
    if not device.startswith("cuda"):
        return f"{torch.get_num_threads()} threads"
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    return f"TF32 {cudnn.allow_tf32} (cuDNN) {products.allow_tf32} (products), cudnn.benchmark {cudnn.benchmark}"
