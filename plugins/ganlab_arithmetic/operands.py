"""The exemplars behind each term: typed, from a named group, or found by the labeler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganlab import Exemplars, Gan, GanlabError, Labeler, Latents, counted, latents_of, said_by

from .expression import Term
from .meaning import Meaning
from .pool import Pool


@dataclass(frozen=True)
class Operand:
    """A term and the latents (k, dim) its mean is taken over."""

    term: Term
    latents: Latents


def chosen_by_people(gan: Gan, terms: Sequence[Term], groups: Exemplars, each: int) -> dict[int, Operand]:
    """Terms that were typed as pictures or are named groups, by their place in the expression."""
    found: dict[int, Operand] = {}
    for place, term in enumerate(terms):
        if not term.is_name:
            found[place] = Operand(term, latents_of(gan, groups.pictures(term.text)))
        elif term.text in groups.groups:
            found[place] = Operand(term, latents_of(gan, groups.group(term.text)[:each]))
    return found


def check_known(
    terms: Sequence[Term],
    found: dict[int, Operand],
    groups: Exemplars,
    meaning: Meaning | None,
    labeler: Labeler | None,
) -> None:
    """Refuse names that are neither a group nor made of the labeler's words alone, before anything is drawn.

    Raises:
        GanlabError: the first of them, with the names there are.
    """
    for place, term in enumerate(terms):
        if place in found:
            continue
        if labeler is None or meaning is None or not meaning.terms[place] or said_by(labeler, term.text).unknown:
            raise groups.unknown(term.text, labeler)


def fill_in(
    terms: Sequence[Term],
    found: dict[int, Operand],
    meaning: Meaning | None,
    pool: Pool | None,
    each: int,
) -> tuple[list[Operand], list[str]]:
    """Every term's exemplars; the pool's first samples that show what it says stand in for a group that is missing.

    Returns:
        The operands in the expression's order, and notes on what the reader would not expect.

    Raises:
        GanlabError: the labeler finds none.
    """
    operands, notes = [], []
    for place, term in enumerate(terms):
        if place not in found:
            assert meaning is not None
            assert pool is not None
            rows = pool.exemplars(meaning.terms[place]).rows[:each]
            found[place] = Operand(term, pool.latents[_enough(rows, term, pool)])
            named = ", ".join(f"{pool.latents.seed}:{pool.latents.index[row]}" for row in rows)
            notes.append(f"Nobody chose exemplars for {term.text!r}: the labeler took {named}.")
        operands.append(found[place])
        if term.is_name and len(found[place].latents) < each:
            notes.append(f"{term.text!r} has only {counted(len(found[place].latents), 'exemplar')}, not {each}.")
    return operands, notes


def _enough(rows: np.ndarray, term: Term, pool: Pool) -> np.ndarray:
    if not len(rows):
        raise GanlabError(
            f"None of {len(pool.latents)} samples shows what {term.text!r} says.", "Raise --pool, or choose exemplars."
        )
    return rows
