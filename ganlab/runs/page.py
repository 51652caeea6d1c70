"""A run as one self-contained page: it works from a disk, without a network, years later."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganlab.wording import interval, number, option_name

if TYPE_CHECKING:
    from markupsafe import Markup
    from PIL import Image

    from ganlab.results import Figure, Metric, Result, Table

_TEMPLATE = Path(__file__).with_name("page.html")
_WIDE = 1080  # CSS pixels a figure may take
_MINUS = "\N{MINUS SIGN}"
_STRIP = 132  # CSS pixels of the strip that draws a value beside its control


def render(result: Result, pictures: Mapping[str, bytes], command: str, environment: Mapping[str, Any]) -> str:
    """The page of a result.

    Args:
        pictures: the figures by file name, ``NAME.png`` and where it moves ``NAME.webp``; they go into the page itself.
        command: what reproduces the run; no block for it when empty.
        environment: the content of ``environment.json``.
    """
    import jinja2

    loader = jinja2.FileSystemLoader(_TEMPLATE.parent)
    templates = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters.update(
        number=_number,
        digits=_digits,
        interval=_interval,
        numeric=_numeric_columns,
        option=_option,
        unbroken=_unbroken,
        soft=_soft,
    )
    figures = {name: _shown(name, figure, pictures) for name, figure in result.figures.items()}
    in_sections = {name for section in result.sections for name in section.figures}
    return templates.get_template(_TEMPLATE.name).render(
        result=result,
        title=str(result.record.get("analysis", "result")),
        figures=list(figures.values()),
        alone=[figure for name, figure in figures.items() if name not in in_sections],
        sections=[(section, [figures[name] for name in section.figures]) for section in result.sections],
        pixelated_widths=sorted({one.width for figure in figures.values() for one in figure.pictures if one.pixelated}),
        rows=[_row(name, metric, result.metrics) for name, metric in result.metrics.items()],
        shortened=any(map(_is_shortened, _numbers(result))),
        options={_as_typed(name): value for name, value in result.record.get("options", {}).items()},
        command=command,
        environment=environment,
    )


def _number(value: Any) -> str:
    """A cell: numbers with the minus sign that a page can show."""
    return number(value).replace("-", _MINUS) if isinstance(value, (int, float)) else number(value)


def _digits(value: Any) -> Markup | str:
    """A cell: the digits that count, and where there are more all of them, for the page's switch to show instead."""
    from markupsafe import Markup

    if not _is_shortened(value):
        return _number(value)
    whole = str(value).replace("-", _MINUS)
    return Markup('<span class="short">{}</span><span class="full">{}</span>').format(_number(value), whole)


def _is_shortened(value: Any) -> bool:
    return isinstance(value, float) and float(number(value).replace(",", "")) != value


def _numbers(result: Result) -> Iterator[Any]:
    """Every cell of the page that may hold a number."""
    for metric in result.metrics.values():
        yield from (metric.value, metric.low, metric.high)
    for table in result.tables.values():
        for row in table.rows:
            yield from row


@dataclass(frozen=True)
class _Picture:
    file: str
    source: str
    width: int
    pixelated: bool


@dataclass(frozen=True)
class _Shown:
    name: str
    caption: str
    pictures: list[_Picture]  # what moves, if anything does, and last what is still


@dataclass(frozen=True)
class _Row:
    name: str
    metric: Metric
    against: Metric | None
    verdict: str
    strip: Markup | str


def _shown(name: str, figure: Figure, pictures: Mapping[str, bytes]) -> _Shown:
    kinds = {"webp": figure.frames[0], "png": figure.image} if figure.frames else {"png": figure.image}
    return _Shown(name, figure.caption, [_picture(name, kind, image, pictures) for kind, image in kinds.items()])


def _picture(name: str, kind: str, image: Image.Image, pictures: Mapping[str, bytes]) -> _Picture:
    data = base64.b64encode(pictures[f"{name}.{kind}"]).decode("ascii")
    return _Picture(f"{name}.{kind}", f"data:image/{kind};base64,{data}", *_shown_size(image))


def _shown_size(image: Image.Image) -> tuple[int, bool]:
    """Width on the page in CSS pixels, and whether to show single pixels as squares.

    A figure that states its resolution (plots do) is shown at its true size, small pictures are enlarged by a
    whole factor.
    """
    width = image.width
    if "dpi" in image.info:
        return min(_WIDE, round(width * 96 / max(1.0, float(image.info["dpi"][0])))), False
    return (width * max(1, min(8, _WIDE // (2 * width))), True) if width <= _WIDE else (_WIDE, False)


def _row(name: str, metric: Metric, metrics: Mapping[str, Metric]) -> _Row:
    against = metrics[metric.control] if metric.control else None
    if against is None:
        return _Row(name, metric, None, "", "")
    return _Row(name, metric, against, _verdict(metric, against), _strip(metric, against))


def _verdict(metric: Metric, against: Metric) -> str:
    """The comparison in words."""
    difference = metric.value - against.value
    words = "the same" if difference == 0 else f"{_number(abs(difference))} {'more' if difference > 0 else 'less'}"
    ends = [_ends(part) for part in (metric, against)]
    if ends[0] == (metric.value, metric.value) and ends[1] == (against.value, against.value):
        return words
    apart = ends[0][0] > ends[1][1] or ends[1][0] > ends[0][1]
    if ends[0] == (metric.value, metric.value):
        return f"{words}; {'outside' if apart else 'within'} the control's interval"
    if ends[1] == (against.value, against.value):
        return f"{words}; its interval {'does not hold' if apart else 'holds'} the control"
    return f"{words}; the intervals {'do not overlap' if apart else 'overlap'}"


def _ends(metric: Metric) -> tuple[float, float]:
    """Of the interval: infinite where it is open, and the value itself where there is none."""
    if metric.low is None and metric.high is None:
        return metric.value, metric.value
    return (
        -math.inf if metric.low is None else metric.low,
        math.inf if metric.high is None else metric.high,
    )


def _strip(metric: Metric, against: Metric) -> Markup:
    """A small drawing: the value with its interval above, the control with its own below, on one scale."""
    from markupsafe import Markup

    ends = [*filter(math.isfinite, [*_ends(metric), *_ends(against)]), metric.value, against.value]
    low, high = min(0.0, *ends), max(0.0, *ends)
    if low >= 0 and high <= 1:
        high = 1.0
    width, margin = _STRIP, 6

    def place(value: float) -> float:
        return round(margin + (value - low) / ((high - low) or 1.0) * (width - 2 * margin), 1)

    def mark(part: Metric, y: int, kind: str) -> str:
        first, last = (place(min(max(end, low), high)) for end in _ends(part))
        line = f'<line class="{kind}" x1="{first}" x2="{last}" y1="{y}" y2="{y}"/>' if first < last else ""
        return f'{line}<circle class="{kind}" cx="{place(part.value)}" cy="{y}" r="4"/>'

    zero = place(0.0)
    return Markup(
        f'<svg class="strip" width="{width}" height="30" viewBox="0 0 {width} 30" aria-hidden="true">'
        f'<line class="axis" x1="{margin}" x2="{width - margin}" y1="15" y2="15"/>'
        f'<line class="zero" x1="{zero}" x2="{zero}" y1="11" y2="19"/>'
        f"{mark(metric, 8, 'value')}{mark(against, 22, 'control')}</svg>"
    )


def _interval(metric: Metric) -> Markup | str:
    from markupsafe import Markup

    low, high = metric.low, metric.high
    if low is not None and high is not None:
        return Markup("{} to {}").format(_digits(low), _digits(high))
    if low is None and high is None:
        return ""
    words = interval(low, high).rpartition(" ")[0]  # at least, at most
    return Markup("{} {}").format(words, _digits(high if low is None else low))


def _numeric_columns(table: Table) -> list[bool]:
    return [_is_numeric(table, column) for column in range(len(table.columns))]


def _is_numeric(table: Table, column: int) -> bool:
    cells = [row[column] for row in table.rows if row[column] is not None]
    return bool(cells) and all(isinstance(cell, (int, float)) and not isinstance(cell, bool) for cell in cells)


def _unbroken(cell: Any) -> bool:
    """Whether a cell has a word, such as a file's name, too long for a column of a printed page."""
    return isinstance(cell, str) and max(map(len, cell.split()), default=0) > 24


def _soft(head: str) -> Markup:
    """A column's name that may be broken after its underscores."""
    from markupsafe import Markup, escape

    return Markup("_<wbr>").join(map(escape, head.split("_")))


def _as_typed(name: str) -> str:
    """A parameter as a person types it, but for the dashes in front: a positional one has none."""
    return option_name(name).removeprefix("--")


def _option(value: Any) -> str:
    """An option's value as a person would read it."""
    if value is None:
        return "—"
    if isinstance(value, dict) and set(value) == {"name", "hash"}:
        return f"{value['name']} {value['hash']}"
    if isinstance(value, list) and all(isinstance(part, (str, int, float)) for part in value):
        return ", ".join(map(str, value)) or "—"
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return number(value) if isinstance(value, bool) else str(value)
