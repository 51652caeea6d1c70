"""How often the hidden activation is found of a generator that was hardly trained, whose norms lag behind its weights.

    python benchmarks/recovery/short_training.py OUT [--activations relu "leaky_relu 0.2" elu tanh] [--seeds 2]

The networks of PyTorch's DCGAN example at half their width, the generator with each activation in turn, are trained
on drawn rooms in batches of 32; OUT gets their weights after 20 to 480 steps, and a line is printed for each: what
``ganlab.load_gan`` takes them for.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from reference_loop import ReferenceLoop, make_discriminator, make_generator

from ganlab import ImageSpec, load_gan, open_images

WIDTH, PICTURES, BATCH = 32, 320, 32
SAVED = (20, 40, 80, 160, 320, 480)  # steps
ACTIVATIONS = {"relu": nn.ReLU, "leaky_relu 0.2": lambda: nn.LeakyReLU(0.2), "elu": nn.ELU, "tanh": nn.Tanh}


def train(activation: str, seed: int, pictures: torch.Tensor, out: Path) -> list[Path]:
    """Weights of the generator after each number of steps."""
    torch.manual_seed(seed)
    loop = ReferenceLoop(networks=(make_generator(WIDTH), make_discriminator(WIDTH)))
    for place, layer in enumerate(loop.generator):
        if isinstance(layer, nn.ReLU):
            loop.generator[place] = ACTIVATIONS[activation]()
    saved = []
    for step in range(1, SAVED[-1] + 1):
        loop.step(pictures[torch.randperm(len(pictures))[:BATCH]])
        if step in SAVED:
            saved.append(out / f"{activation.replace(' ', '-')}-{seed}-{step:03d}.pth")
            torch.save(loop.generator.state_dict(), saved[-1])
    return saved


def taken(path: Path) -> list[str]:
    """The hidden activations that the weights are taken for, from input to output."""
    decisions = load_gan(str(path)).card.facts["decisions"]
    return [one["chosen"] for one in decisions if one["what"].startswith("activation after")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--activations", nargs="+", default=list(ACTIVATIONS), choices=list(ACTIVATIONS))
    parser.add_argument("--seeds", type=int, default=2)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True)
    rooms = open_images(f"rooms:{PICTURES}")
    drawn = next(iter(rooms.batches(np.arange(PICTURES), 64, 3, PICTURES))).pictures
    pictures = ImageSpec(64, 3).from_uint8(torch.from_numpy(drawn))
    for activation in asked.activations:
        saved = [path for seed in range(asked.seeds) for path in train(activation, seed, pictures, asked.out)]
        right = [report(path, activation) for path in saved]
        print(f"{activation}: {sum(right)} of {len(right)}", flush=True)


def report(path: Path, truth: str) -> bool:
    found = taken(path)
    print(f"{path.stem}: {', '.join(found)}", flush=True)
    return set(found) == {truth}


if __name__ == "__main__":
    main()
