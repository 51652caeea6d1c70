"""What people and a labeler say of a GAN's pictures: as it was given, else what comes with the checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganlab import Boxes, Exemplars, Gan, Labeler

TAKEN = {
    "features": ("labeler",),
    "probe": ("boxes", "labeler"),
    "arithmetic": ("exemplars", "labeler"),
    "turn": ("exemplars", "labeler"),
}


@dataclass(frozen=True)
class Marks:
    """Boxes, groups and a labeler for the figures that need them; None for what comes with the checkpoint.

    Raises:
        GanlabError: boxes or groups were given that belong to another checkpoint.
    """

    gan: Gan
    boxes: Boxes | None = None
    exemplars: Exemplars | None = None
    labeler: Labeler | None = None

    def __post_init__(self) -> None:
        for given in (self.boxes, self.exemplars):
            if given is not None:
                given.check(self.gan)

    def options(self, command: str) -> Mapping[str, Any]:
        """What was given, as options of the analysis of this command."""
        return {name: getattr(self, name) for name in TAKEN.get(command, ())}

    def concept(self) -> str | None:
        """What there are boxes of, else the first concept that the labeler marks."""
        boxes = self.boxes or Boxes.of_checkpoint(self.gan)
        if boxes is not None and boxes.concepts:
            return boxes.concepts[0]
        labeler = self._judge()
        return labeler.concepts[0] if labeler is not None and labeler.marks_pixels else None

    def know_groups(self) -> bool:
        """Whether names such as smiling_woman may mean something: people chose groups, or a labeler knows words."""
        people = self.exemplars or Exemplars.of_checkpoint(self.gan)
        return people is not None or self._judge() is not None

    def _judge(self) -> Labeler | None:
        return self.labeler or Labeler.of_checkpoint(self.gan)
