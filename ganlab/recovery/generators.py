"""A generator worked out from its weights, or built as its format says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import torch

from ganlab.errors import GanlabError
from ganlab.latents import Prior
from ganlab.recovery.building import Named, named
from ganlab.recovery.chaining import Skeleton, skeletons
from ganlab.recovery.decisions import CONVENTION, Decision, by_errors
from ganlab.recovery.discriminator_search import mean_error
from ganlab.recovery.discriminators import hear
from ganlab.recovery.hints import Hints
from ganlab.recovery.hypotheses import Findings, Known
from ganlab.recovery.options import LAWS, OUTPUTS, plausible
from ganlab.recovery.search import search
from ganlab.recovery.simulate import Element, run
from ganlab.recovery.stored import Stored, StoredNetwork
from ganlab.recovery.tables import filled, joined_classes, output_layer
from ganlab.recovery.unexplained import notes_of_places, reflected
from ganlab.recovery.witness import DISTRUSTED, MISFIT, misfit

ORDERS_TRIED = 6  # of layers whose channels leave their order open
IN_WORDS = {"conv": "a convolution", "conv_transpose": "a transposed convolution", "linear": "a matrix"}
SHOWN = 96  # samples that a stored discriminator is shown


@dataclass(frozen=True)
class Generator:
    """A generator, complete but perhaps for the activation that ends it.

    Attributes:
        elements: its layers.
        law, z_dim, classes: what it takes; no classes: None.
        size, channels: of its pictures.
        output: the activation that ends it where the format states the layers, which it then is among; else None.
        skeleton, findings: how it was worked out; None where the format states it.
        decisions: what was decided beside: how its layers were read; of a generator whose layers are stated, its prior.
        notes: what to say of it.
    """

    elements: tuple[Element, ...]
    law: str
    z_dim: int
    classes: int | None
    size: int
    channels: int
    output: str | None = None
    skeleton: Skeleton | None = None
    findings: Findings | None = None
    decisions: tuple[Decision, ...] = ()
    notes: tuple[str, ...] = ()

    def named(self, output: str) -> list[Named]:
        """All its layers with names, the activation of its pictures among them."""
        ending = [output_layer(output)] if self.output is None else []
        return named([*self.elements, *ending], torch.Size((self.z_dim,)), "generator")

    def samples(self, output: str | None) -> dict[str, torch.Tensor]:
        """Pictures (n, c, h, w) in every range that it may have, or in that of ``output``."""
        z = Prior(self.z_dim, self.law).sample(SHOWN, seed=0).z
        with torch.inference_mode():
            logits = run(*_fed(self.elements, z))
            if self.output is not None:
                return {self.output: logits}
            outputs = [output] if output else ["tanh", "sigmoid"]
            return {name: run((output_layer(name),), logits) for name in outputs}


def generator_of(network: StoredNetwork, stored: Stored, hints: Hints, name: str) -> Generator:
    """The generator that these weights are.

    Raises:
        GanlabError: it cannot be worked out, or what is stored contradicts every candidate.
    """
    if network.layers:
        return _stated(network, stored, hints)
    known = Known(
        law=hints.z or stored.law,
        activation=hints.activation,
        upsampling=hints.upsampling_modes,
        size=hints.image_size,
        eps=hints.eps_of_norms,
        usual_eps=stored.eps,
        same=stored.same_padding,
        statistics=hints.statistics != "fresh",
    )
    orders = skeletons(network)[:ORDERS_TRIED]
    orders = [order for order in orders if order.side == "generator"] or orders
    orders = [order for order in orders if _may_end_in_pictures(order, hints)] or _refuse_numbers(orders[0], name)
    read = _searched(orders, known, name)
    skeleton, findings, notes = read.skeleton, read.findings, read.notes
    channels, size = _picture(skeleton, findings, hints, name)
    law = findings.best.choices["z"]
    elements, border = _with_borders(findings.best.elements, skeleton.stages[0].inputs, law)
    if hints.upsampling and not findings.best.upsampled:
        notes = (*notes, "--upsampling says nothing here: none of its layers has one before it.")
    if findings.size == 0:
        elements = (*elements, ({"kind": "reshape", "shape": [channels, size, size]}, None))
    z_dim, classes = skeleton.stages[0].inputs, None
    if elements[0][0]["kind"] == "classes":
        z_dim, classes = _without_classes(z_dim, elements)
    notes = (*notes, *notes_of_places(elements, "generator"))
    decisions = (*read.decisions, *border)
    return Generator(elements, law, z_dim, classes, size, channels, None, skeleton, findings, decisions, notes)


def _with_borders(
    elements: tuple[Element, ...], inputs: int, law: str
) -> tuple[tuple[Element, ...], tuple[Decision, ...]]:
    """The layers with maps reflected at their borders where the numbers leave a place for it, and what was decided."""
    z_dim = _without_classes(inputs, elements)[0] if elements[0][0]["kind"] == "classes" else inputs
    z = Prior(z_dim, law).sample(SHOWN, seed=0).z
    with torch.inference_mode():
        found, decision = reflected(elements, lambda layers: hear(*_fed(layers, z)))
    return found, () if decision is None else (decision,)


def _without_classes(inputs: int, elements: Sequence[Element]) -> tuple[int, int]:
    """Dimensions of z, and how many classes: of what the first layer takes, when classes have joined z."""
    table = elements[0][0]
    return inputs - (0 if table["join"] == "multiply" else int(table["dims"])), int(table["classes"])


def _fed(elements: Sequence[Element], z: torch.Tensor) -> tuple[tuple[Element, ...], torch.Tensor]:
    """The layers with weights or maps, and what the first of them takes: z, and classes in turn where they join it."""
    if elements[0][0]["kind"] == "classes":
        return tuple(elements[1:]), joined_classes(z, *elements[0])
    return tuple(elements), z


@dataclass(frozen=True)
class _Reading:
    """An order of layers, what was found for it, how far it was decided, and what to say of it."""

    skeleton: Skeleton
    findings: Findings
    decisions: tuple[Decision, ...] = ()
    notes: tuple[str, ...] = ()


def _searched(orders: Sequence[Skeleton], known: Known, name: str) -> _Reading:
    """The order of layers that fits best.

    Raises:
        GanlabError: no order leads to pictures, or the norms contradict every candidate.
    """
    found: list[_Reading] = []
    problem: GanlabError | None = None
    for order in orders:
        try:
            found.append(_Reading(order, search(order, known)))
        except GanlabError as error:
            problem = problem or error
    if not found:
        assert problem is not None
        raise GanlabError(f"{name}: {problem}", problem.hint) from problem
    if known.upsampling:  # a reading in which it means nothing is none that the user can mean
        found = [one for one in found if one.findings.best.upsampled] or found
    best = min(found, key=lambda one: _how_unlikely(one.findings, known))
    witness, differs = best.findings.worst
    if best.findings.first > DISTRUSTED:
        # the first norm hears of nothing but z: where it does not know any prior, the statistics are of another moment
        unwitnessed = _searched([best.skeleton], replace(known, statistics=False), name)
        note = (
            f"What its norms remember fits no prior of z (they differ by {best.findings.first:.1f}): it was not "
            "believed, and the usual choices were made."
        )
        return replace(unwitnessed, notes=(note,))
    if differs > MISFIT and known.activation is not None:
        note = f"{witness} does not see what it remembers (it differs by {differs:.2f}): is --activation right?"
        return replace(best, notes=(note,))
    if differs > MISFIT:
        problem = misfit(witness, differs)
        raise GanlabError(f"{name}: {problem}", problem.hint)
    return replace(best, decisions=_doubted(best, found))


def _how_unlikely(findings: Findings, known: Known) -> tuple[float, int, int]:
    """What its norms hear first; then, where the user says how maps are enlarged, what is enlarged otherwise."""
    best = findings.best
    return round(findings.error, 2), best.strides if known.upsampling else 0, best.rank


def _doubted(best: _Reading, found: Sequence[_Reading]) -> tuple[Decision, ...]:
    """That the layers may stand in another order, or be of another kind, where nothing tells one reading from another.

    A kernel of as many inputs as outputs may belong to either kind of convolution.
    """
    error, rank = round(best.findings.error, 2), best.findings.best.rank
    rivals = [
        other
        for other in found
        if other is not best
        and round(other.findings.error, 2) == error
        and other.findings.best.rank < rank + CONVENTION
    ]
    if not rivals:
        return ()
    rival = min(rivals, key=lambda one: one.findings.best.rank)
    pairs = list(zip(best.skeleton.stages, rival.skeleton.stages, strict=False))
    chosen, other = next(
        ((one, two) for one, two in pairs if (one.part.name, one.kind) != (two.part.name, two.kind)), pairs[-1]
    )
    size = f", for pictures of {rival.findings.size}x{rival.findings.size}" if rival.findings.size else ""
    return (
        Decision(
            "reading of its layers",
            f"{chosen.part.name} as {IN_WORDS[chosen.kind]}",
            "nothing in the file tells; the usual one",
            f"{other.part.name} as {IN_WORDS[other.kind]}{size}",
            certain=False,
        ),
    )


def _picture(skeleton: Skeleton, findings: Findings, hints: Hints, name: str) -> tuple[int, int]:
    """Channels and side of the pictures; of a generator of matrices only, what its last one can be cut into."""
    outputs = skeleton.stages[-1].outputs
    return (outputs, findings.size) if findings.size else _cut(outputs, hints) or _refuse_numbers(skeleton, name)


def _cut(outputs: int, hints: Hints) -> tuple[int, int] | None:
    """Channels and side of the pictures that so many numbers make; None where they make none of a usual size."""
    for channels in (1, 3, 4):
        side = round((outputs / channels) ** 0.5)
        if channels * side**2 == outputs and plausible(side, hints.image_size):
            return channels, side
    return None


def _may_end_in_pictures(skeleton: Skeleton, hints: Hints) -> bool:
    """Whether the last layer puts out maps, or as many numbers as a picture has: known before any search."""
    last = skeleton.stages[-1]
    return last.kind != "linear" or _cut(last.outputs, hints) is not None


def _refuse_numbers(skeleton: Skeleton, name: str) -> NoReturn:
    outputs = skeleton.stages[-1].outputs
    raise GanlabError(f"{name}: {outputs} numbers make no square picture of a usual size.", "State it: --image-size")


def _stated(network: StoredNetwork, stored: Stored, hints: Hints) -> Generator:
    """Where the format says how the layers follow, only the prior is left open."""
    elements = filled(network)
    first = next(table for table, part in elements if part is not None and table["kind"] != "classes")
    z_dim = first.get("inputs") or network.parts[0].tensors["weight"].shape[1]
    classes = None
    if elements[0][0]["kind"] == "classes":
        z_dim, classes = _without_classes(z_dim, elements)
    prior = _prior(elements, z_dim, stored, hints)
    law = prior.chosen
    with torch.inference_mode():
        picture = run(*_fed(elements, Prior(z_dim, law).sample(4, 0).z))
    ending = [table["kind"] for table, _ in elements[:-4:-1]]
    output = next((kind for kind in ending if kind in OUTPUTS), "none")
    size, channels = picture.shape[-1], picture.shape[1]
    return Generator(elements, law, z_dim, classes, size, channels, output, decisions=(prior,))


def _prior(elements: Sequence[Element], z_dim: int, stored: Stored, hints: Hints) -> Decision:
    """The prior: as said, else the one under which the norms see what they remember, else the usual one."""
    what = "prior of z"
    if hints.z or stored.law:
        return Decision(what, str(hints.z or stored.law), "as you said" if hints.z else "as usual with this format")
    errors: dict[str, float] = {}
    with torch.inference_mode():
        for law in LAWS:
            testimonies = hear(*_fed(elements, Prior(z_dim, law).sample(256, 0).z))
            if testimonies:
                errors[law] = mean_error(testimonies)
    if not errors:
        return Decision(what, LAWS[0], "no norm tells; the usual one", f"{LAWS[1]} (--z {LAWS[1]})", certain=False)
    return by_errors(what, min(errors, key=errors.__getitem__), errors)
