"""Ways from picture to verdict that the usual ones leave out, found norm by norm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from ganlab.recovery.chaining import Skeleton
from ganlab.recovery.discriminator_layers import first_elements, stage_elements
from ganlab.recovery.discriminator_ways import Paths, Step, Way
from ganlab.recovery.geometries import LINEAR, Geometry
from ganlab.recovery.orders import Stage
from ganlab.recovery.simulate import Element, run
from ganlab.recovery.tables import POINTWISE
from ganlab.recovery.witness import CLOSE, MISFIT, Testimony, can_testify, testify

HIDDEN = (*POINTWISE, "prelu", "identity")  # kinds of activations
BEAM = 24  # beginnings that are carried on after a norm has testified
CARRIED = 40  # and before any has
FEWEST, MOST_KEPT = 6, 1 << 27  # beginnings at least, and numbers that all may keep together: 512 MiB
NEAR = 0.05  # of an error: what paddings change, which a later norm hears better
FOUND = 4  # ways that come out


@dataclass(frozen=True)
class _Beginning:
    """The first convolutions of a way, and what they put out.

    Attributes:
        chosen: their geometries.
        side, manner: of the maps behind them; how they became smaller.
        rank: of these steps together.
        features: of the pictures, (n, c, side, side).
        testimonies: of all norms so far.
    """

    chosen: tuple[Geometry, ...]
    side: int
    manner: str
    rank: int
    features: torch.Tensor
    testimonies: tuple[Testimony, ...] = ()

    @property
    def error(self) -> float:
        return mean_error(self.testimonies) if self.testimonies else 0.0


def believed_ways(skeleton: Skeleton, same: bool, pictures: torch.Tensor, activation: str, eps: float) -> list[Way]:
    """The ways whose norms differ least from what they remember, the best first; none where norms contradict all.

    Args:
        skeleton: of a discriminator with convolutions.
        same: whether padding is "same".
        pictures: (n, c, size, size), a few.
        activation, eps: of its hidden layers and norms.
    """
    paths = Paths(skeleton, same, "any")
    size = pictures.shape[-1]
    if not paths.convolutions or paths.least(0, size) is None:
        return []
    start = first_elements(skeleton, eps)
    beginnings = [_Beginning((), size, "", 0, run(tuple(start), pictures))]
    for number in range(len(paths.convolutions)):

        def grown(one: _Beginning, step: Step, number: int = number) -> _Beginning:
            layers = stage_elements(skeleton, number, step.geometry, activation, eps)
            features, said = heard_along(tuple(layers), one.features)
            chosen, heard = (*one.chosen, step.geometry), (*one.testimonies, *said)
            return _Beginning(chosen, step.side, step.manner, one.rank + step.rank, features, heard)

        going = [
            (one, step)
            for one in beginnings
            for step in paths.steps(number, one.side, one.manner)
            if paths.least(number + 1, step.side, step.manner) is not None
        ]
        # what all of them put out would fill the memory: it is made anew for those that are carried on
        heard, largest = [], 1
        for pair in going:
            further = grown(*pair)
            largest = max(largest, further.features.numel())
            heard.append(replace(further, features=further.features.new_empty(0)))
        if min(one.error for one in heard) > MISFIT:
            return []  # what norms contradict from the beginning no later one mends
        beginnings = [grown(*going[place]) for place in _carried(heard, paths, largest)]
    ended = []
    for one in beginnings:
        end = paths.end(one.side)
        assert end is not None
        way = Way(one.chosen, end[0], one.rank + end[1])
        ended.append((_error_to_the_end(skeleton, way, one, activation, eps), way))
    return [way for _, way in sorted(ended, key=lambda one: (one[0], *unusual(one[1], paths.convolutions)))[:FOUND]]


def unusual(way: Way, convolutions: Sequence[Stage]) -> tuple[int, int]:
    """By its rank, then by how many geometries the kernels of one size have."""
    return way.rank, len({(stage.kernel, words) for stage, words in zip(convolutions, way.words, strict=True)})


def _carried(grown: Sequence[_Beginning], paths: Paths, numbers: int) -> list[int]:
    """The places of those that are carried on: what fits about as well as the best, the usual first, then by error.

    Args:
        grown: the beginnings.
        paths: of the discriminator.
        numbers: that each may have to keep.
    """
    limit = CLOSE * min(one.error for one in grown) + NEAR

    def standing(place: int) -> tuple[float, int]:
        one = grown[place]
        rest = paths.least(len(one.chosen), one.side, one.manner) or 0
        return max(one.error, limit), one.rank + rest

    most = min(BEAM if grown[0].testimonies else CARRIED, max(FEWEST, MOST_KEPT // numbers))
    return sorted(range(len(grown)), key=standing)[:most]


def _error_to_the_end(skeleton: Skeleton, way: Way, one: _Beginning, activation: str, eps: float) -> float:
    """With the norms behind the convolutions."""
    elements: list[Element] = []
    for number in range(len(way.geometries), len(skeleton.stages)):
        elements += stage_elements(skeleton, number, LINEAR, activation, eps, way.pooled and not elements)
    _, said = heard_along(tuple(elements), one.features)
    heard = (*one.testimonies, *said)
    return round(mean_error(heard), 2) if heard else 0.0


def heard_along(
    elements: tuple[Element, ...], pictures: torch.Tensor, dropout: float = 0.0
) -> tuple[torch.Tensor, list[Testimony]]:
    """What the layers put out, and every norm's testimony on the way.

    Args:
        elements: layer after layer.
        pictures: what the first is given.
        dropout: part of the maps that training dropped behind every activation. Dropping is drawn, by a seed of its
            own, for what a second activation makes of it has no formula.
    """
    testimonies, features = [], pictures
    lot = torch.Generator().manual_seed(0)
    for element in elements:
        table, part = element
        if part is not None and table["kind"] == "batch_norm" and can_testify(part):
            testimonies.append(testify(part, features))
        features = run((element,), features)
        if dropout and table["kind"] in HIDDEN:
            features = _dropped(features, dropout, lot)
    return features, testimonies


def _dropped(features: torch.Tensor, part: float, lot: torch.Generator) -> torch.Tensor:
    """Maps (n, c, ...) as Dropout2d leaves them: of every channel the same part of the n, which makes chance small."""
    places = torch.rand(features.shape[:2], generator=lot).argsort(0)
    kept = (places >= round(part * len(features))) / (1 - part)
    return features * kept.reshape(*kept.shape, *[1] * (features.ndim - 2))


def mean_error(testimonies: Sequence[Testimony]) -> float:
    """Over all norms."""
    return sum(one.error for one in testimonies) / len(testimonies)
