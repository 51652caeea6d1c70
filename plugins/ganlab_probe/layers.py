"""Which layer to probe: a fit of each that is asked for, and a trial of what dropping its filters does.

The layer that tells best where a concept is need not be the one that draws it: at 16x16 cells and finer, a window is
told by its bars and panes, and without those maps it is still there, dimmed. So ``auto`` drops each layer's filters in
some samples, and as many random ones, and takes the layer with the widest gap.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from ganlab import Gan, GanlabError, Labeler, Table, progress

from .bench import STREAM_TRIAL, Bench, random_filters
from .marks import Marks
from .regression import FOLDS, Fit, enough

TRIAL_FROM = 500_000  # trial samples begin at this index: neither marked nor those that the drop is judged on
TRIAL, TRIAL_DRAWS = 48, 2  # how many, and how often as many random filters are dropped in them


@dataclass(frozen=True)
class Trial:
    """Share of the trial samples that show the concept: whole, without the layer's filters, without random ones."""

    before: float
    after: float
    after_random: float

    @property
    def gap(self) -> float:
        """What dropping the filters does beyond dropping as many others."""
        return self.after_random - self.after


def asked_for(gan: Gan, layer: str) -> list[str]:
    """The names of the layers that ``--layer`` means.

    Raises:
        GanlabError: the generator has no hidden feature maps that could be named, or the paper's layer is meant, and
            there is none.
    """
    if layer in ("auto", "all"):
        hidden = [known.name for known in gan.hidden_layers()]
        if not hidden:
            raise GanlabError(
                f"{gan.name!r} has no hidden feature maps that a module alone makes.", "Name a layer with --layer."
            )
        return hidden
    if layer != "paper":
        return [layer]
    paper = paper_layer(gan)
    if paper is None:
        raise GanlabError(f"{gan.name!r} has no second-last hidden layer.", "Name one with --layer.")
    return [paper]


def check(gan: Gan, names: Sequence[str], top: int | None) -> None:
    """Refuse what no layer could give, before anything is marked or fitted.

    Raises:
        GanlabError: there is no generator, or ``top`` filters are more than any of these layers has.
    """
    maps = [known.shape[0] for known in gan.layers() if known.name in names and len(known.shape) == 3]
    if top is not None and maps and top > max(maps):
        raise GanlabError(
            f"No layer that is asked for has {top} filters: {', '.join(names)}.",
            f"Choose --top from 1 to {max(maps)}.",
        )


def paper_layer(gan: Gan) -> str | None:
    """The second-last hidden layer, after its activation: 16x16 in a 64-pixel DCGAN; None if there is but one."""
    hidden = gan.hidden_layers()
    return hidden[-2].name if len(hidden) > 1 else None


def fit_each(gan: Gan, marks: Marks, names: Sequence[str], one: Callable[..., Fit]) -> dict[str, Fit]:
    """``one(features, inside)`` for each layer, in the generator's order, but those too coarse for the marks.

    Raises:
        GanlabError: a layer has no square feature maps, or all are too coarse.
    """
    with gan.record(*names) as recording:
        gan.generate(marks.latents)
    asked = {}
    for name in names:
        features = recording[name]
        if features.ndim != 4 or features.shape[2] != features.shape[3]:
            hidden = ", ".join(known.name for known in gan.hidden_layers())
            raise GanlabError(f"The layer {name!r} has no square feature maps.", f"Choose one of: {hidden}.")
        inside = marks.inside(features.shape[2])
        if enough(inside):
            asked[name] = (features, inside)
    if not asked:
        raise GanlabError(
            f"The cells of {', '.join(names)} are too coarse, or the marks too large: fewer than {FOLDS} pictures have "
            "cells inside and others outside.",
            "Name a finer --layer, or mark more pictures.",
        )
    # a fit is many small steps, which take longer where threads share each than where each thread has its own fits
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(asked, pool.map(lambda given: one(*given), asked.values()), strict=True))


def left_out(names: Sequence[str], fits: Mapping[str, Fit]) -> list[str]:
    """A note that names the layers that were too coarse."""
    coarse = [name for name in names if name not in fits]
    return [f"Left out, their cells being too coarse for these marks: {', '.join(coarse)}."] if coarse else []


def try_each(
    gan: Gan, fits: Mapping[str, Fit], labeler: Labeler, concept: str, top: int | None, seed: int
) -> dict[str, Trial]:
    """Drop each layer's filters, and random ones, in samples of their own."""
    latents = gan.latents(TRIAL, seed=seed, first=TRIAL_FROM)
    column = labeler.column(concept)
    before = float(labeler.shows(gan.generate(latents), gan.image)[:, column].mean())
    trials = {}
    for name, found in progress(fits.items(), "trying each layer"):
        bench, count, maps = Bench(gan, name, latents, labeler), _dropped(found, top), len(found.weights)
        drops = [found.ranked()[:count], *random_filters(maps, count, TRIAL_DRAWS, seed, STREAM_TRIAL)]
        after, *by_chance = (float(bench.shows(filters)[:, column].mean()) for filters in drops)
        trials[name] = Trial(before, after, float(np.mean(by_chance)))
    return trials


def best(fits: Mapping[str, Fit], trials: Mapping[str, Trial], top: int | None) -> str:
    """The layer whose trial shows the widest gap; without trials, the one that tells best on held-out pictures.

    One that would lose all its maps comes after the others, as random filters are no control there; last comes one
    that would lose none.
    """

    def merit(name: str) -> tuple[bool, bool, float, float]:
        found = fits[name]
        count = _dropped(found, top)
        gap = trials[name].gap if trials else 0.0
        return count > 0, count < len(found.weights), gap, found.auc

    return max(fits, key=merit)


def _dropped(found: Fit, top: int | None) -> int:
    """How many filters of a layer a drop takes."""
    return min(top or found.above_zero, len(found.weights))


def comparison(fits: Mapping[str, Fit], trials: Mapping[str, Trial]) -> Table:
    """All layers beside each other."""
    columns = ["layer", "filters", "above zero", "accuracy", "accuracy, moved boxes", "AUC", "AUC, moved boxes"]
    rows: list[list[object]] = [
        [name, len(f.weights), f.above_zero, f.accuracy, f.moved_accuracy, f.auc, f.moved_auc]
        for name, f in fits.items()
    ]
    about = "The same probe on every hidden layer, told on held-out pictures."
    if trials:
        columns += ["share before", "after", "after random"]
        for row, trial in zip(rows, trials.values(), strict=True):
            row += [trial.before, trial.after, trial.after_random]
        about += f" The shares are those of {TRIAL} samples of their own, in which each layer's filters were dropped."
    return Table(columns, rows, about)
