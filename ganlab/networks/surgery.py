"""Take feature maps out of a generator for good, by the weights of what consumes them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from ganlab.errors import GanlabError
from ganlab.networks import activations
from ganlab.networks.layers import trace_side

if TYPE_CHECKING:
    from ganlab.gan import Gan

# where a weight's input channels stand (of convolutions that are not grouped)
INPUT_AXIS: dict[type[nn.Module], int] = {nn.Conv2d: 1, nn.Linear: 1, nn.ConvTranspose2d: 0}


def without(gan: Gan, layer: str, filters: Sequence[int] | np.ndarray) -> nn.Module:
    """The generator with zero weights wherever these maps of ``layer`` are consumed.

    The surgery is proved on the spot: whatever is in the maps, it must draw what zeroing them by a hook draws.
    """
    filters = np.asarray(filters)
    check_filters(gan, layer, filters)
    filters = filters.astype(np.int64)
    network = gan.network("generator")
    source = activations.find_layer(network, layer)
    calls = trace_side(gan, "generator")
    maps = next(output for module, _, output in calls if module is source)
    names = {module: name for name, module in network.named_modules()}
    # classes are joined behind the maps, which so keep their places
    carriers = [maps, *(output for module, taken, output in calls if taken is maps and _only_appends(module))]
    consumers = [
        (names[module], axis)
        for module, taken, _ in calls
        if any(taken is carrier for carrier in carriers) and (axis := _input_axis(module)) is not None
    ]
    if len(filters) and not consumers:
        raise _not_removable(layer)
    generator = copy.deepcopy(network)
    for consumer, axis in consumers:
        weight = activations.find_layer(generator, consumer).get_parameter("weight").data
        torch.movedim(weight, axis, 0)[filters] = 0
    _prove(gan, generator, layer, filters)
    return generator


def zeroed(filters: np.ndarray) -> activations.Edit:
    """The edit that sets feature maps to zero at all positions (section 6.3.1), for :meth:`ganlab.Gan.edit`.

    Args:
        filters: (k,) places of maps.
    """

    def edit(features: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        features[:, filters] = 0
        return features

    return edit


def check_filters(gan: Gan, layer: str, filters: np.ndarray) -> None:
    """That the layer exists, runs and has all these maps."""
    activations.find_layer(gan.network("generator"), layer)
    shape = next((known.shape for known in gan.layers() if known.name == layer), ())
    if not shape:
        raise GanlabError(f"The layer {layer!r} puts out no feature maps.", "gan.hidden_layers() lists those that do.")
    if filters.size and filters.dtype.kind not in "iu":
        raise GanlabError(
            f"Filters are named by whole numbers, not by {filters.dtype}.", "Of a mask, take numpy.flatnonzero."
        )
    outside = filters[(filters < 0) | (filters >= shape[0])]
    if len(outside):
        raise GanlabError(
            f"The layer {layer!r} has no filter {outside[0]}.", f"Its filters go from 0 to {shape[0] - 1}."
        )


def _input_axis(module: nn.Module) -> int | None:
    """Where the weight's input channels stand, None if it has none; ours, which is none of torch's, says it."""
    # what norms its weights (old spectral_norm and weight_norm) keeps them elsewhere, and zeros there change the others
    if getattr(module, "groups", 1) != 1 or "weight" not in dict(module.named_parameters(recurse=False)):
        return None
    return INPUT_AXIS.get(type(module), getattr(module, "input_axis", None))


def _only_appends(module: nn.Module) -> bool:
    return bool(getattr(module, "only_appends", False))


def _prove(gan: Gan, generator: nn.Module, layer: str, filters: np.ndarray) -> None:
    """With noise in the maps: one that is silent in these few pictures could hide who reads it."""
    latents = gan.latents(4, label=None if gan.classes is None else 0)
    with gan.edit({layer: zeroed(filters)}):
        expected = gan.generate(latents)
    cut = gan.with_networks(generator, None)
    with cut.edit({layer: _noisy(filters)}):
        drawn = cut.generate(latents)
    if not torch.allclose(drawn, expected, atol=1e-4):
        raise _not_removable(layer)


def _noisy(filters: np.ndarray) -> activations.Edit:
    """The edit that sets these maps to noise of both signs, as strong as the layer's strongest value, at least 1."""

    def edit(features: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        random = torch.Generator().manual_seed(0)
        noise = torch.randn(features[:, filters].shape, generator=random, device="cpu")
        features[:, filters] = noise.to(features) * features.abs().max().clamp(min=1)
        return features

    return edit


def _not_removable(layer: str) -> GanlabError:
    return GanlabError(
        f"The filters of {layer!r} cannot be removed: something other than a convolution uses them.",
        "Drop them with gan.edit instead, or choose the layer after it.",
    )
