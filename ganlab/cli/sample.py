"""``ganlab sample``: pictures that know their names, ready for any annotation tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ganlab.cli.hint_options import with_hints
from ganlab.wording import counted


@with_hints
def sample(
    gan: Annotated[
        str | None,
        typer.Option(help="The GAN: a name, a folder, a file, FORMAT:PATH. Default: GANLAB_GAN, else one that ships."),
    ] = None,
    n: Annotated[int, typer.Option(help="How many pictures; 64 fill a grid of 8 by 8.", min=1)] = 64,
    seed: Annotated[
        int, typer.Option(help="With an index it names a picture for ever; any number is as good.", min=0)
    ] = 0,
    first: Annotated[int, typer.Option(help="Index of the first picture.", min=0)] = 0,
    concept: Annotated[
        list[str] | None,
        typer.Option(
            help="A category to offer for drawing; may be repeated. Default: those of the checkpoint's boxes.",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[
        int,
        typer.Option(
            help="Enlarge the single pictures this many times, to draw boxes with ease; 1: as they are.", min=1, max=32
        ),
    ] = 1,
    out: Annotated[
        Path | None,
        typer.Option(help="The folder to write; must not exist or be empty. Default: the next of runs/sample/."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto (a GPU where there is one), cpu, cuda, cuda:1 or mps.")] = "auto",
    hints: dict[str, Any] | None = None,
) -> None:
    """Draw pictures: a grid, single PNGs named by seed and index, and a COCO file to draw boxes in."""
    from ganlab import screen
    from ganlab.cli.running import find_gan, open_on
    from ganlab.progressbar import shown_progress
    from ganlab.runs.folders import new_run_folder
    from ganlab.runs.samples import write_samples
    from ganlab.writing import FolderTaken, check_new_folder

    if out is not None:
        check_new_folder(out)
    opened = open_on(gan or find_gan(None), device, hints)
    with shown_progress():
        while True:
            folder = out or new_run_folder("sample", opened.name)
            try:
                write_samples(opened, folder, n=n, seed=seed, first=first, concepts=concept or (), scale=scale)
                break
            except FolderTaken:  # by another process, meanwhile: take the next number
                if out is not None:
                    raise
    screen.say(f"{counted(n, 'picture')} of {opened.name}: {folder / 'grid.png'}")
    screen.say(f"To draw boxes, open {folder / 'pictures'} with {folder / 'annotations.json'}")
    screen.say("in an annotation tool, export as COCO and give that file to --boxes.")
