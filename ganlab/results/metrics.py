"""A number with its interval, and with what it has to be compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ganlab.results import intervals
from ganlab.results.faults import plain

if TYPE_CHECKING:
    import numpy as np

ROUNDING = 1e-9  # part of a value by which it may lie outside of its interval: both were computed in other orders


@dataclass(frozen=True)
class Metric:
    """One number, with what it has to be compared with.

    Attributes:
        value: the number; finite. Where there is none to give, leave the metric out and say so in ``notes``.
        low, high: the ends of its interval, when it has one; the value lies in it.
        n: how many pictures (rows, draws) it was computed from.
        control: the name of the metric of the same result that it stands against; one that stands against nothing
            that stands against this one.
        no_control: why it needs none. Exactly one of ``control`` and ``no_control`` is given.
        about: what it is, in a few words for a person who sees it for the first time, with its unit.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    control: str | None = None
    no_control: str | None = None
    about: str = ""

    def __post_init__(self) -> None:
        for name in ("value", "low", "high", "n"):
            object.__setattr__(self, name, plain(getattr(self, name)))

    @classmethod
    def of_paired_difference(
        cls,
        ours: np.ndarray,
        other: np.ndarray,
        *,
        control: str | None = None,
        no_control: str | None = None,
        about: str = "",
    ) -> Metric:
        """By how many points ``ours`` is true more often than ``other``, with a 95% interval of paired cases.

        The interval is Tango's (1998) score interval, of several comparisons joined with Student's of their mean.

        Args:
            ours, other: (n,) bool of the same n independent cases, such as one picture told by two classifiers; or the
                one (n,) and the other, which was drawn again and again, (draws, n), two draws or more.
        """
        better, worse = (ours & ~other).sum(-1), (other & ~ours).sum(-1)
        n = ours.shape[-1]
        of_them = intervals.of_paired_differences if better.ndim else intervals.of_paired_difference
        low, high = of_them(better, worse, n)
        found = float((better - worse).mean()) / n
        return cls(100 * found, 100 * low, 100 * high, n, control, no_control, about)

    @classmethod
    def of_share(
        cls,
        hits: np.ndarray,
        *,
        worth: float | None = None,
        control: str | None = None,
        no_control: str | None = None,
        about: str = "",
    ) -> Metric:
        """The share of cases (n,) bool that are true, with Wilson's 95% interval.

        Args:
            worth: how many independent cases they are worth, where they depend on each other; default: n.
        """
        share = float(hits.mean())
        low, high = intervals.of_share(share, len(hits) if worth is None else worth)
        return cls(share, low, high, len(hits), control, no_control, about)

    @classmethod
    def of_draws(
        cls,
        values: np.ndarray,
        *,
        lowest: float = 0.0,
        highest: float = 1.0,
        n: int | None = None,
        control: str | None = None,
        no_control: str | None = None,
        about: str = "",
    ) -> Metric:
        """The mean of repeated draws, and where one more would lie with a probability of 95% (Student's).

        A few shares that do not differ at all, as none of all five draws, do not tell how far one more may lie: then
        the interval is Wilson's of a share of `n`.

        Args:
            values: (draws,), two or more.
            lowest, highest: what a value can be.
            n: how many pictures each was computed from; default: the draws.
        """
        if (values == values[0]).all() and (lowest, highest) == (0, 1):
            low, high = intervals.of_share(float(values[0]), n or len(values))
        else:
            low, high = intervals.of_a_further_draw(values, lowest, highest)
        return cls(float(values.mean()), low, high, n or len(values), control, no_control, about)

    @classmethod
    def of_mean(
        cls,
        values: np.ndarray,
        *,
        lowest: float = 0.0,
        highest: float = 1.0,
        n: int | None = None,
        control: str | None = None,
        no_control: str | None = None,
        about: str = "",
    ) -> Metric:
        """The mean of independent values, with Student's 95% interval of it; one value alone has none.

        Args:
            values: (k,), one or more.
            lowest, highest: what a value can be.
            n: how many pictures they were computed from; default: the values.
        """
        low, high = intervals.of_mean(values, lowest, highest) if len(values) > 1 else (None, None)
        return cls(float(values.mean()), low, high, n or len(values), control, no_control, about)

    def _faults(self, others: Mapping[str, Metric]) -> str:
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            if number is None and name != "value":
                continue
            if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
                return f"its {name} is {number!r}, not a finite number"
        if self.low is not None and self.high is not None and self.low > self.high:
            return f"its interval ends before it begins: {self.low} to {self.high}"
        rounding = ROUNDING * max(1.0, abs(self.value))
        below = self.low is not None and self.value < self.low - rounding
        if below or (self.high is not None and self.value > self.high + rounding):
            return f"it is {self.value}, outside of its interval {self.low} to {self.high}"
        if self.n is not None and (isinstance(self.n, bool) or not isinstance(self.n, int) or self.n < 1):
            return f"its n is {self.n!r}, not a count"
        if bool(self.control) == bool((self.no_control or "").strip()):
            return "it needs either control= (a metric to stand against) or no_control= (why it needs none)"
        if self.control and (self.control not in others or others[self.control] is self):
            return f"its control {self.control!r} is no other metric of this result: {sorted(others)}"
        circle = " -> ".join(map(repr, self._circle(others)))
        return f"controls that stand against each other show nothing: {circle}" if circle else ""

    def _circle(self, others: Mapping[str, Metric]) -> list[str]:
        """Its name, its control's, that one's control's and so on, where they lead back to it."""
        met: list[str] = []
        name = self.control or ""
        while name in others and name not in met:
            met.append(name)
            if others[name] is self:
                return [name, *met]
            name = others[name].control or ""
        return []
