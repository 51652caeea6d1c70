"""A discriminator that was written to be called with pictures and their classes, so that a GAN can call it."""

from __future__ import annotations

import inspect

import torch
from torch import nn

from ganlab.errors import GanlabError


class Told(nn.Module):
    """Tells somebody's discriminator the class of every picture: those it is given, else one for all.

    Attributes:
        conditional: it takes classes, as a GAN asks of every discriminator.
        label: the class where none is given; None to insist on one.
    """

    conditional = True

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.label: int | None = None

    def forward(self, images: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        if labels is None:
            if self.label is None:
                raise GanlabError(
                    "The discriminator has to be told the class of every picture.", "Choose one with --label."
                )
            labels = torch.full((len(images),), self.label, device=images.device)
        return self.network(images, labels).reshape(len(images), -1).mean(1)


def told_the_class(discriminator: nn.Module, classes: int | None) -> nn.Module:
    """The discriminator as it is, or told the class where its ``forward`` insists on a second input.

    Args:
        classes: how many the GAN knows.

    Raises:
        GanlabError: it insists on classes, and the GAN knows none, or on more than that.
    """
    if getattr(discriminator, "conditional", False):
        return discriminator
    inputs = _insists_on(discriminator)
    if inputs < 2:
        return discriminator
    if inputs > 2 or classes is None:
        raise GanlabError(
            f"The discriminator takes {inputs} inputs"
            + (", and of the GAN no classes are known." if inputs == 2 else ", and is given pictures and classes."),
            "Say how many classes there are: Gan(..., classes=10)." if inputs == 2 else "Wrap it in a module of these.",
        )
    return Told(discriminator)


def _insists_on(network: nn.Module) -> int:
    """How many inputs without a default its ``forward`` has; one where that cannot be asked."""
    try:
        parameters = inspect.signature(network.forward).parameters.values()
    except ValueError:  # it is no Python, as of what torch.jit traced
        return 1
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.kind in positional and one.default is inspect.Parameter.empty for one in parameters)
