"""Catch every rectifier that a network calls, whatever it calls it by, without touching the network.

captum's ``GuidedBackprop`` hooks modules of the type ``nn.ReLU`` and nothing else: on a discriminator with LeakyReLU it
returns the plain gradient without a word, and a ``F.leaky_relu`` inside a ``forward`` is no module at all. Every call
of a rectifier, by a module or a function, in place or not, is caught here on its way into torch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from ganlab import GanlabError

Compute = Callable[[torch.Tensor], torch.Tensor]
Call = Callable[..., Any]

# the names that torch's functions, methods and in-place variants (with a _ behind) share
RECTIFIERS = frozenset(
    {
        "relu", "relu6", "leaky_relu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus",
        "hardswish",
    }
)  # fmt: skip
# functions of one value each that are flat somewhere, and those that take the largest of each window
FLAT = frozenset(
    {"hardtanh", "hardsigmoid", "threshold", "hardshrink", "softshrink", "clamp", "clamp_min", "clamp_max", "clip"}
)
POOLING = frozenset(
    {
        "max_pool2d", "max_pool2d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices",
    }
)  # fmt: skip
# all other functions that bend: their own gradient is left as it is, and the result says so
OTHERS = FLAT | POOLING | {"tanh", "sigmoid", "softsign", "logsigmoid", "abs", "maximum", "minimum", "where", "softmax"}


class Intercept(TorchFunctionMode):
    """While entered, sees every call of a rectifier; this one changes nothing and counts.

    Attributes:
        rectifiers: how many were called.
        convolutions: how many were called.
        others: names of other bending functions that were called, each once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rectifiers = 0
        self.convolutions = 0
        self.others: dict[str, None] = {}

    def rectify(self, number: int, x: torch.Tensor, compute: Compute) -> torch.Tensor:
        """What the rectifier of this number puts out, counted from 0; ``x`` is read by nobody else."""
        return compute(x)

    def convolve(self, number: int, compute: Call, x: Any, *others: Any) -> torch.Tensor:
        """What the convolution of this number puts out."""
        return compute(x, *others)

    def bend(self, name: str, func: Call, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """What another bending function of this name puts out."""
        return func(*args, **kwargs)

    def __torch_function__(
        self, func: Call, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        name = getattr(func, "__name__", "").strip("_")
        if name in RECTIFIERS:
            self.rectifiers += 1
            number = self.rectifiers - 1
            return elementwise(lambda x, compute: self.rectify(number, x, compute), func, args, given)
        if name == "conv2d" and not given:  # as nn.Conv2d calls it
            self.convolutions += 1
            return self.convolve(self.convolutions - 1, func, *args)
        if name in OTHERS:
            self.others[name.removesuffix("_with_indices")] = None
            return self.bend(name, func, args, given)
        return func(*args, **given)


def elementwise(
    instead: Callable[[torch.Tensor, Compute], torch.Tensor], func: Call, args: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
    """A call of a function of one value each, in place or not, with ``instead(x, compute)`` for ``compute(x)``."""
    in_place = _in_place(func, args, kwargs)
    x, *rest = args if args else (kwargs.pop("input"),)
    # a tensor of its own: what arrives at it going back has come through this call alone
    private = x.clone() if in_place else x.view_as(x)
    output = instead(private, lambda value: func(value, *rest, **kwargs))
    return x.copy_(output) if in_place else output


def _in_place(func: Call, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether this call overwrites its input."""
    if func.__name__.endswith("_"):
        return True
    try:
        return bool(inspect.signature(func).bind(*args, **kwargs).arguments.get("inplace", False))
    except (TypeError, ValueError):  # built into torch: only those with a _ behind write in place
        return False


class _Reached(Exception):
    """Ends a pass when the layer has run; never leaves this file."""


def run_until(network: nn.Module, layer: str, images: torch.Tensor) -> torch.Tensor:
    """What a layer puts out, (n, filters, rows, columns); whatever comes behind it does not run.

    Raises:
        GanlabError: the layer does not run, or puts out no feature maps.
    """
    kept: list[Any] = []

    def stop(module: nn.Module, inputs: Any, output: Any) -> None:
        kept.append(output)
        raise _Reached

    handle = network.get_submodule(layer).register_forward_hook(stop)
    try:
        network(images.clone())  # a copy, for networks that begin in place
    except _Reached:
        pass
    finally:
        handle.remove()
    if not kept or not isinstance(kept[0], torch.Tensor) or kept[0].ndim != 4:
        raise GanlabError(f"The layer {layer!r} puts out no feature maps.", "Name another with --layer.")
    return kept[0]


@dataclass(frozen=True)
class Route:
    """What runs until a layer ends.

    Attributes:
        filters: of the layer.
        rectifiers: calls of rectifiers, at least 1.
        convolutions: calls of convolutions.
        others: names of other bending functions, whose own gradient guided backpropagation leaves as it is.
    """

    filters: int
    rectifiers: int
    convolutions: int
    others: tuple[str, ...]


def find_route(network: nn.Module, layer: str, images: torch.Tensor) -> Route:
    """Count what runs until a layer ends.

    Raises:
        GanlabError: no rectifier, so that guided backpropagation would be the plain gradient; no feature maps.
    """
    with torch.no_grad(), Intercept() as seen:
        features = run_until(network, layer, images)
    if not seen.rectifiers:
        raise GanlabError(
            f"No activation that guided backpropagation could change runs before the layer {layer!r} ends.",
            f"Name a later --layer. Activations it knows: {', '.join(sorted(RECTIFIERS))}.",
        )
    return Route(features.shape[1], seen.rectifiers, seen.convolutions, tuple(seen.others))
