"""Networks of an architecture, held to what it promises: a plugin's may draw another size, or nothing that learns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten

import torch
from torch import nn

from ganlab.architectures.settings import NetworkSettings
from ganlab.errors import LONGEST_REASON, GanlabError
from ganlab.latents import Prior
from ganlab.networks.devices import is_out_of_memory
from ganlab.plugins.metadata import one_line

Pair = tuple[nn.Module, nn.Module]

FAR = 10  # times as far from 0 as others the second latent lies: pictures end at -1 and 1 there, too
ROUNDING = 1e-3  # of networks that compute in half precision


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
        GanlabError: pictures or logits of another shape, whole numbers, NaN or infinity in them, pictures outside
            [-1, 1], a network that fails, or one without weights that learn.
    """
    generator, discriminator = networks
    told = [torch.zeros(2, dtype=torch.int64)] if settings.classes else []
    with _evaluating(networks):
        z = Prior(settings.z_dim, "normal").sample(2, 0).z
        z[1] *= FAR
        pictures = _answer(settings, "generator", "latents", generator, z, *told)
        _check_answer(settings, "the generator draws", pictures, (2, settings.channels, settings.size, settings.size))
        low, high = pictures.min().item(), pictures.max().item()
        if max(-low, high) > 1 + ROUNDING:
            raise _broken(settings, f"the generator draws pictures from {low:.3g} to {high:.3g}, not within -1 and 1")
        logits = _answer(settings, "discriminator", "pictures", discriminator, pictures, *told)
        _check_answer(settings, "the discriminator answers", logits, (2,))
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


def _answer(settings: NetworkSettings, side: str, what: str, network: nn.Module, *inputs: torch.Tensor) -> torch.Tensor:
    """What a network makes of two inputs; where it fails, it is said whose it is."""
    try:
        return network(*inputs)
    except GanlabError:
        raise
    except (Exception, SystemExit) as error:
        if is_out_of_memory(error):
            raise  # whoever trains them has words for that
        reason = shorten(one_line(error), LONGEST_REASON).rstrip(".")
        raise _broken(settings, f"its {side} fails on two {what} ({reason})") from error


def _check_answer(settings: NetworkSettings, what: str, found: object, wanted: tuple[int, ...]) -> None:
    if not isinstance(found, torch.Tensor):
        raise _broken(settings, f"of two latents {what} {type(found).__name__}, not {wanted}")
    if tuple(found.shape) != wanted:
        raise _broken(settings, f"of two latents {what} {tuple(found.shape)}, not {wanted}")
    if not found.is_floating_point():
        raise _broken(settings, f"{what} {str(found.dtype).removeprefix('torch.')}, not floating point numbers")
    if not found.isfinite().all():
        raise _broken(settings, f"{what} NaN or infinity")


def _broken(settings: NetworkSettings, how: str) -> GanlabError:
    return GanlabError(
        f"The architecture {settings.name!r} breaks its promise: {how}.",
        "Mend it or tell its author; docs/plugins.md says under register_architectures what networks promise.",
    )
