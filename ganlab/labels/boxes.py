"""Marks that people put on a GAN's pictures: boxes drawn by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ganlab.errors import GanlabError
from ganlab.labels import coco
from ganlab.labels.concepts import concept_name
from ganlab.labels.marks import Box
from ganlab.labels.pictures import PictureName, latents_of
from ganlab.wording import suggest
from ganlab.writing import write_file

if TYPE_CHECKING:
    import numpy as np

    from ganlab.gan import Gan
    from ganlab.latents import Latents

BOXES_FILE = "boxes.json"  # in a checkpoint's folder: the boxes that come with it


@dataclass(frozen=True)
class Boxes:
    """Boxes drawn on samples of one checkpoint (section 6.3.1), kept as a COCO file.

    Attributes:
        boxes: each with its picture and concept, in pixels of ``size``.
        pictures: every picture that was looked at, with boxes or without.
        size: (width, height) of the pictures as the boxes count it; may be a whole multiple of the GAN's.
        source: the file they were read from.
        categories: the concepts that were looked for, found or not.
        notes: what was mended while reading, for the reader of a result.
    """

    boxes: list[Box]
    pictures: list[PictureName]
    size: tuple[int, int]
    source: str = ""
    categories: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        concepts = [*self.categories, *(box.concept for box in self.boxes)]
        object.__setattr__(self, "categories", list(dict.fromkeys(concepts)))
        listed = set(self.pictures)
        strangers = sorted({str(box.picture) for box in self.boxes if box.picture not in listed})
        if strangers or len(listed) < len(self.pictures) or not self.pictures:
            raise ValueError(f"boxes need pictures, each listed once; not listed: {strangers}")
        if len({picture.checkpoint for picture in self.pictures}) > 1:
            raise ValueError("boxes belong to the pictures of one checkpoint")

    @classmethod
    def from_spec(cls, spec: str) -> Boxes:
        """The boxes in the file a person named; see :meth:`load`."""
        return cls.load(spec)

    @classmethod
    def load(cls, path: str | Path) -> Boxes:
        """Read a COCO file as any annotation tool writes it, its zip, or a folder of LabelMe's files.

        Pictures and boxes are put in the order of their names: tools shuffle them, and the same marks should
        give the same results.

        Raises:
            GanlabError: the file is something else, or names pictures, categories or boxes that cannot be.
        """
        boxes, pictures, size, concepts, notes = coco.read(Path(path))
        pictures.sort(key=_order)
        boxes.sort(key=lambda box: (_order(box.picture), box.concept, box.x, box.y, box.w, box.h))
        return cls(boxes, pictures, size, str(path), concepts, notes)

    @classmethod
    def of_checkpoint(cls, gan: Gan) -> Boxes | None:
        """The boxes that come with a checkpoint: ``boxes.json`` in its folder, in pixels of its own pictures, or None.

        Raises:
            GanlabError: they belong to other weights.
        """
        file = None if gan.folder is None else gan.folder / BOXES_FILE
        return None if file is None or not file.is_file() else cls.load(file).check(gan)

    def save(self, path: str | Path) -> None:
        """Write plain COCO, which CVAT and Label Studio import and every COCO tool reads.

        Raises:
            GanlabError: the file cannot be written.
        """
        document = coco.compose(self.boxes, self.pictures, self.size, self.categories)
        write_file(Path(path), (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())

    @property
    def checkpoint(self) -> str:
        """Hash of the checkpoint they were drawn on."""
        return self.pictures[0].checkpoint

    @property
    def concepts(self) -> list[str]:
        """The concepts that have boxes, in the order of ``categories``."""
        found = {box.concept for box in self.boxes}
        return [concept for concept in self.categories if concept in found]

    def of(self, concept: str) -> Boxes:
        """Only the boxes of one concept, singular or plural; all pictures stay.

        Raises:
            GanlabError: it has no boxes.
        """
        name = concept_name(concept)
        if name not in self.concepts:
            none = "No boxes have been drawn in it yet."
            hint = suggest(name, self.concepts, "It has boxes of") if self.concepts else none
            raise GanlabError(f"{self.source or 'The file'} has no boxes of {name!r}.", hint)
        return replace(self, boxes=[box for box in self.boxes if box.concept == name], categories=[name])

    def on(self, pictures: Sequence[PictureName]) -> Boxes:
        """Only these pictures, in this order, with their boxes."""
        kept = set(pictures)
        boxes = [box for box in self.boxes if box.picture in kept]
        return replace(self, boxes=boxes, pictures=list(pictures))

    def check(self, gan: Gan) -> Boxes:
        """These boxes in pixels of the GAN's own pictures.

        Raises:
            GanlabError: they were drawn on another checkpoint, or on pictures whose size is no multiple of
                its own.
        """
        source, own = self.source or "The file", (gan.image.size, gan.image.size)
        if self.checkpoint != gan.hash:
            raise GanlabError(
                f"{source} has boxes drawn on the checkpoint {self.checkpoint}; {gan.name!r} is {gan.hash}.",
                "Give --gan the checkpoint they were drawn on, or draw boxes on pictures of this one.",
            )
        factor = coco.whole_factor(self.size, own)
        if not factor:
            drawn_on = f"{self.size[0]}x{self.size[1]}"
            raise GanlabError(
                f"{source} has boxes on pictures of {drawn_on}, but {gan.name!r} draws {own[0]}x{own[1]}.",
                "Draw on the pictures of `ganlab sample`, enlarged by a whole --scale if at all.",
            )
        if factor == 1:
            return self
        boxes = [
            Box(box.picture, box.concept, *(side / factor for side in (box.x, box.y, box.w, box.h)))
            for box in self.boxes
        ]
        note = f"The boxes were drawn on pictures enlarged {factor} times and were scaled back."
        return replace(self, boxes=boxes, size=own, notes=[*self.notes, note])

    def latents(self, gan: Gan) -> Latents:
        """The latents of ``pictures``, in their order; ``seed`` is None where they come from several seeds.

        Raises:
            GanlabError: as :meth:`check`.
        """
        self.check(gan)
        return latents_of(gan, self.pictures)

    def grid(self, concept: str, cells: int) -> np.ndarray:
        """Where a layer of ``cells`` x ``cells`` lies on the concept: the probe's positives.

        Returns:
            bool (pictures, cells, cells), rows from the top: whether a cell's centre is inside a box.

        Raises:
            GanlabError: the concept has no boxes.
        """
        import numpy as np

        row_of = {picture: row for row, picture in enumerate(self.pictures)}
        centres = (np.arange(cells) + 0.5) / cells
        inside = np.zeros((len(self.pictures), cells, cells), dtype=bool)
        for box in self.of(concept).boxes:
            across = (centres * self.size[0] >= box.x) & (centres * self.size[0] < box.x + box.w)
            down = (centres * self.size[1] >= box.y) & (centres * self.size[1] < box.y + box.h)
            inside[row_of[box.picture]] |= down[:, None] & across[None, :]
        return inside


def _order(picture: PictureName) -> tuple[int, ...]:
    return picture.seed, picture.index, -1 if picture.label is None else picture.label
