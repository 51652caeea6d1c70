"""Plots as PIL images, through matplotlib without its global state: the same numbers give the same pixels."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ganlab.figures.lettering import spelt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from PIL import Image

Numbers = Sequence[float] | np.ndarray
Series = tuple[Numbers, Numbers | None, Numbers | None]
Level = tuple[float, float | None, float | None]

FEW = 9  # points on x that are all named, but where they lie nearer together than
ROOM = 0.04  # of the axis, which a name takes at least
LETTER = 0.011  # of the axis, which a letter takes
WRITTEN = 24  # rows of a matrix that are read in per cent, and not in shades alone
LABEL = 44  # characters in a line beside the y axis, of the least high plot
DPI = 192  # twice the page's 96, so that plots stay sharp on fine screens
# any two differ for normal, protan and deutan eyes, by more than 10 of CIEDE2000
_COLOURS = ("#1f62b8", "#8d95a1", "#c04d16", "#2c8a57", "#5d2b66", "#b59a1d", "#c2407a", "#1da0cc")
# so that no two of a plot are told apart by colour alone
_MARKERS = "os^DvPX*"
_DASHES: tuple[Any, ...] = (
    "-", (0, (6, 2)), (0, (2, 1.5)), (0, (7, 2, 1.5, 2)), (0, (1, 1)), (0, (10, 3)), (0, (4, 1, 1, 1, 1, 1)), "--"
)  # fmt: skip
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans", "font.size": 10, "axes.edgecolor": "#8d95a1", "axes.labelcolor": "#1c1f24",
    "axes.titlesize": 11, "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False,
    "xtick.color": "#626a76", "ytick.color": "#626a76", "legend.edgecolor": "none", "legend.handlelength": 2.6,
    "axes.grid": True, "grid.color": "#eceef1", "axes.axisbelow": True, "figure.facecolor": "white",
    "text.parse_math": False,
}  # fmt: skip


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
    places = _finite(x)
    with _axes(9.0, 4.6) as (axes, images):
        if behind is not None:
            axes.plot(places, _finite(behind).T, color=_COLOURS[0], linewidth=0.6, alpha=0.25)
        for number, (name, (y, low, high)) in enumerate(series.items()):
            if low is not None and high is not None:
                axes.fill_between(places, _finite(low), _finite(high), color=_colour(number), alpha=0.18, linewidth=0)
            _line(axes, places, _finite(y), number, name)
        for number, (name, (middle, bottom, top)) in enumerate((levels or {}).items(), len(series)):
            colour = _colour(number)
            if bottom is not None and top is not None:
                axes.axhspan(*_finite([bottom, top]), color=colour, alpha=0.18, linewidth=0)
            dashes = _DASHES[number % len(_DASHES)]  # behind the series: none is covered
            axes.axhline(
                float(_finite(middle)), color=colour, linestyle=dashes, linewidth=2, label=spelt(name), zorder=1.6
            )
        _upright(axes, marks)
        if from_zero:
            axes.set_ylim(bottom=0)
        if log:
            _logarithmic(axes, places)
        elif ticks is not None or len(places) <= FEW:
            _name_places(axes, places if ticks is None else ticks)
        _finish(axes, xlabel, ylabel, title, legend=len(series) + len(levels or {}) > 1)
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
    with _axes(9.0, height + 0.5 * bool(title)) as (axes, images):
        for number, (name, group) in enumerate(groups.items()):
            rows = [row for row, label in enumerate(labels) if label in group]
            parts = [part if isinstance(part, tuple) else (part, part, part) for part in group.values()]
            order = np.argsort([labels.index(label) for label in group], kind="stable")
            value, low, high = _finite(np.array(parts)[order]).T
            places = np.array(rows) - 0.4 + thick * (number + 0.5)
            axes.barh(places, value, thick * 0.9, color=_colour(number), label=spelt(name), **_hatched(number))
            if (low < high).any():
                axes.hlines(places, low, high, color="#1c1f24", linewidth=1.3)
        axes.set_yticks(range(len(labels)), [spelt(label) for label in labels])
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.axvline(0, color="#8d95a1", linewidth=1)
        axes.grid(axis="y", visible=False)
        for name, place in (marks or {}).items():  # in the legend: the bars leave no room for its name
            axes.axvline(float(place), color="#1c1f24", linestyle=(0, (4, 3)), linewidth=1.3, label=spelt(name))
        _finish(axes, xlabel, "", "", legend=False)
        axes.figure.suptitle(spelt(title), wrap=True)
        if len(groups) + len(marks or {}) > 1:  # above the bars, where no corner is free, and below the title
            ncols = len(groups) + len(marks or {})
            axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=ncols, borderaxespad=0.2)
    return images[0]


def ranked(values: Numbers, *, xlabel: str, ylabel: str, title: str = "", named: int = 8) -> Image.Image:
    """One thin bar for each value, largest first; those above zero in colour, the first ``named`` named."""
    heights = _finite(values)
    order = np.argsort(-heights, kind="stable")
    with _axes(9.0, 4.2) as (axes, images):
        colours = [_COLOURS[0] if heights[row] > 0 else "#c9cdd3" for row in order]
        axes.bar(range(1, len(order) + 1), heights[order], 0.85, color=colours)
        axes.locator_params(axis="x", integer=True, min_n_ticks=1)
        positive = [str(row) for row in order[:named] if heights[row] > 0]
        words = f"{(heights > 0).sum()} of {len(heights)} above zero\nlargest: {', '.join(positive) or 'none'}"
        axes.text(0.99, 0.97, words, transform=axes.transAxes, ha="right", va="top", linespacing=1.5)
        axes.axhline(0, color="#8d95a1", linewidth=1)
        axes.margins(x=0.01)
        _finish(axes, xlabel, ylabel, title, legend=False)
    return images[0]


def histogram(
    groups: Mapping[str, Numbers], *, xlabel: str, ylabel: str = "share", title: str = "", bins: int = 40,
    marks: Mapping[str, float] | None = None,
) -> Image.Image:  # fmt: skip
    """How values spread, each group as a share of itself over the same bins."""
    numbers = {name: _finite(values) for name, values in groups.items()}
    edges = np.histogram_bin_edges(np.concatenate([*numbers.values()]), bins)
    with _axes(9.0, 4.2) as (axes, images):
        for number, (name, values) in enumerate(numbers.items()):
            share = np.histogram(values, edges)[0] / max(1, len(values))
            axes.stairs(
                share, edges, fill=True, facecolor=(_colour(number), 0.4), edgecolor=_colour(number),
                linestyle=_DASHES[number % len(_DASHES)], linewidth=1.3, label=spelt(name),
            )  # fmt: skip
        _upright(axes, marks)
        axes.set_ylim(bottom=0)
        _finish(axes, xlabel, ylabel, title, legend=len(groups) > 1)
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
    shares = _finite(values)
    side = min(9.0, 2.2 + 0.52 * len(rows))
    with _axes(side + 0.8, side) as (axes, images):
        drawn = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        if len(rows) > WRITTEN:
            axes.figure.colorbar(drawn, ax=axes, label="share", fraction=0.05, pad=0.02).outline.set_visible(False)
        for row, column in np.argwhere(shares >= 0.005) if len(rows) <= WRITTEN else ():
            colour = _read_on(list(drawn.to_rgba(shares[row, column]))[:3])
            axes.text(column, row, f"{100 * shares[row, column]:.0f}", ha="center", va="center", color=colour, size=8)
        rows, columns = [spelt(row) for row in rows], [spelt(column) for column in columns]
        axes.set_xticks(range(len(columns)), columns, rotation=90 if max(map(len, columns), default=0) > 2 else 0)
        axes.set_yticks(range(len(rows)), rows)
        axes.grid(visible=False)
        axes.tick_params(length=0)
        _finish(axes, xlabel, ylabel, title, legend=False)
    return images[0]


def confusion(counts: np.ndarray, classes: Sequence[str], *, title: str = "") -> Image.Image:
    """What pictures of each class were taken for, in per cent of the row; names of up to 24 classes.

    Args:
        counts: (classes, classes), of what is in the rows, what it was told to be in the columns.
    """
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    named = classes if len(classes) <= WRITTEN else [""] * len(classes)
    return matrix(shares, named, named, xlabel="taken for", ylabel="is", title=title)


@contextmanager
def _axes(width: float, height: float) -> Iterator[tuple[Axes, list[Image.Image]]]:
    """Axes to draw on (inches); when the block ends, the drawing is put into the list."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    images: list[Image.Image] = []
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a matplotlibrc of the user's must not change a figure
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure.add_subplot(), images
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
        buffer.seek(0)
        with Image.open(buffer) as image:
            plain = image.convert("RGB")
        plain.info = {"dpi": (DPI, DPI)}
        images.append(plain)


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _hatched(number: int) -> dict[str, Any]:
    """How a bar of this group is hatched, the first not at all."""
    hatch = ("", "//", "..", "xx", "--", "\\\\", "++", "oo")[number % 8]
    return {"hatch": hatch, "edgecolor": "white", "linewidth": 0} if hatch else {}


def _read_on(colour: Numbers) -> str:
    """White or ink, whichever stands out more from a colour (sRGB, 0 to 1), by the contrast of WCAG 2."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    ink = 0.0137  # the luminance of #1c1f24
    return "white" if 1.05 / (light + 0.05) > (light + 0.05) / (ink + 0.05) else "#1c1f24"


def _upright(axes: Axes, marks: Mapping[str, float] | None) -> None:
    for name, place in (marks or {}).items():
        axes.axvline(float(place), color="#1c1f24", linestyle=(0, (4, 3)), linewidth=1)
        axes.annotate(
            spelt(name), (float(place), 1.0), xycoords=("data", "axes fraction"), xytext=(4, -4),
            textcoords="offset points", va="top", fontsize=9,
        )  # fmt: skip


def _line(axes: Axes, x: np.ndarray, y: np.ndarray, number: int, name: str) -> None:
    colour, dashes = _colour(number), _DASHES[number % len(_DASHES)]
    if len(y) <= 40:
        axes.plot(
            x, y, color=colour, linewidth=2, label=spelt(name), marker=_MARKERS[number % len(_MARKERS)], markersize=5
        )
        return
    if len(y) <= 400:
        axes.plot(x, y, color=colour, linewidth=2, label=spelt(name), linestyle=dashes)
        return
    window = len(y) // 50
    sums = np.concatenate([[0.0], np.cumsum(y)])
    places = np.arange(len(y))
    first, last = np.maximum(places - window // 2, 0), np.minimum(places + window // 2 + 1, len(y))
    axes.plot(x, y, color=colour, linewidth=0.7, alpha=0.3)
    means = (sums[last] - sums[first]) / (last - first)
    axes.plot(x, means, color=colour, linewidth=2, label=spelt(name), linestyle=dashes)


def _name_places(axes: Axes, ticks: Numbers | Mapping[float, str]) -> None:
    if isinstance(ticks, Mapping):
        names = {float(place): spelt(name) for place, name in ticks.items()}
        room = max(ROOM, LETTER * max(map(len, names.values())))
        named = _with_room(np.array(list(names)), room)
        axes.set_xticks(named, [names[place] for place in named])
        axes.set_xticks(list(names), minor=True)
    else:
        axes.set_xticks(_with_room(_finite(ticks)))
        axes.set_xticks(_finite(ticks), minor=True)


def _with_room(places: np.ndarray, share: float = ROOM) -> np.ndarray:
    """Of places on an axis those whose names do not run into each other: the last, and from the first on what fits."""
    *others, last = np.unique(places)
    room = share * np.ptp(places)
    named: list[float] = []
    for place in others:
        if last - place >= room and (not named or place - named[-1] >= room):
            named.append(place)
    return np.array([*named, last])


def _logarithmic(axes: Axes, x: np.ndarray) -> None:
    """Both axes logarithmic, x marked at its own numbers, none written as a power."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(x[:: -(-len(x) // 16)], minor=False)
    axes.set_xticks([], minor=True)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda number, _: f"{number:,.10g}")


def _finish(axes: Axes, xlabel: str, ylabel: str, title: str, *, legend: bool) -> None:
    axes.set_xlabel(spelt(xlabel))
    axes.set_ylabel(textwrap.fill(spelt(ylabel), LABEL))
    axes.set_title(spelt(title), wrap=True)  # in lines no wider than the figure
    if legend:
        axes.legend(loc="best")


def _finite(values: Any) -> np.ndarray:
    numbers = np.asarray(values, dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError("a plot's numbers are finite: leave out what is not known")
    return numbers
