"""A labeler as it lies in a folder: its card, and the weights of its network."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

if TYPE_CHECKING:
    import torch

    from .blocks import Net

CARD, WEIGHTS = "card.toml", "weights.safetensors"


class InFolder:
    """What the labelers of rooms and of faces take from their folder, each when it is first needed.

    Args:
        folder: where ``card.toml`` and ``weights.safetensors`` lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def card(self) -> Mapping[str, Any]:
        """Training, validation figures, and what the labeler goes by."""
        return tomllib.loads((self.folder / CARD).read_text(encoding="utf-8"))

    @property
    def domain(self) -> str:
        """The pictures it can be trusted on."""
        return str(self.card["domain"])

    def with_weights(self, build: Callable[[], Net]) -> Net:
        """The network in eval mode and float32, with the folder's weights.

        Args:
            build: makes it, with weights of its own, for which torch's random state is left as it was.
        """
        import torch
        from safetensors.torch import load_file

        with torch.random.fork_rng(devices=[]):
            network = build()
        network.load_state_dict({name: value.float() for name, value in load_file(self.folder / WEIGHTS).items()})
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network.eval().requires_grad_(False)


def write_weights(weights: Mapping[str, torch.Tensor], folder: Path) -> None:
    """Weights in bfloat16, for everybody to read."""
    import torch
    from safetensors.torch import save_file

    save_file({name: value.to(torch.bfloat16).contiguous() for name, value in weights.items()}, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)  # safetensors lets nobody else read


def write_card(card: Mapping[str, Any], folder: Path) -> None:
    """The card as TOML."""
    (folder / CARD).write_text(tomli_w.dumps(dict(card), multiline_strings=True), encoding="utf-8")
