"""Networks of an architecture, held to what it promises: a plugin's may draw another size, or nothing that learns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from ganlab.architectures.settings import NetworkSettings
from ganlab.errors import GanlabError

Pair = tuple[nn.Module, nn.Module]


def pair_of(settings: NetworkSettings, built: object) -> Pair:
    """What ``build`` returned, as generator and discriminator.

    Raises:
        GanlabError: it is no pair of torch modules.
    """
    networks = tuple(built) if isinstance(built, (tuple, list)) else (built,)
    if len(networks) != 2 or not all(isinstance(network, nn.Module) for network in networks):
        kinds = ", ".join(type(network).__name__ for network in networks)
        raise _broken(settings, f"build() is to return a generator and a discriminator, and returned {kinds}")
    return networks


def check_networks(settings: NetworkSettings, networks: Pair) -> None:
    """Draw two pictures and score them, before a run has trained what could not be saved; nothing changes.

    Args:
        networks: on the CPU.

    Raises:
        GanlabError: pictures or logits of another shape, or a network without weights that learn.
    """
    generator, discriminator = networks
    told = [torch.zeros(2, dtype=torch.int64)] if settings.classes else []
    with _evaluating(networks):
        pictures = generator(torch.zeros(2, settings.z_dim), *told)
        _check_shape(settings, "the generator draws", pictures, (2, settings.channels, settings.size, settings.size))
        _check_shape(settings, "the discriminator answers", discriminator(pictures, *told), (2,))
    for side, network in zip(("generator", "discriminator"), networks, strict=True):
        if not any(weight.requires_grad for weight in network.parameters()):
            raise _broken(settings, f"no weight of the {side} can learn (requires_grad)")


@contextmanager
def _evaluating(networks: Pair) -> Iterator[None]:
    """Without gradients, statistics and dropout, and with torch's random state put back."""
    modes = [(module, module.training) for network in networks for module in network.modules()]
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        try:
            for network in networks:
                network.eval()
            yield
        finally:
            for module, mode in modes:
                module.training = mode


def _check_shape(settings: NetworkSettings, what: str, found: object, wanted: tuple[int, ...]) -> None:
    shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
    if shape != wanted:
        raise _broken(settings, f"of two latents {what} {shape}, not {wanted}")


def _broken(settings: NetworkSettings, how: str) -> GanlabError:
    return GanlabError(
        f"The architecture {settings.name!r} breaks its promise: {how}.",
        "Mend it or tell its author; docs/plugins.md says under register_architectures what networks promise.",
    )
