"""The expression a person types: names of groups or pictures, joined by + and -."""

from __future__ import annotations

import re
from dataclasses import dataclass
from unicodedata import normalize

from ganlab import GanlabError

EXAMPLE = 'For example: "smiling_woman - neutral_woman + neutral_man", or "0:12,0:40 - 0:7,0:9".'
_PICTURE = r"\d+:\d+(?::\d+)?"
_TERM = re.compile(rf"{_PICTURE}(?:\s*,\s*{_PICTURE})*(?![\w:])|[^\W\d]\w*")
_MINUS = "-\N{MINUS SIGN}\N{EN DASH}"  # also what word processors make of it
_SIGNS = "+" + _MINUS


@dataclass(frozen=True)
class Term:
    """One operand.

    Attributes:
        sign: +1 or -1.
        text: a group's name, or pictures as ``0:12,0:40``.
    """

    sign: int
    text: str

    @property
    def is_name(self) -> bool:
        return ":" not in self.text


def parse(expression: str) -> list[Term]:
    """The terms of ``A - B + C``, in their order; a sign before the first may be left out.

    Raises:
        GanlabError: it is something else; the message names the column, counted from 1.
    """
    expression = normalize("NFC", expression)  # a Mac may write letters and their accents apart
    terms: list[Term] = []
    place = _skip_blanks(expression, 0)
    if place == len(expression):
        raise GanlabError("The expression is empty.", EXAMPLE)
    while place < len(expression):
        sign = 1
        if expression[place] in _SIGNS:
            sign = -1 if expression[place] in _MINUS else 1
            place = _skip_blanks(expression, place + 1)
        elif terms:
            raise _fault(expression, place, "+ or -")
        found = _TERM.match(expression, place)
        if found is None:
            raise _fault(expression, place, "the name of a group, or pictures as 0:12,0:40")
        terms.append(Term(sign, re.sub(r"\s", "", found[0])))
        place = _skip_blanks(expression, found.end())
    return terms


def written(terms: list[Term]) -> str:
    """The expression with one blank around every sign."""
    first, *others = (f"{'-' if term.sign < 0 else '+'} {term.text}" for term in terms)
    return " ".join([first.removeprefix("+ "), *others])


def _skip_blanks(expression: str, place: int) -> int:
    while place < len(expression) and expression[place].isspace():
        place += 1
    return place


def _fault(expression: str, place: int, wanted: str) -> GanlabError:
    there = f"{expression[place]!r}" if place < len(expression) else "the end"
    return GanlabError(f"Column {place + 1} of {expression!r} should hold {wanted}, and there is {there}.", EXAMPLE)
