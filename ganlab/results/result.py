"""A result: numbers with their controls, tables, pictures, edited GANs, and the contract that it keeps."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ganlab.results import notebook
from ganlab.results.animation import frame_faults
from ganlab.results.faults import array_faults, check_clashes, json_faults, name_faults, path_faults, plain
from ganlab.results.metrics import Metric
from ganlab.wording import few, interval, number

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from ganlab.gan import Gan

FORMAT = 1  # of result.json; goes up when a reader of the old one would misread the new one
LISTED = 20  # metrics or names of one kind, where a result is shown in short

_PNG_MODES = {"1", "L", "LA", "RGB", "RGBA"}


@dataclass(frozen=True)
class Table:
    """Rows of strings, numbers, booleans or None (an empty cell) under named columns."""

    columns: list[str]
    rows: list[list[Any]]
    caption: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", list(self.columns))
        object.__setattr__(self, "rows", [[plain(cell) for cell in row] for row in self.rows])

    def _repr_html_(self) -> str:
        return notebook.table_html(self)

    def _faults(self) -> str:
        if not self.columns or not all(isinstance(column, str) for column in self.columns):
            return f"its columns are {self.columns!r}, not names"
        for place, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                return f"row {place} has {len(row)} cells for {len(self.columns)} columns"
            for cell in row:
                finite = isinstance(cell, float) and math.isfinite(cell)
                if not (finite or cell is None or isinstance(cell, (str, int))):
                    return f"row {place} holds {cell!r}: a cell is text, a finite number, a boolean or None"
        return ""


@dataclass(frozen=True)
class Figure:
    """A picture and the sentence that says how to read it; with frames, one that moves.

    Attributes:
        image: what a page shows; where there are frames, what stands for them on paper and where nothing is to move.
        frames: RGB pictures of one size, none or at least two, shown one after the other, again and again.
        seconds: how long each is shown, 0.01 to 60.
    """

    image: Image.Image
    caption: str
    frames: Sequence[Image.Image] = ()
    seconds: float = 0.05

    def _faults(self) -> str:
        from PIL import Image

        image: object = self.image
        if not isinstance(image, Image.Image):
            return f"its image is a {type(image).__name__}, not a PIL image"
        if self.image.mode not in _PNG_MODES:
            return f"its image has the mode {self.image.mode!r}; convert it to one of {sorted(_PNG_MODES)}"
        if min(self.image.size) == 0:
            return "its image is empty"
        return frame_faults(self.frames, self.seconds)

    def _repr_html_(self) -> str:
        return notebook.figure_html(self)

    def _to_json(self, name: str) -> dict[str, Any]:
        moving = {"animation": f"figures/{name}.webp", "frames": len(self.frames), "seconds": self.seconds}
        still = {"file": f"figures/{name}.png", "caption": self.caption, "size": list(self.image.size)}
        return still | moving if self.frames else still


@dataclass(frozen=True)
class Section:
    """A part of a page of several: a heading, what that part found, and its figures below.

    Attributes:
        title: the heading.
        summary: a sentence or two; where the part found nothing, why.
        figures: names of figures of the result, in this order.
    """

    title: str
    summary: str
    figures: list[str] = field(default_factory=list)

    def _faults(self, figures: Sequence[str]) -> str:
        if not all(isinstance(text, str) and text.strip() for text in (self.title, self.summary)):
            return "it needs a title and a summary"
        unknown = [name for name in self.figures if name not in figures]
        return f"it shows {unknown[0]!r}, which is no figure of the result" if unknown else ""


@dataclass(eq=False)
class Result:
    """What an analysis returns; the host writes it, prints it, shows it.

    Attributes:
        summary: one sentence with the main number in it.
        metrics: numbers by name, each with its control.
        tables, figures, arrays: by name. Figure and array names become file names.
        gans: edited GANs to keep, by name.
        files: further files to keep: path below the run's folder -> content.
        notes: what the reader has to know to judge the numbers.
        sections: where it joins several findings, what each is; a screen and a page tell them first. Figures that are
            in none stand before them on the page.
        record: what was run on what. The ``@analysis`` wrapper fills it; an analysis leaves it empty.
        command: the line that it came from, of a result that :func:`ganlab.load_result` has read; not in
            ``result.json``, as other lines may lead to the same. An analysis leaves it empty.
    """

    summary: str
    metrics: dict[str, Metric] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    gans: dict[str, Gan] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)
    command: str = ""

    def __repr__(self) -> str:
        """For a prompt: the summary, the numbers with their controls, and what else there is by name."""
        metrics = [f"\n    {self._in_short(name)}" for name in self.metrics]
        named = {kind: list(getattr(self, kind)) for kind in ("tables", "figures", "arrays", "gans", "files")}
        parts = [f"metrics:{few(metrics, LISTED, between='')}"] if metrics else []
        parts += [f"{kind}: {few(names, LISTED)}" for kind, names in named.items() if names]
        parts += [f"notes: {len(self.notes)}"] if self.notes else []
        return "\n  ".join([f"Result: {self.summary}", *parts])

    def _repr_html_(self) -> str:
        """For the end of a notebook's cell."""
        return notebook.result_html(self)

    def _in_short(self, name: str) -> str:
        metric = self.metrics[name]
        control = self.metrics.get(metric.control or "")
        against = "" if control is None else f"(control: {number(control.value)})"
        return " ".join(filter(None, [name, number(metric.value), interval(metric.low, metric.high), against]))

    def check(self) -> None:
        """Hold the result to its contract.

        Raises:
            ValueError: an empty summary, NaN or infinity anywhere, a metric without a control (or with one
                that is not there, or that stands against it in its turn), a value outside of its interval, figures
                that are not PIL images, names that cannot be file names, a section of figures that are not there,
                notes that are no list of sentences, a record that is not JSON, a command that is no text.
        """
        if not isinstance(self.summary, str) or not self.summary.strip() or "\n" in self.summary.strip():
            raise ValueError("a result needs a summary: one sentence, on one line")
        for name, metric in self.metrics.items():
            _require(Metric, "metric", name, metric)
        for name, metric in self.metrics.items():  # when all are metrics: each looks at others
            _complain("metric", name, metric._faults(self.metrics))
        for name, table in self.tables.items():
            _require(Table, "table", name, table)
            _complain("table", name, table._faults())
        for name, figure in self.figures.items():
            _require(Figure, "figure", name, figure)
            _complain("figure", name, name_faults(name) or figure._faults())
        for name, array in self.arrays.items():
            _complain("array", name, name_faults(name) or array_faults(array))
        for name, gan in self.gans.items():
            wrong = "" if hasattr(gan, "generator") else "it is not a Gan"
            _complain("gan", name, name_faults(name) or wrong)
        for name, content in self.files.items():
            wrong = "" if isinstance(content, bytes) else f"its content is {type(content).__name__}, not bytes"
            _complain("file", name, path_faults(name) or wrong)
        figures = [f"figures/{name}.{kind}" for name in self.figures for kind in ("png", "webp")]
        check_clashes(figures, [f"gans/{name}" for name in self.gans], self.files)
        for place, section in enumerate(self.sections, 1):
            _require(Section, "section", f"number {place}", section)
            _complain("section", section.title, section._faults(list(self.figures)))
        shown = [name for section in self.sections for name in section.figures]
        if len(set(shown)) < len(shown):
            raise ValueError(f"a figure stands in one section only: {sorted(shown)}")
        notes: Any = self.notes  # which may be one text, or sentences by name
        if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
            raise ValueError("notes are a list of sentences")
        if not isinstance(self.command, str):
            raise ValueError(f"the command is a {type(self.command).__name__}, not a line of text")
        if fault := json_faults(self.record):
            raise ValueError(f"the record cannot be written: {fault}")

    def to_json(self) -> str:
        """The content of ``result.json``: only what the inputs determine, keys sorted, floats in full.

        Raises:
            ValueError: as :meth:`check`.
        """
        self.check()
        content = {
            "format": FORMAT,
            "summary": self.summary,
            "metrics": {name: asdict(metric) for name, metric in self.metrics.items()},
            "tables": {name: asdict(table) for name, table in self.tables.items()},
            "figures": {name: figure._to_json(name) for name, figure in self.figures.items()},
            "arrays": {
                name: {"dtype": str(array.dtype), "shape": list(array.shape)} for name, array in self.arrays.items()
            },
            "gans": {name: {"folder": f"gans/{name}", "hash": gan.hash} for name, gan in self.gans.items()},
            "files": sorted(self.files),
            "notes": self.notes,
            **({"sections": [asdict(section) for section in self.sections]} if self.sections else {}),
            "record": self.record,
        }
        text = json.dumps(content, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
        # file names that are not UTF-8 reach Python as lone surrogates, which can only be written as escapes
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _require(kind: type, what: str, name: str, value: Any) -> None:
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"the {what} {name!r} needs a name")
    if not isinstance(value, kind):
        raise ValueError(f"the {what} {name!r} is a {type(value).__name__}, not a {kind.__name__}")


def _complain(what: str, name: str, fault: str) -> None:
    if fault:
        raise ValueError(f"the {what} {name!r} breaks the contract: {fault}")
