"""Where a concept lies in pictures, by boxes that a person drew or by a labeler's masks, as cells of a feature map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ganlab import Boxes, Gan, GanlabError, Labeler, Latents

FEWEST = 5  # pictures with the concept: as many as there are folds


@dataclass(frozen=True)
class Marks:
    """Pictures that show a concept, and where.

    Attributes:
        latents: of the n pictures that show it at least once.
        inside: side -> (n, side, side) bool: which cells of a feature map of that side have their centre on it.
        sizes: (boxes, 2) width and height of each marked place as fractions of the picture.
        source: who marked them, in words.
        names: (seed, index) of every picture looked at.
        notes: what was mended while the boxes were read, or how far to trust the labeler.
    """

    latents: Latents
    inside: Callable[[int], np.ndarray]
    sizes: np.ndarray
    source: str
    names: frozenset[tuple[int, int]]
    notes: tuple[str, ...] = ()


def mark_its_class(gan: Gan, boxes: Boxes, concept: str) -> bool:
    """Whether a box of the concept is on a picture of the class that the GAN draws, where it draws one."""
    if gan.classes is None or gan.label is None:
        return True
    return any(box.picture.label in (gan.label, None) for box in boxes.of(concept).boxes)


def of_one_class(gan: Gan, boxes: Boxes, concept: str) -> tuple[Gan, Boxes]:
    """The GAN of the class that the boxes of a concept are of, where nobody said which; else those of the GAN's class.

    Boxes of several classes, and a GAN that nobody said a class of, stay as they are.

    Raises:
        GanlabError: no boxes of the concept, or none on pictures of the GAN's class.
    """
    if gan.classes is None:
        return gan, boxes
    marked = {box.picture.label for box in boxes.of(concept).boxes}
    if gan.label is None:
        (only,) = marked if len(marked) == 1 else {None}
        if only is None or only >= gan.classes:
            return gan, boxes
        gan = gan.of_class(only)
    if not mark_its_class(gan, boxes, concept):
        known = sorted(label for label in marked if label is not None)
        raise GanlabError(
            f"{boxes.source or 'The file'} has boxes of {concept!r} on pictures of class "
            f"{', '.join(map(str, known))}, but the GAN draws class {gan.label}.",
            f"Add --label {known[0]}, or draw boxes on pictures of class {gan.label}.",
        )
    pictures = [picture for picture in boxes.pictures if picture.label in (gan.label, None)]
    if len(pictures) == len(boxes.pictures):
        return gan, boxes
    note = f"Of the {len(boxes.pictures)} pictures that were looked at, the {len(pictures)} of class {gan.label} count."
    return gan, replace(boxes.on(pictures), notes=[*boxes.notes, note])


def from_boxes(gan: Gan, boxes: Boxes, concept: str) -> Marks:
    """Marks that a person drew.

    Raises:
        GanlabError: drawn on another checkpoint, no boxes of the concept, or too few.
    """
    boxes = boxes.check(gan).of(concept)
    marked = {box.picture for box in boxes.boxes}
    rows = np.array([row for row, picture in enumerate(boxes.pictures) if picture in marked])
    _check_enough(len(rows), concept, f"{boxes.source} marks")
    return Marks(
        boxes.latents(gan)[rows],
        lambda side: boxes.grid(concept, side)[rows],
        np.array([(box.w / boxes.size[0], box.h / boxes.size[1]) for box in boxes.boxes]),
        f"{len(boxes.boxes)} boxes drawn on {len(rows)} of {len(boxes.pictures)} pictures",
        frozenset((picture.seed, picture.index) for picture in boxes.pictures),
        tuple(boxes.notes),
    )


def from_labeler(gan: Gan, labeler: Labeler, concept: str, latents: Latents) -> Marks:
    """Marks of a labeler on these pictures.

    Raises:
        GanlabError: the labeler does not know the concept, or sees it in too few pictures.
    """
    column = labeler.column(concept)
    images = gan.generate(latents)
    rows = np.flatnonzero(labeler.shows(images, gan.image)[:, column])
    _check_enough(len(rows), concept, f"the labeler {labeler.name!r} sees")
    masks = labeler.masks(images, gan.image)[rows, column]
    assert latents.seed is not None
    return Marks(
        latents[rows],
        lambda side: _centres(masks, side),
        np.array([(_extent(mask.any(0)), _extent(mask.any(1))) for mask in masks]),
        f"masks of the labeler {labeler.name!r} on {len(rows)} of {len(latents)} pictures",
        frozenset((latents.seed, int(index)) for index in latents.index),
        tuple(labeler.cautions),
    )


def _centres(masks: np.ndarray, side: int) -> np.ndarray:
    """What masks (n, h, w) say at the centres of side x side cells."""
    places = ((np.arange(side) + 0.5) * masks.shape[-1] / side).astype(int)
    return masks[:, places[:, None], places]


def _extent(line: np.ndarray) -> float:
    """From the first to the last True, as a fraction of the line."""
    found = np.flatnonzero(line)
    return (found[-1] - found[0] + 1) / len(line)


def _check_enough(pictures: int, concept: str, who: str) -> None:
    if pictures < FEWEST:
        raise GanlabError(
            f"Too few marks: {who} {concept!r} in {pictures} pictures; at least {FEWEST} are needed.",
            "Draw more boxes, or raise --n.",
        )
