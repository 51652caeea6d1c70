"""Find what a generator's weights leave open, layer by layer, with every BatchNorm as a witness.

A hypothesis is a generator built so far and what it puts out for some latents. Each layer multiplies the hypotheses by
what may be tried, each BatchNorm that remembers its training throws out those that it clearly contradicts. Where nobody
testifies, the usual choice stays in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

import torch

from ganlab.errors import GanlabError
from ganlab.recovery.beginnings import beginnings
from ganlab.recovery.chaining import Skeleton, length_of
from ganlab.recovery.geometries import ENLARGING, Geometry
from ganlab.recovery.hearing import LATENTS, Hearing, seen_by
from ganlab.recovery.hypotheses import Findings, Hypothesis, Known, settled
from ganlab.recovery.options import ACTIVATIONS, NORM_EPS, size_rank
from ganlab.recovery.orders import Stage
from ganlab.recovery.routes import Routes
from ganlab.recovery.smoothness import smoothed
from ganlab.recovery.stored import Part
from ganlab.recovery.tables import norm_table, places_between, weighted
from ganlab.recovery.witness import DISTRUSTED, MISFIT, can_testify, misfit

CARRIED = 48  # where nobody has testified yet
ALTERNATIVES = 6  # activations that are tried where the one before is known
ALTERNATIVES_OF_EPS = 4  # and with another eps of the norm before them


def search(skeleton: Skeleton, known: Known) -> Findings:
    """The generator whose BatchNorms would remember what these do.

    Raises:
        GanlabError: no choice leads to pictures of a usual (or the given) size, or a norm fits none.
    """
    search_ = _Search(skeleton, known)
    with torch.inference_mode():
        return search_.run()


class _Search:
    def __init__(self, skeleton: Skeleton, known: Known) -> None:
        self.skeleton = skeleton
        self.known = known
        self.stages = skeleton.stages
        self.hearing = Hearing()
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
        if self.known.upsampling:
            ending = [one for one in ending if one.upsampled] or ending
        ending = [replace(one, rank=one.rank + size_rank(one.side)) for one in ending]
        best, rivals = settled(ending)
        last = self.stages[-1]
        if last.kind == "conv_transpose" and not last.norms and not self.skeleton.hardly_trained:
            best, ruling = smoothed(best, ending, f"layer {len(self.stages) - 1}")
            self.hearing.rulings += [ruling] if ruling is not None else []
        seen = {name: testimony.error for name, testimony in zip(self.hearing.seen, best.testimonies, strict=True)}
        return Findings(best, frozenset(self.numbered), rivals, self.hearing.rulings, seen)

    def _first_norms(self, hypotheses: list[Hypothesis]) -> list[Hypothesis]:
        """With the norms of z itself, which tell its law at once."""
        for norm in self.skeleton.first_norms:
            if self._testifies(norm):
                hypotheses = self.hearing.left(hypotheses, norm)
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
                if geometry.enlarges_first and self._place_is_taken(one, number - 1):
                    continue
                found.append(self._with_layer(one, number, stage, geometry, side))
        if not found:
            stated = self.known.size is not None
            size = f"{self.known.size} pixels" if stated else "a usual size"
            raise GanlabError(
                f"No way of chaining these layers ends in pictures of {size}.",
                f"Try {'another ' if stated else ''}--image-size, or state more in a --card. "
                "If it is no chain of layers, name the code that builds it: --gan MODULE:FACTORY+FILE.",
            )
        return found

    def _place_is_taken(self, one: Hypothesis, number: int) -> bool:
        """Whether an activation has the one place in front of the next layer, which an upsampling would need."""
        before_norm = one.choices.get(f"order {number}") == "activation first"
        return self._one_place(number) and not before_norm and one.choices[f"activation {number}"] != "none"

    def _one_place(self, number: int) -> bool:
        """Whether the numbers of a sequence leave one place in front of the next layer, beside that of a reshape."""
        stage, after = self.stages[number], self.stages[number + 1]
        last = stage.norms[-1] if stage.norms else stage.part
        flat = stage.kind == "linear" and (not stage.norms or length_of(last) == stage.outputs)
        return places_between(last, after.part) == (2 if flat and after.kind != "linear" else 1)

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
            return hypotheses if last else self._carry(self._activations(hypotheses, number, stage, None))
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
        if self._testifies(norm):
            kept = self.hearing.left(likely, norm, unlikely, idle)
            self._check_fit(kept, norm)
            tried = [(one, 0, self._usual_eps(one, norm)) for one in kept]
            tried += [(kept[0], 2, eps) for eps in self._other_eps(kept[0], norm)]  # one thing varied at a time
        else:
            tried = [(one, 0, self._usual_eps(one, norm)) for one in self._carry(likely)]
        return [self._normalised(one, norm, eps).chose(f"eps {number}", f"{eps:g}", rank) for one, rank, eps in tried]

    def _check_fit(self, kept: Sequence[Hypothesis], norm: Part) -> None:
        """That a norm fits one of the hypotheses: what comes after it cannot mend that, and may take minutes.

        Not where the user's own word may be at fault, nor where the first norm says that none is to be believed.

        Raises:
            GanlabError: it fits none.
        """
        error = min(one.testimonies[-1].error for one in kept)
        believed = kept[0].testimonies[0].error <= DISTRUSTED
        if error > MISFIT and believed and self.known.activation is None:
            raise misfit(norm.name, error)

    def _testifies(self, norm: Part) -> bool:
        return self.known.statistics and can_testify(norm)

    def _idle(self, one: Hypothesis, number: int) -> bool:
        """Whether a normalised layer has no activation: SELU, which keeps mean and variance, is taken for that.

        Not where an upsampling has the only place for one.
        """
        if number < 0 or not self.stages[number].norms or one.choices.get(f"activation {number}") != "none":
            return False
        return not (self._one_place(number) and _enlarged_before(one, self.stages[number + 1].part))

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

    def _normalised(self, one: Hypothesis, norm: Part, eps: float) -> Hypothesis:
        """With the norm itself; its statistics are the batch's, as in training."""
        one = seen_by(one, norm)
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
        if not before_norm and self._one_place(number) and self.routes.may_enlarge_first(number + 1):
            between = None  # the place may be an upsampling's
        found = []
        best = hypotheses[0].choices if hypotheses else {}
        for one in hypotheses:
            choices = self._activation_choices(one, between, before_norm)
            if one.testimonies and one is not hypotheses[0]:
                # beside the best, one thing is varied at a time; but an eps shows only with the right activation
                only_eps = all(one.choices.get(name) == value or name.startswith("eps") for name, value in best.items())
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


def _enlarged_before(one: Hypothesis, part: Part) -> bool:
    """Whether maps are enlarged right in front of the layer with these weights."""
    at = next(place for place, (_, other) in enumerate(one.elements) if other is part)
    before = takewhile(lambda element: element[1] is None, reversed(one.elements[:at]))
    return any(table["kind"] in ENLARGING for table, _ in before)


def _between(stage: Stage, one: Part, other: Part) -> int | None:
    """Places for activations after a stage; a single one after a matrix may be a reshape's."""
    places = places_between(one, other)
    return None if stage.kind == "linear" and places == 1 else places
