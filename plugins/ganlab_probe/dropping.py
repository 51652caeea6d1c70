"""Drop feature maps, draw again, and let a labeler count what is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ganlab import Figure, Latents, Metric, Result, counted, progress

from . import figures
from .bench import Bench, pictures_without, random_filters
from .brightness import brightest
from .fewest import GONE, drop_curve


@dataclass(frozen=True)
class Drop:
    """What the pictures of a bench show without the first ``count`` maps of a ranking, and without as many others.

    Attributes:
        draws: how many times as many random maps are dropped.
        light: samples of their own, at least twice some: which maps follow brightness most is asked of each anew.
    """

    bench: Bench
    concept: str
    ranking: np.ndarray
    count: int
    draws: int
    seed: int
    light: Sequence[Latents]

    @property
    def filters(self) -> np.ndarray:
        return self.ranking[: self.count]

    @property
    def column(self) -> int:
        """The concept's, in what the bench shows."""
        return self.bench.labeler.column(self.concept)

    @property
    def before(self) -> np.ndarray:
        """What the pictures show as they are: (n, concepts) bool."""
        return self.bench.before

    @property
    def has_it(self) -> np.ndarray:
        """Which pictures show the concept as they are: (n,) bool."""
        return self.before[:, self.column]

    @cached_property
    def after(self) -> np.ndarray:
        """What they show without these maps: (n, concepts) bool."""
        return self.bench.shows(self.filters)

    @cached_property
    def by_chance(self) -> np.ndarray:
        """The shares (draws, concepts) that show each concept without as many random maps."""
        chosen = random_filters(len(self.ranking), self.count, self.draws, self.seed)
        return np.stack([self.bench.shows(filters).mean(0) for filters in progress(chosen, "dropping random filters")])

    @cached_property
    def bright(self) -> list[np.ndarray]:
        """As many maps, those that follow brightness most, by each of ``light``."""
        return [brightest(self.bench.gan, self.bench.layer, latents, self.count) for latents in self.light]

    @cached_property
    def after_bright(self) -> np.ndarray:
        """What they show without those: (choices, n, concepts) bool."""
        return np.stack([self.bench.shows(filters) for filters in progress(self.bright, "dropping filters of light")])


def report(drop: Drop, further: Latents, result: Result) -> None:
    """Add to the result what the drop did, and what the controls. It ends the drop's bench.

    Args:
        further: samples that measure what the fewest filters remove: those of the bench say which are the fewest.
    """
    result.metrics |= _shares(drop)
    for other, name in enumerate(drop.bench.labeler.concepts):
        if other != drop.column:
            result.metrics |= _side_effect(name, drop.before[:, other], drop.after[:, other], drop.by_chance[:, other])
    curve = drop_curve(drop.bench, drop.filters, drop.column, drop.has_it, drop.after[:, drop.column])
    few = curve.filters_for(GONE) if drop.has_it.any() else None
    controls = {
        counted(drop.count, "random filter"): result.metrics["share_after_random"],
        f"{counted(drop.count, 'filter')} of light": result.metrics["share_after_brightness"],
    }
    # what the reader came for goes first
    result.figures = {
        "drop": _figure(drop),
        **result.figures,
        "curve": figures.curve(curve.k, curve.share, controls, few, drop.concept),
    }
    drop.bench.end()  # the further samples need as much
    if few is not None:
        _report_few(drop, few, further, result)
    elif drop.has_it.any():
        result.notes.append(
            f"Without {counted(drop.count, f'{drop.concept} filter')} less than 90% of the share of samples that show "
            f"{drop.concept!r} is gone, so there is no filters_for_90."
        )
    result.summary = _summary(drop)
    result.arrays |= {
        "curve_k": curve.k,
        "curve_share": curve.share,
        "shows_before": drop.before,
        "shows_after": drop.after,
        "shares_random": drop.by_chance,
        "shares_brightness": drop.after_bright.mean(1),
    }


def _shares(drop: Drop) -> dict[str, Metric]:
    """The share of pictures that show the concept: before, after, and after what is dropped instead."""
    by_chance = drop.by_chance[:, drop.column]
    without_light = drop.after_bright[:, :, drop.column]
    both = np.mean([len(np.intersect1d(bright, drop.filters)) for bright in drop.bright])
    return {
        "share_before": Metric.of_share(
            drop.has_it,
            no_control="what the drop begins with",
            about=f"fresh samples that show {drop.concept!r}, nothing dropped",
        ),
        "share_after": Metric.of_share(
            drop.after[:, drop.column],
            control="share_after_random",
            about=f"the same z with {counted(drop.count, f'{drop.concept} filter')} dropped",
        ),
        "share_after_random": Metric.of_draws(
            by_chance,
            n=len(drop.before),
            no_control="it is the control",
            about=f"with {counted(drop.count, 'random filter')} dropped: mean of {drop.draws} draws; one more would "
            "lie there (95%)",
        ),
        "share_after_brightness": Metric.of_draws(
            without_light.mean(1),
            n=len(drop.before),
            no_control="it is a control, for light",
            about=f"with as many filters dropped, those that follow brightness most, {both:.0f} of them "
            f"{drop.concept} filters too ({drop.count**2 / len(drop.ranking):.0f} by chance): mean of "
            f"{len(drop.bright)} choices, each by other samples; one more would lie there (95%)",
        ),
        "more_than_brightness": Metric.of_paired_difference(
            without_light,
            drop.after[:, drop.column],
            no_control="it is a difference from a control",
            about=f"points by which fewer samples show {drop.concept!r} without its own filters than without those, "
            "the mean of these choices; its interval joins Tango's of paired cases and Student's between the choices",
        ),
    }


def _summary(drop: Drop) -> str:
    before, after = drop.has_it.mean(), drop.after[:, drop.column].mean()
    instead = (
        f"without {counted(drop.count, 'random filter')} {drop.by_chance[:, drop.column].mean():.1%} do, without as "
        f"many that follow brightness most {drop.after_bright[:, :, drop.column].mean():.1%}"
    )
    filters = f"{drop.count} of {len(drop.ranking)} filters in {drop.bench.layer}"
    if before:
        return (
            f"Without {filters}, {after:.1%} of samples show {drop.concept!r} ({before:.1%} before: "
            f"{1 - after / before:.1%} gone); {instead}."
        )
    return (
        f"None of {len(drop.before)} fresh samples shows {drop.concept!r} to begin with, so nothing could be removed; "
        f"without {filters} {after:.1%} do, {instead}."
    )


def _side_effect(name: str, before: np.ndarray, after: np.ndarray, by_chance: np.ndarray) -> dict[str, Metric]:
    """The change of another concept in points, against its change under random drops."""
    random_change = 100 * (by_chance - before.mean())
    return {
        f"side_effect_{name}": Metric(
            100 * (after.mean() - before.mean()),
            n=len(before),
            control=f"side_effect_{name}_random",
            about=f"change of the share of samples that show {name!r}, in points; negative: fewer",
        ),
        f"side_effect_{name}_random": Metric.of_draws(
            random_change,
            lowest=-100,
            highest=100,
            n=len(before),
            no_control="it is the control",
            about="the same after random drops",
        ),
    }


def _report_few(drop: Drop, few: int, further: Latents, result: Result) -> None:
    """How few filters are enough, and what they remove from samples that did not choose how many they are."""
    said = "the next line says what they remove from other samples, against as many random filters"
    others = Bench(drop.bench.gan, drop.bench.layer, further, drop.bench.labeler)
    shown = np.flatnonzero(others.before[:, drop.column])
    if len(shown):
        lost = ~others.shows(drop.ranking[:few], shown)[:, drop.column]
        # a quarter of the draws: whether these remove next to nothing needs no narrow interval
        chosen = random_filters(len(drop.ranking), few, max(2, drop.draws // 4), drop.seed)
        by_chance = np.array([1 - others.shows(filters, shown)[:, drop.column].mean() for filters in chosen])
        measured = {
            "filters_for_90_removed": Metric.of_share(
                lost,
                control="filters_for_90_removed_at_random",
                about=f"part of {len(further)} further samples that show {drop.concept!r} that lose it without them",
            ),
            "filters_for_90_removed_at_random": Metric.of_draws(
                by_chance,
                n=len(shown),
                no_control="it is the control",
                about=f"the same without as many random filters: mean of {len(chosen)} draws; one more would lie "
                "there (95%)",
            ),
        }
    else:
        measured, said = {}, "a note says why nothing is said of what they remove"
        result.notes.append(
            f"There is no filters_for_90_removed: none of {len(further)} further samples shows {drop.concept!r}."
        )
    result.metrics["filters_for_90"] = Metric(
        few,
        n=len(drop.ranking),
        no_control=f"a count; {said}",
        about=f"fewest filters, by rank, without which the share of samples that show {drop.concept!r} falls by 90%",
    )
    result.metrics |= measured


def _figure(drop: Drop) -> Figure:
    """The first samples that showed the concept: original, dropped, and what was dropped instead."""
    shown = drop.has_it
    rows = np.flatnonzero(shown)[: figures.SHOWN] if shown.any() else np.arange(min(figures.SHOWN, len(shown)))
    bench, count = drop.bench, drop.count
    by_chance = random_filters(len(drop.ranking), count, 1, drop.seed)[0]
    dropped = {
        f"{counted(count, f'{drop.concept} filter')} dropped": drop.filters,
        f"{counted(count, 'random filter')} dropped": by_chance,
        f"{counted(count, 'filter')} of light dropped": drop.bright[0],
    }
    pictures = {"original": bench.pictures[rows]}
    for caption, filters in dropped.items():
        pictures[caption] = pictures_without(bench.gan, bench.layer, bench.latents[rows], filters)
    if shown.any():
        which = f" in which the labeler sees {drop.concept!r}, whatever becomes of them"
    else:
        which = f"; in none of them does the labeler see {drop.concept!r}, nor in any other"
    return Figure(
        figures.rows(bench.gan, pictures),
        f"The first {len(rows)} fresh samples{which}; a column is one z. Filters of light are those that follow "
        "most how bright the picture is: what is bright goes with them as well.",
    )
