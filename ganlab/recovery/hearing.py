"""Norms as witnesses: what each leaves of the hypotheses, and what it says of every choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ganlab.latents import Prior
from ganlab.recovery.chaining import length_of
from ganlab.recovery.hypotheses import Hypothesis, Ruling, settled
from ganlab.recovery.simulate import run
from ganlab.recovery.stored import Part
from ganlab.recovery.witness import clearly_better, testify

LATENTS = 256  # that hypotheses are tried on; fewer where maps are large, for their many places testify too
VALUES = 2**16  # so many places a channel are enough, of at least FEWEST latents
FEWEST, FEWEST_LARGE, LARGE = 128, 96, 64  # the second where maps have at least so large a side
QUICK = 48  # latents of the first sorting
KEPT = 4  # hypotheses carried on after a witness
MOST_KEPT = 2**21  # numbers of features that each of many hypotheses may keep
SECOND_CHANCE = 0.5  # an error up to which the other order of norm and activation is carried on
NEARLY = 0.03  # what one way of enlarging large maps must gain before few latents tell it from another
IDLE = 3.0  # so many times smaller must the error be that speaks for no activation after a norm
POOR = 0.3  # an error from which on what is unlikely is heard too


@dataclass
class Hearing:
    """What was said so far.

    Attributes:
        rulings: of every norm about every choice.
        seen: the norms' names, in order.
    """

    rulings: list[Ruling] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def left(
        self,
        likely: Sequence[Hypothesis],
        norm: Part,
        unlikely: Sequence[Hypothesis] = (),
        idle: Sequence[Hypothesis] = (),
    ) -> list[Hypothesis]:
        """Those that a norm believes, best first; the unlikely and the idle join in where the likely fit poorly."""
        ways, quick = list(likely), [testified(one, norm, QUICK) for one in likely]
        error = min(one.testimonies[-1].error for one in quick)
        if error > POOR:
            ways += unlikely
            quick += [testified(one, norm, QUICK) for one in unlikely]
        inert = [testified(one, norm, QUICK) for one in idle]
        if inert and (error > POOR or IDLE * min(one.testimonies[-1].error for one in inert) < error):
            ways += idle
            quick += inert
            idle, inert = (), []
        self.seen.append(norm.name)
        return self._uncontradicted(ways, quick, norm, idle, inert)

    def _uncontradicted(
        self,
        ways: list[Hypothesis],
        quick: list[Hypothesis],
        norm: Part,
        beside: Sequence[Hypothesis],
        quick_beside: list[Hypothesis],
    ) -> list[Hypothesis]:
        """Those that the norm does not clearly contradict, best first; says what it ruled out.

        Args:
            ways: hypotheses.
            quick: the same, heard on few latents.
            norm: the witness.
            beside, quick_beside: others, likewise, that are not carried on, but keep an answer from being certain.
        """
        limit = 1.5 * min(one.testimonies[-1].error for one in quick) + 0.1
        heard = _nearly_equal_heard_again(_heard_well(ways, quick, norm, limit), norm)
        best, _ = settled(heard)
        well = heard + _heard_well(beside, quick_beside, norm, limit)  # few latents would make an error look larger
        known = [one.choices for one in well]
        others = [one for one in (*quick, *quick_beside) if one.choices not in known] + well
        self._rule(best, others, norm)
        kept = [one for one in heard if not clearly_better(best.testimonies[-1:], one.testimonies[-1:])]
        kept = sorted(kept, key=lambda one: (one is not best, one.rank, one.error))[:KEPT]
        return kept + _other_order(kept, quick, ways)

    def _rule(self, best: Hypothesis, others: Sequence[Hypothesis], norm: Part) -> None:
        """Note what a norm says of every choice: how the best with another answer does, whatever else differs in it."""
        mine = best.testimonies[-1]
        for name, chosen in best.choices.items():
            rivals = [other for other in others if other.choices.get(name, chosen) != chosen]
            if rivals:
                rival = min(rivals, key=lambda other: other.testimonies[-1].error)
                theirs = rival.testimonies[-1]
                clear = clearly_better([mine], [theirs])
                ruling = Ruling(name, chosen, norm.name, mine.error, rival.choices[name], theirs.error, clear)
                self.rulings.append(ruling)


def testified(one: Hypothesis, norm: Part, latents: int) -> Hypothesis:
    """With the norm's testimony added, and what it was given where that is small: it can be run again."""
    tried = seen_by(one, norm, latents)
    kept = tried if latents == LATENTS and tried.features.numel() <= MOST_KEPT else one
    return replace(kept, testimonies=(*one.testimonies, testify(norm, tried.features)))


def _heard_well(ways: Sequence[Hypothesis], quick: Sequence[Hypothesis], norm: Part, limit: float) -> list[Hypothesis]:
    """Those whose error on few latents is within a limit, heard on all, best first."""
    narrowed = [way for way, one in zip(ways, quick, strict=True) if one.testimonies[-1].error <= limit]
    return sorted((testified(one, norm, LATENTS) for one in narrowed), key=lambda one: (one.error, one.rank))


def _nearly_equal_heard_again(heard: list[Hypothesis], norm: Part) -> list[Hypothesis]:
    """The same, best first, where two enlarge maps in different ways and nearly fit alike heard on all latents.

    Of large maps few latents are run, whose chance may be as large as what tells one interpolation from another.
    """
    best = heard[0]
    if best.side < LARGE or "classes" in best.choices:
        return heard
    near = [one for one in heard[1:] if one.testimonies[-1].error - best.testimonies[-1].error < NEARLY]
    close = [one for one in near if _differs_in_enlarging(one, best)]
    if not close:
        return heard
    again = [best, min(close, key=lambda one: one.error)]
    others = [one for one in heard if one not in again]
    again = [_from_z(one, norm) for one in again]
    return sorted(again + others, key=lambda one: (one.error, one.rank))


def _from_z(one: Hypothesis, norm: Part) -> Hypothesis:
    """With its last testimony on all latents, run anew."""
    inputs = next(int(table["inputs"]) for table, _ in one.elements if "inputs" in table)
    testimony = testify(norm, run(one.elements, Prior(inputs, one.choices["z"]).sample(LATENTS, seed=0).z))
    return replace(one, testimonies=(*one.testimonies[:-1], testimony))


def _differs_in_enlarging(one: Hypothesis, other: Hypothesis) -> bool:
    """Whether the way in which maps are enlarged before a layer is all that differs."""
    differing = {name for name, value in one.choices.items() if other.choices.get(name) != value}
    words = [one.choices[name] + other.choices.get(name, "") for name in differing]
    return len(words) == 1 and words[0].count("upsampling before it") == 2


def seen_by(one: Hypothesis, norm: Part, latents: int = LATENTS) -> Hypothesis:
    """With all its elements run, on as many latents as testify well, in the shape in which a norm sees them."""
    wanted = min(latents, max(FEWEST if one.side < LARGE else FEWEST_LARGE, VALUES // max(one.side, 1) ** 2))
    features = run(one.elements[one.done :], one.features[:wanted])
    elements, channels = one.elements, length_of(norm)
    if features.ndim == 2 and channels != features.shape[1]:
        shape = [channels, one.side, one.side]
        features = features.reshape(len(features), *shape)
        elements = (*elements, ({"kind": "reshape", "shape": shape}, None))
    elif features.ndim == 4 and channels != features.shape[1]:
        features = features.flatten(1)
        elements = (*elements, ({"kind": "flatten"}, None))
    return replace(one, features=features, elements=elements, done=len(elements))


def _other_order(kept: list[Hypothesis], quick: list[Hypothesis], ways: list[Hypothesis]) -> list[Hypothesis]:
    """The best with norm and activation the other way round: one norm alone can take an activation for what it is not.

    Args:
        kept: hypotheses that a norm leaves.
        quick, ways: all, heard on few latents and not heard.
    """
    orders = {_last_order(one) for one in kept}
    others = [(heard, way) for heard, way in zip(quick, ways, strict=True) if _last_order(way) not in orders]
    if not others:
        return []
    heard, way = min(others, key=lambda pair: pair[0].testimonies[-1].error)
    return [replace(way, testimonies=heard.testimonies)] if heard.testimonies[-1].error < SECOND_CHANCE else []


def _last_order(one: Hypothesis) -> str:
    return next((value for name, value in reversed(list(one.choices.items())) if name.startswith("order")), "")
