"""What a labeler says of pictures, concepts and measures alike, as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ganlab import Gan, GanlabError, ImageSpec, Labeler, Latents, concept_name, progress, said_by, suggest, with_unsaid


@dataclass(frozen=True)
class Judge:
    """A labeler whose concepts count 0 or 1 and stand before its measures.

    Attributes:
        attributes: names of the columns.
    """

    labeler: Labeler

    @property
    def attributes(self) -> tuple[str, ...]:
        return (*self.labeler.concepts, *self.labeler.measures)

    def is_measure(self, column: int) -> bool:
        return column >= len(self.labeler.concepts)

    def column(self, attribute: str) -> int:
        """Which column this attribute is.

        Raises:
            GanlabError: the labeler does not know it.
        """
        for name in (attribute, concept_name(attribute)):
            if name in self.attributes:
                return self.attributes.index(name)
        raise GanlabError(
            f"The labeler {self.labeler.name!r} does not know {attribute!r}.",
            suggest(attribute, self.attributes, "It knows"),
        )

    def values(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        """float32 (n, attributes) of pictures (n, c, h, w)."""
        return np.concatenate(self.labeler.shows_and_measure(images, image), axis=1, dtype=np.float32)

    def of_latents(self, gan: Gan, latents: Latents) -> np.ndarray:
        """float32 (n, attributes) of samples."""
        chunks = progress(gan.image.chunks(len(latents)), "judging")
        return np.concatenate([self.values(gan.generate(latents[rows]), gan.image) for rows in chunks])


def followed(judge: Judge, first: str, second: str, by: str | None) -> tuple[int, int] | None:
    """Which attribute the words of both names say the turn changes, and how, unless ``by`` names it.

    Returns:
        Its column, and whether it rises (+1) or falls (-1) towards the second name; 0 where the words say no more of
        one than of the other. None where neither ``by`` nor the words name an attribute.

    Raises:
        GanlabError: the labeler does not know ``by``, or the names say several.
    """
    labeler = judge.labeler
    said = with_unsaid(
        labeler, [said_by(labeler, name).attributes if ":" not in name else {} for name in (first, second)]
    )
    begins, ends = ({name: 1 if value > 0 else -1 for name, value in one.items()} for one in said)
    if by is not None:
        column = judge.column(by)
        rise = ends.get(judge.attributes[column], 0) - begins.get(judge.attributes[column], 0)
        return column, (rise > 0) - (rise < 0)
    differ = [name for name in judge.attributes if name in begins and name in ends and begins[name] != ends[name]]
    if len(differ) > 1:
        raise GanlabError(
            f"From {first!r} to {second!r} several attributes change: {', '.join(differ)}.", "Name one of them: --by."
        )
    return (judge.column(differ[0]), ends[differ[0]]) if differ else None
