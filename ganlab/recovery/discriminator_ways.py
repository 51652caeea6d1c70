"""How a discriminator's convolutions may lead from pictures of one side to one number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from ganlab.recovery.chaining import Skeleton
from ganlab.recovery.geometries import WHOLE, Geometry, discriminator_geometries, pooling_geometries
from ganlab.recovery.options import SIZES
from ganlab.recovery.orders import Stage
from ganlab.recovery.tables import places_between

MOST_FOUND = 20_000  # ways among which the likeliest are chosen
UNTOLD = 3  # ranks that the first pooling costs where the numbers of the layers show no place for it
MIXED = 2  # ranks of making maps smaller in another way than before in the same network
Pooling = Literal["none", "told", "any"]  # where it may be: nowhere, where a place for it is numbered, anywhere


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


@dataclass(frozen=True)
class Step:
    """What one convolution may do to maps of one side.

    Attributes:
        geometry: of the convolution.
        side: of the maps behind it.
        manner: in which maps have last become smaller: "strided", a kind of pooling, or "" where they have not.
        rank: how unusual it is after what came before.
    """

    geometry: Geometry
    side: int
    manner: str
    rank: int


class Paths:
    """The steps from pictures to a verdict, convolution by convolution."""

    def __init__(self, skeleton: Skeleton, same: bool, pooling: Pooling) -> None:
        """``same``: whether padding is "same"; ``pooling``: where it may stand."""
        stages = skeleton.stages
        self.convolutions = [stage for stage in stages if stage.kind == "conv"]
        self._after = next((stage for stage in stages if stage.kind == "linear"), None)
        self._same = same
        self._pooling = pooling
        self._told = [weightless_between(one, other)[0] > 1 for one, other in pairwise(stages)]
        self._least: dict[tuple[int, int, str], int | None] = {}

    def steps(self, number: int, side: int, manner: str = "") -> list[Step]:
        """What the convolution of this number may do to maps of this side, the usual first."""
        stage = self.convolutions[number]
        found = []
        for geometry in self._geometries(number, side):
            moved = geometry.side(side, "conv", stage.kernel)
            if moved > 0:
                mine = _manner(geometry)
                rank = geometry.rank + (MIXED if manner and mine and manner != mine else 0)
                if geometry.pools and manner != mine and not self._told[number]:
                    rank += UNTOLD
                found.append(Step(geometry, moved, mine or manner, rank))
        return found

    def end(self, side: int) -> tuple[bool, int] | None:
        """Whether the mean is taken over maps of this side, and how unusual that is; None where no verdict ends it."""
        maps = self.convolutions[-1].outputs
        if self._after is None:
            return False, 0 if side == 1 else 2
        if self._after.inputs == maps * side**2:
            return False, 0
        return (True, 2) if self._after.inputs == maps else None

    def least(self, number: int, side: int, manner: str = "") -> int | None:
        """Rank of the most usual rest of a way, from the convolution of this number on; None where there is none."""
        if number == len(self.convolutions):
            return None if (end := self.end(side)) is None else end[1]
        key = number, side, manner
        if key not in self._least:
            rests = [(step.rank, self.least(number + 1, step.side, step.manner)) for step in self.steps(*key)]
            self._least[key] = min((rank + rest for rank, rest in rests if rest is not None), default=None)
        return self._least[key]

    def usual(self, number: int, side: int, manner: str = "") -> tuple[tuple[Geometry, ...], bool]:
        """The most usual rest of a way, and whether the mean ends it; there has to be one."""
        chosen: tuple[Geometry, ...] = ()
        while number < len(self.convolutions):
            going = [step for step in self.steps(number, side, manner) if self._rest(number, step) is not None]
            step = min(going, key=lambda one: one.rank + (self._rest(number, one) or 0))
            chosen, number, side, manner = (*chosen, step.geometry), number + 1, step.side, step.manner
        end = self.end(side)
        return chosen, end is not None and end[0]

    def _rest(self, number: int, step: Step) -> int | None:
        return self.least(number + 1, step.side, step.manner)

    def _geometries(self, number: int, side: int) -> tuple[Geometry, ...]:
        """The usual first; a last convolution as large as its input takes it whole."""
        stage, last = self.convolutions[number], number == len(self.convolutions) - 1
        if last and stage.outputs == 1 and stage.kernel == side and "stride" not in stage.part.settings:
            return (WHOLE,)
        known = discriminator_geometries(stage, self._same)
        ends = last and self._after is None
        if ends or self._pooling == "none" or (self._pooling == "told" and not self._told[number]):
            return known
        return (*known, *pooling_geometries(stage, self._same))


def ways(skeleton: Skeleton, size: int, same: bool, pooling: Pooling = "none") -> list[Way]:
    """All geometries of the convolutions that lead from pictures of this side to one number.

    Args:
        skeleton: of a discriminator.
        size: side of the pictures.
        same: whether padding is "same".
        pooling: where maps may be pooled.
    """
    paths = Paths(skeleton, same, pooling)
    if not paths.convolutions:
        return [Way((), False, 0)] if _flat_pictures(skeleton.stages[0], size) else []
    found: list[Way] = []
    for way in _all(paths, 0, size, "", (), 0):
        found.append(way)
        if len(found) == MOST_FOUND:
            break
    return found


def _all(paths: Paths, number: int, side: int, manner: str, chosen: tuple[Geometry, ...], rank: int) -> Iterator[Way]:
    """The ways that begin with the chosen geometries."""
    if number == len(paths.convolutions):
        if (end := paths.end(side)) is not None:
            yield Way(chosen, end[0], rank + end[1])
        return
    for step in paths.steps(number, side, manner):
        if paths.least(number + 1, step.side, step.manner) is not None:
            further = (*chosen, step.geometry)
            yield from _all(paths, number + 1, step.side, step.manner, further, rank + step.rank)


def sizes(skeleton: Skeleton, same: bool = False) -> list[int]:
    """Sides of pictures that lead to a verdict, the likeliest first: for a discriminator alone."""
    ranked = []
    paths = Paths(skeleton, same, "told")
    for place, size in enumerate(SIZES):
        rank = paths.least(0, size) if paths.convolutions else _flat_rank(skeleton.stages[0], size)
        if rank is not None:
            ranked.append((rank, place, size))
    return [size for *_, size in sorted(ranked)]


def weightless_between(stage: Stage, after: Stage) -> tuple[int, bool]:
    """How many layers without weights stand at least between two, but what makes features flat; whether that is all."""
    parts = [stage.part, *stage.norms, after.part]
    between = [places_between(one, other) for one, other in pairwise(parts)]
    flattened = stage.kind != "linear" and after.kind == "linear"
    return sum(places or 0 for places in between) - flattened, None not in between


def _manner(geometry: Geometry) -> str:
    """How a convolution makes maps smaller; "" where it does not."""
    if geometry.pools:
        return str(geometry.pools[0]["kind"])
    return "strided" if geometry.own.get("stride", 1) > 1 else ""


def _flat_rank(stage: Stage, size: int) -> int | None:
    return 0 if _flat_pictures(stage, size) else None


def _flat_pictures(stage: Stage, size: int) -> bool:
    return stage.inputs % size**2 == 0 and stage.inputs // size**2 in (1, 3, 4)
