"""The layers of a network as one forward pass meets them: names, kinds and shapes, and which ones are hidden maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganlab.errors import GanlabError

if TYPE_CHECKING:
    import torch
    from torch import nn

    Call = tuple[nn.Module, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Layer:
    """A named layer: dotted name, kind (the module's class), shape of its output for one picture."""

    name: str
    kind: str
    shape: tuple[int, ...]


def trace(network: nn.Module, run: Callable[[], object]) -> list[Call]:
    """Every module call of a forward pass: (module, its input, its output), in the order in which they end.

    Args:
        run: runs the network once.
    """
    import torch

    calls: list[Call] = []

    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, torch.Tensor) and inputs and isinstance(inputs[0], torch.Tensor):
            calls.append((module, inputs[0], output))

    handles = [module.register_forward_hook(note) for module in network.modules()]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return calls


def all_layers(network: nn.Module, calls: Sequence[Call]) -> list[Layer]:
    """Every layer that ran, in the order in which it first ended."""
    names = _names(network)
    seen: dict[str, Layer] = {}
    for module, _, output in calls:
        if module in names:
            seen.setdefault(names[module], _layer(names[module], module, output))
    return list(seen.values())


def hidden_layers(network: nn.Module, calls: Sequence[Call]) -> list[Layer]:
    """The hidden feature maps after their activation, from input to output, each under its shortest name.

    A block that puts out its activation's own tensor stands for it: ``up16`` rather than ``up16.act``.
    """
    names = _names(network)
    final = calls[-1][2].data_ptr()  # a view of it is the output too
    blocks: dict[int, tuple[nn.Module, torch.Tensor]] = {}
    for module, _, output in calls:
        activates = type(module).__module__ == "torch.nn.modules.activation" and output.ndim == 4
        if activates or (id(output) in blocks and module in names):
            blocks[id(output)] = (module, output)
    maps = [(module, output) for module, output in blocks.values() if output.data_ptr() != final]
    return [_layer(names[module], module, output) for module, output in maps]


def ended_with(network: nn.Module, calls: Sequence[Call], layer: str) -> list[str]:
    """The outermost layers that have ended when ``layer`` ends, itself included.

    Raises:
        GanlabError: one that runs several times a pass, or never.
    """
    names = _names(network)
    run = [names[module] for module, _, _ in calls if module in names]
    if run.count(layer) != 1:
        raise GanlabError(f"The layer {layer!r} runs {run.count(layer)} times a pass.", "Name another layer.")
    ended = [name for name in run[: run.index(layer) + 1] if run.count(name) == 1]
    return [name for name in ended if not any(name.startswith(f"{other}.") for other in ended)]


def _names(network: nn.Module) -> dict[nn.Module, str]:
    return {module: name for name, module in network.named_modules() if name}


def _layer(name: str, module: nn.Module, output: torch.Tensor) -> Layer:
    return Layer(name, type(module).__name__, tuple(output.shape[1:]))
