"""Read and change what named layers compute, inside one with-block, in any ``nn.Module``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

from ganlab.errors import GanlabError
from ganlab.networks.batches import first_row
from ganlab.wording import suggest

if TYPE_CHECKING:
    import numpy as np

Edit = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Recording(Mapping[str, torch.Tensor]):
    """What layers put out inside a ``record`` block: layer name -> (n, ...) on the CPU, all calls joined in order.

    A pass through the network counts when it ends: one that ran out of memory halfway leaves nothing.

    Args:
        names: of the layers.
        kept: what is kept of what a layer puts out, (n, ...) -> (n, ...); all of it by default.
    """

    def __init__(self, names: tuple[str, ...], kept: Callable[[torch.Tensor], torch.Tensor] | None = None) -> None:
        self._kept = kept
        self._shapes: dict[str, set[torch.Size]] = {name: set() for name in names}  # of what is put out of one row
        self._calls: dict[str, list[torch.Tensor]] = {name: [] for name in names}
        self._running: list[tuple[str, torch.Size, torch.Tensor]] = []

    def __getitem__(self, name: str) -> torch.Tensor:
        calls = self._calls[name]
        if not calls:
            raise GanlabError(f"The layer {name!r} has not run yet.", "Generate or score pictures inside the block.")
        if len(self._shapes[name]) > 1:
            raise GanlabError(
                f"The layer {name!r} runs several times and puts out maps of several shapes.", "Name another layer."
            )
        if len(calls) > 1:
            self._calls[name] = calls = [torch.cat(calls)]
        return calls[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._calls)

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, name: str, features: torch.Tensor) -> None:
        kept = features.detach() if self._kept is None else self._kept(features.detach())
        # a copy: later in-place layers would overwrite what is kept
        kept = kept.to("cpu", copy=True, memory_format=torch.contiguous_format)
        self._running.append((name, features.shape[1:], kept))

    def end(self, output: object) -> None:
        """The pass is over; it counts where it put something out."""
        for name, shape, features in () if output is None else self._running:
            self._shapes[name].add(shape)
            self._calls[name].append(features)
        self._running = []


def find_layer(network: nn.Module, name: str) -> nn.Module:
    """The submodule of that dotted name.

    Raises:
        GanlabError: there is none; the hint lists what there is.
    """
    named = {known: module for known, module in network.named_modules() if known}
    if name not in named:
        raise GanlabError(f"There is no layer called {name!r}.", suggest(name, named))
    return named[name]


@contextmanager
def record(
    network: nn.Module, *names: str, kept: Callable[[torch.Tensor], torch.Tensor] | None = None
) -> Iterator[Recording]:
    """Keep what these layers put out while the block runs. Names are checked before anything is hooked.

    Where ``edit`` is entered first, the edited features are kept.

    Args:
        network: whose layers they are.
        names: of the layers.
        kept: as of :class:`Recording`: what is made of features where they lie, before they are copied.

    Raises:
        GanlabError: an unknown layer; on reading, a layer that did not run, or that put out several shapes.
    """
    layers = {name: find_layer(network, name) for name in names}
    recording = Recording(names, kept)

    def keep(name: str) -> Callable[..., None]:
        return lambda module, inputs, output: recording.add(name, output)

    # none before the pass: those hooks alone are not shared by all that tell one network different classes
    handles = [
        *(layer.register_forward_hook(keep(name)) for name, layer in layers.items()),
        network.register_forward_hook(lambda module, inputs, output: recording.end(output), always_call=True),
    ]
    try:
        yield recording
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def edit(network: nn.Module, edits: Mapping[str, Edit]) -> Iterator[None]:
    """Change what layers put out while the block runs.

    Each edit is called with the features (n, ...) and the rows (n,): which pictures of the whole call these are, so
    that a batched call can be edited picture by picture. It returns features of the same shape.

    Raises:
        GanlabError: an unknown layer, an edit that changes the shape, or (on leaving the block) a layer that never ran.
    """
    layers = {name: find_layer(network, name) for name in edits}
    ran: set[str] = set()

    def change(name: str) -> Callable[..., torch.Tensor]:
        def hook(module: nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor:
            ran.add(name)
            rows = torch.arange(len(output), device="cpu") + first_row(network)
            edited = edits[name](output.clone(), rows)
            if not isinstance(edited, torch.Tensor) or edited.shape != output.shape:
                became = tuple(edited.shape) if isinstance(edited, torch.Tensor) else type(edited).__name__
                raise GanlabError(
                    f"The edit of {name!r} turned {tuple(output.shape)} into {became}.",
                    "An edit returns features of the shape it was given.",
                )
            return edited

        return hook

    handles = [layer.register_forward_hook(change(name)) for name, layer in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
    silent = sorted(set(edits) - ran)
    if silent:
        raise GanlabError(f"The edit of {silent[0]!r} never ran.", "Generate pictures inside the block.")


@contextmanager
def replay(network: nn.Module, recording: Recording, rows: np.ndarray) -> Iterator[None]:
    """Let the recorded layers put out what was recorded, without running, while the block runs.

    Recorded in a pass over the same inputs, they give the same results in less time. Hooks, and so edits, still apply.

    Args:
        network: the one that was recorded.
        recording: of layers that run once a pass.
        rows: (n,) which rows of the recording a whole call runs.

    Raises:
        GanlabError: a layer that the network does not have, or one that never ran when recorded.
    """
    layers = {name: (find_layer(network, name), recording[name]) for name in recording}
    chosen = torch.from_numpy(rows)

    def recorded(features: torch.Tensor) -> Callable[..., torch.Tensor]:
        def instead(first: torch.Tensor, *others: object, **named: object) -> torch.Tensor:
            begin = first_row(network)
            return features[chosen[begin : begin + len(first)]].to(first.device)

        return instead

    # an instance's own forward shadows its class's; other tools put theirs there too
    before = {layer: vars(layer).get("forward") for layer, _ in layers.values()}
    for layer, features in layers.values():
        layer.forward = recorded(features)
    try:
        yield
    finally:
        for layer, forward in before.items():
            if forward is None:
                del layer.forward
            else:
                layer.forward = forward
