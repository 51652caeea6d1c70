"""From a file of weights to a GAN: choose its networks, find what they leave open, say how each decision was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ganlab.architectures.chain import ClassInput, build_chain
from ganlab.errors import GanlabError
from ganlab.gan import Card, Gan
from ganlab.imagespec import ImageSpec
from ganlab.latents import LAWS, Prior
from ganlab.recovery.building import Named, keys_of, named, weights_of
from ganlab.recovery.cards import kept_facts, stated_layers
from ganlab.recovery.chaining import Skeleton, skeletons
from ganlab.recovery.decisions import Decision, of_judgement, of_search
from ganlab.recovery.estimating import SAMPLES, estimate_statistics, lacks_statistics
from ganlab.recovery.hints import Hints
from ganlab.recovery.judge_alone import judge_gan
from ganlab.recovery.judging import Judgement, hear, judge, mean_error
from ganlab.recovery.options import OUTPUTS, plausible
from ganlab.recovery.search import Findings, Known, search
from ganlab.recovery.simulate import Element, run
from ganlab.recovery.stored import Side, Stored, StoredNetwork
from ganlab.recovery.witness import untouched

DISTRUSTED = 1.0  # an error of the first norm from which on what norms remember is not believed
MISFIT = 0.5  # an error of any norm that no candidate may have
CONSTANT = 0.005  # spread of pictures, as a part of their range, below which z does not matter
ORDERS_TRIED = 6  # of layers whose channels leave their order open
JUDGED = 96  # samples that a stored discriminator testifies on
POINTWISE = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid")
FILLED = ("conv", "conv_transpose", "linear", "batch_norm", "instance_norm", "layer_norm", "classes", "prelu")
AVERAGED = ("ema", "avg", "average", "shadow")  # names of averaged weights, which draw better than the last


@dataclass(frozen=True)
class _Generator:
    stated: bool  # whether the format says how its layers follow
    skeleton: Skeleton | None
    findings: Findings | None
    elements: tuple[Element, ...]
    law: str
    z_dim: int
    classes: int | None
    size: int
    channels: int
    output: str | None  # where the format states it
    notes: Sequence[str] = ()


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
    chosen, judges, notes = _choose(stored, name, which)
    if chosen is None:
        return judge_gan(_as_the_card_says(judges[0], "discriminator", hints), stored, name, hints)
    chosen = _as_the_card_says(chosen, "generator", hints)
    judges = [_as_the_card_says(one, "discriminator", hints) for one in judges]
    generator = _generator(chosen, stored, hints, name)
    discriminator, judgement, why_not = _discriminator(judges, generator, hints)
    if any(part.kind == "norm" and untouched(part) for part in chosen.parts):
        notes.append("Norms of it store the statistics that training begins with: it was never trained with them.")
    decisions = [] if generator.findings is None else of_search(generator.findings, generator.skeleton, hints)
    output = hints.output or generator.output or (judgement.range_name if judgement and judgement.errors else "tanh")
    decisions += of_judgement(judgement, output, generator.output, hints)
    notes += [f"Its discriminator was left out: {why_not}"] if why_not else []
    layers = _with_output(generator, output)
    gan = _assembled(
        name,
        layers,
        discriminator,
        generator,
        output,
        [*stored.notes, *generator.notes, *notes],
        decisions,
        stored,
        hints,
    )
    if hints.statistics == "fresh" or lacks_statistics(layers):
        gan = _noted(
            estimate_statistics(gan), f"Statistics of its norms were estimated over {SAMPLES} samples of its own."
        )
    return _looked_at(gan)


def _choose(
    stored: Stored, name: str, which: str | None
) -> tuple[StoredNetwork | None, list[StoredNetwork], list[str]]:
    """The generator, what may be its discriminator, and notes; no generator and one discriminator if that is all."""
    generators, judges, refused = [], [], []
    for network in stored.networks:
        try:
            side = _side(network)
        except GanlabError as error:
            refused.append(error)
            continue
        (generators if side == "generator" else judges).append(network)
    if which is not None:
        generators = [network for network in generators if network.name == which]
    if not generators:
        alone = [network for network in judges if which in (None, network.name)]
        if len(alone) == 1:
            return None, alone, []
        if judges:
            what = f"{len(judges)} discriminators" if len(judges) > 1 else "a discriminator"
            names = ", ".join(repr(network.name) for network in judges)
            raise GanlabError(f"{name} holds {what} and no such generator: {names}.", "Choose one: --gan FILE#NAME")
        raise refused[0] if refused else GanlabError(f"{name} holds no network.", "Is it a checkpoint?")
    averaged = [one for one in generators if any(word in one.name.lower() for word in AVERAGED)]
    if len(generators) > 1 and len(averaged) == 1:
        others = ", ".join(one.name for one in generators if one is not averaged[0])
        return (
            averaged[0],
            judges,
            [f"Of its generators the averaged one, {averaged[0].name}, was taken, not {others}."],
        )
    if len(generators) > 1:
        names = ", ".join(repr(one.name) for one in generators)
        raise GanlabError(f"{name} holds {len(generators)} generators: {names}.", "Choose one: --gan FILE#NAME")
    return generators[0], judges, []


def _side(network: StoredNetwork) -> Side:
    """Which network it is: as the format says, or as its layers look."""
    if network.side is not None or not network.layers:
        return network.side or skeletons(network)[0].side
    kinds = [table["kind"] for table in network.layers]
    grows = "conv_transpose" in kinds or "upsample" in kinds or "reshape" in kinds[1:]
    return "generator" if grows or "conv" not in kinds else "discriminator"


def _generator(network: StoredNetwork, stored: Stored, hints: Hints, name: str) -> _Generator:
    if network.layers:
        return _stated(network, stored, hints)
    known = Known(hints.z or stored.law, hints.activation, hints.image_size, stored.eps, hints.statistics != "fresh")
    orders = skeletons(network)[:ORDERS_TRIED]
    orders = [order for order in orders if order.side == "generator"] or orders
    skeleton, findings, notes = _searched(orders, known, name)
    channels, size = _picture(skeleton, findings, hints, name)
    elements = findings.best.elements
    if findings.size == 0:
        elements = (*elements, ({"kind": "reshape", "shape": [channels, size, size]}, None))
    z_dim, classes = skeleton.stages[0].inputs, None
    if elements[0][0]["kind"] == "classes":
        table = elements[0][0]
        classes = int(table["classes"])
        z_dim -= 0 if table["join"] == "multiply" else int(table["dims"])
    law = findings.best.choices["z"]
    return _Generator(False, skeleton, findings, elements, law, z_dim, classes, size, channels, None, notes)


def _as_the_card_says(network: StoredNetwork, side: str, hints: Hints) -> StoredNetwork:
    """With the layers that a card spells out, filled by the parts of their names, else by those in the file's order."""
    tables = stated_layers(hints, side)
    if not tables:
        return network
    weighted = [table for table in tables if table.get("kind") in FILLED]
    names = {part.name for part in network.parts}
    if not all(table.get("name") in names for table in weighted):
        if len(weighted) != len(network.parts):
            raise GanlabError(
                f"The card spells out {len(weighted)} layers with weights, and the file holds {len(network.parts)}.",
                "Mend the card's [architecture].",
            )
        parts = tuple(
            replace(part, name=str(table["name"])) for part, table in zip(network.parts, weighted, strict=True)
        )
        network = replace(network, parts=parts)
    return replace(network, layers=tuple(tables))


def _searched(orders: Sequence[Skeleton], known: Known, name: str) -> tuple[Skeleton, Findings, list[str]]:
    """The order of layers that fits best, what was found for it, and what to say of it.

    Raises:
        GanlabError: no order leads to pictures, or the norms contradict every candidate.
    """
    found: list[tuple[Skeleton, Findings]] = []
    problem: GanlabError | None = None
    for order in orders:
        try:
            found.append((order, search(order, known)))
        except GanlabError as error:
            problem = problem or error
    if not found:
        assert problem is not None
        raise GanlabError(f"{name}: {problem}", problem.hint) from problem
    skeleton, findings = min(found, key=lambda one: (round(one[1].error, 2), one[1].best.rank))
    witness, error = findings.worst
    if findings.first > DISTRUSTED:
        # the first norm hears of nothing but z: where it does not know any prior, the statistics are of another moment
        skeleton, findings, _ = _searched([skeleton], replace(known, statistics=False), name)
        return (
            skeleton,
            findings,
            [
                f"What its norms remember fits no prior of z (they differ by {error:.1f}): it was not believed, and the usual "
                "choices were made."
            ],
        )
    if error > MISFIT and known.activation is None:
        raise GanlabError(
            f"{name}: no network known here lets {witness} see what it remembers (the nearest differs by {error:.2f}).",
            "State what you know: --activation, --image-size, --z, or a --card; or --gan MODULE:FACTORY with its code.",
        )
    return skeleton, findings, []


def _picture(skeleton: Skeleton, findings: Findings, hints: Hints, name: str) -> tuple[int, int]:
    """Channels and side of the pictures; of a generator of matrices only, what its last one can be cut into."""
    outputs = skeleton.stages[-1].outputs
    if findings.size:
        return outputs, findings.size
    for channels in (1, 3, 4):
        side = round((outputs / channels) ** 0.5)
        if channels * side**2 == outputs and plausible(side, hints.image_size):
            return channels, side
    raise GanlabError(f"{name}: {outputs} numbers make no square picture of a usual size.", "State it: --image-size")


def _stated(network: StoredNetwork, stored: Stored, hints: Hints) -> _Generator:
    """Where the format says how the layers follow, only the prior is left open."""
    elements = _filled(network)
    first = next(table for table, part in elements if part is not None)
    z_dim = first.get("inputs") or network.parts[0].tensors["weight"].shape[1]
    law = hints.z or stored.law or _law_of(elements, z_dim)
    with torch.inference_mode():
        picture = run(elements, Prior(z_dim, law).sample(4, 0).z)
    ending = [table["kind"] for table, _ in elements[:-4:-1]]
    output = next((kind for kind in ending if kind in OUTPUTS), "none")
    return _Generator(True, None, None, elements, law, z_dim, None, picture.shape[-1], picture.shape[1], output)


def _filled(network: StoredNetwork) -> tuple[Element, ...]:
    """The stated layers with their parts; maps take their places before their activation, so that it has them too."""
    parts = {part.name: part for part in network.parts}
    elements: list[Element] = []
    for table in network.layers:
        element: Element = ({key: value for key, value in table.items() if key != "name"}, parts.get(table["name"]))
        pointwise = elements and elements[-1][1] is None and elements[-1][0]["kind"] in POINTWISE
        elements.insert(len(elements) - (1 if table["kind"] == "reshape" and pointwise else 0), element)
    return tuple(elements)


def _law_of(elements: Sequence[Element], z_dim: int) -> str:
    """The prior under which the norms see what they remember; normal where none testifies."""
    errors = {}
    with torch.inference_mode():
        for law in LAWS:
            testimonies = hear(tuple(elements), Prior(z_dim, law).sample(256, 0).z)
            errors[law] = mean_error(testimonies) if testimonies else 0.0
    return min(errors, key=errors.__getitem__)


def _discriminator(
    judges: Sequence[StoredNetwork], generator: _Generator, hints: Hints
) -> tuple[list[Named] | None, Judgement | None, str]:
    """Its named layers and how they were found, or why there are none."""
    if not judges:
        return None, None, ""
    if len(judges) > 1:
        return None, None, f"there are {len(judges)} ({', '.join(one.name for one in judges)})."
    (network,) = judges
    shape = torch.Size((generator.channels, generator.size, generator.size))
    if network.layers:
        elements = list(_filled(network))
        while elements and elements[-1][0]["kind"] in ("sigmoid", "reshape", "flatten"):
            elements.pop()  # a verdict is a logit here
        return named(elements, shape, "discriminator"), None, ""
    try:
        skeleton = skeletons(network)[0]
        judgement = judge(skeleton, _samples(generator, hints), generator.size)
    except GanlabError as error:
        return None, None, str(error)
    return named(judgement.elements, shape, "discriminator"), judgement, ""


def _samples(generator: _Generator, hints: Hints) -> dict[str, torch.Tensor]:
    """Pictures in every range that the generator may have: (n, c, h, w) each."""
    outputs = [hints.output or generator.output] if hints.output or generator.output else ["tanh", "sigmoid"]
    latents = Prior(generator.z_dim, generator.law).sample(JUDGED, seed=0)
    with torch.inference_mode():
        elements, z = generator.elements, latents.z
        if generator.classes is not None:
            table, embedding = elements[0]
            joined = ClassInput(**{key: value for key, value in table.items() if key != "kind"})
            if embedding is not None:
                joined.load_state_dict({"embedding.weight": embedding.tensors["weight"]})
            elements, z = elements[1:], joined(z, torch.arange(JUDGED) % generator.classes)
        logits = run(elements, z)
        if generator.output:  # the activation is among the layers already
            return {generator.output: logits}
        return {name: _activated(logits, name) for name in outputs if name is not None}


def _activated(logits: torch.Tensor, output: str) -> torch.Tensor:
    return {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "none": torch.Tensor.clone}[output](logits)


def _with_output(generator: _Generator, output: str) -> list[Named]:
    """All named layers of the generator, the activation of its pictures among them."""
    elements = list(generator.elements)
    if not generator.stated:
        elements.append(({"kind": output if output != "none" else "identity"}, None))
    return named(elements, torch.Size((generator.z_dim,)), "generator")


def _assembled(
    name: str,
    layers: list[Named],
    judge_layers: list[Named] | None,
    generator: _Generator,
    output: str,
    notes: Sequence[str],
    decisions: Sequence[Decision],
    stored: Stored,
    hints: Hints,
) -> Gan:
    tables: dict[str, Any] = {"name": "chain", "generator": [table for table, _ in layers]}
    if judge_layers is not None:
        tables["discriminator"] = [table for table, _ in judge_layers]
    settings = {key: value for key, value in tables.items() if key != "name"}
    network, judge_network = build_chain(settings)
    network.load_state_dict(weights_of(layers))
    if judge_layers is not None:
        judge_network.load_state_dict(weights_of(judge_layers))
    low, high = OUTPUTS[output]
    facts: Mapping[str, Any] = {
        "source": {
            "format": stored.format,
            "keys": {"generator": keys_of(layers), "discriminator": keys_of(judge_layers or [])},
        },
        **({"notes": list(notes)} if notes else {}),
        **({"decisions": [decision.to_card() for decision in decisions]} if decisions else {}),
    }
    said = kept_facts(hints)
    title = str(said.pop("name", Path(name.partition("+")[0]).stem))
    summary = str(said.pop("summary", f"Read from a file of the format {stored.format}."))
    return Gan(
        network,
        None if judge_layers is None else judge_network,
        prior=Prior(generator.z_dim, generator.law),
        image=ImageSpec(generator.size, generator.channels, low, high),
        card=Card(title, summary, tables, {**facts, **said}),
        classes=generator.classes,
    )


def _looked_at(gan: Gan) -> Gan:
    """With a note where its pictures hardly depend on z, or on the class."""
    label = None if gan.classes is None else 0
    pictures = gan.generate(gan.latents(16, label=label))
    if _spread(pictures, gan) < CONSTANT:
        note = (
            "Its pictures are all but constant, whatever z. The statistics that its norms store may be at fault: "
            "--statistics fresh estimates them anew."
        )
        return _noted(gan, note)
    if gan.classes is not None:
        z = gan.latents(1, label=0).z.expand(gan.classes, -1)
        with torch.inference_mode():
            by_class = gan._network("generator")(z, torch.arange(gan.classes))
        if _spread(by_class, gan) < 0.2 * _spread(pictures, gan):
            return _noted(gan, "Its pictures hardly depend on the class.")
    return gan


def _spread(pictures: torch.Tensor, gan: Gan) -> float:
    """Mean standard deviation of a value over the pictures, as a part of the range."""
    return float(pictures.std(0).mean()) / (gan.image.high - gan.image.low)


def _noted(gan: Gan, note: str) -> Gan:
    """The same GAN with one more note on its card."""
    facts = {**gan.card.facts, "notes": [*gan.card.facts.get("notes", []), note]}
    return gan._with(gan.generator, gan.discriminator, card=replace(gan.card, facts=facts))
