"""The exemplars behind each term: typed, from a named group, or found by the labeler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganlab import Exemplars, Gan, GanlabError, Latents, latents_of, words_of

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


def class_of(gan: Gan, operands: Sequence[Operand], label: int | None) -> int | None:
    """The one class of all pictures of a conditional GAN.

    Raises:
        GanlabError: the pictures are of several, or the class is missing or none of the GAN's.
    """
    given = [operand.latents.labels for operand in operands]
    classes = {int(one) for labels in given if labels is not None for one in labels}
    classes |= set() if label is None else {label}
    if len(classes) > 1:
        raise GanlabError(f"The pictures are of classes {sorted(classes)}.", "Arithmetic in Z keeps to one class.")
    one = classes.pop() if classes else None
    gan.latents(1, label=one)  # refuses what does not fit
    if one is not None and any(labels is None for labels in given):
        raise GanlabError("Some pictures are named without their class.", f"Name them as seed:index:{one}.")
    return one


def fill_in(
    terms: Sequence[Term],
    found: dict[int, Operand],
    groups: Exemplars,
    meaning: Meaning | None,
    pool: Pool | None,
    each: int,
) -> tuple[list[Operand], list[str]]:
    """Every term's exemplars; the pool's first samples that show what it says stand in for a group that is missing.

    Returns:
        The operands in the expression's order, and notes on what the reader would not expect.

    Raises:
        GanlabError: a name is neither a group nor made of the labeler's words, or the labeler finds too few.
    """
    operands, notes = [], []
    for place, term in enumerate(terms):
        if place not in found:
            if meaning is None or pool is None or not meaning.terms[place]:
                raise _unknown(term.text, groups, pool)
            rows = pool.showing(meaning.terms[place])[:each]
            found[place] = Operand(term, pool.latents[_enough(rows, term, pool)])
            named = ", ".join(f"{pool.latents.seed}:{pool.latents.index[row]}" for row in rows)
            notes.append(f"Nobody chose exemplars for {term.text!r}: the labeler took {named}.")
        operands.append(found[place])
        if term.is_name and len(found[place].latents) < each:
            notes.append(f"{term.text!r} has only {len(found[place].latents)} exemplars, not {each}.")
    return operands, notes


def _enough(rows: np.ndarray, term: Term, pool: Pool) -> np.ndarray:
    if not len(rows):
        raise GanlabError(
            f"None of {len(pool.latents)} samples shows what {term.text!r} says.", "Raise --pool, or choose exemplars."
        )
    return rows


def _unknown(name: str, groups: Exemplars, pool: Pool | None) -> GanlabError:
    known = ", ".join(groups.groups) or "none"
    hint = f"Known groups: {known}."
    if pool is not None:
        hint += f" The labeler {pool.labeler.name!r} knows the words: {', '.join(words_of(pool.labeler))}."
    return GanlabError(f"There are no exemplars called {name!r}.", f"{hint} Or type pictures: 0:12,0:40.")
