"""What to say of a name that nothing has: what may have been meant, and what there is."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

LISTED = 40  # names in a hint


def suggest(name: str, known: Iterable[str], heading: str = "There are") -> str:
    """The hint for an unknown name: the known ones that are spelt nearly so as a question, then all that are known.

    Args:
        name: as a person typed it.
        known: in the order in which to list them; where they are many, only the first are.
        heading: before the list.

    Returns:
        "Did you mean smiling? There are: smiling, neutral, man."
    """
    known = list(known)
    return f"{did_you_mean(name, known)} {heading}: {few(known) or 'none'}.".strip()


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Such as "Did you mean smiling or neutral?"; empty where none of the known names is near."""
    meant = near(name, known)
    return f"Did you mean {' or '.join(meant)}?" if meant else ""


def near(name: str, known: Iterable[str]) -> list[str]:
    """At most three of the known names that are spelt nearly so, in capitals or not, nearest first."""
    folded: dict[str, str] = {}
    for one in known:
        folded.setdefault(one.casefold(), one)
    return [folded[one] for one in get_close_matches(name.casefold(), folded, n=3)]


def few(names: Iterable[str], most: int = LISTED, between: str = ", ") -> str:
    """The first ``most`` names for a message, with a word on how many are left out where they are more."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more
