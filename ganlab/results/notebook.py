"""A result as a notebook shows it at a cell's end: its sentence, its numbers beside their controls, its pictures."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, Any

from ganlab.results.animation import webp_bytes
from ganlab.wording import interval, number
from ganlab.writing import png_bytes

if TYPE_CHECKING:
    from ganlab.results import Figure, Metric, Result, Table

ROWS = 20  # of a table; all of them are in the object


def result_html(result: Result) -> str:
    """All but arrays, GANs and files, which have no picture."""
    parts = [f"<p><b>{escape(result.summary)}</b></p>"]
    if result.metrics:
        parts.append(_metrics(result))
    in_sections = {name for section in result.sections for name in section.figures}
    parts += [figure_html(figure) for name, figure in result.figures.items() if name not in in_sections]
    for section in result.sections:
        parts.append(f"<h4>{escape(section.title)}</h4><p>{escape(section.summary)}</p>")
        parts += [figure_html(result.figures[name]) for name in section.figures]
    parts += [
        f"<details><summary>{escape(name)}</summary>{table_html(table)}</details>"
        for name, table in result.tables.items()
    ]
    if result.notes:
        parts.append("<ul>" + "".join(f"<li>{escape(note)}</li>" for note in result.notes) + "</ul>")
    return "\n".join(parts)


def table_html(table: Table) -> str:
    """Its caption, and its first rows."""
    left = len(table.rows) - ROWS
    more = f"<p>and {left:,} more rows</p>" if left > 0 else ""
    return _table(table.columns, table.rows[:ROWS], table.caption) + more


def figure_html(figure: Figure) -> str:
    """The picture, which moves where there are frames, above its caption."""
    if figure.frames:
        kind, content = "webp", webp_bytes(figure.frames, figure.seconds)
    else:
        kind, content = "png", png_bytes(figure.image)
    data = base64.b64encode(content).decode("ascii")
    caption = escape(figure.caption)
    return (
        f'<figure><img alt="" src="data:image/{kind};base64,{data}" style="max-width: 100%">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _metrics(result: Result) -> str:
    def row(name: str, metric: Metric) -> list[Any]:
        against = result.metrics.get(metric.control or "")
        control = "" if against is None else f"{metric.control} {number(against.value)}"
        return [name, f"{number(metric.value)} {interval(metric.low, metric.high)}".rstrip(), control, metric.about]

    rows = [row(name, metric) for name, metric in result.metrics.items()]
    return _table(["measure", "value [interval]", "control", "what it is"], rows, "")


def _table(columns: list[str], rows: list[list[Any]], caption: str) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(number(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{said}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
