"""Find what a discriminator's weights leave open: it ends in one number a picture, and its norms saw such pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import torch

from ganlab.errors import GanlabError
from ganlab.recovery.chaining import Skeleton
from ganlab.recovery.discriminator_doubts import Doubt, doubts_of
from ganlab.recovery.discriminator_layers import elements_of
from ganlab.recovery.discriminator_search import believed_ways, heard_along, mean_error, unusual
from ganlab.recovery.discriminator_ways import Way, ways, weightless_between
from ganlab.recovery.hypotheses import Known
from ganlab.recovery.options import NORM_EPS
from ganlab.recovery.simulate import Element
from ganlab.recovery.witness import CLOSE, MISFIT, Testimony, can_testify, clearly_better

USUAL = "leaky_relu 0.2"  # the paper's
OTHERS = ("leaky_relu 0.01", "relu", "leaky_relu 0.1", "leaky_relu 0.3", "elu", "selu")
MOST_WAYS = 4  # of getting from picture to verdict that are tried
CONVINCING = 0.7  # another activation or eps than the usual must bring the error down to this part of it
DOUBTED = 0.2  # an error from which on less usual ways are tried
QUICK = 32  # pictures by which dropouts and ways are sorted
LARGE, FEWEST = 64, 4  # a side above which fewer pictures sort ways, down to so many, and of one range only
DROPOUTS = (0.25, 0.5, 0.3, 0.4, 0.2)  # parts of the maps that are usually dropped behind every activation in training


@dataclass(frozen=True)
class Discriminator:
    """A discriminator that fits, for pictures of one range.

    Attributes:
        elements: its layers.
        activation: of the hidden layers; "prelu" where the file stores the slopes of all of them.
        range_name: key of the pictures it was tried on ("tanh" or "sigmoid").
        errors: mean error of its norms for every range that was tried; empty where none testifies.
        rivals: the same for every activation that was tried, its own too; empty where none testifies or all are stored.
        size: side of the pictures.
        words: its layers' geometries, for a person.
        norm_eps: what its norms add to variances, where the file does not say.
        eps: mean error for every eps that was tried, where another than the usual would be better; else empty.
        dropout: part of the maps that training seems to have dropped behind every activation.
        way: from picture to verdict.
        doubts: the convolutions whose geometry nothing settles.
    """

    elements: tuple[Element, ...]
    activation: str
    range_name: str
    errors: dict[str, float]
    rivals: dict[str, float]
    size: int
    words: tuple[str, ...]
    norm_eps: float = 1e-5
    eps: Mapping[str, float] = field(default_factory=dict)
    dropout: float = 0.0
    way: Way | None = None
    doubts: tuple[Doubt, ...] = ()

    @property
    def error(self) -> float:
        """Of its norms, on the pictures of its range; 0 where none testifies."""
        return self.errors.get(self.range_name, 0.0)


def discriminator_of(skeleton: Skeleton, pictures: dict[str, torch.Tensor], size: int, known: Known) -> Discriminator:
    """The discriminator for pictures of this size.

    Args:
        skeleton: of a discriminator.
        pictures: range -> samples (n, c, size, size) of the generator in it; empty where there is no generator.
        size: side of the pictures.
        known: the activation and eps that are stated; eps and padding that are usual with the file's framework.

    Raises:
        GanlabError: its layers do not end in one number for such pictures.
    """
    found = _found(skeleton, pictures, size, known)
    learnt = len(skeleton.stages) > 1 and all(stage.prelu is not None for stage in skeleton.stages[:-1])
    return replace(found, activation="prelu", rivals={}) if learnt else found


def _found(skeleton: Skeleton, pictures: dict[str, torch.Tensor], size: int, known: Known) -> Discriminator:
    """The likeliest with one activation in all hidden layers whose own is not stored."""
    eps = known.eps[-1] if known.eps else known.usual_eps
    testifies = any(can_testify(norm) for stage in skeleton.stages for norm in stage.norms)
    likeliest = _likeliest(skeleton, size, known.same, testifies and bool(pictures))
    if not likeliest:
        raise GanlabError(
            f"Its layers do not lead from pictures of {size}x{size} to one number each.", "Is it of another GAN?"
        )
    channels = skeleton.stages[0].inputs if skeleton.stages[0].kind != "linear" else 0
    shown = {name: some for name, some in pictures.items() if channels in (0, some.shape[1])}
    if pictures and not shown:
        drawn = next(iter(pictures.values())).shape[1]
        raise GanlabError(
            f"It takes pictures of {channels} channels, and the generator's have {drawn}.",
            "Conditional discriminators are fed the class in a channel of its own.",
        )
    if not shown or not testifies:
        taken, way = known.activation or USUAL, likeliest[0]
        elements = elements_of(skeleton, way, taken, eps)
        doubts = doubts_of(skeleton, way, size, known.same, None)
        return Discriminator(
            elements, taken, next(iter(shown), "tanh"), {}, {}, size, way.words, way=way, doubts=doubts
        )
    others = () if known.activation else OTHERS
    case = _Case(skeleton, likeliest, shown, size, known.activation or USUAL, others, known.same)
    with torch.inference_mode():
        found = _believed(case, eps, [] if known.eps else [other for other in NORM_EPS if other != eps])
        return replace(found, doubts=_doubts(case, found))


def _likeliest(skeleton: Skeleton, size: int, same: bool, heard: bool) -> list[Way]:
    """The ways that are tried first, the most usual first; with poolings where numbers tell them and no norm would."""
    found = ways(skeleton, size, same, "none" if heard else "told") or ways(skeleton, size, same, "any")
    return sorted(found, key=lambda way: way.rank)[:MOST_WAYS]


def _doubts(case: _Case, found: Discriminator) -> tuple[Doubt, ...]:
    """The convolutions whose geometry the norms do not settle; of those that fit nothing they settle nothing."""
    assert found.way is not None
    few = replace(case, shown={name: some[:QUICK] for name, some in case.shown.items()}, dropout=found.dropout)

    def heard(way: Way) -> list[Testimony]:
        return few.heard(way, found.range_name, found.activation, found.norm_eps)

    return doubts_of(case.skeleton, found.way, case.size, case.same, heard if found.error <= MISFIT else None)


@dataclass(frozen=True)
class _Case:
    """What the norms are asked.

    Attributes:
        skeleton: of the discriminator.
        ways: the likeliest, the most usual first.
        shown: range -> pictures (n, c, size, size) in it.
        size: their side.
        usual, others: the activation to keep unless one of the others convinces.
        same: whether padding is "same".
        dropout: part of the maps that training dropped behind every activation.
    """

    skeleton: Skeleton
    ways: Sequence[Way]
    shown: Mapping[str, torch.Tensor]
    size: int
    usual: str
    others: Sequence[str]
    same: bool = False
    dropout: float = 0.0

    def heard(self, way: Way, name: str, activation: str, eps: float) -> list[Testimony]:
        """What the norms of one candidate say of the pictures in one range."""
        return hear(elements_of(self.skeleton, way, activation, eps), self.shown[name], self.dropout)


def _believed(case: _Case, eps: float, other_eps: Sequence[float]) -> Discriminator:
    """The best that fits, with dropout in training where that explains its norms; the usual one where none fits.

    Norms that agree with nothing choose nothing: the least misfit is no evidence.
    """
    found = _tried(case, eps, other_eps)
    if _leaves_room_for_dropout(case.skeleton, found.error > MISFIT):
        few = replace(case, shown={name: some[:QUICK] for name, some in case.shown.items()})
        quick = {part: _tried(replace(few, dropout=part), eps, other_eps).error for part in DROPOUTS}
        best = _tried(replace(case, dropout=min(quick, key=quick.__getitem__)), eps, other_eps)
        if best.error < CONVINCING * found.error:
            found = best
    if found.error > DOUBTED:
        wide = _widely_tried(case, found, eps, other_eps)
        if wide.error < min(CONVINCING * found.error, MISFIT):
            found = wide
    if found.error <= MISFIT:
        return found
    usual = _tried(replace(case, others=()), eps, ())
    return replace(usual, rivals={**found.rivals, **usual.rivals}, eps=found.eps)


def _leaves_room_for_dropout(skeleton: Skeleton, misfit: bool) -> bool:
    """Whether the numbers of the layers leave places beside the activations; unnumbered, whether nothing else fits."""
    counted = [weightless_between(stage, after) for stage, after in pairwise(skeleton.stages)]
    if any(least > 1 for least, _ in counted):
        return True
    return misfit and not any(all_known for _, all_known in counted)


def _widely_tried(case: _Case, found: Discriminator, eps: float, other_eps: Sequence[float]) -> Discriminator:
    """The best of all ways, poolings among them, that the norms let through one after the other."""
    believed = {way.words: way for way in case.ways}
    # what fits a wrong way least badly may be wrong itself, so the usual activation and eps are heard too
    for activation, of_norms in {(case.usual, eps): None, (found.activation, found.norm_eps): None}:
        for name, some in case.shown.items():
            if case.size > LARGE and name != found.range_name:
                continue
            few = some[: max(FEWEST, QUICK * LARGE**2 // max(case.size, LARGE) ** 2)]
            for way in believed_ways(case.skeleton, case.same, few, activation, of_norms):
                believed.setdefault(way.words, way)
    convolutions = [stage for stage in case.skeleton.stages if stage.kind == "conv"]
    every = sorted(believed.values(), key=lambda way: unusual(way, convolutions))
    return _tried(replace(case, ways=every), eps, other_eps)


def _tried(case: _Case, eps: float, other_eps: Sequence[float], compared: Sequence[float] = ()) -> Discriminator:
    """Way by way, range by range, eps by eps, activation by activation, each the best of the step before.

    Args:
        case: what is asked.
        eps, other_eps: the usual one, and those that may convince.
        compared: eps whose errors are to be said, with all else as it was found.
    """
    heard = {
        (place, name): case.heard(way, name, case.usual, eps)
        for place, way in enumerate(case.ways)
        for name in case.shown
    }
    best, name = min(heard, key=lambda key: (mean_error(heard[key]), key))
    # the ways are sorted, so the first of those that fit as well is the most usual
    place = min(key[0] for key in heard if key[1] == name and not clearly_better(heard[best, name], heard[key]))
    way = case.ways[place]
    activation, testimonies = case.usual, heard[place, name]
    by_eps = {other: case.heard(way, name, activation, other) for other in other_eps}
    by_eps[eps] = testimonies
    fitting = min(by_eps, key=lambda one: mean_error(by_eps[one]))
    if _convincing(by_eps[fitting], testimonies):
        return _tried(case, fitting, (), list(by_eps))
    rivals = {activation: mean_error(testimonies)}
    for other in case.others:
        rival = case.heard(way, name, other, eps)
        rivals[other] = mean_error(rival)
        if _convincing(rival, testimonies, CONVINCING if activation == case.usual else 1.0):
            activation, testimonies = other, rival
    errors = {name: mean_error(case.heard(way, name, activation, eps)) for name in case.shown}
    range_name = min(errors, key=errors.__getitem__)
    if errors[range_name] > MISFIT and max(errors.values()) <= CLOSE * errors[range_name]:
        range_name = next(iter(errors))  # who fits none tells nothing: the usual one
    elements = elements_of(case.skeleton, way, activation, eps)
    of_eps = {f"{one:g}": mean_error(case.heard(way, range_name, activation, one)) for one in compared}
    return Discriminator(
        elements, activation, range_name, errors, rivals, case.size, way.words, eps, of_eps, case.dropout, way
    )


def _convincing(rival: Sequence[Testimony], usual: Sequence[Testimony], part: float = CONVINCING) -> bool:
    """Whether another answer brings the error down to this part of it, beyond chance."""
    return mean_error(rival) < part * mean_error(usual) and clearly_better(rival, usual)


def hear(elements: tuple[Element, ...], pictures: torch.Tensor, dropout: float = 0.0) -> list[Testimony]:
    """Every norm's testimony on these pictures; see :func:`ganlab.recovery.discriminator_search.heard_along`."""
    return heard_along(elements, pictures, dropout)[1]
