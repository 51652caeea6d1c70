"""Which kind a normalisation is whose file holds no statistics of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from ganlab.errors import GanlabError
from ganlab.gan import Side
from ganlab.recovery.cards import stated_word
from ganlab.recovery.decisions import Decision
from ganlab.recovery.hints import Hints
from ganlab.recovery.stored import Part, Stored, StoredNetwork

AVERAGED = ("ema", "avg", "average", "shadow")  # names of averaged weights, which draw better than the last
BATCH_NORM = re.compile(r"(?:^|[._])(?:bn|batch_?norm)\d*(?:[._]|$)", re.IGNORECASE)  # a name that says what it is
KINDS = ("batch_norm", "instance_norm", "layer_norm")  # and "group_norm N", of N groups
OF_ONE_PICTURE = "of one picture"  # the setting of a norm that is none over a batch: its features say which kind
KEY = {"generator": "norm", "discriminator": "discriminator_norm"}  # of a card's [architecture]


def with_kinds(network: StoredNetwork, side: Side, stored: Stored, hints: Hints, called: str = "") -> StoredNetwork:
    """The network with ``settings["norm"]`` at those parts whose kind is not the usual one.

    A BatchNorm is saved with its statistics, unless its file holds none by custom, or averages of weights alone; or
    its name says what it is.

    Args:
        called: the file, where that may say that it holds averages.
    """
    if network.layers:
        return network
    stated = _stated(hints, side)
    if stated is None:
        names = (network.name.lower(), PurePath(called).stem.lower())
        averaged = any(word in name for name in names for word in AVERAGED)
        if not stored.keeps_statistics or averaged or hints.statistics == "fresh":
            return network
        stated = OF_ONE_PICTURE
    said = stated != OF_ONE_PICTURE
    parts = (
        _as(part, stated) if _lacks(part) and (said or not BATCH_NORM.search(part.name)) else part
        for part in network.parts
    )
    return replace(network, parts=tuple(parts))


def of_norms(network: StoredNetwork, tables: Sequence[Mapping[str, Any]], side: Side, hints: Hints) -> list[Decision]:
    """What was decided of the norms whose statistics the file does not hold.

    Args:
        network: as :func:`with_kinds` made it.
        tables: of the layers that it became.
        side, hints: whose they are; what the user says.
    """
    lacking = [part for part in network.parts if _lacks(part)]
    if network.layers or not any("norm" in part.settings for part in lacking):
        return []
    kinds = sorted({table["kind"] for table in tables if table["kind"].endswith("_norm")} - {"batch_norm"})
    what, chosen = f"kind of the {side}'s norms", " and ".join(kinds) or "batch_norm"
    if _stated(hints, side) is not None:
        return [Decision(what, chosen, "as you said")]
    evidence = "the file holds no statistics of them, which a BatchNorm would have; the usual one of such norms"
    others = "batch_norm" if kinds == ["layer_norm"] else "group_norm, batch_norm"
    return [Decision(what, chosen, evidence, f'{others} (--card: [architecture] {KEY[side]} = "...")', certain=False)]


def _lacks(part: Part) -> bool:
    return part.kind == "norm" and "mean" not in part.tensors and "weight" in part.tensors


def _as(part: Part, kind: str) -> Part:
    settings: dict[str, Any] = {**part.settings, "norm": OF_ONE_PICTURE if kind in KINDS[1:] else kind}
    return replace(part, settings=settings)


def _stated(hints: Hints, side: Side) -> str | None:
    """The kind that the card states.

    Raises:
        GanlabError: it is none that is known here.
    """
    stated = stated_word(hints, KEY[side])
    if stated is not None and stated not in KINDS and not re.fullmatch(r"group_norm [1-9]\d{0,4}", stated):
        raise GanlabError(
            f"{hints.card}: [architecture] {KEY[side]} cannot be {stated!r}.",
            f'Choose one of: {", ".join(KINDS)}, or "group_norm 8" with the number of groups.',
        )
    return stated
