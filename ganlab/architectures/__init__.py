"""Networks that ganlab can build from a few settings, ours and those that plugins bring."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ganlab.architectures.settings import NetworkSettings
from ganlab.errors import GanlabError
from ganlab.hookspecs import hookimpl
from ganlab.networks.weights import check_seed, redrawn
from ganlab.wording import suggest

if TYPE_CHECKING:
    from torch import nn

    from ganlab.gan import Gan

__all__ = ["Architecture", "NetworkSettings", "build", "settings_from_card", "settings_of", "trainable", "untrained"]


@dataclass(frozen=True)
class Architecture:
    """A family of generator and discriminator pairs.

    Attributes:
        name: as the card says it, ``[architecture] name``.
        summary: one line.
        build: settings of the card -> (generator, discriminator), freshly initialised from ``seed``.
            The generator maps z (n, dim) to images (n, c, h, w); the discriminator maps images to logits (n,).
        settings: what ``ganlab train --arch NAME`` fills in, as :meth:`of` has it; None for networks that are not
            trained.
    """

    name: str
    summary: str
    build: Callable[[Mapping[str, Any], int], tuple[nn.Module, nn.Module]]
    settings: type[NetworkSettings] | None = None

    @classmethod
    def of(cls, settings: type[NetworkSettings], summary: str) -> Architecture:
        """The architecture of these settings, which know how to build it.

        Raises:
            TypeError: the settings have no name or no title.
        """
        for word, use in (("name", "cards and --arch call it so"), ("title", "as in: A TITLE trained on DATA")):
            if not isinstance(said := getattr(settings, word, None), str) or not said:
                raise TypeError(f'{settings.__name__} needs a {word}: write {word} = "..." in the class ({use})')
        return cls(settings.name, summary, partial(_built, settings), settings)


def _built(kind: type[NetworkSettings], card: Mapping[str, Any], seed: int) -> tuple[nn.Module, nn.Module]:
    """The networks of settings as a card holds them, marked with what is known of all that can be trained."""
    from ganlab.architectures.promises import pair_of  # late: they need torch at once
    from ganlab.networks.conditional import told_the_class

    settings = kind.from_card(card)
    generator, discriminator = pair_of(settings, settings.build(seed))
    for network in (generator, discriminator):
        network.any_memory_format = True  # type: ignore[assignment]  # training has their maps lie channels last
    return generator, told_the_class(discriminator) if settings.classes else discriminator


def build(settings: Mapping[str, Any], seed: int = 0) -> tuple[nn.Module, nn.Module]:
    """Build the networks a card's ``[architecture]`` describes.

    Raises:
        GanlabError: nobody brings an architecture of that name.
    """
    known = _known()
    name = settings.get("name", "")
    if name not in known:
        raise GanlabError(f"Nobody brings an architecture called {name!r}.", _others(name, known))
    return known[name].build({key: value for key, value in settings.items() if key != "name"}, seed)


def untrained(gan: Gan, seed: int) -> tuple[nn.Module | None, nn.Module | None]:
    """A GAN's generator and discriminator with fresh initial weights, None for the one that it lacks.

    As the card's ``[architecture]`` builds them, or, without one, as their layers initialise themselves.

    Raises:
        GanlabError: the seed is out of range, or a network keeps weights that no layer knows how to draw anew.
    """
    check_seed(seed)
    networks = {"generator": gan.generator, "discriminator": gan.discriminator}
    if gan.card.architecture:
        fresh = dict(zip(networks, build(gan.card.architecture, seed), strict=True))
    else:
        there = {side: network for side, network in networks.items() if network is not None}
        fresh = {side: redrawn(network, seed, f"{side} of {gan.name!r}") for side, network in there.items()}
    generator, discriminator = (None if networks[side] is None else fresh[side] for side in networks)
    return generator, discriminator


def trainable(name: str) -> type[NetworkSettings]:
    """The settings of an architecture that can be trained.

    Raises:
        GanlabError: there is none of that name.
    """
    known = {one.name: one.settings for one in _known().values() if one.settings is not None}
    if name not in known:
        raise GanlabError(f"No architecture called {name!r} can be trained.", _others(name, known))
    return known[name]


def settings_from_card(card: Mapping[str, Any]) -> NetworkSettings:
    """The settings in a card's ``[architecture]``, of networks that can be trained; without a name, of a DCGAN.

    Raises:
        GanlabError: they are of networks that cannot, or wrong.
    """
    settings = dict(card)
    return trainable(settings.pop("name", "dcgan")).from_card(settings)


def settings_of(gan: Gan) -> NetworkSettings:
    """The shape of a GAN that can be trained on.

    Raises:
        GanlabError: it is of an architecture that cannot be trained.
    """
    name = gan.card.architecture.get("name", "")
    if (known := _known().get(name)) is None or known.settings is None:
        raise GanlabError(
            f"{gan.name} is of no architecture that ganlab trains.",
            "Start from one that ganlab train has written; of a GAN from elsewhere only layers and weights are known.",
        )
    return settings_from_card(gan.card.architecture)


def _others(name: str, known: Iterable[str]) -> str:
    """What there is instead, ganlab's own and plugins', and which plugins were left out and why."""
    from ganlab.plugins import host  # late: the host needs this module's Architecture

    return f"{suggest(name, sorted(known))} {host().left_out()}".rstrip()


def _known() -> Mapping[str, Architecture]:
    from ganlab.plugins import host  # late: the host needs this module's Architecture

    return host().architectures()


@hookimpl
def register_architectures() -> list[Architecture]:
    """The core's own networks come through the same hook as everybody's."""
    from ganlab.architectures.chain import build_chain
    from ganlab.architectures.dcgan import DcganSettings
    from ganlab.architectures.digits import DigitsSettings
    from ganlab.architectures.mlp import MlpSettings

    return [
        Architecture.of(DcganSettings, "Radford, Metz, Chintala 2015: all-convolutional, BatchNorm, 16 to 256 pixels"),
        Architecture.of(DigitsSettings, "the appendix's, its authors' code for MNIST: linear layers, two convolutions"),
        Architecture.of(MlpSettings, "Goodfellow et al. 2014, the appendix's baseline: rectifiers, maxout, dropout"),
        Architecture("chain", "spelt out layer after layer: whatever a checkpoint of anybody's holds", build_chain),
    ]
