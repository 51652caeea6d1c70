"""What plots are drawn on: axes in one style, their colours, and how places on them are named."""

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

ROOM = 0.04  # of the axis, which a name takes at least
LETTER = 0.011  # of the axis, which a letter takes
LABEL = 44  # characters in a line beside the y axis, of the least high plot
DPI = 192  # twice the page's 96, so that plots stay sharp on fine screens
# any two differ for normal, protan and deutan eyes, by more than 10 of CIEDE2000
COLOURS = ("#1f62b8", "#8d95a1", "#c04d16", "#2c8a57", "#5d2b66", "#b59a1d", "#c2407a", "#1da0cc")
# so that no two of a plot are told apart by colour alone
MARKERS = "os^DvPX*"
DASHES: tuple[Any, ...] = (
    "-", (0, (6, 2)), (0, (2, 1.5)), (0, (7, 2, 1.5, 2)), (0, (1, 1)), (0, (10, 3)), (0, (4, 1, 1, 1, 1, 1)), "--"
)  # fmt: skip
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans", "font.size": 10, "axes.edgecolor": "#8d95a1", "axes.labelcolor": "#1c1f24",
    "axes.titlesize": 11, "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False,
    "xtick.color": "#626a76", "ytick.color": "#626a76", "legend.edgecolor": "none", "legend.handlelength": 2.6,
    "axes.grid": True, "grid.color": "#eceef1", "axes.axisbelow": True, "figure.facecolor": "white",
    "text.parse_math": False,
}  # fmt: skip


@contextmanager
def drawn_on(width: float, height: float) -> Iterator[tuple[Axes, list[Image.Image]]]:
    """Axes to draw on (inches); when the block ends, the drawing is put into the list."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    images: list[Image.Image] = []
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a matplotlibrc of the user's must not change a figure
        matplotlib.rcParams.update(STYLE)
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


def colour_of(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def hatched(number: int) -> dict[str, Any]:
    """How a bar of this group is hatched, the first not at all."""
    hatch = ("", "//", "..", "xx", "--", "\\\\", "++", "oo")[number % 8]
    return {"hatch": hatch, "edgecolor": "white", "linewidth": 0} if hatch else {}


def read_on(colour: Numbers) -> str:
    """White or ink, whichever stands out more from a colour (sRGB, 0 to 1), by the contrast of WCAG 2."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    ink = 0.0137  # the luminance of #1c1f24
    return "white" if 1.05 / (light + 0.05) > (light + 0.05) / (ink + 0.05) else "#1c1f24"


def upright(axes: Axes, marks: Mapping[str, float] | None) -> None:
    for name, place in (marks or {}).items():
        axes.axvline(float(place), color="#1c1f24", linestyle=(0, (4, 3)), linewidth=1)
        axes.annotate(
            spelt(name), (float(place), 1.0), xycoords=("data", "axes fraction"), xytext=(4, -4),
            textcoords="offset points", va="top", fontsize=9,
        )  # fmt: skip


def line(axes: Axes, x: np.ndarray, y: np.ndarray, number: int, name: str) -> None:
    colour, dashes = colour_of(number), DASHES[number % len(DASHES)]
    if len(y) <= 40:
        axes.plot(
            x, y, color=colour, linewidth=2, label=spelt(name), marker=MARKERS[number % len(MARKERS)], markersize=5
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


def name_places(axes: Axes, ticks: Numbers | Mapping[float, str]) -> None:
    if isinstance(ticks, Mapping):
        names = {float(place): spelt(name) for place, name in ticks.items()}
        room = max(ROOM, LETTER * max(map(len, names.values())))
        named = with_room(np.array(list(names)), room)
        axes.set_xticks(named, [names[place] for place in named])
        axes.set_xticks(list(names), minor=True)
    else:
        axes.set_xticks(with_room(finite(ticks)))
        axes.set_xticks(finite(ticks), minor=True)


def with_room(places: np.ndarray, share: float = ROOM) -> np.ndarray:
    """Of places on an axis those whose names do not run into each other: the last, and from the first on what fits."""
    *others, last = np.unique(places)
    room = share * np.ptp(places)
    named: list[float] = []
    for place in others:
        if last - place >= room and (not named or place - named[-1] >= room):
            named.append(place)
    return np.array([*named, last])


def logarithmic(axes: Axes, x: np.ndarray) -> None:
    """Both axes logarithmic, x marked at its own numbers, none written as a power."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(x[:: -(-len(x) // 16)], minor=False)
    axes.set_xticks([], minor=True)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda number, _: f"{number:,.10g}")


def finish(axes: Axes, xlabel: str, ylabel: str, title: str, *, legend: bool) -> None:
    axes.set_xlabel(spelt(xlabel))
    axes.set_ylabel(textwrap.fill(spelt(ylabel), LABEL))
    axes.set_title(spelt(title), wrap=True)  # in lines no wider than the figure
    if legend:
        axes.legend(loc="best")


def finite(values: Any) -> np.ndarray:
    numbers = np.asarray(values, dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError("a plot's numbers are finite: leave out what is not known")
    return numbers
