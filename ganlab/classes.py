"""The classes that a conditional GAN draws: what they are called, and which one is meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ganlab.errors import GanlabError
from ganlab.wording import composed

LISTED = 12  # in a message


def class_names(facts: Mapping[str, Any], count: int, gan: str) -> list[str]:
    """What so many classes are called, in their order, as the card's facts say; else their numbers.

    Raises:
        GanlabError: the card names more or fewer, or something else than names.
    """
    names = facts.get("class_names") or [str(label) for label in range(count)]
    if not isinstance(names, list) or len(names) != count or not all(isinstance(name, str) for name in names):
        raise GanlabError(f"The card of {gan!r} does not name {count} classes.", "Mend its class_names.")
    return [composed(name) for name in names]


def class_number(label: int | str | None, names: Sequence[str], gan: str) -> int | None:
    """The number of the class that is meant; None of a GAN that draws none.

    Args:
        label: the class that is asked for, by number or name, or None. A text that is a class's number means that one,
            whatever others are called.
        names: of its classes; empty where it draws none.
        gan: its name, for the message.

    Raises:
        GanlabError: a class where a GAN draws none, none where it needs one, one that it does not draw.
    """
    if not names and label is not None:
        raise GanlabError(f"The GAN {gan!r} draws no classes.", "Leave out --label.")
    if names and label is None:
        raise GanlabError(
            f"The GAN {gan!r} draws {len(names)} classes and needs one.", f"Add --label: {listed(names)}."
        )
    if label is None:
        return None
    meant: dict[int | str, int] = {composed(name): number for number, name in enumerate(names)}
    for number in range(len(names)):
        meant[number] = meant[str(number)] = number
    label = composed(label) if isinstance(label, str) else label
    if label not in meant:
        raise GanlabError(f"There is no class {label}.", f"Choose one with --label: {listed(names)}.")
    return meant[label]


def listed(names: Sequence[str]) -> str:
    """The numbers of classes for a message, with their names where these say more: "0 cat, 1 dog", "0 to 9"."""
    if list(names) == [str(label) for label in range(len(names))]:
        return f"0 to {len(names) - 1}"
    few = ", ".join(f"{label} {name}" for label, name in enumerate(names[:LISTED]))
    return few + (f", ... up to {len(names) - 1}" if len(names) > LISTED else "")
