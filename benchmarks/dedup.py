"""Copies planted among real pictures: how many `ganlab dedup` finds, what else it drops, and what twice as many cost.

    python benchmarks/dedup.py photos/ --counts 15000 30000 --look looks.png

Every picture is read at 64x64. Of each kind of distortion as many copies are planted, and exact copies, all in random
places. What is dropped besides may be true copies that the pictures held before: --look draws them to be judged by eye.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import ganlab_dedup.investigation as dedup_steps
from ganlab import Images, Result, open_images
from ganlab_dedup import dedup
from ganlab_dedup.figures import DROPPED, KEPT, Tile, measured, sheet
from ganlab_dedup.planting import KINDS, planted_copy
from ganlab_dedup.reading import SIDE

STAGES = ("_sample", "train", "_hash_all", "_decide", "plant", "flip")


def read(images: Images) -> np.ndarray:
    pictures = np.empty((len(images), SIDE, SIDE, 3), np.uint8)
    for row in range(len(images)):
        pictures[row] = images.array(row, SIDE, 3)
    return pictures


def planted_set(pictures: np.ndarray, each: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pictures with copies among them, each one's original (its own place in `pictures`) and kind (-1: none)."""
    random = np.random.default_rng(seed)
    kinds = np.repeat(np.arange(len(KINDS) + 1), each)
    originals = random.permutation(len(pictures))[: len(kinds)]
    copies = [
        pictures[row] if kind == len(KINDS) else planted_copy(pictures[row], KINDS[kind], seed + 1, int(row))
        for row, kind in zip(originals, kinds, strict=True)
    ]
    order = random.permutation(len(pictures) + len(copies))
    whole = np.concatenate([pictures, np.stack(copies)])[order]
    origin = np.concatenate([np.arange(len(pictures)), originals])[order]
    return whole, origin, np.concatenate([np.full(len(pictures), -1), kinds])[order]


@contextmanager
def timed(spent: dict[str, list[float]]) -> Iterator[None]:
    """Measure the steps of the analysis inside the with-block: seconds of the clock, and of the processor."""
    before = {name: getattr(dedup_steps, name) for name in STAGES}

    def watch(name: str) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            with measured_time(spent, name):
                return before[name](*args, **options)

        return run

    for name in STAGES:
        setattr(dedup_steps, name, watch(name))
    try:
        with measured_time(spent, "whole"):
            yield
    finally:
        for name, function in before.items():
            setattr(dedup_steps, name, function)


@contextmanager
def measured_time(spent: dict[str, list[float]], name: str) -> Iterator[None]:
    wall, processor = time.monotonic(), time.process_time()
    yield
    spent[name] = [time.monotonic() - wall, time.process_time() - processor]


def judge(result: Result, origin: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Print recall by kind and precision; returns the rows dropped that no planted copy explains."""
    keeper = result.arrays["keeper"]
    at_origin: dict[int, list[int]] = {}
    for row, first in enumerate(origin):
        at_origin.setdefault(int(first), []).append(row)
    for number, name in enumerate([*KINDS, "exact copy"]):
        pairs = [at_origin[int(origin[row])] for row in np.flatnonzero(kind == number)]
        found = np.mean([keeper[a] == keeper[b] for a, b in pairs])
        print(f"  {name:12} found {found:7.1%} of {len(pairs)}")
    both = [at_origin[int(origin[row])] for row in np.flatnonzero(kind >= 0)]
    print(f"  {'recall':12}       {np.mean([keeper[a] == keeper[b] for a, b in both]):7.1%} of {len(both)}")
    dropped = np.flatnonzero(keeper != np.arange(len(keeper)))
    strange = dropped[origin[dropped] != origin[keeper[dropped]]]
    print(f"  dropped {len(dropped)}, of them {len(strange)} for a picture that is not their planted original")
    return strange


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--counts", type=int, nargs="+", default=[15_000, 30_000])
    parser.add_argument("--each", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=600, help="fewer where only the cost of search is asked")
    parser.add_argument("--look", type=Path)
    options = parser.parse_args()
    everything = open_images(options.data)
    order = np.random.default_rng(options.seed).permutation(len(everything))
    pictures = read(everything)[order]
    totals = []
    for count in options.counts:
        whole, origin, kind = planted_set(pictures[:count], options.each, options.seed)
        spent: dict[str, list[float]] = {}
        with tempfile.TemporaryDirectory() as folder:
            np.save(Path(folder) / "planted.npy", whole)
            with timed(spent):
                result = dedup(str(Path(folder) / "planted.npy"), steps=options.steps, seed=options.seed)
        print(f"{len(whole)} pictures: " + ", ".join(f"{k} {w:.1f} s ({p:.1f} cpu)" for k, (w, p) in spent.items()))
        strange = judge(result, origin, kind)
        totals.append(spent)
        if options.look is not None and len(strange):
            show(options.look.with_stem(f"{options.look.stem}-{count}"), whole, result, strange)
    for smaller, larger in itertools.pairwise(totals):
        ratios = {name: larger[name][1] / smaller[name][1] for name in larger}
        print("twice as many cost (cpu): " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items()))


def show(path: Path, whole: np.ndarray, result: Result, strange: np.ndarray) -> None:
    keeper = result.arrays["keeper"]
    rows = [line.split(",") for line in result.files["dropped.csv"].decode().splitlines()[1:]]
    said = {int(row[0].split()[-1]): measured(float(row[2]), int(row[3])) for row in rows}
    tiles = [
        [Tile(whole[keeper[row]], f"{keeper[row]}", "kept", KEPT), Tile(whole[row], f"{row}", said[row], DROPPED)]
        for row in sorted(strange, key=lambda row: said[row])
    ]
    for page in range(0, len(tiles), 48):
        sheet(tiles[page : page + 48]).save(path.with_stem(f"{path.stem}-{page // 48}"))


if __name__ == "__main__":
    main()
