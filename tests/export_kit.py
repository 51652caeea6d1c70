"""GANs whose layers are known, so that tests of writing them back work nothing out."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from ganlab import Card, Gan, ImageSpec, Prior, Stored
from ganlab.architectures.chain import build_chain
from ganlab.recovery.building import named, source_of, weights_of
from ganlab.recovery.stored import StoredNetwork
from ganlab.recovery.tables import filled

Tables = Sequence[Mapping[str, Any]]


def gan_of(stored: Stored, *layers: Tables) -> Gan:
    """The GAN of a file: a generator, and the discriminator of its pictures if there are two networks.

    Args:
        stored: what a format's reader found.
        layers: of its networks, where it does not state them.
    """
    first: torch.Size | None = None
    tables, origins, weights = {}, {}, {}
    for number, network in enumerate(stored.networks):
        side = network.side or ("generator", "discriminator")[number]
        stated = replace(network, layers=tuple(layers[number])) if layers else network
        taken = first or torch.Size([_z_dim(stated)])
        found = named(filled(stated), taken, side)
        tables[side], origins[side], weights[side] = [table for table, _ in found], (network.name, found), found
        if first is None:
            generator, _ = build_chain({"generator": tables[side]})
            with torch.no_grad():
                first = generator.eval()(torch.zeros(1, *taken)).shape[1:]
    assert first is not None
    generator, discriminator = build_chain(tables)
    generator.load_state_dict(weights_of(weights["generator"]))
    if "discriminator" in weights:
        discriminator.load_state_dict(weights_of(weights["discriminator"]))
    return Gan(
        generator,
        discriminator if "discriminator" in weights else None,
        prior=Prior(_z_dim(stored.networks[0] if not layers else replace(stored.networks[0], layers=tuple(layers[0])))),
        image=ImageSpec(first[-1], first[0]),
        card=Card("made", "", {"name": "chain", **tables}, {"source": source_of(stored.format, origins)}),
    )


def _z_dim(network: StoredNetwork) -> int:
    return int(next(table["inputs"] for table in network.layers if "inputs" in table))


def with_layers_of(stored: Stored, other: Stored) -> Stored:
    """The same networks with the layers that another file states of them; parts are alike, one by one."""
    networks = [
        replace(
            one,
            layers=like.layers,
            parts=tuple(replace(part, name=known.name) for part, known in zip(one.parts, like.parts, strict=True)),
        )
        for one, like in zip(stored.networks, other.networks, strict=True)
    ]
    return replace(stored, networks=tuple(networks))


def changed_everywhere(gan: Gan, only: str = "") -> Gan:
    """The same GAN with other numbers, each by another factor; in parameters whose names end so."""
    changed = copy.deepcopy(gan)
    draw = torch.Generator().manual_seed(0)
    for network in (changed.generator, changed.discriminator):
        for name, value in network.state_dict().items() if network is not None else ():
            if value.is_floating_point() and name.endswith(only):
                value.mul_(1.1 + 0.4 * torch.rand(value.shape, generator=draw))
    return changed


def same_networks(one: Gan, other: Gan, atol: float = 1e-6) -> bool:
    """Whether both draw and score alike."""
    z = one.prior.sample(3, seed=0).z
    assert one.generator is not None
    assert other.generator is not None
    with torch.no_grad():
        pictures = one.generator(z)
        alike = torch.allclose(pictures, other.generator(z), atol=atol, rtol=0)
        if one.discriminator is None or other.discriminator is None:
            return alike and one.discriminator is other.discriminator
        return alike and torch.allclose(
            one.discriminator(pictures), other.discriminator(pictures), atol=atol, rtol=1e-6
        )
