"""What a checkpoint says of itself."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganlab.errors import GanlabError

MOST_BYTES = 1 << 20  # of a card; those of networks that are spelt out have a hundredth of it
# a.b.c. and so on, for which TOML's reader takes ages
LONG_KEY = re.compile(r"(?<![\w-])(?:[\"']?[\w-]++[\"']?\s*+\.\s*+){100}")
DISCRIMINATOR_LEFT_OUT = "Its discriminator was left out: "  # begins the note that says why


@dataclass(frozen=True)
class Card:
    """What a checkpoint is, once: the facts of its ``card.toml``.

    Attributes:
        name: what it is called, as in ``--gan NAME``.
        summary: one sentence for a person.
        architecture: name and settings of the networks, enough to build them.
        facts: everything else the card says (training, data, licence, labeler, ...), table by table.
    """

    name: str = "unnamed"
    summary: str = ""
    architecture: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """What the reader of a result has to know of it, from its facts: one text or a list there."""
        notes = self.facts.get("notes", [])
        return [str(note) for note in (notes if isinstance(notes, list) else [notes])]


def lacking(card: Card, side: str) -> GanlabError:
    """What to raise where a checkpoint has no network of a side: "generator" or "discriminator"."""
    left_out = [note for note in card.notes if note.startswith(DISCRIMINATOR_LEFT_OUT)]
    if side == "discriminator" and left_out:
        return GanlabError(
            f"No discriminator of {card.name!r} could be opened. {left_out[0]}",
            "By its code it can be: --gan MODULE:FACTORY, a function that returns a generator and a discriminator, "
            "or a ganlab.Gan (docs/pretrained.md).",
        )
    return GanlabError(
        f"The checkpoint {card.name!r} has no {side}.",
        "If you have its file, name both with a plus: --gan GENERATOR+DISCRIMINATOR; else take a checkpoint that "
        "kept its own.",
    )


def read_card(path: str | Path) -> dict[str, Any]:
    """What a card says, as TOML has it.

    Raises:
        GanlabError: no such file, or no TOML that a card would be.
    """
    try:
        content = Path(path).read_bytes()
        if len(content) > MOST_BYTES or LONG_KEY.search(content.decode()):
            raise GanlabError(
                f"{path} is no card: it is longer than {MOST_BYTES:,} bytes, or one of its names has a hundred parts.",
                "Is it another file?",
            )
        return tomllib.loads(content.decode("utf-8-sig"))  # editors of Windows begin with a mark
    except OSError as error:
        raise GanlabError(f"{path} cannot be read: {error.strerror}.", "Give the file of a card.") from error
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, a number without end, brackets in brackets
        raise GanlabError(f"{path} is not valid TOML: {error}.", "Mend the card.") from error
