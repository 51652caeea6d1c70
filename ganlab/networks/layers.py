"""The layers of a network as one forward pass meets them: names, kinds and shapes, and which ones are hidden maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganlab.errors import GanlabError
from ganlab.networks.weights import is_program

if TYPE_CHECKING:
    import torch
    from torch import nn

    from ganlab.gan import Gan, Side

    Call = tuple[nn.Module, torch.Tensor, torch.Tensor]

REPEATS = ("ClassCode", "Joined", "Dropout")  # say the class, or again what came before


@dataclass(frozen=True)
class Layer:
    """A named layer: dotted name, kind (the module's class), shape of its output for one picture."""

    name: str
    kind: str
    shape: tuple[int, ...]


def trace(network: nn.Module, run: Callable[[], object]) -> list[Call]:
    """Every module call of a forward pass: (module, its input, its output), in the order in which they end.

    What goes on inside a program of ``torch.jit`` nobody hears.

    Args:
        run: runs the network once.
    """
    import torch

    calls: list[Call] = []

    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, torch.Tensor) and inputs and isinstance(inputs[0], torch.Tensor):
            calls.append((module, inputs[0], output))

    handles = [module.register_forward_hook(note) for module in network.modules() if not is_program(module)]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return calls


def trace_side(gan: Gan, side: Side) -> list[Call]:
    """Every module call of one pass of a GAN's network, on two pictures.

    Raises:
        GanlabError: the GAN has no such network.
    """
    return trace(gan.network(side), lambda: try_out(gan, side))


def try_out(gan: Gan, side: Side) -> None:
    """Run a network on two pictures, of any class where it needs one.

    Raises:
        GanlabError: the GAN has no such network, or it cannot be run.
    """
    import torch

    if side == "generator":
        gan.generate(gan.latents(2, label=gan.label or 0 if gan.classes is not None else None))
        return
    told = torch.zeros(2, dtype=torch.int64) if gan.conditional_discriminator and gan.label is None else None
    gan.score(torch.zeros(2, gan.image.channels, gan.image.size, gan.image.size), told)


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

    A block that puts out its activation's own tensor stands for it: ``up16`` rather than ``up16.act``. A name stands
    for one thing: of an activation that several layers share, and so runs several times a pass, the maps that go into
    it are named, by the layer that puts them out. Maps that no module makes alone, as where activations are functions,
    are left out, and so is the picture's own activation, whatever is done to the picture behind it.
    """
    if not calls:  # a program, of which only the whole can be called
        return []
    names = _names(network)
    final = calls[-1][2]
    # the outermost module that puts a tensor out comes last
    makers = {id(output): (module, output) for module, _, output in _once(calls) if module in names}
    maps: dict[str, Layer] = {}
    for place, (module, given, output) in enumerate(calls):
        activates = type(module).__module__ == "torch.nn.modules.activation" and output.ndim == 4
        made = makers.get(id(output)) or makers.get(id(given))
        if activates and made is not None and not _is_output(output, final, module, calls[place + 1 :]):
            layer = _layer(names[made[0]], *made)
            maps.setdefault(layer.name, layer)
    return list(maps.values())


def _is_output(maps: torch.Tensor, final: torch.Tensor, made_by: nn.Module, later: Sequence[Call]) -> bool:
    """Whether maps are what the network puts out: a view of it, or its channels, with no weights behind them."""
    if maps.data_ptr() == final.data_ptr():
        return True
    if maps.shape[:2] != final.shape[:2]:
        return False
    # a module that holds the one that made them began before it
    weighted = (module for module, _, _ in later if next(module.parameters(recurse=False), None) is not None)
    return all(made_by in module.modules() for module in weighted)


def feature_layers(network: nn.Module, calls: Sequence[Call]) -> list[Layer]:
    """The layers that describe an input: its hidden maps; where there are none, whatever ends before the last layer."""
    if hidden := hidden_layers(network, calls):
        return hidden
    names = _names(network)
    layers = [layer for layer in all_layers(network, calls) if layer.kind not in REPEATS]
    innermost = [layer for layer in layers if not any(other.name.startswith(f"{layer.name}.") for other in layers)]
    once = {names[module] for module, _, _ in _once(calls) if module in names}
    return [layer for layer in innermost[:-1] if layer.name in once]


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


def _once(calls: Sequence[Call]) -> list[Call]:
    """The calls of modules that run once a pass."""
    runs = Counter(module for module, _, _ in calls)
    return [call for call in calls if runs[call[0]] == 1]


def _names(network: nn.Module) -> dict[nn.Module, str]:
    return {module: name for name, module in network.named_modules() if name}


def _layer(name: str, module: nn.Module, output: torch.Tensor) -> Layer:
    return Layer(name, type(module).__name__, tuple(output.shape[1:]))
