"""From side to side: which geometries of a generator's layers can still end in pictures of a usual size."""

from __future__ import annotations

from ganlab.recovery.geometries import Geometry, first_sides, geometries
from ganlab.recovery.hypotheses import Known
from ganlab.recovery.options import LARGEST, plausible
from ganlab.recovery.orders import Stage


class Routes:
    """The ways through all layers.

    Args:
        stages: the generator's.
        known: may give the side of the pictures, and the framework's padding.
    """

    def __init__(self, stages: tuple[Stage, ...], known: Known) -> None:
        self.stages = stages
        self.known = known
        self._reach: dict[tuple[int, int], bool] = {}

    def geometries(self, number: int) -> tuple[Geometry, ...]:
        """What may be tried for a layer, the usual first."""
        # where transposed convolutions enlarge, ordinary ones mostly do not; nor does the last, into colours
        enlarges = number < len(self.stages) - 1 and all(stage.kind != "conv_transpose" for stage in self.stages)
        before = self.stages[number - 1] if number else None
        return geometries(self.stages[number], before, enlarges, self.known.same, self.known.size is not None)

    def may_enlarge_first(self, number: int) -> bool:
        """Whether something may enlarge the maps before a layer."""
        return any(geometry.enlarges_first for geometry in self.geometries(number))

    def side_after(self, side: int, number: int, geometry: Geometry) -> int | None:
        """The side of a layer's maps; None where it cannot run."""
        stage = self.stages[number]
        after = self.stages[number + 1] if number + 1 < len(self.stages) else None
        if number == 0 and stage.kind == "conv" and stage.kernel > 1:
            return None  # z is one place only
        if number == 0 or stage.kind == "linear":
            return next(first_sides(stage, after))
        moved = geometry.side(side, stage.kind, stage.kernel)
        return moved if 0 < moved <= LARGEST else None

    def can_end(self, number: int, side: int) -> bool:
        """Whether the layers from this one on can end in pictures of a plausible size."""
        if number == len(self.stages):
            return side == 0 or plausible(side, self.known.size)
        if (number, side) not in self._reach:
            sides = {self.side_after(side, number, geometry) for geometry in self.geometries(number)}
            self._reach[number, side] = any(one is not None and self.can_end(number + 1, one) for one in sides)
        return self._reach[number, side]
