"""What the names in an expression say its result should show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ganlab import Labeler, said_by, with_unsaid

from .expression import Term

Shown = dict[str, bool]


@dataclass(frozen=True)
class Meaning:
    """An expression in the words of a labeler.

    Attributes:
        terms: for each term, the concepts its exemplars show or do not; empty where the name says nothing.
        wanted: what the result should show or not.
        notes: what could not be read or derived.
    """

    terms: list[Shown]
    wanted: Shown
    notes: list[str] = field(default_factory=list)

    @property
    def judged(self) -> bool:
        """Whether exemplars can be drawn for every term and the result be judged."""
        return bool(self.wanted) and all(self.terms)


def read(labeler: Labeler, terms: Sequence[Term]) -> Meaning:
    """Read every name by the labeler's words and derive a - b + c for each concept that any of them speaks of.

    A concept that a name is silent on is what the card's ``unsaid`` says ("man": no glasses, where another name says
    glasses). Silences without such a default cancel in pairs of opposite sign; where one is left over, nothing can be
    derived for the concept.
    """
    notes: list[str] = []
    said = [_said(labeler, term, notes) for term in terms]
    spoken = [concept for concept in labeler.concepts if any(concept in one for one in said)]
    full = [{concept: bool(shown) for concept, shown in one.items()} for one in with_unsaid(labeler, said)]
    wanted: Shown = {}
    for concept in spoken:
        silent = sum(term.sign for term, one in zip(terms, full, strict=True) if concept not in one)
        if silent:
            notes.append(f"Whether the result should show {concept!r} cannot be derived: a name is silent on it.")
        else:
            value = sum(term.sign * one.get(concept, False) for term, one in zip(terms, full, strict=True))
            wanted[concept] = value > 0
    return Meaning(full, wanted, notes)


def in_words(shown: Shown) -> str:
    """``smile and not glasses``."""
    return " and ".join(concept if there else f"not {concept}" for concept, there in shown.items())


def _said(labeler: Labeler, term: Term, notes: list[str]) -> Shown:
    """The concepts of a name; pictures that were typed have none."""
    if not term.is_name:
        return {}
    said = said_by(labeler, term.text)
    measured = [attribute for attribute in said.attributes if attribute not in labeler.concepts]
    notes += [
        f"The labeler {labeler.name!r} does not know the word {word!r} in {term.text!r}." for word in said.unknown
    ]
    notes += [f"{attribute!r} of {term.text!r} is measured, not shown or absent: left out." for attribute in measured]
    return {concept: bool(shown) for concept, shown in said.attributes.items() if concept in labeler.concepts}
