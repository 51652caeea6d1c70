"""What the checks say: how many copies are found, and how many pictures are dropped that are none."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ganlab import Figure, Metric, Result, Table

from . import figures
from .control import WAYS, Flipped, Planted, Searched
from .figures import DROPPED, SOFT, Tile, measured
from .grouping import NONE, Verdict
from .planting import KINDS
from .reading import Reader

MISTAKEN = 0.1  # of what is dropped for being alike, from which on dropping by mistake is told in words
SEEN = 3  # flipped pictures taken for others, below which they are told by the figure alone: it may be chance


def report(result: Result, planted: Planted, flips: Sequence[Flipped], verdict: Verdict, searched: Searched) -> None:
    """Add the metrics, tables, figures and notes of both checks.

    Flipped pictures look less like those of the data than these look like each other, or at best as much. So each way
    tells the least that is dropped by mistake, and the way by which most is tells best.
    """
    found = (planted.distance <= searched.radius) & planted.same
    flipped = max(flips, key=lambda one: int(one.taken.sum()))
    _report_planted(result, planted, found)
    _report_flipped(result, flipped, flips, verdict)
    _warn(result, flipped, verdict, planted.similarity[found], len(found))
    result.figures["flipped"] = _show_flipped(flipped, searched.reader)
    result.figures["distances"] = figures.distances(planted, flipped, searched.radius)
    result.figures["similarities"] = figures.similarities(planted, flipped, searched.similarity)


def _report_planted(result: Result, planted: Planted, found: np.ndarray) -> None:
    result.metrics |= {
        "recall_planted": Metric.of_share(
            found,
            control="flipped_taken_for_copies",
            about="distorted copies of kept pictures that are found and confirmed",
        ),
        "recall_planted_equal_hashes": Metric.of_share(
            planted.equal,
            control="recall_planted",
            about="the same copies by equal hashes alone, as in the paper",
        ),
    }
    rows = []
    for number, kind in enumerate(KINDS):
        mine = planted.kind == number
        if mine.any():
            median, worst = np.median(planted.distance[mine]), planted.similarity[mine].min()
            rows.append([kind, int(mine.sum()), float(found[mine].mean()), float(median), float(worst)])
    result.tables["planted"] = Table(
        ["distortion", "copies", "found", "median bits", "least similarity"],
        rows,
        "Planted copies: crop to 95%, shift by 3 pixels of 64, JPEG quality 50, brightness 15% up or down, or all at "
        "once by random amounts.",
    )


def _report_flipped(result: Result, flipped: Flipped, flips: Sequence[Flipped], verdict: Verdict) -> None:
    share = Metric.of_share(
        flipped.taken,
        no_control="it is the control",
        about=f"pictures flipped {flipped.way}, which the data does not hold, taken for one that it does",
    )
    distinct = int(((verdict.keeper >= 0) & ~verdict.exact).sum())
    low, high = (None if end is None else distinct * end for end in (share.low, share.high))
    result.metrics |= {
        "flipped_taken_for_copies": share,
        "dropped_by_mistake": Metric(
            distinct * share.value,
            low,
            high,
            n=share.n,
            no_control="it is the control",
            about="dropped ones that are no copies: at least so many, to judge by the flipped ones",
        ),
    }
    result.tables["flipped"] = Table(
        ["flipped", "pictures", "taken for another", "dropped by mistake"],
        [[one.way, len(one.taken), int(one.taken.sum()), distinct * float(one.taken.mean())] for one in flips],
        "Pictures that the data does not hold, looked up in their originals' places: as many as are taken for others "
        "among these are dropped by mistake among their like. The way that tells most counts.",
    )


def _warn(result: Result, flipped: Flipped, verdict: Verdict, recalled: np.ndarray, planted: int) -> None:
    """Say so where much of what is dropped is dropped by mistake, and which threshold would do.

    Args:
        recalled: similarity of the planted copies that are found, with their originals.
        planted: copies looked for.
    """
    expected = result.metrics["dropped_by_mistake"]
    alike = len(verdict.dropped) - int(verdict.exact.sum())
    mistaken = np.sort(flipped.similarity[flipped.taken])[::-1]
    if len(mistaken) < SEEN or expected.value < MISTAKEN * alike:
        return
    above = math.floor(100 * mistaken[SEEN - 1] + 1) / 100
    left, still = int((mistaken >= above).sum()), (recalled >= above).sum() / planted
    advice = (
        f"Try --similarity {above:.2f}, by which {left} of these would be, and {still:.0%} of the planted copies are "
        "still found."
        if above < 1
        else "No --similarity tells such pictures from copies."
    )
    ends = (expected.value, expected.low or 0, expected.high or 0)
    least, low, high = (f"{min(alike, count):.0f}" for count in ends)
    result.summary += f" At least some {least} of the near-duplicates are no copies."
    result.notes.append(
        f"Of the {alike} pictures that are dropped for being alike, at least some {least} (95% interval {low} to "
        f"{high}) are no copies: of {len(flipped.taken)} pictures flipped {flipped.way}, each looked up in its "
        f"original's place, {len(mistaken)} are taken for another (figure flipped; are these different pictures, or "
        f"does the data hold some of its own flipped?). {advice}"
    )


def _show_flipped(flipped: Flipped, reader: Reader) -> Figure:
    """The most alike pairs, those taken for the same first."""
    shown = []
    compared = np.flatnonzero(flipped.like != NONE)
    order = np.lexsort((-flipped.similarity[compared], ~flipped.taken[compared]))
    for one in compared[order][: figures.GROUPS]:
        row, like = int(flipped.row[one]), int(flipped.like[one])
        picture, name = np.flip(reader.picture(row), WAYS[flipped.way]), reader.images.name(row)
        words = measured(flipped.similarity[one], int(flipped.distance[one]))
        colour = DROPPED if flipped.taken[one] else SOFT
        shown.append(
            [
                Tile(np.ascontiguousarray(picture), name, "flipped", SOFT),
                Tile(reader.picture(like), reader.images.name(like), words, colour),
            ]
        )
    return figures.flipped(shown, flipped.way, int(flipped.taken.sum()), len(flipped.taken))
