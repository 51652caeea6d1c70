"""Guided backpropagation of all filters and pictures at once against one captum call for each, taken in turns.

    python benchmarks/guided.py [--gan rooms-64] [--filters 6] [--top 5] [--turns 7] [--threads 2]

The reference is what one would write with captum alone: LeakyReLUs swapped for a ReLU with their slope, and
``NeuronGuidedBackprop`` called for every filter and picture. ``ratio`` is the median over turns of its seconds by ours;
``ratio of CPU seconds`` is the same of the process's own time, which other work on the machine does not change much.
The gradients of both are compared first.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from captum.attr import NeuronGuidedBackprop
from torch import nn

from ganlab import load_gan
from ganlab_features.guided import Layer, guided_gradients
from ganlab_features.investigation import last_convolution
from ganlab_features.pictures import Samples
from ganlab_features.receptive import receptive_fields
from ganlab_features.strongest import strongest


class Leaky(nn.ReLU):
    """A ReLU by its type, a LeakyReLU by its values."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.leaky_relu(x, self.slope)


def swapped(network: nn.Module) -> nn.Module:
    """A copy in which captum finds the LeakyReLUs."""
    network = copy.deepcopy(network)
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.LeakyReLU):
                setattr(module, name, Leaky(child.negative_slope))
    return network


def seconds(action: Callable[[], object]) -> tuple[float, float]:
    """Of the clock, and of this process."""
    began, own = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - began, time.process_time() - own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gan", default="rooms-64")
    parser.add_argument("--filters", type=int, default=6)
    parser.add_argument("--top", type=int, default=5)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")  # captum's, of every call

    gan = load_gan(options.gan)
    shape = (gan.image.channels, gan.image.size, gan.image.size)
    layer = Layer.of(gan.discriminator, last_convolution(gan), shape)
    samples = Samples(gan, 64, seed=0)
    ranking = strongest([gan], layer.name, samples, options.top)[0]
    filters = np.arange(options.filters)
    images, units = samples.some(ranking.pictures[filters].ravel()), ranking.units(filters)
    responses = ranking.responses[filters].ravel()
    judge = swapped(gan.discriminator)
    captum = NeuronGuidedBackprop(judge, judge.get_submodule(layer.name))

    def one_by_one() -> torch.Tensor:
        calls = zip(images.split(1), units.tolist(), strict=True)
        return torch.cat([captum.attribute(image, tuple(unit)) for image, unit in calls])

    def at_once() -> torch.Tensor:
        return guided_gradients(layer, images, units, responses, "leaky-guided")

    def fields() -> object:
        return receptive_fields(gan.discriminator, layer.name, shape)

    print(f"largest difference {float((one_by_one() - at_once()).abs().max()):.1e}")
    turns = [[seconds(action) for action in (one_by_one, at_once, fields)] for _ in range(options.turns)]
    for name, column in (("one by one", 0), ("at once", 1), ("receptive fields, once a command", 2)):
        clock, own = (statistics.median(turn[column][kind] for turn in turns) for kind in (0, 1))
        print(f"{name:32} {1000 * clock:7.1f} ms, CPU {1000 * own:7.1f} ms")
    clock, own = (statistics.median(turn[0][kind] / turn[1][kind] for turn in turns) for kind in (0, 1))
    print(f"ratio {clock:.2f}")
    print(f"ratio of CPU seconds {own:.2f}")


if __name__ == "__main__":
    main()
