"""How a discriminator's convolutions may lead from pictures of one side to one number."""

from __future__ import annotations

from dataclasses import dataclass

from ganlab.recovery.chaining import Skeleton
from ganlab.recovery.geometries import WHOLE, Geometry, discriminator_geometries
from ganlab.recovery.options import SIZES
from ganlab.recovery.orders import Stage

MOST_FOUND = 20_000  # ways among which the likeliest are chosen


@dataclass(frozen=True)
class Way:
    """Geometries of all convolutions that lead from pictures of one size to a verdict."""

    geometries: tuple[Geometry, ...]
    pooled: bool  # the mean over all places stands before the last linear layer
    rank: int

    @property
    def words(self) -> tuple[str, ...]:
        """Of every geometry, for a person."""
        return tuple(geometry.words for geometry in self.geometries)


def ways(skeleton: Skeleton, size: int, same: bool) -> list[Way]:
    """All geometries of the convolutions that lead from pictures of this side to one number.

    Args:
        skeleton: of a discriminator.
        size: side of the pictures.
        same: whether padding is "same".
    """
    stages = skeleton.stages
    convolutions = [stage for stage in stages if stage.kind == "conv"]
    after = next((stage for stage in stages if stage.kind == "linear"), None)
    if not convolutions:
        return [Way((), False, 0)] if _flat_pictures(stages[0], size) else []
    found: list[Way] = []
    vain: set[tuple[int, int]] = set()  # number and side from which no way led to a verdict

    def extend(number: int, side: int, chosen: tuple[Geometry, ...], rank: int) -> None:
        before = len(found)
        if (number, side) not in vain and before < MOST_FOUND:
            step(number, side, chosen, rank)
        if len(found) == before:
            vain.add((number, side))

    def step(number: int, side: int, chosen: tuple[Geometry, ...], rank: int) -> None:
        if number == len(convolutions):
            last = convolutions[-1]
            if after is None:
                found.append(Way(chosen, False, rank + (0 if side == 1 else 2)))
            elif after.inputs == last.outputs * side**2:
                found.append(Way(chosen, False, rank))
            elif after.inputs == last.outputs:
                found.append(Way(chosen, True, rank + 2))
            return
        stage = convolutions[number]
        for geometry in _geometries(stage, number == len(convolutions) - 1, side, same):
            moved = geometry.side(side, "conv", stage.kernel)
            if moved > 0:
                extend(number + 1, moved, (*chosen, geometry), rank + geometry.rank)

    extend(0, size, (), 0)
    return found


def sizes(skeleton: Skeleton, same: bool = False) -> list[int]:
    """Sides of pictures that lead to a verdict, the likeliest first: for a discriminator alone."""
    ranked = []
    for place, size in enumerate(SIZES):
        found = ways(skeleton, size, same)
        if found:
            ranked.append((min(way.rank for way in found), place, size))
    return [size for *_, size in sorted(ranked)]


def _geometries(stage: Stage, last: bool, side: int, same: bool) -> tuple[Geometry, ...]:
    """The usual first; a last convolution as large as its input takes it whole."""
    known = discriminator_geometries(stage, same)
    if last and stage.outputs == 1 and stage.kernel == side and "stride" not in stage.part.settings:
        return (WHOLE,)
    return known


def _flat_pictures(stage: Stage, size: int) -> bool:
    return stage.inputs % size**2 == 0 and stage.inputs // size**2 in (1, 3, 4)
