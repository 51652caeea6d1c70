"""``ganlab data``: look at a set of pictures, or pack it before it is trained on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganlab import screen
from ganlab.shell import shell_line
from ganlab.wording import counted

if TYPE_CHECKING:
    from ganlab.data import Images
    from ganlab.results import Table

DATA = Annotated[str, typer.Argument(help="Whatever `ganlab train` takes; docs/data.md lists it.", metavar="DATA")]
LIMIT = Annotated[
    int | None, typer.Option(help="Only the first N pictures; without it, all.", min=1, show_default=False)
]
WORKERS = Annotated[
    int | None, typer.Option(help="How many pictures are decoded at a time.", min=0, show_default="one on each core")
]
ROWS = 12  # of a table, on the terminal; the page has them all

data = typer.Typer(
    help="Pictures: look at a set, or pack it for training.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


@data.callback()
def data_group() -> None:
    pass


@data.command("info")
def info(
    data: DATA,
    limit: LIMIT = None,
    workers: WORKERS = None,
    out: Annotated[
        Path | None,
        typer.Option(help="A new folder for page and figure. Default: runs/data-info/DATA-0001.", show_default=False),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print result.json and nothing else on standard output.")
    ] = False,
) -> None:
    """Decode every picture once: how many, sizes, channels, classes, which are broken, and a figure of some."""
    from ganlab.data.opening import short_name
    from ganlab.data.survey import survey
    from ganlab.progressbar import reading_bar, shown_progress
    from ganlab.runs.environment import environment
    from ganlab.runs.folders import new_run_folder, save_result
    from ganlab.writing import check_new_folder

    folder = out or new_run_folder("data-info", short_name(data))
    check_new_folder(folder)
    began = time.monotonic()
    with shown_progress():
        images = _opened(data, limit)
    with reading_bar() as bar:
        result = survey(images, workers, bar)
    result.record = {"analysis": "data info", "options": {"data": data, "limit": limit}}
    words = ["ganlab", "data", "info", data, *([] if limit is None else ["--limit", str(limit)])]
    facts = environment(device="cpu", seconds=time.monotonic() - began)
    folder = save_result(result, folder, command=shell_line(words), environment=facts, renumber=out is None)
    if json:
        screen.print_json(result)
        screen.say(f"Page: {folder / 'index.html'}")
        return
    screen.show_result(result, folder)
    for table in result.tables.values():
        _show(table)


@data.command("pack")
def pack(
    data: DATA,
    size: Annotated[int, typer.Option(help="Side in pixels, as for `ganlab train`.", min=1)] = 64,
    channels: Annotated[int, typer.Option(help="3 RGB; 1 grey, 4 RGBA.", min=1)] = 3,
    workers: WORKERS = None,
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Leave out pictures that do not decode; without it they stop it.")
    ] = False,
    limit: LIMIT = None,
) -> None:
    """Decode every picture once into the cache, from where `ganlab train` of that size takes them at once."""
    from ganlab.data.packing import pack
    from ganlab.progressbar import reading_bar, shown_progress

    with shown_progress():
        images = _opened(data, limit)
    read = 0
    began = time.monotonic()
    with reading_bar() as bar:

        def note(done: int, total: int) -> None:
            nonlocal read
            read = done
            bar(done, total)

        packed = pack(images, size, channels, workers=workers, skip_broken=skip_broken, progress=note)
    seconds = time.monotonic() - began
    for broken in packed.broken:
        screen.say(f"Left out: {broken}")
    what = f"{counted(len(packed), 'picture')} of {data} at {size}x{size}, {counted(channels, 'channel')}"
    if read:
        screen.tell(f"Packed {what} in {seconds:.1f} s: {read / max(seconds, 1e-9):,.0f} pictures per second.")
    else:
        screen.tell(f"There already: {what}.")
    screen.tell(f"{packed.path}: {packed.path.stat().st_size:,} bytes")


def _opened(data: str, limit: int | None) -> Images:
    from ganlab.data import open_images

    images = open_images(data)
    return images if limit is None else images.first(limit)


def _show(table: Table) -> None:
    out = screen.plain_console()
    shown = screen.plain_table(*table.columns)
    for row in table.rows[:ROWS]:
        shown.add_row(*(f"{cell:.1%}" if isinstance(cell, float) else f"{cell}" for cell in row))
    if len(table.rows) > ROWS:
        shown.add_row(f"... and {len(table.rows) - ROWS} more", *[""] * (len(table.columns) - 1))
    out.print()
    out.print(shown)
