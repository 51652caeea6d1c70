"""What reading a folder of JPEGs costs: training from it (packed) against training from memory, taken in turns.

    python benchmarks/decoding.py [--folder FOLDER] [--pictures 2048] [--steps 12] [--width 32]

Without ``--folder`` it draws JPEGs of smooth noise. The first pass, which decodes and packs, is timed by itself.
Then steps are taken in turns on batches read from the pack (in the random order of training) and on the same pictures
held in memory; ``overhead X%`` is how much longer the former take, the median over pairs.

The faster a step, the more the reading weighs: hence a width of 32, and ``--precision bf16`` where the processor has
instructions for it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from training_step import finish, in_turns

from ganlab.architectures.dcgan import DcganSettings
from ganlab.data import open_images
from ganlab.data.packing import PackedImages, pack
from ganlab.devices import choose_device
from ganlab.training.settings import TrainSettings
from ganlab.training.trainer import Trainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", help="of pictures; drawn where none is given")
    parser.add_argument("--pictures", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=12, help="measured pairs of steps")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = choose_device(options.device)

    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or str(draw_jpegs(Path(temporary, "jpegs"), options.pictures))
        images = open_images(folder).first(options.pictures)
        began = time.perf_counter()
        packed = pack(images, 64, 3, cache=Path(temporary, "cache"))
        first = time.perf_counter() - began
        began = time.perf_counter()
        packed = pack(images, 64, 3, cache=Path(temporary, "cache"))
        again = time.perf_counter() - began
        print(f"first pass {len(packed) / first:.0f} pictures/s, found again in {again:.2f} s")
        measure(packed, options, device)


def measure(packed: PackedImages, options: argparse.Namespace, device: str) -> None:
    memory = np.array(packed.array)
    settings = TrainSettings(
        "benchmark", network=DcganSettings(width=options.width), batch=options.batch, precision=options.precision
    )
    trainer = Trainer(settings, device)
    order = np.resize(trainer.order(0, len(packed)), (options.steps + 2, options.batch))
    rows, same_rows = iter(order), iter(order)

    def step(pictures: np.ndarray) -> None:
        trainer.advance(pictures)
        finish(device)

    from_folder, from_memory = in_turns(
        [lambda: step(packed.batch(next(rows))), lambda: step(memory[next(same_rows)])], options.steps
    )
    for name, seconds in (("from the folder", from_folder), ("from memory", from_memory)):
        print(f"{name:15} {options.batch / statistics.median(seconds):7.1f} images/s")
    overhead = statistics.median(a / b for a, b in zip(from_folder, from_memory, strict=True)) - 1
    print(f"overhead {overhead:.1%}")


def draw_jpegs(folder: Path, count: int) -> Path:
    folder.mkdir()
    blocks = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    for number, block in enumerate(blocks):
        picture = Image.fromarray(block).resize((96, 96), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:05d}.jpg", quality=90)
    return folder


if __name__ == "__main__":
    main()
