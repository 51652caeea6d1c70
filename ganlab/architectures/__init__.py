"""Networks that ganlab can build from a few settings, ours and those that plugins bring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganlab.errors import GanlabError
from ganlab.hookspecs import hookimpl

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Architecture:
    """A family of generator and discriminator pairs.

    Attributes:
        name: as the card says it, ``[architecture] name``.
        summary: one line.
        build: settings of the card -> (generator, discriminator), freshly initialised from ``seed``.
            The generator maps z (n, dim) to images (n, c, h, w); the discriminator maps images to logits (n,).
    """

    name: str
    summary: str
    build: Callable[[Mapping[str, Any], int], tuple[nn.Module, nn.Module]]


def build(settings: Mapping[str, Any], seed: int = 0) -> tuple[nn.Module, nn.Module]:
    """Build the networks a card's ``[architecture]`` describes.

    Raises:
        GanlabError: nobody brings an architecture of that name.
    """
    from ganlab.plugins import host  # late: the host needs this module's Architecture

    known = host().architectures()
    name = settings.get("name", "")
    if name not in known:
        raise GanlabError(f"Nobody brings an architecture called {name!r}.", f"There are: {', '.join(sorted(known))}.")
    return known[name].build({key: value for key, value in settings.items() if key != "name"}, seed)


@hookimpl
def register_architectures() -> list[Architecture]:
    """The core's own networks come through the same hook as everybody's."""
    from ganlab.architectures.chain import build_chain
    from ganlab.architectures.dcgan import DcganSettings, build_dcgan

    def build_from_card(settings: Mapping[str, Any], seed: int) -> tuple[nn.Module, nn.Module]:
        return build_dcgan(DcganSettings.from_card(settings), seed)

    return [
        Architecture(
            "dcgan", "Radford, Metz, Chintala 2015: all-convolutional, BatchNorm, 16 to 256 pixels", build_from_card
        ),
        Architecture("chain", "spelt out layer after layer: whatever a checkpoint of anybody's holds", build_chain),
    ]
