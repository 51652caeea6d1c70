"""Telling a discriminator that was written to be called with pictures and their classes, so that a GAN can call it."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from typing import Any

import torch
from torch import nn

from ganlab.errors import GanlabError


class Teller:
    """A hook of a discriminator: says the class of every picture where it is called with pictures only.

    The discriminator stays what it is, its layers keep their names, and whoever calls it need not know of classes.

    Attributes:
        label: the class that is said; None to insist on being given classes.
    """

    def __init__(self, label: int | None = None) -> None:
        self.label = label

    def __call__(self, discriminator: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if len(inputs) != 1 or named:
            return inputs, named
        if self.label is None:
            raise GanlabError(
                "The discriminator has to be told the class of every picture.", "Choose one with --label."
            )
        (images,) = inputs
        return (images, torch.full((len(images),), self.label, device=images.device)), named


def teller_of(discriminator: nn.Module | None) -> Teller | None:
    """What tells a discriminator the class; None where nobody does."""
    hooks = [] if discriminator is None else discriminator._forward_pre_hooks.values()
    return next((hook for hook in hooks if isinstance(hook, Teller)), None)


def told_the_class(discriminator: nn.Module, label: int | None = None) -> nn.Module:
    """A discriminator that takes classes, with a teller of its own; its weights and layers are those of the given one.

    Two GANs may share a discriminator and draw different classes.
    """
    told = type(discriminator).__new__(type(discriminator))
    told.__dict__.update(discriminator.__dict__)  # as copy.copy does where a network has no ideas of its own about it
    hooks = discriminator._forward_pre_hooks.items()
    told._forward_pre_hooks = OrderedDict((key, hook) for key, hook in hooks if not isinstance(hook, Teller))
    told._forward_pre_hooks_with_kwargs = OrderedDict(discriminator._forward_pre_hooks_with_kwargs)
    told.register_forward_pre_hook(Teller(label), with_kwargs=True)
    return told


def told_where_it_insists(discriminator: nn.Module, classes: int | None, label: int | None) -> nn.Module:
    """The discriminator as it is, or told the class where it is built so or its ``forward`` insists on a second input.

    Args:
        classes: how many the GAN knows.
        label: the class that is said; None for none.

    Raises:
        GanlabError: it insists on classes, and the GAN knows none, or on more than that.
    """
    if teller_of(discriminator) is not None:
        return told_the_class(discriminator, label)
    inputs = _insists_on(discriminator)
    if inputs < 2:
        return discriminator
    if inputs > 2 or classes is None:
        raise GanlabError(
            f"The discriminator takes {inputs} inputs"
            + (", and of the GAN no classes are known." if inputs == 2 else ", and is given pictures and classes."),
            "Say how many classes there are: Gan(..., classes=10)." if inputs == 2 else "Wrap it in a module of these.",
        )
    return told_the_class(discriminator, label)


def _insists_on(network: nn.Module) -> int:
    """How many inputs without a default its ``forward`` has; one where that cannot be asked."""
    try:
        parameters = inspect.signature(network.forward).parameters.values()
    except ValueError:  # it is no Python, as of what torch.jit traced
        return 1
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.kind in positional and one.default is inspect.Parameter.empty for one in parameters)
