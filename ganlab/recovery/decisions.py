"""What was decided about a file's networks, on what evidence, and what stays open: for a person and for the card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ganlab.recovery.cards import stated_activation
from ganlab.recovery.discriminators import Discriminator
from ganlab.recovery.hypotheses import Findings, Hypothesis, Ruling
from ganlab.recovery.witness import CLOSE, MISFIT

if TYPE_CHECKING:
    from ganlab.recovery.chaining import Skeleton
    from ganlab.recovery.hints import Hints

CONVENTION = 3  # ranks by which an order of layers must be more usual than its rivals, where nothing else tells
DOUBTED = 0.2  # an error of a norm that no trained network seen so far has: it knows another network, or an edited one
LAGGING = 3.0  # the same where training was so short that what norms remember lags behind the weights
POORLY = 0.1  # an error above which a norm that tells the prior may have seen another one
JOINTLY = 0.03  # what activations must gain that one norm hears together: a wrong pair may fit better by chance
LEARNT = "its slopes are stored in the file"


@dataclass(frozen=True)
class Decision:
    """One choice.

    Attributes:
        what: the question.
        chosen: the answer.
        evidence: why, in words.
        runner_up: the next best answer and how it did, or "".
        certain: False where nothing in the file decides and the likeliest answer was taken.
    """

    what: str
    chosen: str
    evidence: str
    runner_up: str = ""
    certain: bool = True

    def to_card(self) -> dict[str, Any]:
        """As a table of ``card.toml``."""
        return {key: value for key, value in asdict(self).items() if value != ""}


def of_search(findings: Findings, skeleton: Skeleton | None, hints: Hints) -> list[Decision]:
    """The generator's decisions: the prior, every hidden activation, every layer's way from side to side."""
    eps = [f"{value:g}" for value in hints.eps_of_norms or ()]
    given: dict[str, Sequence[str | None]] = {"z": [hints.z], "activation": [hints.activation], "eps": eps}
    lagging = skeleton is not None and skeleton.hardly_trained
    decided = []
    for variable, chosen in findings.best.choices.items():
        kind, _, number = variable.partition(" ")
        if kind == "order" or (kind == "eps" and float(chosen) == 1e-5 and not _ruled(findings, variable)):
            continue
        what = _question(kind, number, skeleton)
        if chosen == "prelu":
            decided.append(Decision(what, chosen, LEARNT))
            continue
        if chosen in given.get(kind, []):
            decided.append(Decision(what, chosen, "as you said"))
            continue
        decided.append(_decision(findings, variable, what, chosen, lagging))
    return decided


def doubts_of_size(findings: Findings, skeleton: Skeleton, hints: Hints) -> list[str]:
    """A note where the side of the pictures rests on a layer's geometry that its norm neither tells nor agrees with."""
    if hints.image_size is not None:
        return []
    for variable, chosen in findings.best.choices.items():
        ruling = _deciding(findings, variable, chosen)
        kind, _, number = variable.partition(" ")
        if kind != "layer" or ruling is None or ruling.clear or _of_pictures(ruling) or ruling.error <= DOUBTED:
            continue
        return [
            f"Its pictures may be of another size than {findings.size}x{findings.size}: {ruling.witness} does not see "
            f"what it remembers (it differs by {ruling.error:.2f}), as after an edit, and so does not tell the "
            f"{_question(kind, number, skeleton)}. A --card that spells out its layers settles it."
        ]
    return []


def of_discriminator(
    discriminator: Discriminator | None, output: str, stated: str | None, hints: Hints
) -> list[Decision]:
    """The range of the pictures, and the discriminator's decisions."""
    what = "last activation of the generator"
    if hints.output:
        decided = [Decision(what, output, "as you said")]
    elif stated:
        decided = [Decision(what, output, "the file says so")]
    elif discriminator is None or len(discriminator.errors) < 2:
        evidence = "nothing in the file tells; tanh is the usual one"
        decided = [Decision(what, output, evidence, "sigmoid (--output sigmoid)", certain=False)]
    else:
        other = next(name for name in discriminator.errors if name != output)
        error, rival = discriminator.errors[output], discriminator.errors[other]
        evidence = f"the discriminator's norms differ by {error:.2f} from what they remember"
        if error > MISFIT and rival <= CLOSE * error:
            evidence = f"the discriminator, whose norms differ by {error:.2f} from what they remember, does not tell"
        certain = error <= MISFIT and rival > CLOSE * error
        decided = [Decision(what, output, evidence, f"{other}: {rival:.2f}", certain=certain)]
    if discriminator is not None:
        decided.append(of_activation(discriminator, stated_activation(hints)))
        if discriminator.eps:
            taken = f"{discriminator.norm_eps:g}"
            decided.append(_of_norms("eps of the discriminator's norms", taken, discriminator.eps, discriminator))
        decided += of_geometries(discriminator)
    return decided


def of_geometries(discriminator: Discriminator) -> list[Decision]:
    """The strides, paddings and poolings of the discriminator's convolutions that nothing settles, as one decision."""
    doubts = discriminator.doubts
    if not doubts:
        return []
    one = len(doubts) == 1
    what = f"geometry of the discriminator's {doubts[0].layer if one else 'convolutions'}"
    chosen, rival = (
        words[0] if one else "; ".join(f"{doubt.layer}: {word}" for doubt, word in zip(doubts, words, strict=True))
        for words in ([doubt.chosen for doubt in doubts], [doubt.rival for doubt in doubts])
    )
    evidence = "nothing in the file tells; the usual one"
    if discriminator.errors and discriminator.error <= MISFIT:
        evidence = "its norms do not tell it from others; the usual one"
    return [Decision(what, chosen, evidence, rival, certain=False)]


def doubts_of_discriminator(discriminator: Discriminator | None) -> list[str]:
    """A note where a discriminator's norms agree with nothing that was tried."""
    if discriminator is None or discriminator.error <= MISFIT:
        return []
    return [
        "Its discriminator's scores may be wrong: no network known here lets its norms see what they remember (the "
        f"best differs by {discriminator.error:.2f}; after short training the right one does too). A --card that "
        "spells out its layers settles it."
    ]


def by_errors(what: str, chosen: str, errors: Mapping[str, float]) -> Decision:
    """A decision among answers whose errors are known: certain where the chosen one's is far below all others'."""
    rival = min((name for name in errors if name != chosen), key=errors.__getitem__)
    evidence = f"what its norms remember differs by {errors[chosen]:.3f}"
    certain = errors[chosen] <= MISFIT and errors[rival] > CLOSE * errors[chosen]
    return Decision(what, chosen, evidence, f"{rival}: {errors[rival]:.3f}", certain=certain)


def of_activation(discriminator: Discriminator, stated: str | None) -> Decision:
    """The discriminator's hidden activation; ``stated``: what the user says of it."""
    what = "activation of the discriminator"
    if discriminator.activation == "prelu":
        return Decision(what, discriminator.activation, LEARNT)
    if stated:
        return Decision(what, discriminator.activation, "as you said")
    if not discriminator.rivals:
        return Decision(what, discriminator.activation, "nothing in the file tells; the paper's", certain=False)
    return _of_norms(what, discriminator.activation, discriminator.rivals, discriminator)


def _of_norms(what: str, chosen: str, errors: Mapping[str, float], discriminator: Discriminator) -> Decision:
    """One of the discriminator's decisions by the errors of its norms, which tell nothing where none fits."""
    decision = by_errors(what, chosen, errors)
    if errors[chosen] > MISFIT:
        evidence = f"what its norms remember differs by {errors[chosen]:.3f} and does not tell; the usual one"
        return replace(decision, evidence=evidence)
    if discriminator.dropout:
        dropped = f"{decision.evidence}, if training dropped {discriminator.dropout:.0%} of the maps"
        return replace(decision, evidence=dropped)
    return decision


def _question(kind: str, number: str, skeleton: Skeleton | None) -> str:
    if kind == "z":
        return "prior of z"
    if kind == "classes":
        return "how classes join z"
    name = skeleton.stages[int(number)].part.name if skeleton is not None else number
    words = {"activation": "activation after", "layer": "geometry of", "eps": "eps of the norm after"}
    return f"{words[kind]} {name}"


def _ruled(findings: Findings, variable: str) -> bool:
    return any(
        ruling.variable == variable and ruling.runner_up_error > CLOSE * ruling.error for ruling in findings.rulings
    )


def _decision(findings: Findings, variable: str, what: str, chosen: str, lagging: bool) -> Decision:
    """By the witness that told most clearly against the closest rival; where none did, the usual answer.

    What tells against other rivals, which may be the only ones left by then, makes nothing certain.
    """
    best = _deciding(findings, variable, chosen)
    if best is not None:
        evidence = f"{best.witness} is" if _of_pictures(best) else f"what {best.witness} remembers differs by"
        evidence = f"{evidence} {best.error:.3f}"
        certain = best.clear and (not lagging or best.runner_up_error > LAGGING * best.error)
        certain = certain and (variable != "z" or lagging or best.error <= POORLY)
        if best.runner_up_error - best.error < JOINTLY and _heard_together(findings, variable, best.witness):
            certain = False
        runner_up = f"{best.runner_up}: {best.runner_up_error:.3f}"
        return Decision(what, chosen, evidence, runner_up, certain=certain)
    if variable in findings.numbered:
        evidence = "the numbers of its layers leave no place for one"
        return Decision(what, chosen, evidence, certain=bool(findings.seen))
    kind = variable.partition(" ")[0]
    if kind == "layer":
        return _by_convention(findings, variable, what, chosen)
    made = [*findings.best.choices.items()]
    before = [value for name, value in made[: made.index((variable, chosen))] if name.startswith("activation ")]
    taken = "that of the layer before" if before and before[-1] == chosen else "the usual one"
    return Decision(what, chosen, f"no norm tells it from others; {taken}", certain=False)


def _heard_together(findings: Findings, variable: str, witness: str) -> bool:
    """Whether the norm that tells an activation is the first to hear it and another activation as well."""
    first = {ruling.variable: ruling.witness for ruling in reversed(findings.rulings)}
    heard = [name for name, told in first.items() if name.startswith("activation ") and told == witness]
    return variable in heard and len(heard) > 1


def _deciding(findings: Findings, variable: str, chosen: str) -> Ruling | None:
    """What the witness said that told most clearly against the closest rival; None where none told."""
    rulings = [one for one in findings.rulings if one.variable == variable and one.chosen == chosen]
    if not rulings:
        return None
    closest = min(rulings, key=lambda one: one.runner_up_error - one.error).runner_up
    against = [one for one in rulings if one.runner_up == closest]
    return max(against, key=lambda one: (one.clear, one.runner_up_error / max(one.error, 1e-6)))


def _of_pictures(ruling: Ruling) -> bool:
    """Whether the pictures told, and no norm."""
    return ruling.witness.startswith("the ")


def _by_convention(findings: Findings, variable: str, what: str, chosen: str) -> Decision:
    """A layer's geometry where no witness tells: certain only where no other leads to pictures of a usual size."""
    others = [
        rival
        for rival in findings.rivals
        if rival.choices[variable] != chosen and _but_geometry(rival) == _but_geometry(findings.best)
    ]
    if not others:
        return Decision(what, chosen, "the only one that leads to pictures of a usual size")
    rival = min(others, key=lambda one: one.rank)
    runner_up = f"{rival.choices[variable]}, for pictures of {rival.side}x{rival.side}"
    return Decision(what, chosen, "nothing in the file tells; the usual one", runner_up, certain=False)


def _but_geometry(one: Hypothesis) -> dict[str, str]:
    return {name: value for name, value in one.choices.items() if not name.startswith("layer ")}
