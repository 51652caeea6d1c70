"""A ``card.toml`` that a person writes for somebody else's file: it states what it likes and always wins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ganlab.card import read_card
from ganlab.errors import GanlabError
from ganlab.recovery.hints import Hints
from ganlab.recovery.words import ACTIVATION_NAMES

OUTPUT_OF_RANGE = {(-1.0, 1.0): "tanh", (0.0, 1.0): "sigmoid"}


def with_card(hints: Hints) -> Hints:
    """The hints with what their card states where they say nothing themselves.

    Raises:
        GanlabError: a card that cannot be read, or says what no card can.
    """
    if hints.card is None:
        return hints
    card = read_card(hints.card)
    prior, image, architecture = (_table(card, name, hints.card) for name in ("prior", "image", "architecture"))
    stated: dict[str, Any] = {
        "z": prior.get("law"),
        "image_size": image.get("size"),
        "activation": architecture.get("activation"),
        "upsampling": architecture.get("upsampling"),
        "eps": architecture.get("eps"),
        "statistics": architecture.get("statistics"),
        "output": architecture.get("output"),
    }
    if "low" in image and "high" in image and stated["output"] is None:
        stated["output"] = OUTPUT_OF_RANGE.get((image["low"], image["high"]))
        if stated["output"] is None:
            raise GanlabError(
                f"{hints.card}: pictures from {image['low']} to {image['high']} are not known.",
                "Known are -1 to 1, and 0 to 1; for others: --gan MODULE:FACTORY+FILE.",
            )
    given = hints.given()
    return replace(hints, **{name: value for name, value in stated.items() if value is not None and name not in given})


def stated_layers(hints: Hints, side: str) -> list[dict[str, Any]]:
    """The tables of a chain that the card spells out for one network; empty where it does not."""
    if hints.card is None:
        return []
    tables = _table(read_card(hints.card), "architecture", hints.card).get(side, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise GanlabError(f"{hints.card}: [architecture] {side} is no list of layers.", "See docs/pretrained.md.")
    return tables


def stated_activation(hints: Hints) -> str | None:
    """The hidden activation that the card states of a discriminator; None where it states none.

    Raises:
        GanlabError: it is none that is known here.
    """
    stated = stated_word(hints, "discriminator_activation")
    if stated is not None and stated not in ACTIVATION_NAMES:
        raise GanlabError(
            f"{hints.card}: [architecture] discriminator_activation cannot be {stated!r}.",
            f"Choose one of: {', '.join(ACTIVATION_NAMES)}.",
        )
    return stated


def stated_word(hints: Hints, key: str) -> str | None:
    """What the card's ``[architecture]`` says under a key; None where it says nothing."""
    if hints.card is None:
        return None
    stated = _table(read_card(hints.card), "architecture", hints.card).get(key)
    return None if stated is None else str(stated)


def stated_keys(hints: Hints, side: str) -> dict[str, str]:
    """Parameter of a network -> its key in the file, where the card says it, as those do that ganlab writes."""
    found: Any = {} if hints.card is None else read_card(hints.card)
    for name in ("source", "keys", side):
        found = found.get(name) if isinstance(found, dict) else None
    return {str(name): str(key) for name, key in found.items()} if isinstance(found, dict) else {}


def kept_facts(hints: Hints) -> dict[str, Any]:
    """What else the card says: name, summary, labeler, licence, ..."""
    if hints.card is None:
        return {}
    known = ("prior", "image", "architecture", "classes")
    return {key: value for key, value in read_card(hints.card).items() if key not in known}


def _table(card: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    table = card.get(name, {})
    if not isinstance(table, dict):
        raise GanlabError(f"{path}: {name} is no table.", f"Write [{name}] and its fields below.")
    return table
