"""Pictures of a GAN on disk that know their names, ready for any annotation tool."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganlab.errors import GanlabError

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
    concepts: Sequence[str] = (),
    scale: int = 1,
) -> Path:
    """Write ``grid.png``, ``pictures/HASH-s0-i00012.png`` and ``annotations.json``: COCO without boxes yet.

    Draw boxes on the pictures with any tool that speaks COCO, and :meth:`ganlab.Boxes.load` brings them back.

    Args:
        folder: must not exist yet, or be empty; written beside and renamed.
        n: how many pictures, from index ``first`` of ``seed`` on.
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
            images = gan.image.shown(gan.generate(gan.latents(count, seed=seed, first=start)))
            for index, image in enumerate(images, start):
                names.append(PictureName(checkpoint, seed, index, gan.label))
                picture = _picture(image, scale)
                (temporary / "pictures" / picture_file(names[-1])).write_bytes(png_bytes(picture))
            if start - first < IN_GRID:
                shown.append(images[: IN_GRID - (start - first)])
        (temporary / "grid.png").write_bytes(png_bytes(_grid(shown, first)))
        document = compose([], names, (gan.image.size * scale, gan.image.size * scale), categories)
        content = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        (temporary / "annotations.json").write_bytes(content.encode())
    return folder


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
