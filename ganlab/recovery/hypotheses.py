"""What a search for a generator carries along: hypotheses, what witnesses said of them, what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from ganlab.recovery.simulate import Element
from ganlab.recovery.witness import MISFIT, Testimony, clearly_better


@dataclass(frozen=True)
class Known:
    """What a user or the format states; None leaves it to the weights."""

    law: str | None = None
    activation: str | None = None
    upsampling: tuple[str, ...] | None = None  # layer by layer; the last goes for all that follow
    size: int | None = None
    eps: tuple[float, ...] | None = None  # norm by norm, likewise
    usual_eps: float = 1e-5
    same: bool = False  # padding of frameworks that say "same"
    statistics: bool = True  # whether what norms remember is believed


@dataclass(frozen=True)
class Hypothesis:
    """A generator built so far.

    Attributes:
        choices: variable -> value: "z", "classes", "activation N", "layer N", "eps N", in the order of the network.
        elements: (table, its part or None), layer after layer.
        features: what the first ``done`` of them put out for the latents that are tried.
        done: how many of them have run.
        side: of the feature maps; 0 while there are none.
        rank: how unusual its choices are together.
        testimonies: of every witness so far.
        activation: the last hidden activation chosen, or None.
    """

    choices: Mapping[str, str]
    elements: tuple[Element, ...]
    features: torch.Tensor
    done: int = 0
    side: int = 0
    rank: int = 0
    testimonies: tuple[Testimony, ...] = ()
    activation: str | None = None

    @property
    def error(self) -> float:
        """Mean over all witnesses; 0 without any."""
        return sum(one.error for one in self.testimonies) / len(self.testimonies) if self.testimonies else 0.0

    @property
    def worst_error(self) -> float:
        """The error of the witness that agrees least; 0 without any."""
        return max((one.error for one in self.testimonies), default=0.0)

    @property
    def upsampled(self) -> bool:
        """Whether one of its layers has an upsampling before it."""
        return any(table["kind"] == "upsample" for table, _ in self.elements)

    @property
    def strides(self) -> int:
        """How many of its layers enlarge maps by themselves, without an upsampling."""
        return sum(table["kind"] == "conv_transpose" and table.get("stride", 1) > 1 for table, _ in self.elements)

    def chose(self, variable: str, value: str, rank: int = 0, **changes: Any) -> Hypothesis:
        """With one more choice made."""
        return replace(self, choices={**self.choices, variable: value}, rank=self.rank + rank, **changes)


@dataclass
class Ruling:
    """What one witness said of one variable: the value it left, and the best of the others."""

    variable: str
    chosen: str
    witness: str
    error: float
    runner_up: str
    runner_up_error: float
    clear: bool  # whether the runner-up fits worse beyond chance


@dataclass
class Findings:
    """What a search found.

    Attributes:
        best: the generator, complete but for its output activation.
        numbered: variables that the numbers of the layers in their sequence decide.
        rivals: others that fit as well, the usual ones first.
        rulings: what each witness ruled out.
        seen: the witnesses by name, with the error of the best.
    """

    best: Hypothesis
    numbered: frozenset[str] = frozenset()
    rivals: list[Hypothesis] = field(default_factory=list)
    rulings: list[Ruling] = field(default_factory=list)
    seen: dict[str, float] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return self.best.side

    @property
    def error(self) -> float:
        """Mean over the witnesses."""
        return self.best.error

    @property
    def worst(self) -> tuple[str, float]:
        """The witness that agrees least, and its error; nobody and 0 without witnesses."""
        return max(self.seen.items(), key=lambda one: one[1], default=("", 0.0))

    @property
    def first(self) -> float:
        """The error of the first witness, which hears of nothing but the prior; 0 without witnesses."""
        return next(iter(self.seen.values()), 0.0)


def settled(hypotheses: Sequence[Hypothesis]) -> tuple[Hypothesis, list[Hypothesis]]:
    """The most usual of those that fit as well as the best, and the others of them.

    None that a witness contradicts so far that it would be refused, where the best would not be.
    """
    best = min(hypotheses, key=lambda one: (one.error, one.rank))
    limit = max(MISFIT, best.worst_error)
    equal = [
        one
        for one in hypotheses
        if one is best or (one.worst_error <= limit and not clearly_better(best.testimonies, one.testimonies))
    ]
    chosen = min(equal, key=lambda one: (one.rank, one.error))
    return chosen, [one for one in equal if one is not chosen]
