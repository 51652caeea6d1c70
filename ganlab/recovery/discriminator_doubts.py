"""Which geometries of a discriminator's convolutions nothing in the file settles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ganlab.recovery.chaining import Skeleton
from ganlab.recovery.discriminator_search import mean_error
from ganlab.recovery.discriminator_ways import Pooling, Way, ways
from ganlab.recovery.witness import CLOSE, Testimony, clearly_better

CONVENTION = 3  # ranks by which a way must be more usual than its rivals, where nothing else tells
USUAL = 2  # the same where every step is the usual one; with norms, which agree, such a way is not doubted
HEARD = 3  # rivals that are heard of one convolution, and as many that agree in all before it

Heard = Callable[[Way], Sequence[Testimony]]  # what the norms say of a way


@dataclass(frozen=True)
class Doubt:
    """A convolution whose geometry may be another.

    Attributes:
        layer: its name in the file.
        chosen, rival: geometries in words.
    """

    layer: str
    chosen: str
    rival: str


def doubts_of(skeleton: Skeleton, way: Way, size: int, same: bool, heard: Heard | None) -> tuple[Doubt, ...]:
    """The convolutions of which another geometry is about as usual, and which the norms do not tell from it.

    Args:
        skeleton: of the discriminator.
        way: the one that was chosen.
        size: side of the pictures.
        same: whether padding is "same".
        heard: what the norms say of a way; None where none testifies.
    """
    convolutions = [stage for stage in skeleton.stages if stage.kind == "conv"]
    pooling: Pooling = "told" if heard is None else "none"  # else what numbers show a place for is a dropout's
    if any(geometry.pools for geometry in way.geometries):
        pooling = "any"
    known = ways(skeleton, size, same, pooling) if convolutions else []
    rank = next((one.rank for one in known if one.geometries == way.geometries), way.rank)
    if heard is not None and rank == 0:
        return ()
    limit = rank + CONVENTION if rank else USUAL
    near = sorted((one for one in known if one.rank < limit), key=lambda one: one.rank)
    said = {} if heard is None else {way.words: heard(way)}
    found = []
    for number, stage in enumerate(convolutions):
        for rival in _rivals(near, way, number):
            if heard is not None:
                said[rival.words] = said.get(rival.words) or heard(rival)
                if _clear(said[way.words], said[rival.words]):
                    continue
            found.append(Doubt(stage.part.name, way.words[number], rival.words[number]))
            break
    return tuple(found)


def _rivals(near: Sequence[Way], way: Way, number: int) -> list[Way]:
    """The most usual with another geometry of this convolution, and of those that agree in all before it."""
    others = [one for one in near if one.geometries[number] != way.geometries[number]]
    alike = [one for one in others if one.geometries[:number] == way.geometries[:number]]
    return list({one.words: one for one in (*alike[:HEARD], *others[:HEARD])}.values())


def _clear(mine: Sequence[Testimony], theirs: Sequence[Testimony]) -> bool:
    return mean_error(theirs) > CLOSE * mean_error(mine) and clearly_better(mine, theirs)
