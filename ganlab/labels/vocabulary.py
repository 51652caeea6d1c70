"""What the words of a name say: "smiling_woman" is {"smile": True, "woman": True}, by the labeler's own list of words.

A labeler's card brings the list as data::

    [words]
    smiling = { smile = true }
    neutral = { smile = false }
    man = { woman = false }
    with_glasses = { glasses = true }
    left = { yaw = -1 }       # a measure: towards its small values

    [unsaid]                  # what a name means that is silent on an attribute other names speak of
    glasses = false

Where a card has no list, its concepts are the words, and "no_" before one denies it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ganlab.errors import GanlabError
from ganlab.wording import composed

if TYPE_CHECKING:
    from ganlab.labels.labelers import Labeler

Attributes = Mapping[str, bool | int]


@dataclass(frozen=True)
class Said:
    """What a name says.

    Attributes:
        attributes: concept -> shown or not; measure -> +1 towards its large values, -1 towards its small ones.
        unknown: words of the name that the labeler does not know.
    """

    attributes: Attributes
    unknown: tuple[str, ...]


def words_of(labeler: Labeler) -> dict[str, Attributes]:
    """The labeler's words, from its card; without a list there, its concepts and their opposites."""
    words: dict[str, Attributes] = labeler.card.get("words", {})
    if words:
        return dict(words)
    names = {concept.replace(" ", "_"): concept for concept in labeler.concepts}
    return {
        word: {concept: shown}
        for shown in (True, False)
        for word, concept in ((name if shown else f"no_{name}", concept) for name, concept in names.items())
    }


def said_by(labeler: Labeler, name: str) -> Said:
    """Read a name such as ``man_with_glasses``: the longest run of words that the labeler knows, again and again.

    Raises:
        GanlabError: the name says an attribute and its opposite.
    """
    words, parts = words_of(labeler), composed(name).casefold().split("_")
    attributes: dict[str, bool | int] = {}
    unknown: list[str] = []
    while parts:
        known = next((n for n in range(len(parts), 0, -1) if "_".join(parts[:n]) in words), 0)
        if not known:
            unknown.append(parts.pop(0))
            continue
        for attribute, value in words["_".join(parts[:known])].items():
            if attributes.setdefault(attribute, value) != value:
                raise GanlabError(f"{name!r} says {attribute!r} and its opposite.", "Mind the name of the group.")
        del parts[:known]
    return Said(attributes, tuple(word for word in unknown if word))


def with_unsaid(labeler: Labeler, said: Sequence[Attributes]) -> list[Attributes]:
    """What names mean beside each other: of "man" and "man_with_glasses", the first means no glasses.

    Where one of them speaks of an attribute, those that are silent on it mean what the card's ``unsaid`` has for it.

    Args:
        said: what each name says; one that says nothing goes on doing so.
    """
    spoken = {attribute for one in said for attribute in one}
    unsaid: Attributes = labeler.card.get("unsaid", {})
    meant = {attribute: value for attribute, value in unsaid.items() if attribute in spoken}
    return [{**meant, **one} if one else {} for one in said]
