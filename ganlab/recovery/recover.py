"""From a file of weights to a GAN: choose its networks, find what they leave open, say how each decision was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ganlab.architectures.chain import build_chain
from ganlab.card import DISCRIMINATOR_LEFT_OUT, Card
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.imagespec import ImageSpec
from ganlab.latents import Prior
from ganlab.networks.weights import frozen
from ganlab.recovery.building import Named, named, source_of, weights_of
from ganlab.recovery.cards import kept_facts, stated_activation
from ganlab.recovery.chaining import skeletons
from ganlab.recovery.choosing import choose
from ganlab.recovery.decisions import Decision, doubts_of_discriminator, doubts_of_size, of_discriminator, of_search
from ganlab.recovery.discriminator_alone import gan_of_discriminator
from ganlab.recovery.discriminators import Discriminator, discriminator_of
from ganlab.recovery.estimating import SAMPLES, estimate_statistics, lacks_statistics
from ganlab.recovery.generators import Generator, generator_of
from ganlab.recovery.hints import Hints
from ganlab.recovery.hypotheses import Known
from ganlab.recovery.norms import of_norms, with_kinds
from ganlab.recovery.options import OUTPUTS
from ganlab.recovery.stored import Stored, StoredNetwork
from ganlab.recovery.tables import filled, without_verdict
from ganlab.recovery.unexplained import notes_of_places
from ganlab.recovery.witness import untouched

CONSTANT = 0.005  # spread of pictures, as a part of their range, below which z does not matter
SAME = 0.2  # part of the spread over z below which the class does not matter


@dataclass(frozen=True)
class _Discriminator:
    """Its named layers and how they were found, or why there are none."""

    layers: list[Named] | None = None
    fitted: Discriminator | None = None
    why_not: str = ""
    decisions: tuple[Decision, ...] = ()


def recover(stored: Stored, name: str, hints: Hints | None = None, which: str | None = None) -> Gan:
    """The GAN in a file of weights.

    Args:
        stored: what a format's reader found.
        name: of the checkpoint, for its card and for errors.
        hints: what the user says.
        which: the network to take as the generator, where several could be.

    Raises:
        GanlabError: no generator, several, or one that cannot be worked out; the message says why.
    """
    hints = hints or Hints()
    chosen = choose(stored, name, which, hints)
    if chosen.generator is None:
        noted = replace(stored, notes=(*stored.notes, *chosen.notes))
        return gan_of_discriminator(chosen.discriminators[0], noted, name, hints)
    drawing = with_kinds(chosen.generator, "generator", stored, hints, name)
    generator = generator_of(drawing, stored, hints, name)
    discriminator = _discriminator(chosen.discriminators, generator, stored, hints)
    fitted = discriminator.fitted
    output = hints.output or generator.output or (fitted.range_name if fitted and fitted.errors else "tanh")
    notes = [*stored.notes, *chosen.notes, *generator.notes]
    if any(part.kind == "norm" and untouched(part) for part in chosen.generator.parts):
        notes.append("Norms of it store the statistics that training begins with: it was never trained with them.")
    if discriminator.why_not:
        notes.append(f"{DISCRIMINATOR_LEFT_OUT}{discriminator.why_not}")
    notes += doubts_of_discriminator(fitted)
    notes += notes_of_places(fitted.elements, "discriminator") if fitted else []
    decisions = list(generator.decisions)
    if generator.findings is not None and generator.skeleton is not None:
        decisions += of_search(generator.findings, generator.skeleton, hints)
        notes += doubts_of_size(generator.findings, generator.skeleton, hints)
    layers = generator.named(output)
    of_kinds = of_norms(drawing, [table for table, _ in layers], "generator", hints)
    decisions += of_kinds
    notes += [
        f"The file holds no statistics of the generator's norms, which are taken for {one.chosen}. If they are "
        "BatchNorms, say --statistics fresh."
        for one in of_kinds
        if not one.certain
    ]
    decisions += [*of_discriminator(fitted, output, generator.output, hints), *discriminator.decisions]
    origins = {"generator": (chosen.generator.name, layers)}
    if discriminator.layers is not None:
        origins["discriminator"] = (chosen.discriminators[0].name, discriminator.layers)
    facts: dict[str, Any] = {
        "source": source_of(stored.format, origins),
        **({"notes": notes} if notes else {}),
        **({"decisions": [decision.to_card() for decision in decisions]} if decisions else {}),
    }
    gan = _assembled(layers, discriminator.layers, generator, OUTPUTS[output], _card(name, stored, facts, hints))
    if hints.statistics == "fresh" or lacks_statistics(layers):
        note = f"Statistics of its norms were estimated over {SAMPLES} samples of its own."
        gan = _noted(estimate_statistics(gan), note)
    elif discriminator.layers is not None and lacks_statistics(discriminator.layers):
        note = "Statistics of its discriminator's norms were estimated over pictures of its own."
        gan = _noted(estimate_statistics(gan, generator=False), note)
    return _looked_at(gan)


def _discriminator(
    discriminators: Sequence[StoredNetwork], generator: Generator, stored: Stored, hints: Hints
) -> _Discriminator:
    if not discriminators:
        return _Discriminator()
    if len(discriminators) > 1:
        names = ", ".join(one.name for one in discriminators)
        return _Discriminator(why_not=f"there are {len(discriminators)} ({names}).")
    network = with_kinds(discriminators[0], "discriminator", stored, hints)
    stated = stated_activation(hints)
    known = Known(activation=stated, eps=hints.eps_of_norms, usual_eps=stored.eps, same=stored.same_padding)
    shape = torch.Size((generator.channels, generator.size, generator.size))
    if network.layers:
        return _Discriminator(named(without_verdict(filled(network)), shape, "discriminator"))
    try:
        fitted = discriminator_of(skeletons(network)[0], generator.samples(hints.output), generator.size, known)
    except GanlabError as error:
        return _Discriminator(why_not=str(error))
    layers = named(fitted.elements, shape, "discriminator")
    decisions = of_norms(network, [table for table, _ in layers], "discriminator", hints)
    return _Discriminator(layers, fitted, decisions=tuple(decisions))


def _card(name: str, stored: Stored, facts: dict[str, Any], hints: Hints) -> Card:
    """What the GAN is called, and what the user's own card says of it beside."""
    said = kept_facts(hints)
    title = str(said.pop("name", Path(name.partition("+")[0]).stem))
    summary = str(said.pop("summary", f"Read from a file of the format {stored.format}."))
    return Card(title, summary, {}, {**facts, **said})


def _assembled(
    layers: list[Named],
    discriminator_layers: list[Named] | None,
    generator: Generator,
    range_: tuple[float, float],
    card: Card,
) -> Gan:
    tables = {"generator": [table for table, _ in layers]}
    if discriminator_layers is not None:
        tables["discriminator"] = [table for table, _ in discriminator_layers]
    network, discriminator = build_chain(tables)
    network.load_state_dict(weights_of(layers))
    if discriminator_layers is not None:
        discriminator.load_state_dict(weights_of(discriminator_layers))
    low, high = range_
    return Gan(
        frozen(network),
        None if discriminator_layers is None else frozen(discriminator),
        prior=Prior(generator.z_dim, generator.law),
        image=ImageSpec(generator.size, generator.channels, low, high),
        card=replace(card, architecture={"name": "chain", **tables}),
        classes=generator.classes,
    )


def _looked_at(gan: Gan) -> Gan:
    """With a note where its pictures hardly depend on z, or on the class."""
    label = None if gan.classes is None else 0
    pictures = gan.generate(gan.latents(16, label=label))
    if _spread(pictures, gan) < CONSTANT:
        fault = (
            "It has no norm whose statistics could be at fault, but may lack one that has no weights."
            if not any(table["kind"].endswith("_norm") for table in gan.card.architecture["generator"])
            else "The statistics that its norms store may be at fault: --statistics fresh estimates them anew."
        )
        note = f"Its pictures are all but constant, whatever z. {fault}"
        return _noted(gan, note)
    if gan.classes is not None:
        drawn = gan.latents(gan.classes, label=0)
        one_z = replace(drawn, z=drawn.z[:1].expand(gan.classes, -1), labels=torch.arange(gan.classes))
        if _spread(gan.generate(one_z), gan) < SAME * _spread(pictures, gan):
            return _noted(gan, "Its pictures hardly depend on the class.")
    return gan


def _spread(pictures: torch.Tensor, gan: Gan) -> float:
    """Mean standard deviation of a value over the pictures, as a part of the range."""
    return float(pictures.std(0).mean()) / (gan.image.high - gan.image.low)


def _noted(gan: Gan, note: str) -> Gan:
    """The same GAN with one more note on its card."""
    facts = {**gan.card.facts, "notes": [*gan.card.notes, note]}
    return gan.with_card(replace(gan.card, facts=facts))
