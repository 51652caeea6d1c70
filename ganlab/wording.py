"""How things are written for a person: names that may have been meant, numbers, options, other people's text."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from math import floor, log10
from typing import Any
from unicodedata import normalize

LISTED = 40  # names in a hint
# C0 but tab and newline, delete, C1, and all with Unicode's property Bidi_Control
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_WRITTEN = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROLS if chr(code) not in "\t\n"
}


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


def number(value: Any) -> str:
    """Three digits that count, no exponent where it can be helped, commas; "" for None, text as it is."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, float):
        return str(value)
    size = abs(float(f"{value:.3g}"))  # as it will be read
    if 1000 <= size < 1e9:
        return number(round(value))
    if 1e-4 <= size < 1:  # with the zeros at the end that count
        return f"{value:.{2 - floor(log10(size))}f}"
    return f"{value or 0.0:.3g}"  # no zero has a sign


def interval(low: float | None, high: float | None) -> str:
    """``[0.100, 0.300]``, ``at least 0.100`` where it is open above, "" where there is none."""
    if low is None or high is None:
        ends = {"at least": low, "at most": high}
        return next((f"{word} {number(end)}" for word, end in ends.items() if end is not None), "")
    return f"[{number(low)}, {number(high)}]"


def counted(count: int, what: str) -> str:
    """``counted(1, "picture")`` -> "1 picture", ``counted(1200, "picture")`` -> "1,200 pictures"."""
    return f"{count:,} {plural(what, count)}"


def plural(what: str, count: int) -> str:
    """``plural("picture", 1)`` -> "picture", ``plural("picture", 2)`` -> "pictures"."""
    return what if count == 1 else f"{what}s"


def option_name(parameter: str) -> str:
    """``z_dim`` -> ``--z-dim``; an underscore that only keeps a name from Python's own (``lambda_``) is left out."""
    return "--" + parameter.strip("_").replace("_", "-")


def composed(text: str) -> str:
    """The text with each letter and its accents as one sign, as most systems write names; a Mac writes them apart."""
    return normalize("NFC", text)


def quoted(text: object) -> str:
    """What a person typed, such as a path, in quotes for a message: as it is, with single strokes where it has some."""
    said = printable(str(text)).translate({9: "\\t", 10: "\\n"})
    mark = '"' if "'" in said else "'"
    return f"{mark}{said.encode(errors='backslashreplace').decode()}{mark}"


def printable(text: str) -> str:
    """The text with its control characters spelt out: none recolours a line, erases it or turns it round."""
    return text.translate(_WRITTEN)
