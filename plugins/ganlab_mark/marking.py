"""Which pictures the page shows, and the marks that it begins with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from ganlab import (
    Boxes,
    Exemplars,
    Gan,
    GanlabError,
    Metric,
    PictureName,
    Result,
    concept_name,
    counted,
    latents_of,
    picture_text,
    progress,
)

from .page import LARGEST, assemble, png

if TYPE_CHECKING:
    import numpy as np

FILE = "mark.html"
_BATCH = 64  # pictures drawn at once
_OVERVIEW = 128  # CSS pixels of a picture in the overview, about


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The options of `ganlab mark`, but for what it opens."""

    n: int
    seed: int
    first: int
    concepts: tuple[str, ...]
    groups: tuple[str, ...]
    blank: bool
    scale: int | None


def make_page(gan: Gan, boxes: Boxes | None, exemplars: Exemplars | None, choices: Choices) -> Result:
    """The page as the result's file, with the counts of what is on it.

    Raises:
        GanlabError: marks of another checkpoint, a name that cannot be one, a class that is not there, pictures
            that no browser shows, or more of them than a page can hold.
    """
    gan.latents(1, seed=choices.seed, first=choices.first)  # refuses a GAN that needs a class
    named_marks = boxes is not None or bool(choices.concepts)
    named_groups = exemplars is not None or bool(choices.groups)
    if boxes is None and not choices.blank:
        boxes = Boxes.of_checkpoint(gan)
    if exemplars is None and not choices.blank:
        exemplars = Exemplars.of_checkpoint(gan)
    boxes = boxes and boxes.check(gan)
    exemplars = exemplars and exemplars.check(gan)
    known = boxes.categories if boxes else []
    concepts = list(dict.fromkeys([*map(concept_name, choices.concepts), *known]))
    groups = _groups(gan, exemplars, [normalize("NFC", name) for name in choices.groups])
    asked = _asked(gan, choices)
    shown = list(dict.fromkeys([*asked, *(boxes.pictures if boxes else []), *(p for g in groups.values() for p in g)]))
    new = [concept for concept in concepts if concept not in known]
    marks = _marks(concepts, groups, boxes, boxes.pictures if boxes and not new else [])
    content: dict[str, Any] = {
        "gan": gan.name,
        "checkpoint": gan.hash,
        "seed": choices.seed,
        "size": gan.image.size,
        "mode": "groups" if named_groups and not named_marks else "boxes",
        "scale": choices.scale or max(1, round(_OVERVIEW / gan.image.size)),
        "marks": marks,
        "start": hashlib.sha256(json.dumps(marks).encode()).hexdigest()[:12],
        "pictures": _pictures(gan, shown, choices.first),
    }
    found = len(boxes.boxes) if boxes else 0
    chosen = sum(map(len, groups.values()))
    return Result(
        f"{FILE} is a page to mark {counted(len(shown), 'picture')} of {gan.name} on: open it in a browser.",
        metrics={
            "pictures": Metric(len(shown), no_control="a count", about="pictures on the page"),
            "boxes": Metric(found, no_control="a count", about="boxes that it begins with"),
            "chosen": Metric(chosen, no_control="a count", about="places in groups that it begins with"),
        },
        files={FILE: assemble(content)},
        notes=_notes(len(shown) - len(asked), boxes, new),
    )


def _asked(gan: Gan, choices: Choices) -> list[PictureName]:
    checkpoint = gan.hash
    indices = range(choices.first, choices.first + choices.n)
    return [PictureName(checkpoint, choices.seed, index, gan.label) for index in indices]


def _groups(gan: Gan, exemplars: Exemplars | None, names: Sequence[str]) -> dict[str, Sequence[PictureName]]:
    """The groups asked for, empty unless they have pictures, then all others."""
    known = dict(exemplars.groups) if exemplars else {}
    for name in names:
        try:
            Exemplars(gan.hash, {name: ()})
        except ValueError as error:
            raise GanlabError(f"A group cannot be called so: {error}.", "For example: smiling_woman.") from error
    return {name: known.get(name, ()) for name in dict.fromkeys([*names, *known])}


def _marks(
    concepts: list[str],
    groups: dict[str, Sequence[PictureName]],
    boxes: Boxes | None,
    looked: Sequence[PictureName],
) -> dict[str, Any]:
    """As the page keeps them itself: see ``unpack`` in marks.js."""
    on: dict[str, list[Any]] = {}
    for box in boxes.boxes if boxes else []:
        place = [box.concept, *(float(side) for side in (box.x, box.y, box.w, box.h))]
        on.setdefault(picture_text(box.picture), []).append(place)
    return {
        "concepts": concepts,
        "groups": [[name, [picture_text(picture) for picture in pictures]] for name, pictures in groups.items()],
        "boxes": list(on.items()),
        "looked": [picture_text(picture) for picture in looked],
    }


def _pictures(gan: Gan, shown: Sequence[PictureName], first: int) -> list[tuple[str, str]]:
    """(seed:index, PNG in base64) of each, drawn batch by batch.

    Raises:
        GanlabError: they would be too much for a page.
    """
    drawn: list[tuple[str, str]] = []
    size = 0
    for name, image in zip(shown, _drawn(gan, shown), strict=True):
        drawn.append((picture_text(name), png(image)))
        size += len(drawn[-1][1])
        if size > LARGEST:
            raise GanlabError(
                f"{len(shown)} pictures make a page of over {LARGEST // 10**6} MB, which browsers open badly.",
                f"Make several pages: --n {len(drawn) // 2}, then the same with --first {first + len(drawn) // 2}.",
            )
    return drawn


def _drawn(gan: Gan, shown: Sequence[PictureName]) -> Iterator[np.ndarray]:
    for start in progress(range(0, len(shown), _BATCH), "drawing pictures"):
        yield from gan.image.shown(gan.generate(latents_of(gan, shown[start : start + _BATCH])))


def _notes(further: int, boxes: Boxes | None, new: Sequence[str]) -> list[str]:
    notes = list(boxes.notes) if boxes else []
    if boxes and new:
        notes.append(f"No picture counts as looked at: nobody has looked for {', '.join(new)} yet.")
    if further:
        why = "because they have marks; --blank leaves out what comes with the checkpoint"
        notes.append(f"{further} more pictures are shown {why}.")
    return notes
