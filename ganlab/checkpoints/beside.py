"""Marks that lie beside somebody's file of weights: they come with the GAN where they are of its pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.labels.boxes import BOXES_FILE, Boxes
from ganlab.labels.exemplars import EXEMPLARS_FILE, Exemplars


def with_marks(gan: Gan, place: Path) -> Gan:
    """The GAN with the folder that its marks lie in, and a note on every file of marks there that is not of it.

    Args:
        gan: as it was opened; one that has a folder has its marks.
        place: the file or folder that it was read from.
    """
    if gan.folder is not None:
        return gan
    folder = place if place.is_dir() else place.parent
    own, notes = None, []
    kinds: dict[str, type[Boxes] | type[Exemplars]] = {BOXES_FILE: Boxes, EXEMPLARS_FILE: Exemplars}
    for name, kind in kinds.items():
        if not (folder / name).is_file():
            continue
        try:
            kind.load(folder / name).check(gan)
            own = folder
        except GanlabError as error:
            notes.append(f"{name} beside it is not read: {error.message}")
    if own is None and not notes:
        return gan
    card = replace(gan.card, facts={**gan.card.facts, "notes": [*gan.card.notes, *notes]} if notes else gan.card.facts)
    return gan.with_card(card, own)
