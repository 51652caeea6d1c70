"""Guided backpropagation (section 6.2) through captum, of many units at once, each in its own picture.

A backward pass serves a whole batch: every row picks its own filter and position. And it computes no more than the
units need: the part of the picture that a unit sees, cut along the layer's grid, and of the last convolution the
filters that were asked for. Whether that was allowed shows in the unit's response, which must be what it is in the
whole picture; where it is not, because a network mixes filters or looks at all of a picture, everything is computed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import nn

from ganlab import progress

from .receptive import Fields, receptive_fields
from .rectifiers import Compute, Intercept, Route, find_route, run_until

Rule = Literal["leaky-guided", "guided", "deconvolution"]

PIXELS_AT_ONCE = 32 * 64 * 64  # in one backward pass
SAME = 1e-4  # responses that differ by less than this part of the largest differ by rounding


@dataclass(frozen=True)
class Layer:
    """A layer of a network, what runs before it, and what its units see.

    Attributes:
        network: images (n, c, h, w) -> anything, in eval mode, frozen; it is never changed.
        name: the layer's dotted name.
        device: where the network is.
    """

    network: nn.Module
    name: str
    device: str
    route: Route
    fields: Fields

    @classmethod
    def of(cls, network: nn.Module, name: str, shape: tuple[int, int, int], device: str = "cpu") -> Self:
        """Look at a layer.

        Args:
            shape: (channels, height, width) of a picture.

        Raises:
            GanlabError: it puts out no feature maps, or no rectifier runs before it ends.
        """
        route = find_route(network, name, torch.zeros(1, *shape, device=device))
        return cls(network, name, device, route, receptive_fields(network, name, shape))


def guided_gradients(
    layer: Layer, images: torch.Tensor, units: np.ndarray, responses: np.ndarray, rule: Rule
) -> torch.Tensor:
    """The gradient of each unit's response by its own picture, with rectifiers' gradients as the rule says.

    Args:
        images: (n, c, h, w) in the GAN's range, on the CPU.
        units: (n, 3) int: filter, row and column of the unit to be explained in each picture.
        responses: (n,) what these units put out when they see the whole picture.
        rule: ``leaky-guided`` lets positive gradients through, times the rectifier's own slope; ``guided`` also stops
            them where the rectifier's input was not positive; ``deconvolution`` ignores the slope.

    Returns:
        (n, c, h, w) float32 on the CPU; zero outside the receptive field.
    """
    gradients = torch.zeros(images.shape)
    cuts = _cuts(layer.fields, units)
    unsure = np.zeros(len(images), bool)
    for rows in progress(list(_batches(cuts)), "guided backpropagation"):
        try:
            found = _backward(layer, images, units, cuts, rows, rule, gradients, np.unique(units[:, 0]))
        except torch.OutOfMemoryError:  # a RuntimeError too, and whole pictures would need more yet
            raise
        except RuntimeError:  # a network that takes pictures of one size only
            found = np.full(len(rows), np.nan)
        unsure[rows] = ~(np.abs(found - responses[rows]) <= SAME * np.abs(responses).max())
    cuts[:] = 0, layer.fields.size[0], 0, layer.fields.size[1], 0, 0
    rest = np.flatnonzero(unsure)
    for rows in progress(list(_batches(cuts[rest])), "guided backpropagation of whole pictures"):
        _backward(layer, images, units, cuts, rest[rows], rule, gradients, None)
    return gradients


def _cuts(fields: Fields, units: np.ndarray) -> np.ndarray:
    """(n, 6) int: top, bottom, left, right of the smallest cut along the grid, and by how many units it is moved."""
    cuts = np.zeros((len(units), 6), int)
    for axis, (spans, size) in enumerate(zip((fields.rows, fields.columns), fields.size, strict=True)):
        pixels = size // len(spans) if size % len(spans) == 0 else size  # from one unit to the next
        first, behind = spans[units[:, 1 + axis]].T
        cuts[:, 2 * axis] = first // pixels * pixels
        cuts[:, 2 * axis + 1] = -(-behind // pixels) * pixels
        cuts[:, 4 + axis] = first // pixels
    return cuts


def _batches(cuts: np.ndarray) -> Iterator[np.ndarray]:
    """Rows whose cuts have one shape, as many as fit into a pass."""
    shapes = cuts[:, [1, 3]] - cuts[:, [0, 2]]
    for shape in np.unique(shapes, axis=0):
        rows = np.flatnonzero((shapes == shape).all(1))
        most = max(1, PIXELS_AT_ONCE // int(shape.prod()))
        yield from (rows[start : start + most] for start in range(0, len(rows), most))


def _backward(
    layer: Layer,
    images: torch.Tensor,
    units: np.ndarray,
    cuts: np.ndarray,
    rows: np.ndarray,
    rule: Rule,
    gradients: torch.Tensor,
    filters: np.ndarray | None,
) -> np.ndarray:
    """Write the gradients of one batch, and return the responses of its units (rows,)."""
    from captum.attr import Deconvolution, GuidedBackprop

    places = [
        (row, slice(None), slice(top, bottom), slice(left, right))
        for row, (top, bottom, left, right) in zip(rows, cuts[rows, :4], strict=True)
    ]
    parts = torch.stack([images[place] for place in places]).to(layer.device)
    moved = torch.from_numpy(units[rows] - np.pad(cuts[rows, 4:], ((0, 0), (1, 0))))
    responses = Responses(layer, rule, filters)
    method = Deconvolution(responses) if rule == "deconvolution" else GuidedBackprop(responses)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that hooks are set and removed again is what captum is asked for
        found = method.attribute(parts.requires_grad_(), additional_forward_args=(moved.to(layer.device),))
    for place, gradient in zip(places, found.cpu(), strict=True):
        gradients[place] = gradient
    return responses.last


class Responses(nn.Module):
    """Images (n, c, h, w) and units (n, 3) -> their responses (n,), through rectifiers that captum hooks.

    The network is not registered here, so captum's hooks stay away from it.

    Args:
        filters: the only ones of the last convolution to be computed; None for all.
    """

    def __init__(self, layer: Layer, rule: Rule, filters: np.ndarray | None) -> None:
        super().__init__()
        self.rectifiers = nn.ModuleList(Rectifier(rule) for _ in range(layer.route.rectifiers))
        self.last = np.empty(0)
        self._layer = (layer,)
        self._filters = None if filters is None else torch.from_numpy(filters)

    def forward(self, images: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
        (layer,) = self._layer
        with _Redirect(self.rectifiers, layer.route.convolutions - 1, self._filters):
            features = run_until(layer.network, layer.name, images)
        if (units.amax(0).cpu() >= torch.tensor(features.shape[1:])).any():
            raise RuntimeError("the cut has no such unit")
        responses = features[torch.arange(len(units), device=features.device), *units.T]
        self.last = responses.detach().cpu().numpy()
        return responses


class Rectifier(nn.ReLU):
    """A rectifier's own values, with gradients as the rule wants them, in a module that captum hooks.

    captum replaces the gradient by its positive part: before the slope for ``deconvolution``, else behind it.
    """

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.strict = rule == "guided"
        self.compute: Compute = torch.relu

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.strict:
            return self.compute(x)
        positive = x > 0
        output = self.compute(x)
        return torch.where(positive, output, output.detach())


class _Redirect(Intercept):
    """Sends each rectifier through its module, and computes of the last convolution only what is needed."""

    def __init__(self, modules: nn.ModuleList, last: int, filters: torch.Tensor | None) -> None:
        super().__init__()
        self._modules = modules
        self._last = last
        self._filters = filters

    def rectify(self, number: int, x: torch.Tensor, compute: Compute) -> torch.Tensor:
        module = self._modules[number]
        module.compute = compute  # type: ignore[assignment]
        return module(x)

    def convolve(self, number: int, compute: Any, x: Any, *others: Any) -> torch.Tensor:
        weight, bias, *rest = others
        if number != self._last or self._filters is None or int(self._filters.max()) >= len(weight):
            return compute(x, *others)
        chosen = self._filters.to(x.device)
        part = compute(x, weight[chosen], None if bias is None else bias[chosen], *rest)
        return part.new_zeros(len(x), len(weight), *part.shape[2:]).index_copy(1, chosen, part)
