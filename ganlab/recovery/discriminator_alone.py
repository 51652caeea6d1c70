"""A discriminator without its generator: what its pictures are like, and the GAN that only scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from ganlab.architectures.chain import build_chain
from ganlab.card import Card
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.imagespec import ImageSpec
from ganlab.networks.weights import frozen
from ganlab.recovery.building import named, source_of, weights_of
from ganlab.recovery.cards import kept_facts, stated_activation
from ganlab.recovery.chaining import skeletons
from ganlab.recovery.decisions import Decision, of_activation, of_geometries
from ganlab.recovery.discriminator_ways import sizes
from ganlab.recovery.discriminators import discriminator_of
from ganlab.recovery.hints import Hints
from ganlab.recovery.hypotheses import Known
from ganlab.recovery.norms import of_norms, with_kinds
from ganlab.recovery.options import OUTPUTS, SIZES
from ganlab.recovery.simulate import Element, run
from ganlab.recovery.stored import Stored, StoredNetwork
from ganlab.recovery.tables import filled, without_verdict
from ganlab.recovery.unexplained import notes_of_places

CHANNELS = (1, 3, 4)  # of pictures, where no convolution tells
NOTE = "Its file holds a discriminator and no generator: it scores pictures and draws none."


@dataclass(frozen=True)
class _Worked:
    """The layers, the side and channels of the pictures, and how they were found."""

    elements: tuple[Element, ...]
    size: int
    channels: int
    decisions: tuple[Decision, ...]
    notes: tuple[str, ...] = ()


def gan_of_discriminator(network: StoredNetwork, stored: Stored, name: str, hints: Hints) -> Gan:
    """The GAN of a discriminator alone: it scores, and is recorded and edited, but has no generator.

    Args:
        network: the discriminator.
        stored: the file it lies in.
        name: of the checkpoint, for its card and for errors.
        hints: what the user says; ``image_size`` and ``output`` say what its pictures are.

    Raises:
        GanlabError: its layers lead from no pictures of a usual size, or of the size that was said, to one number.
    """
    try:
        worked = _stated(network, hints) if network.layers else _worked_out(network, stored, hints)
    except GanlabError as error:
        raise GanlabError(f"{name}: {error.message}", error.hint) from error
    layers = named(worked.elements, torch.Size((worked.channels, worked.size, worked.size)), "discriminator")
    tables = [table for table, _ in layers]
    _, discriminator = build_chain({"discriminator": tables})
    discriminator.load_state_dict(weights_of(layers))
    output, decision = _range(hints)
    said = kept_facts(hints)
    title = str(said.pop("name", Path(name).stem))
    summary = str(said.pop("summary", f"A discriminator alone, read from a file of the format {stored.format}."))
    facts = {
        "source": source_of(stored.format, {"discriminator": (network.name, layers)}),
        "notes": [*stored.notes, *worked.notes, NOTE],
        "decisions": [one.to_card() for one in (*worked.decisions, decision)],
    }
    return Gan(
        None,
        frozen(discriminator),
        image=ImageSpec(worked.size, worked.channels, *OUTPUTS[output]),
        card=Card(title, summary, {"name": "chain", "discriminator": tables}, {**facts, **said}),
    )


def _worked_out(network: StoredNetwork, stored: Stored, hints: Hints) -> _Worked:
    """Where only weights are known: the likeliest way from pictures to a verdict."""
    network = with_kinds(network, "discriminator", stored, hints)
    skeleton = skeletons(network)[0]
    fitting = sizes(skeleton, stored.same_padding)
    if not fitting:
        told = any(part.kind == "embedding" for part in network.parts)
        kind = "One that is told classes" if told else "A network of another kind"
        raise GanlabError(
            "Its layers lead from no pictures of a usual size to one number.",
            f"{kind} needs its code: --gan MODULE:FACTORY+FILE",
        )
    size = hints.image_size or fitting[0]
    stated = stated_activation(hints) or hints.activation
    known = Known(activation=stated, eps=hints.eps_of_norms, usual_eps=stored.eps, same=stored.same_padding)
    fitted = discriminator_of(skeleton, {}, size, known)
    first = skeleton.stages[0]
    channels = first.inputs // size**2 if first.kind == "linear" else first.inputs
    activation, geometries = of_activation(fitted, stated), of_geometries(fitted)
    norms = of_norms(network, [table for table, _ in fitted.elements], "discriminator", hints)
    decisions = (_size_decision(size, fitting, hints), activation, *geometries, *norms)
    notes = tuple(notes_of_places(fitted.elements, "discriminator"))
    return _Worked(fitted.elements, size, channels, decisions, notes)


def _stated(network: StoredNetwork, hints: Hints) -> _Worked:
    """Where the format says how the layers follow, only the pictures are left open."""
    elements = without_verdict(filled(network))
    asked = (hints.image_size,) if hints.image_size else SIZES
    fitting = [(size, channels) for size in asked for channels in CHANNELS if _fits(elements, channels, size)]
    first = next((table for table, part in elements if part is not None), {})
    if first.get("kind") == "conv":
        channels = int(first["inputs"])
        fitting = [(size, channels) for size in asked if _fits(elements, channels, size)]
    if not fitting:
        what = f"{asked[0]}x{asked[0]}" if hints.image_size else "a usual size"
        raise GanlabError(f"Its layers lead from no pictures of {what} to one number.", "State it: --image-size")
    size, channels = fitting[0]
    decision = _size_decision(size, list(dict.fromkeys(size for size, _ in fitting)), hints)
    return _Worked(elements, size, channels, (decision,))


def _fits(elements: tuple[Element, ...], channels: int, size: int) -> bool:
    """Whether these layers make one number of such a picture."""
    try:
        with torch.inference_mode():
            verdict = run(elements, torch.zeros(2, channels, size, size))
    except (RuntimeError, ValueError):  # torch's word for sizes that do not fit
        return False
    return verdict.numel() == 2


def _size_decision(size: int, fitting: list[int], hints: Hints) -> Decision:
    what, chosen = "size of the pictures", f"{size}x{size}"
    if hints.image_size:
        return Decision(what, chosen, "as you said")
    others = [other for other in fitting if other != size]
    if not others:
        return Decision(what, chosen, "the only usual one that its layers bring down to one number")
    runner_up = f"{others[0]}x{others[0]} (--image-size {others[0]})"
    return Decision(what, chosen, "its layers bring it down to one number most simply", runner_up, certain=False)


def _range(hints: Hints) -> tuple[str, Decision]:
    """What ended the generator that it was trained against, which says the range of its pictures."""
    what = "range of the pictures"
    if hints.output:
        return hints.output, Decision(what, _in_words(hints.output), "as you said")
    evidence = "nothing in the file tells; that of tanh is the usual one"
    other = f"{_in_words('sigmoid')} (--output sigmoid)"
    return "tanh", Decision(what, _in_words("tanh"), evidence, other, certain=False)


def _in_words(output: str) -> str:
    low, high = OUTPUTS[output]
    return f"{low:g} to {high:g}"
