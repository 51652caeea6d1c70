"""``ganlab sample``: pictures that know their names, ready for any annotation tool."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganlab.cli.hint_options import with_hints
from ganlab.errors import GanlabError
from ganlab.wording import counted

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from ganlab.gan import Gan

IN_GRID = 400  # pictures; more would make a sheet nobody can look at
_BATCH = 256


def write_samples(
    gan: Gan,
    folder: Path,
    *,
    n: int = 64,
    seed: int = 0,
    first: int = 0,
    label: int | None = None,
    concepts: Sequence[str] = (),
    scale: int = 1,
) -> Path:
    """Write ``grid.png``, ``pictures/HASH-s0-i00012.png`` and ``annotations.json``: COCO without boxes yet.

    Draw boxes on the pictures with any tool that speaks COCO, and :meth:`ganlab.Boxes.load` brings them back.

    Args:
        folder: must not exist yet, or be empty; written beside and renamed.
        n: how many pictures, from index ``first`` of ``seed`` on.
        label: the class to draw, for a conditional GAN.
        concepts: the categories to offer; by default those of the boxes that come with the checkpoint.
        scale: whole factor by which the single pictures are enlarged, so that small things can be marked.

    Raises:
        GanlabError: a number out of range, or a folder that holds something or cannot be written.
    """
    from ganlab.labels.coco import compose
    from ganlab.labels.concepts import concept_name
    from ganlab.labels.pictures import PictureName, picture_file
    from ganlab.progressbar import progress
    from ganlab.writing import new_folder, png_bytes

    if n < 1 or not 1 <= scale <= 32:
        what = f"--n is at least 1, not {n}" if n < 1 else f"--scale goes from 1 to 32, not {scale}"
        raise GanlabError(f"{what}.", "Try --n 64 --scale 4.")
    categories = list(dict.fromkeys(map(concept_name, concepts))) or _concepts_of(gan)
    checkpoint = gan.hash
    names: list[PictureName] = []
    shown: list[np.ndarray] = []
    with new_folder(folder) as temporary:
        (temporary / "pictures").mkdir()
        for start in progress(range(first, first + n, _BATCH), "drawing pictures"):
            count = min(_BATCH, first + n - start)
            images = gan.image.shown(gan.generate(gan.latents(count, seed=seed, first=start, label=label)))
            for index, image in enumerate(images, start):
                names.append(PictureName(checkpoint, seed, index, label))
                picture = _picture(image, scale)
                (temporary / "pictures" / picture_file(names[-1])).write_bytes(png_bytes(picture))
            if start - first < IN_GRID:
                shown.append(images[: IN_GRID - (start - first)])
        (temporary / "grid.png").write_bytes(png_bytes(_grid(shown, first)))
        document = compose([], names, (gan.image.size * scale, gan.image.size * scale), categories)
        content = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        (temporary / "annotations.json").write_bytes(content.encode())
    return folder


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
    from ganlab.checkpoints import load_gan
    from ganlab.cli.running import find_gan, say_notes
    from ganlab.networks.devices import choose_device
    from ganlab.progressbar import shown_progress
    from ganlab.runs.folders import new_run_folder
    from ganlab.writing import FolderTaken, check_new_folder

    if out is not None:
        check_new_folder(out)
    place = choose_device(device)
    opened = load_gan(gan or find_gan(None), **(hints or {}))
    say_notes(opened)
    opened = opened if opened.device == place else opened.to(place)
    wanted = {"n": n, "seed": seed, "first": first, "label": opened.label, "concepts": concept or (), "scale": scale}
    with shown_progress():
        while True:
            try:
                folder = write_samples(opened, out or new_run_folder("sample", opened.name), **wanted)  # type: ignore[arg-type]
                break
            except FolderTaken:  # by another process, meanwhile: take the next number
                if out is not None:
                    raise
    screen.say(f"{counted(n, 'picture')} of {opened.name}: {folder / 'grid.png'}")
    screen.say(f"To draw boxes, open {folder / 'pictures'} with {folder / 'annotations.json'}")
    screen.say("in an annotation tool, export as COCO and give that file to --boxes.")


def _picture(image: np.ndarray, scale: int) -> Image.Image:
    """One (h, w, 1, 3 or 4) picture, enlarged, in its own colours."""
    from PIL import Image

    large = image.repeat(scale, axis=0).repeat(scale, axis=1)
    return Image.fromarray(large[..., 0] if large.shape[2] == 1 else large)


def _grid(shown: list[np.ndarray], first: int) -> Image.Image:
    import numpy as np

    from ganlab.figures import numbered_grid

    images = np.concatenate(shown)
    size = images.shape[1]
    columns, side = (8, 128) if len(images) <= 64 else (20, 64)
    return numbered_grid(images, min(columns, len(images)), first=first, scale=max(1, side // size))


def _concepts_of(gan: Gan) -> list[str]:
    from ganlab.labels.boxes import Boxes

    boxes = Boxes.of_checkpoint(gan)
    return [] if boxes is None else boxes.categories
