"""Take feature maps out of a generator for good, by the weights of what consumes them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from ganlab import activations
from ganlab.errors import GanlabError

if TYPE_CHECKING:
    from ganlab.gan import Gan

# where a weight's input channels stand
INPUT_AXIS: dict[type[nn.Module], int] = {nn.Conv2d: 1, nn.Linear: 1, nn.ConvTranspose2d: 0}


def without(gan: Gan, layer: str, filters: np.ndarray) -> nn.Module:
    """The generator with zero weights wherever these maps of ``layer`` are consumed.

    The surgery is proved on the spot: it must draw what zeroing the maps by a hook draws.
    """
    check_filters(gan, layer, filters)
    source = activations.find_layer(gan.generator, layer)
    trace = gan._trace("generator")
    maps = next(output for module, _, output in trace if module is source)
    names = {module: name for name, module in gan.generator.named_modules()}
    consumers = [module for module, taken, _ in trace if taken is maps and type(module) in INPUT_AXIS]
    generator = copy.deepcopy(gan.generator)
    for consumer in consumers:
        twin = activations.find_layer(generator, names[consumer])
        inputs = torch.movedim(twin.weight.data, INPUT_AXIS[type(consumer)], 0)
        inputs[filters] = 0
    _prove(gan, generator, layer, filters)
    return generator


def zeroed(filters: np.ndarray) -> activations.Edit:
    """The edit that sets these maps to zero everywhere."""

    def edit(features: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        features[:, filters] = 0
        return features

    return edit


def check_filters(gan: Gan, layer: str, filters: np.ndarray) -> None:
    """That the layer exists and has all these maps."""
    activations.find_layer(gan.generator, layer)
    count = next(known.shape[0] for known in gan.layers() if known.name == layer)
    outside = filters[(filters < 0) | (filters >= count)]
    if len(outside):
        raise GanlabError(f"The layer {layer!r} has no filter {outside[0]}.", f"Its filters go from 0 to {count - 1}.")


def _prove(gan: Gan, generator: nn.Module, layer: str, filters: np.ndarray) -> None:
    latents = gan.latents(4, label=None if gan.classes is None else 0)
    with gan.edit({layer: zeroed(filters)}):
        expected = gan.generate(latents)
    if not torch.allclose(gan._with(generator, None).generate(latents), expected, atol=1e-4):
        raise GanlabError(
            f"The filters of {layer!r} cannot be removed: something other than a convolution uses them.",
            "Drop them with gan.edit instead, or choose the layer after it.",
        )
