"""What a checkpoint says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
