"""Find what a generator's weights leave open, layer by layer, with every BatchNorm as a witness.

A hypothesis is a generator built so far and what it puts out for some latents. Each layer multiplies the hypotheses by
what may be tried, each BatchNorm that remembers its training throws out those that it clearly contradicts. Where nobody
testifies, the usual choice stays in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from ganlab.errors import GanlabError
from ganlab.recovery.beginnings import beginnings
from ganlab.recovery.chaining import Skeleton, length_of
from ganlab.recovery.geometries import Geometry
from ganlab.recovery.hypotheses import Findings, Hypothesis, Known, Ruling, settled
from ganlab.recovery.options import (
    ACTIVATIONS,
    NORM_EPS,
    size_rank,
)
from ganlab.recovery.orders import Stage
from ganlab.recovery.routes import Routes
from ganlab.recovery.simulate import run
from ganlab.recovery.smoothness import smoothed
from ganlab.recovery.stored import Part
from ganlab.recovery.tables import norm_table, places_between, weighted
from ganlab.recovery.witness import can_testify, clearly_better, testify

LATENTS = 256  # that hypotheses are tried on; fewer where maps are large, for their many places testify too
VALUES = 2**16  # so many places a channel are enough, of at least FEWEST latents
FEWEST, FEWEST_LARGE, LARGE = 128, 96, 64  # the second where maps have at least so large a side
QUICK = 48  # latents of the first sorting
KEPT = 4  # hypotheses carried on after a witness
CARRIED = 48  # where nobody has testified yet
MOST_KEPT = 2**21  # numbers of features that each of many hypotheses may keep
ALTERNATIVES = 6  # activations that are tried where the one before is known
ALTERNATIVES_OF_EPS = 4  # and with another eps of the norm before them
SECOND_CHANCE = 0.5  # an error up to which the other order of norm and activation is carried on
IDLE = 3.0  # so many times smaller must the error be that speaks for no activation after a norm
POOR = 0.3  # an error from which on what is unlikely is heard too


def search(skeleton: Skeleton, known: Known) -> Findings:
    """The generator whose BatchNorms would remember what these do.

    Raises:
        GanlabError: no choice leads to pictures of a usual (or the given) size.
    """
    search_ = _Search(skeleton, known)
    with torch.inference_mode():
        return search_.run()


class _Search:
    def __init__(self, skeleton: Skeleton, known: Known) -> None:
        self.skeleton = skeleton
        self.known = known
        self.stages = skeleton.stages
        self.rulings: list[Ruling] = []
        self.seen: list[str] = []
        self.numbered: set[str] = set()
        self.routes = Routes(skeleton.stages, known)

    def run(self) -> Findings:
        hypotheses = self._first_norms(beginnings(self.skeleton, self.known.law, LATENTS))
        for number, stage in enumerate(self.stages):
            hypotheses = self._layer(hypotheses, number, stage)
            hypotheses = self._after(hypotheses, number, stage)
        ending = [one for one in hypotheses if self.known.size is None or one.side in (0, self.known.size)]
        if not ending:
            raise GanlabError(
                "No way of chaining these layers ends in pictures of that size.", "Try another --image-size."
            )
        ending = [replace(one, rank=one.rank + size_rank(one.side)) for one in ending]
        best, rivals = settled(ending)
        if self.stages[-1].kind == "conv_transpose" and not self.skeleton.hardly_trained:
            best, ruling = smoothed(best, ending, f"layer {len(self.stages) - 1}")
            self.rulings += [ruling] if ruling is not None else []
        seen = {name: testimony.error for name, testimony in zip(self.seen, best.testimonies, strict=True)}
        return Findings(best, frozenset(self.numbered), rivals, self.rulings, seen)

    def _first_norms(self, hypotheses: list[Hypothesis]) -> list[Hypothesis]:
        """With the norms of z itself, which tell its law at once."""
        for norm in self.skeleton.first_norms:
            if self.known.statistics and can_testify(norm):
                heard = [self._heard(one, norm, QUICK) for one in hypotheses]
                hypotheses = self._judged(hypotheses, heard, norm)
                self.seen.append(norm.name)
            hypotheses = [self._normalised(one, norm, self._usual_eps(one, norm)) for one in hypotheses]
        return hypotheses

    def _layer(self, hypotheses: list[Hypothesis], number: int, stage: Stage) -> list[Hypothesis]:
        """Every hypothesis with every geometry that can still end in pictures."""
        found = []
        for one in hypotheses:
            for geometry in self._as_stated(one, self.routes.geometries(number)):
                side = self.routes.side_after(one.side, number, geometry)
                if side is None or not self.routes.can_end(number + 1, side):
                    continue
                found.append(self._with_layer(one, number, stage, geometry, side))
        if not found:
            size = "a usual size" if self.known.size is None else f"{self.known.size} pixels"
            raise GanlabError(
                f"No way of chaining these layers ends in pictures of {size}.",
                "Try --image-size, or state more in a --card.",
            )
        return found

    def _as_stated(self, one: Hypothesis, geometries: Sequence[Geometry]) -> list[Geometry]:
        """Those whose upsampling is what the user says of it."""
        stated = self.known.upsampling
        if not stated:
            return list(geometries)
        before = sum(table["kind"] == "upsample" for table, _ in one.elements)
        wanted = (None, stated[min(before, len(stated) - 1)])
        return [geometry for geometry in geometries if geometry.upsampling in wanted]

    def _with_layer(self, one: Hypothesis, number: int, stage: Stage, geometry: Geometry, side: int) -> Hypothesis:
        """A layer added; it runs when a witness asks for what it puts out."""
        elements = list(one.elements)
        if stage.kind == "linear" and _spatial(one):
            elements.append(({"kind": "flatten"}, None))
        if number == 0 and stage.kind != "linear":
            elements.append(({"kind": "reshape", "shape": [stage.inputs, 1, 1]}, None))
        if number and self.stages[number - 1].kind == "linear" and stage.kind != "linear" and not _spatial(one):
            elements.append(({"kind": "reshape", "shape": [stage.inputs, one.side, one.side]}, None))
        elements += [(table, None) for table in geometry.before]
        elements.append((weighted(stage, geometry), stage.part))
        elements += [(table, None) for table in geometry.after]
        moved = replace(one, elements=tuple(elements), side=side)
        return moved.chose(f"layer {number}", geometry.words, geometry.rank)

    def _after(self, hypotheses: list[Hypothesis], number: int, stage: Stage) -> list[Hypothesis]:
        """Norms and activation between this layer and the next."""
        last = number == len(self.stages) - 1
        if not stage.norms:
            if last:
                return self._carry(hypotheses)
            return self._carry(self._activations(hypotheses, number, stage, None))
        norm = stage.norms[0]
        hypotheses = self._witnessed(hypotheses, number, stage, norm)
        for extra in stage.norms[1:]:
            hypotheses = self._witnessed(hypotheses, number, stage, extra)
        done = [one for one in hypotheses if f"activation {number}" in one.choices]
        open_ = [one for one in hypotheses if f"activation {number}" not in one.choices]
        return self._carry(
            done + ([] if last else self._activations(open_, number, stage, norm)) + (open_ if last else [])
        )

    def _witnessed(self, hypotheses: list[Hypothesis], number: int, stage: Stage, norm: Part) -> list[Hypothesis]:
        """What a norm leaves of the hypotheses, with itself applied."""
        likely, unlikely = self._orders(hypotheses, number, stage, norm)
        active = [one for one in likely if not self._idle(one, number - 1)]
        idle = [one for one in likely if self._idle(one, number - 1)] if active else []
        likely = active or likely
        if self.known.statistics and can_testify(norm):
            kept = self._left(likely, unlikely, idle, norm)
            tried = [(one, 0, self._usual_eps(one, norm)) for one in kept]
            tried += [(kept[0], 2, eps) for eps in self._other_eps(kept[0], norm)]  # one thing varied at a time
        else:
            tried = [(one, 0, self._usual_eps(one, norm)) for one in self._carry(likely)]
        return [self._normalised(one, norm, eps).chose(f"eps {number}", f"{eps:g}", rank) for one, rank, eps in tried]

    def _left(
        self, likely: list[Hypothesis], unlikely: list[Hypothesis], idle: list[Hypothesis], norm: Part
    ) -> list[Hypothesis]:
        """Those that a norm believes; the unlikely and the idle are taken in where the likely fit poorly."""
        heard = [self._heard(one, norm, QUICK) for one in likely]
        error = min(one.testimonies[-1].error for one in heard)
        if unlikely and error > POOR:
            likely = likely + unlikely
            heard += [self._heard(one, norm, QUICK) for one in unlikely]
        inert = [self._heard(one, norm, QUICK) for one in idle]
        if inert and (error > POOR or IDLE * min(one.testimonies[-1].error for one in inert) < error):
            likely = likely + idle
            heard += inert
        self.seen.append(norm.name)
        return self._judged(likely, heard, norm, inert)

    def _idle(self, one: Hypothesis, number: int) -> bool:
        """Whether a normalised layer has no activation: SELU, which keeps mean and variance, is taken for that."""
        return number >= 0 and bool(self.stages[number].norms) and one.choices.get(f"activation {number}") == "none"

    def _orders(
        self, hypotheses: list[Hypothesis], number: int, stage: Stage, norm: Part
    ) -> tuple[list[Hypothesis], list[Hypothesis]]:
        """Norm and activation in the likely order, and in the other, which is heard where that fits poorly.

        The numbers of a sequence tell, or what was found before in this network; else the norm stands first.
        """
        between = _between(stage, stage.part, norm)
        before = [order for name, order in hypotheses[0].choices.items() if name.startswith("order")]
        early_first = bool(between) or (between is None and before[-1:] == ["activation first"])
        late = [one.chose(f"order {number}", "norm first", int(early_first)) for one in hypotheses]
        if between == 0:
            return late, []
        early = [
            one.chose(f"order {number}", "activation first", int(not early_first))
            for one in self._activations(hypotheses, number, stage, norm, before_norm=True)
        ]
        return (early, late) if early_first else (late, early)

    def _usual_eps(self, one: Hypothesis, norm: Part) -> float:
        """What the file or the user states, else that of the norm before, else the framework's."""
        before = [float(table["eps"]) for table, _ in one.elements if table["kind"] == "batch_norm"]
        if "eps" in norm.settings:
            return float(norm.settings["eps"])
        if self.known.eps:
            return self.known.eps[min(len(before), len(self.known.eps) - 1)]
        return before[-1] if before else self.known.usual_eps

    def _other_eps(self, one: Hypothesis, norm: Part) -> list[float]:
        """Others worth trying, where none is stated: only what this norm's variances would feel."""
        if "eps" in norm.settings or self.known.eps:
            return []
        usual, variance = self._usual_eps(one, norm), float(norm.tensors["variance"].median())
        return [eps for eps in NORM_EPS if eps != usual and max(eps, usual) > 0.01 * variance]

    def _judged(
        self, ways: list[Hypothesis], quick: list[Hypothesis], norm: Part, beside: Sequence[Hypothesis] = ()
    ) -> list[Hypothesis]:
        """Those that the norm does not clearly contradict, best first; says what it ruled out.

        Args:
            ways: hypotheses.
            quick: the same, heard on few latents.
            norm: the witness.
            beside: others that were heard and are not carried on, but keep an answer from being certain.
        """
        limit = 1.5 * min(one.testimonies[-1].error for one in quick) + 0.1
        narrowed = [way for way, one in zip(ways, quick, strict=True) if one.testimonies[-1].error <= limit]
        heard = sorted((self._heard(one, norm, LATENTS) for one in narrowed), key=lambda one: (one.error, one.rank))
        best, _ = settled(heard)
        others = [one for one in (*quick, *beside) if one.choices not in [known.choices for known in heard]] + heard
        self._rule(best, others, norm)
        kept = [one for one in heard if not clearly_better(best.testimonies[-1:], one.testimonies[-1:])]
        kept = sorted(kept, key=lambda one: (one is not best, one.rank, one.error))[:KEPT]
        return kept + _other_order(kept, quick, ways)

    def _heard(self, one: Hypothesis, norm: Part, latents: int) -> Hypothesis:
        """With the norm's testimony added, and what it was given where that is small: it can be run again."""
        ran = self._run(one, norm, latents)
        kept = ran if latents == LATENTS and ran.features.numel() <= MOST_KEPT else one
        return replace(kept, testimonies=(*one.testimonies, testify(norm, ran.features)))

    def _run(self, one: Hypothesis, norm: Part, latents: int = LATENTS) -> Hypothesis:
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

    def _normalised(self, one: Hypothesis, norm: Part, eps: float) -> Hypothesis:
        """With the norm itself; its statistics are the batch's, as in training."""
        one = self._run(one, norm)
        return replace(one, elements=(*one.elements, (norm_table(norm, eps, one.features.ndim == 2), norm)))

    def _activations(
        self, hypotheses: list[Hypothesis], number: int, stage: Stage, norm: Part | None, before_norm: bool = False
    ) -> list[Hypothesis]:
        """Every hypothesis with every activation that may stand here."""
        if stage.prelu is not None:
            table = {"kind": "prelu", "slopes": len(stage.prelu.tensors["weight"])}
            return [
                one.chose(f"activation {number}", "prelu", elements=(*one.elements, (table, stage.prelu)))
                for one in hypotheses
            ]
        after = norm if before_norm and norm is not None else self.stages[number + 1].part
        between = _between(stage, stage.part if norm is None or before_norm else norm, after)
        if between == 0:
            self.numbered.add(f"activation {number}")
        found = []
        best = hypotheses[0].choices if hypotheses else {}
        for one in hypotheses:
            choices = self._activation_choices(one, between, before_norm)
            if one.testimonies and one is not hypotheses[0]:
                # beside the best, one thing is varied at a time; but an eps shows only with the right activation
                only_eps = all(one.choices[name] == value or name.startswith("eps") for name, value in best.items())
                choices = choices[: ALTERNATIVES_OF_EPS if only_eps else 1]
            for rank, name in choices:
                act = ACTIVATIONS[name]
                elements = one.elements if act is None else (*one.elements, (act, None))
                chosen = one.chose(f"activation {number}", name, rank, elements=elements)
                found.append(chosen if name == "none" else replace(chosen, activation=name))
        return found

    def _activation_choices(self, one: Hypothesis, between: int | None, before_norm: bool) -> list[tuple[int, str]]:
        """(rank, name): the one this network has used before, then the usual ones."""
        if between == 0:
            return [(0, "none")]
        if self.known.activation is not None:
            names = [self.known.activation] + (["none"] if between is None and not before_norm else [])
            return list(enumerate(names))
        if one.activation is not None and not one.testimonies:
            # hidden activations of a network are alike: as long as nobody testifies, all mixtures would be too many
            return [(0, one.activation), *([] if before_norm or between else [(2, "none")])]
        usual = list(ACTIVATIONS)
        if one.activation is not None:
            usual = [one.activation, *(name for name in usual if name != one.activation)][:ALTERNATIVES]
        ranked = [(place if name != "none" or between is None else place + 3, name) for place, name in enumerate(usual)]
        return [(rank, name) for rank, name in ranked if not (before_norm and name == "none")]

    def _carry(self, hypotheses: list[Hypothesis]) -> list[Hypothesis]:
        return sorted(hypotheses, key=lambda one: (one.rank, one.error))[:CARRIED]


def _spatial(one: Hypothesis) -> bool:
    """Whether its features already are maps."""
    return any(table["kind"] in ("reshape", "conv", "conv_transpose") for table, _ in one.elements)


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


def _between(stage: Stage, one: Part, other: Part) -> int | None:
    """Places for activations after a stage; a single one after a matrix may be a reshape's."""
    places = places_between(one, other)
    return None if stage.kind == "linear" and places == 1 else places
