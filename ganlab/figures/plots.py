"""Plots as PIL images, through matplotlib without its global state: the same numbers give the same pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ganlab.figures.axes import (
    COLOURS,
    DASHES,
    Numbers,
    colour_of,
    drawn_on,
    finish,
    finite,
    hatched,
    line,
    logarithmic,
    name_places,
    read_on,
    upright,
)
from ganlab.figures.lettering import spelt

if TYPE_CHECKING:
    from PIL import Image

Series = tuple[Numbers, Numbers | None, Numbers | None]
Level = tuple[float, float | None, float | None]

FEW = 9  # points on x that are all named, but where they lie nearer together than
WRITTEN = 24  # rows of a matrix that are read in per cent, and not in shades alone


def curve(
    x: Numbers,
    series: Mapping[str, Series],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    levels: Mapping[str, Level] | None = None,
    marks: Mapping[str, float] | None = None,
    ticks: Numbers | Mapping[float, str] | None = None,
    from_zero: bool = False,
    log: bool = False,
    behind: Numbers | None = None,
) -> Image.Image:
    """Lines over one x, each with a band around it where its ends are given.

    Lines of more than 400 points are drawn faintly, with their running mean over a fiftieth of them on top.

    Args:
        x: (n,) numbers.
        series: name -> (y, low, high), each (n,); low and high None for no band.
        levels: name -> (y, low, high) of what was measured once, whatever x is: a level line with its band.
        marks: name -> a place on x that gets an upright dashed line.
        ticks: places on x that are named where there is room, perhaps each with its name (place -> name); default: all
            of x where they are few.
        from_zero: let the y axis begin at 0.
        log: both axes logarithmic, so that a power is a straight line; every number is above zero.
        behind: (lines, n) of single cases, drawn thinly behind the others and not named.
    """
    places = finite(x)
    with drawn_on(9.0, 4.6) as (axes, images):
        if behind is not None:
            axes.plot(places, finite(behind).T, color=COLOURS[0], linewidth=0.6, alpha=0.25)
        for number, (name, (y, low, high)) in enumerate(series.items()):
            if low is not None and high is not None:
                axes.fill_between(places, finite(low), finite(high), color=colour_of(number), alpha=0.18, linewidth=0)
            line(axes, places, finite(y), number, name)
        for number, (name, (middle, bottom, top)) in enumerate((levels or {}).items(), len(series)):
            colour = colour_of(number)
            if bottom is not None and top is not None:
                axes.axhspan(*finite([bottom, top]), color=colour, alpha=0.18, linewidth=0)
            dashes = DASHES[number % len(DASHES)]  # behind the series: none is covered
            axes.axhline(
                float(finite(middle)), color=colour, linestyle=dashes, linewidth=2, label=spelt(name), zorder=1.6
            )
        upright(axes, marks)
        if from_zero:
            axes.set_ylim(bottom=0)
        if log:
            logarithmic(axes, places)
        elif ticks is not None or len(places) <= FEW:
            name_places(axes, places if ticks is None else ticks)
        finish(axes, xlabel, ylabel, title, legend=len(series) + len(levels or {}) > 1)
    return images[0]


def bars(
    groups: Mapping[str, Mapping[str, float | tuple[float, float, float]]], *, xlabel: str, title: str = "",
    marks: Mapping[str, float] | None = None,
) -> Image.Image:  # fmt: skip
    """Lying bars, one line for each label and in it one bar for each group.

    Args:
        groups: group -> label -> value, or (value, low, high). A group may lack labels of another.
        marks: name -> a place on x that gets an upright dashed line.
    """
    labels = list(dict.fromkeys(label for group in groups.values() for label in group))
    thick = 0.8 / max(1, len(groups))
    height = 1.3 + 0.3 * len(labels) * max(1.4, len(groups))
    with drawn_on(9.0, height + 0.5 * bool(title)) as (axes, images):
        for number, (name, group) in enumerate(groups.items()):
            rows = [row for row, label in enumerate(labels) if label in group]
            parts = [part if isinstance(part, tuple) else (part, part, part) for part in group.values()]
            order = np.argsort([labels.index(label) for label in group], kind="stable")
            value, low, high = finite(np.array(parts)[order]).T
            places = np.array(rows) - 0.4 + thick * (number + 0.5)
            axes.barh(places, value, thick * 0.9, color=colour_of(number), label=spelt(name), **hatched(number))
            if (low < high).any():
                axes.hlines(places, low, high, color="#1c1f24", linewidth=1.3)
        axes.set_yticks(range(len(labels)), [spelt(label) for label in labels])
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.axvline(0, color="#8d95a1", linewidth=1)
        axes.grid(axis="y", visible=False)
        for name, place in (marks or {}).items():  # in the legend: the bars leave no room for its name
            axes.axvline(float(place), color="#1c1f24", linestyle=(0, (4, 3)), linewidth=1.3, label=spelt(name))
        finish(axes, xlabel, "", "", legend=False)
        axes.figure.suptitle(spelt(title), wrap=True)
        if len(groups) + len(marks or {}) > 1:  # above the bars, where no corner is free, and below the title
            ncols = len(groups) + len(marks or {})
            axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=ncols, borderaxespad=0.2)
    return images[0]


def ranked(values: Numbers, *, xlabel: str, ylabel: str, title: str = "", named: int = 8) -> Image.Image:
    """One thin bar for each value, largest first; those above zero in colour, the first ``named`` named."""
    heights = finite(values)
    order = np.argsort(-heights, kind="stable")
    with drawn_on(9.0, 4.2) as (axes, images):
        colours = [COLOURS[0] if heights[row] > 0 else "#c9cdd3" for row in order]
        axes.bar(range(1, len(order) + 1), heights[order], 0.85, color=colours)
        axes.locator_params(axis="x", integer=True, min_n_ticks=1)
        positive = [str(row) for row in order[:named] if heights[row] > 0]
        words = f"{(heights > 0).sum()} of {len(heights)} above zero\nlargest: {', '.join(positive) or 'none'}"
        axes.text(0.99, 0.97, words, transform=axes.transAxes, ha="right", va="top", linespacing=1.5)
        axes.axhline(0, color="#8d95a1", linewidth=1)
        axes.margins(x=0.01)
        finish(axes, xlabel, ylabel, title, legend=False)
    return images[0]


def histogram(
    groups: Mapping[str, Numbers], *, xlabel: str, ylabel: str = "share", title: str = "", bins: int = 40,
    marks: Mapping[str, float] | None = None,
) -> Image.Image:  # fmt: skip
    """How values spread, each group as a share of itself over the same bins."""
    numbers = {name: finite(values) for name, values in groups.items()}
    edges = np.histogram_bin_edges(np.concatenate([*numbers.values()]), bins)
    with drawn_on(9.0, 4.2) as (axes, images):
        for number, (name, values) in enumerate(numbers.items()):
            share = np.histogram(values, edges)[0] / max(1, len(values))
            axes.stairs(
                share, edges, fill=True, facecolor=(colour_of(number), 0.4), edgecolor=colour_of(number),
                linestyle=DASHES[number % len(DASHES)], linewidth=1.3, label=spelt(name),
            )  # fmt: skip
        upright(axes, marks)
        axes.set_ylim(bottom=0)
        finish(axes, xlabel, ylabel, title, legend=len(groups) > 1)
    return images[0]


def matrix(
    values: np.ndarray, rows: Sequence[str], columns: Sequence[str], *, xlabel: str, ylabel: str, title: str = ""
) -> Image.Image:
    """Shares as a table of shaded cells, the darker the larger; up to 24 rows they are written in, in per cent, and
    beside more stands what the shades mean.

    Args:
        values: (rows, columns) from 0 to 1.
        rows, columns: what they are called.
    """
    shares = finite(values)
    side = min(9.0, 2.2 + 0.52 * len(rows))
    with drawn_on(side + 0.8, side) as (axes, images):
        drawn = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        if len(rows) > WRITTEN:
            axes.figure.colorbar(drawn, ax=axes, label="share", fraction=0.05, pad=0.02).outline.set_visible(False)
        for row, column in np.argwhere(shares >= 0.005) if len(rows) <= WRITTEN else ():
            colour = read_on(list(drawn.to_rgba(shares[row, column]))[:3])
            axes.text(column, row, f"{100 * shares[row, column]:.0f}", ha="center", va="center", color=colour, size=8)
        rows, columns = [spelt(row) for row in rows], [spelt(column) for column in columns]
        axes.set_xticks(range(len(columns)), columns, rotation=90 if max(map(len, columns), default=0) > 2 else 0)
        axes.set_yticks(range(len(rows)), rows)
        axes.grid(visible=False)
        axes.tick_params(length=0)
        finish(axes, xlabel, ylabel, title, legend=False)
    return images[0]


def confusion(counts: np.ndarray, classes: Sequence[str], *, title: str = "") -> Image.Image:
    """What pictures of each class were taken for, in per cent of the row; names of up to 24 classes.

    Args:
        counts: (classes, classes), of what is in the rows, what it was told to be in the columns.
    """
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    named = classes if len(classes) <= WRITTEN else [""] * len(classes)
    return matrix(shares, named, named, xlabel="taken for", ylabel="is", title=title)
