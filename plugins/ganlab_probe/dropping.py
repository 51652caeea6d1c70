"""Drop feature maps, draw again, and let a labeler count what is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch

from ganlab import Figure, Gan, Labeler, Latents, Metric, Result, progress, random_bits, zeroed

from . import figures
from .brightness import along_brightness
from .intervals import of_draws

STREAM_RANDOM_FILTERS, STREAM_TRIAL = 104, 105  # what chooses the layer is drawn apart from the control that follows
GONE = 0.9  # the removal that ``filters_for_90`` asks for
POINTS = 6  # of the curve
FAR = 1 / 3  # of the samples with the concept: between two points that both leave more, no k is asked
AT_ONCE = 64  # pictures that are asked together: fewer take longer each


class Bench:
    """Fresh pictures of one GAN, drawn again and again with other maps of one layer at zero.

    What comes before the layer is the same every time, so it is computed once.
    """

    def __init__(self, gan: Gan, layer: str, latents: Latents, labeler: Labeler) -> None:
        self.gan = gan
        self.layer = layer
        self.latents = latents
        self.labeler = labeler
        with gan.record(*gan.layers_until(layer)) as self._recording:
            self.pictures = gan.generate(latents)

    @cached_property
    def before(self) -> np.ndarray:
        """What the pictures show as they are: (n, concepts) bool."""
        return self.labeler.shows(self.pictures, self.gan.image)

    def brightest(self, count: int) -> np.ndarray:
        """So many maps, those that follow the brightness of the pictures most."""
        return np.argsort(-along_brightness(self._recording[self.layer], self.pictures), kind="stable")[:count]

    def shows(self, filters: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """What the pictures, or these rows of them, show without these maps: (n, concepts) bool."""
        rows = np.arange(len(self.latents)) if rows is None else rows
        with self.gan.replay(self._recording, rows):
            pictures = pictures_without(self.gan, self.layer, self.latents[rows], filters)
        return self.labeler.shows(pictures, self.gan.image)

    def shows_each(self, ranking: np.ndarray, ks: Sequence[int], rows: np.ndarray) -> np.ndarray:
        """What these rows show without the first ``k`` maps, for several k drawn at once: (ks, rows, concepts) bool."""
        repeated, dropped = np.tile(rows, len(ks)), torch.tensor(ks).repeat_interleave(len(rows))

        def edit(features: torch.Tensor, running: torch.Tensor) -> torch.Tensor:
            place = torch.full((features.shape[1],), len(ranking))
            place[ranking] = torch.arange(len(ranking))
            features[place < dropped[running, None]] = 0
            return features

        with self.gan.replay(self._recording, repeated), self.gan.edit({self.layer: edit}):
            pictures = self.gan.generate(self.latents[repeated])
        return self.labeler.shows(pictures, self.gan.image).reshape(len(ks), len(rows), -1)


@dataclass(frozen=True)
class Curve:
    """Share of pictures with the concept after dropping the first ``k`` maps of a ranking."""

    k: np.ndarray
    share: np.ndarray

    def filters_for(self, removed: float) -> int | None:
        """The smallest k that removes so large a part of the pictures with the concept, or None."""
        enough = np.flatnonzero(self.share <= (1 - removed) * self.share[0] + 1e-12)
        return int(self.k[enough[0]]) if len(enough) else None


def drop(
    bench: Bench,
    further: Latents,
    concept: str,
    ranking: np.ndarray,
    count: int,
    draws: int,
    seed: int,
    result: Result,
) -> None:
    """Drop the first ``count`` maps of the ranking, and as many at random; add what it did to the result.

    Args:
        further: samples that measure what the fewest filters remove: those of the bench say which are the fewest.
    """
    column = bench.labeler.column(concept)
    before, after = bench.before, bench.shows(ranking[:count])
    by_chance = _random_shares(bench, len(ranking), count, draws, seed)
    bright = bench.brightest(count)
    bright_too = len(np.intersect1d(bright, ranking[:count]))
    n = len(before)
    share_before, share_after, share_random = (
        before[:, column].mean(),
        after[:, column].mean(),
        by_chance[:, column].mean(),
    )
    result.metrics |= {
        "share_before": Metric.of_share(
            before[:, column], control="share_after", about=f"fresh samples that show {concept!r}"
        ),
        "share_after": Metric.of_share(
            after[:, column],
            control="share_after_random",
            about=f"the same z with {count} {concept} filters dropped",
        ),
        "share_after_random": Metric(
            share_random,
            *of_draws(by_chance[:, column]),
            n,
            no_control="it is the control",
            about=f"with {count} random filters dropped: mean of {draws} draws and the range of 95% of them",
        ),
        "share_after_brightness": Metric.of_share(
            bench.shows(bright)[:, column],
            no_control="it is a control, for light",
            about=f"with the {count} filters dropped that follow brightness most, {bright_too} of them {concept} "
            f"filters too ({count**2 / len(ranking):.0f} by chance)",
        ),
    }
    for other, name in enumerate(bench.labeler.concepts):
        if other != column:
            result.metrics |= _side_effect(name, before[:, other], after[:, other], by_chance[:, other])
    curve = drop_curve(bench, ranking[:count], column, before[:, column], after[:, column])
    few = curve.filters_for(GONE) if share_before else None
    result.figures["curve"] = figures.curve(curve.k, curve.share, result.metrics["share_after_random"], few, concept)
    result.arrays |= {"curve_k": curve.k, "curve_share": curve.share}
    if few is not None:
        _report_few(bench, further, concept, ranking, few, draws, seed, result)
    elif share_before:
        result.notes.append(
            f"Without all {count} filters less than 90% of the share of samples that show {concept!r} is gone, so "
            "there is no filters_for_90."
        )
    _show(bench, concept, ranking, count, seed, before[:, column], result)
    filters = f"{count} of {len(ranking)} filters in {bench.layer}"
    if share_before:
        result.summary = (
            f"Without {filters}, {share_after:.1%} of samples show {concept!r} ({share_before:.1%} before: "
            f"{1 - share_after / share_before:.1%} gone); without {count} random filters {share_random:.1%} do."
        )
    else:
        result.summary = (
            f"None of {n} fresh samples shows {concept!r} to begin with, so nothing could be removed; without "
            f"{filters} {share_after:.1%} do, without {count} random filters {share_random:.1%}."
        )
    result.arrays |= {"shows_before": before, "shows_after": after, "shares_random": by_chance}


def pictures_without(gan: Gan, layer: str, latents: Latents, filters: np.ndarray) -> torch.Tensor:
    """Pictures (n, c, h, w) with these maps of a layer at zero."""
    if not len(filters):
        return gan.generate(latents)
    with gan.edit({layer: zeroed(filters)}):
        return gan.generate(latents)


def random_filters(
    maps: int, count: int, draws: int, seed: int, stream: int = STREAM_RANDOM_FILTERS
) -> list[np.ndarray]:
    """``draws`` times ``count`` maps at random out of all, whatever their weight."""
    bits = random_bits(seed, np.arange(draws), maps, stream)
    return [np.argsort(row, kind="stable")[:count] for row in bits]


def drop_curve(bench: Bench, ranking: np.ndarray, column: int, before: np.ndarray, after: np.ndarray) -> Curve:
    """The share after dropping ever more maps, and exactly how few remove 90% of the pictures with the concept.

    A few points draw the curve. Between them only one question is asked of every k, whether it removes enough, and the
    pictures that still showed the concept a map earlier are asked first: as soon as too many still do, k is refuted.
    Where both points leave more than a third, the curve would have to fall to a tenth and rise again between them:
    those k are not asked.

    Args:
        bench: the fresh pictures.
        ranking: maps, first to go first; the curve ends when all are gone.
        column: the concept's, in what the bench shows.
        before, after: (n,) bool, which pictures show the concept before anything, and after everything, is dropped.
    """
    n, count = len(before), len(ranking)
    allowed = int((1 - GONE) * before.sum() + 1e-9)
    share = {count: float(after.mean()), 0: float(before.mean())}
    for k in sorted({round(count * step / POINTS) for step in range(1, POINTS)} - {0}):
        share[k] = float(bench.shows(ranking[:k])[:, column].mean())
    still = before.copy()
    near = [(low, high) for low, high in pairwise(sorted(share)) if min(share[low], share[high]) <= FAR * share[0]]
    for low, high in progress(near, "dropping one filter after the other"):
        found = _first_enough(bench, ranking, range(low + 1, high), column, allowed, still)
        if found is not None:
            share[found] = float(still.mean())
        if found is not None or share[high] * n <= allowed + 1e-9:
            break
    ks = sorted(share)
    return Curve(np.array(ks), np.array([share[k] for k in ks]))


def _first_enough(
    bench: Bench, ranking: np.ndarray, ks: range, column: int, allowed: int, still: np.ndarray
) -> int | None:
    """The first of these numbers of maps without which at most ``allowed`` pictures show the concept, if any.

    Args:
        ks: in rising order.
        still: (n,) bool, which pictures showed it when last asked; kept up to date.
    """
    few = min(allowed + 3, len(still))  # a little more than what can refute
    while ks:
        rows = np.argsort(~still, kind="stable")[:few]
        seen = bench.shows_each(ranking, ks[: max(1, AT_ONCE // few)], rows)[:, :, column]
        refuted = int((seen.sum(1) > allowed).cumprod().sum())
        if refuted:
            still[rows] = seen[refuted - 1]
        elif _removes_enough(bench, ranking[: ks[0]], column, allowed, still):
            return ks[0]
        ks = ks[max(1, refuted) :]
    return None


def _removes_enough(bench: Bench, filters: np.ndarray, column: int, allowed: int, still: np.ndarray) -> bool:
    """Whether at most ``allowed`` pictures show the concept without these maps; notes in ``still`` what was seen."""
    order = np.argsort(~still, kind="stable")
    hits = 0
    for start in range(0, len(order), AT_ONCE):
        rows = order[start : start + AT_ONCE]
        still[rows] = bench.shows(filters, rows)[:, column]
        hits += int(still[rows].sum())
        if hits > allowed:
            return False
    return True


def _random_shares(bench: Bench, maps: int, count: int, draws: int, seed: int) -> np.ndarray:
    """Shares (draws, concepts) after random drops."""
    chosen = random_filters(maps, count, draws, seed)
    return np.stack([bench.shows(filters).mean(0) for filters in progress(chosen, "dropping random filters")])


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
        f"side_effect_{name}_random": Metric(
            random_change.mean(),
            *of_draws(random_change),
            len(before),
            no_control="it is the control",
            about="the same after random drops",
        ),
    }


def _report_few(
    bench: Bench,
    further: Latents,
    concept: str,
    ranking: np.ndarray,
    few: int,
    draws: int,
    seed: int,
    result: Result,
) -> None:
    """How few filters are enough, and what they remove from samples that did not choose how many they are."""
    said = "the next line says what they remove from other samples, against as many random filters"
    column = bench.labeler.column(concept)
    others = Bench(bench.gan, bench.layer, further, bench.labeler)
    shown = np.flatnonzero(others.before[:, column])
    if len(shown):
        lost = ~others.shows(ranking[:few], shown)[:, column]
        # a quarter of the draws: whether these remove next to nothing needs no narrow interval
        chosen = random_filters(len(ranking), few, max(2, draws // 4), seed)
        by_chance = np.array([1 - others.shows(filters, shown)[:, column].mean() for filters in chosen])
        measured = {
            "filters_for_90_removed": Metric.of_share(
                lost,
                control="filters_for_90_removed_at_random",
                about=f"part of {len(further)} further samples that show {concept!r} that lose it without them",
            ),
            "filters_for_90_removed_at_random": Metric(
                by_chance.mean(),
                *of_draws(by_chance),
                len(shown),
                no_control="it is the control",
                about=f"the same without as many random filters: mean of {len(chosen)} draws and the range of 95% of "
                "them",
            ),
        }
    else:
        measured, said = {}, "a note says why nothing is said of what they remove"
        result.notes.append(
            f"There is no filters_for_90_removed: none of {len(further)} further samples shows {concept!r}."
        )
    result.metrics["filters_for_90"] = Metric(
        few,
        n=len(ranking),
        no_control=f"a count; {said}",
        about=f"fewest filters, by rank, without which the share of samples that show {concept!r} falls by 90%",
    )
    result.metrics |= measured


def _show(
    bench: Bench, concept: str, ranking: np.ndarray, count: int, seed: int, shown: np.ndarray, result: Result
) -> None:
    """The first samples that showed the concept: original, dropped, random drop."""
    rows = np.flatnonzero(shown)[: figures.SHOWN] if shown.any() else np.arange(min(figures.SHOWN, len(shown)))
    latents = bench.latents[rows]
    by_chance = random_filters(len(ranking), count, 1, seed)[0]
    pictures = {
        "original": bench.pictures[rows],
        f"{count} {concept} filters dropped": pictures_without(bench.gan, bench.layer, latents, ranking[:count]),
        f"{count} random filters dropped": pictures_without(bench.gan, bench.layer, latents, by_chance),
    }
    if shown.any():
        which = f" in which the labeler sees {concept!r}, whatever becomes of them"
    else:
        which = f"; in none of them does the labeler see {concept!r}, nor in any other"
    drawn = Figure(figures.rows(bench.gan, pictures), f"The first {len(rows)} fresh samples{which}; a column is one z.")
    result.figures = {"drop": drawn, **result.figures}  # what the reader came for goes first
