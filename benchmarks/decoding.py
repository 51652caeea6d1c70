"""What reading a folder of JPEGs costs: training from it (packed) against training from memory, taken in turns.

    python benchmarks/decoding.py [--folder FOLDER] [--pictures 2048] [--steps 12] [--width 32] [--streamed]

Without ``--folder`` it draws JPEGs of smooth noise. The first pass, which decodes and packs, is timed by itself.
Then steps are taken in turns (on a GPU fifty a turn) on pictures from the pack and on the same pictures in memory, both
fed as `ganlab train` feeds them, in its random order; ``overhead X%`` is how much longer the former take, the median
over pairs. A GPU with room for all pictures holds them in both cases, unless ``--streamed`` has it read them from the
pack batch by batch, as of a set that is too large.

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
from stepping import WARM, InMemory, in_turns, steps_a_turn, turn_of

from ganlab.architectures.dcgan import DcganSettings
from ganlab.data import open_images
from ganlab.data.packing import PackedImages, pack
from ganlab.networks.devices import choose_device, usual_precision
from ganlab.training.feeding import batches, brought
from ganlab.training.settings import TrainSettings
from ganlab.training.trainer import Trainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", help="of pictures; drawn where none is given")
    parser.add_argument("--pictures", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=12, help="measured pairs of turns")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--streamed", action="store_true", help="let no GPU hold the pack")
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
    precision = usual_precision(device) if options.precision == "auto" else options.precision
    network = DcganSettings(width=options.width)
    trainer = Trainer(TrainSettings("benchmark", network=network, batch=options.batch, precision=precision), device)
    turn = steps_a_turn(device)
    steps = (options.steps + WARM) * turn
    order = np.resize(trainer.draws.order(0, len(packed)), (steps, options.batch))
    folder = packed if options.streamed else brought(packed, device)
    memory = brought(InMemory(np.array(packed.array)), device)
    turns = [turn_of(trainer, batches(pictures, order, device), turn) for pictures in (folder, memory)]
    from_folder, from_memory = in_turns(turns, options.steps)
    print(f"{device}, {precision}")
    for name, seconds in (("from the folder", from_folder), ("from memory", from_memory)):
        print(f"{name:15} {options.batch * turn / statistics.median(seconds):7.1f} images/s")
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
