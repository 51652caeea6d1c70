"""Choose C on held-out pictures, learn, and predict the test pictures: from all labels, or from draws of a few."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganlab import Metric, progress

from .svm import fit_path, predict

GRID = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)  # for pictures of length 1
CHOOSING = 0.01  # of the objective: how near its optimum a fit must be to choose C; it tells what the optimum tells
FALLS = 2  # C rises until the held-out pictures have been told worse so many times in a row


@dataclass(frozen=True)
class Plan:
    """Which of the described pictures do what.

    Attributes:
        labels: (n,) the class of each.
        classes: how many there are.
        learn: for each draw the pictures to learn from while C is chosen.
        choose: the pictures that choose C.
        again: the pictures to learn from once C is chosen, or None to keep what each draw has learnt.
        test: the pictures to tell.
    """

    labels: np.ndarray
    classes: int
    learn: Sequence[np.ndarray]
    choose: np.ndarray
    again: np.ndarray | None
    test: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """What one description of the pictures is good for.

    Attributes:
        width: how many numbers describe a picture.
        tried: C -> the part of the held-out pictures told right, the mean over draws.
        c: the C that told most of them right, the smallest of equals.
        told: (draws, test pictures) the class that each was taken for.
        right: (draws, test pictures) bool.
        gap: by which part of its objective the worst fit that was used may lie above the optimum.
    """

    width: int
    tried: dict[float, float]
    c: float
    told: np.ndarray
    right: np.ndarray
    gap: float = 0.0

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())

    def interval(self, rows: np.ndarray | None = None) -> tuple[float, float]:
        """95%: of the test pictures' share (Wilson), or where the accuracy of a further draw would lie.

        Args:
            rows: (test pictures,) bool, those that are meant; default: all.
        """
        right = self.right if rows is None else self.right[:, rows]
        return _ends(Metric.of_draws(right.mean(1)) if len(right) > 1 else Metric.of_share(right[0]))

    def above(self, other: Outcome) -> tuple[float, float, float]:
        """By how many points it is better, and 95%: picture by picture (Tango's score interval), or of a further draw.

        Both told the same pictures, from the same draws.
        """
        if len(self.right) > 1:
            gains = 100 * (self.right.mean(1) - other.right.mean(1))
            gain = Metric.of_draws(gains, lowest=-100, highest=100)
        else:
            gain = Metric.of_paired_difference(self.right[0], other.right[0])
        return gain.value, *_ends(gain)


def _ends(metric: Metric) -> tuple[float, float]:
    assert metric.low is not None
    assert metric.high is not None
    return metric.low, metric.high


def learn(features: np.ndarray, plan: Plan, cs: Sequence[float], what: str) -> Outcome:
    """Fit, choose and predict with one description.

    Args:
        features: (n, d) standardised.
        cs: rising, for pictures of length 1: what the SVM is given is C / d, as n standardised numbers have length d.
        what: the description's name, for the progress bar.
    """
    if plan.again is None:
        tried, told, gap = _by_draws(features, plan, cs, what)
    else:
        tried, told, gap = _all_at_once(features, plan, cs, what)
    return Outcome(features.shape[1], tried, best(tried), told, told == plan.labels[plan.test], gap)


def best(tried: dict[float, float]) -> float:
    """The C with the highest share, the smallest of equals."""
    return max(tried, key=lambda c: (tried[c], -c))


def _by_draws(
    features: np.ndarray, plan: Plan, cs: Sequence[float], what: str
) -> tuple[dict[float, float], np.ndarray, float]:
    """Every draw with every C; C is the one that tells most held-out pictures right over all draws."""
    asked = np.concatenate([plan.choose, plan.test])
    told = np.empty((len(plan.learn), len(cs), len(asked)), np.int16)
    gaps = np.empty((len(plan.learn), len(cs)))
    for number, rows in enumerate(progress(plan.learn, f"learning from {what}")):
        fits = list(fit_path(features, rows, plan.labels[rows], plan.classes, [c / features.shape[1] for c in cs]))
        gaps[number] = [fit.relative_gap for fit in fits]
        told[number] = predict(features, asked, [fit.weights for fit in fits])
    held_out = told[..., : len(plan.choose)] == plan.labels[plan.choose]
    tried = dict(zip(cs, held_out.mean((0, 2)).tolist(), strict=True))
    chosen = cs.index(best(tried))
    return tried, told[:, chosen, len(plan.choose) :], float(gaps[:, chosen].max())


def _all_at_once(
    features: np.ndarray, plan: Plan, cs: Sequence[float], what: str
) -> tuple[dict[float, float], np.ndarray, float]:
    """The held-out pictures choose C and are then learnt from as well."""
    assert plan.again is not None
    rows, tried = plan.learn[0], dict[float, float]()
    if len(cs) > 1:
        scaled = [c / features.shape[1] for c in cs]
        fits = fit_path(features, rows, plan.labels[rows], plan.classes, scaled, CHOOSING)
        for c in progress(cs, f"choosing C for {what}"):
            told = predict(features, plan.choose, [next(fits).weights])[0]
            tried[c] = float((told == plan.labels[plan.choose]).mean())
            shares = list(tried.values())
            if len(shares) > FALLS and max(shares[-FALLS:]) < max(shares):
                break
    else:
        tried[cs[0]] = math.nan
    final = next(
        fit_path(features, plan.again, plan.labels[plan.again], plan.classes, [best(tried) / features.shape[1]])
    )
    return tried, predict(features, plan.test, [final.weights]), final.relative_gap
