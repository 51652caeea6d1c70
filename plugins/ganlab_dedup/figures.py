"""Groups as a person checks them, and how far copies lie from what is only alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from PIL.ImageFont import FreeTypeFont

from ganlab import Figure
from ganlab import figures as draw

from .control import Flipped, Planted

TILE, ROOM, GAP = 112, 34, 18  # pixels of a picture, of the words below it, between two groups
SIZE = 11  # pixels of letters
ACROSS = 8  # pictures in a row of the sheet
GROUPS, MEMBERS = 24, 8  # shown at most
INK, SOFT, KEPT, DROPPED = (28, 31, 36), (98, 106, 118), (44, 138, 87), (200, 86, 27)


@dataclass(frozen=True)
class Tile:
    """A picture (64, 64, 3) uint8 with two short lines below it, the second in a colour."""

    picture: np.ndarray
    name: str
    words: str
    colour: tuple[int, int, int]


def sheet(groups: Sequence[Sequence[Tile]]) -> Image.Image:
    """Groups side by side, as many in a row as there is room for, each in one row."""
    rows: list[list[Sequence[Tile]]] = [[]]
    for group in groups:
        if sum(len(other) for other in rows[-1]) + len(group) > ACROSS:
            rows.append([])
        rows[-1].append(group)
    font = draw.font(SIZE)
    step = TILE + 4
    width = max(sum(len(group) * step + GAP for group in row) for row in rows) + GAP
    image = Image.new("RGB", (width, len(rows) * (TILE + ROOM + GAP) + GAP), "white")
    brush = ImageDraw.Draw(image)
    for number, row in enumerate(rows):
        x, y = GAP, GAP + number * (TILE + ROOM + GAP)
        for group in row:
            for tile in group:
                image.paste(Image.fromarray(tile.picture).resize((TILE, TILE), Image.Resampling.NEAREST), (x, y))
                brush.text((x, y + TILE + 3), _fitting(tile.name, font), INK, font)
                brush.text((x, y + TILE + 17), tile.words, tile.colour, font)
                x += step
            brush.line((x + GAP // 2 - 4, y, x + GAP // 2 - 4, y + TILE + ROOM - 4), (214, 218, 224))
            x += GAP
    return image


def groups(tiles: Sequence[Sequence[Tile]], total: int) -> Figure:
    """Groups of one picture, the most doubtful first."""
    return Figure(
        sheet(tiles),
        f"{len(tiles)} of {total} groups, those whose pictures are least alike first. Kept is the picture that comes "
        "first in the data; under a dropped one its correlation with the kept one and the bits their hashes differ by.",
    )


def rejected(tiles: Sequence[Sequence[Tile]], total: int) -> Figure:
    """Pairs that the hash proposed and the comparison refused, the most alike first."""
    return Figure(
        sheet(tiles),
        f"{len(tiles)} of {total} pairs within the radius that are kept as different pictures, the most alike first.",
    )


def flipped(tiles: Sequence[Sequence[Tile]], way: str, taken: int, total: int) -> Figure:
    """Flipped pictures, each with the picture of the data that is most like it."""
    return Figure(
        sheet(tiles),
        f"The control: {total} pictures are flipped {way}, and the data holds none of these; {taken or 'none'} "
        f"{'is' if taken == 1 else 'are'} taken for a picture that it does hold (in orange), and would be dropped by "
        f"mistake. The {len(tiles)} pairs that are most alike: the flipped picture, and beside it its like.",
    )


def distances(planted: Planted, flipped: Flipped, radius: int) -> Figure:
    """Bits between hashes: copies with originals, and flipped pictures with the nearest."""
    plot = draw.histogram(
        {"planted copy and its original": planted.distance, "flipped picture and the nearest": flipped.distance},
        xlabel="bits by which hashes differ (of 128)",
        ylabel="share of the pairs",
        bins=int(max(planted.distance.max(), flipped.distance.max(), 8)),
        marks={f"radius {radius}": radius + 1},
    )
    return Figure(plot, "What the search tells apart: left of the line are the candidates.")


def similarities(planted: Planted, flipped: Flipped, threshold: float) -> Figure:
    """Correlations of detail: copies with originals, and flipped pictures with the most alike they meet."""
    plot = draw.histogram(
        {
            "planted copy and its original": planted.similarity,
            "flipped picture and the most alike": flipped.similarity[~np.isnan(flipped.similarity)],
        },
        xlabel="correlation of detail at the best shift and zoom",
        ylabel="share of the pairs",
        marks={f"the same from {threshold:g}": threshold},
    )
    return Figure(plot, "What the comparison tells apart: right of the line two pictures are taken for one.")


def measured(similarity: float, distance: int) -> str:
    """Correlation and bits, in words."""
    return f"{similarity:.3f}, {distance} bit{'' if distance == 1 else 's'}"


def _fitting(name: str, font: FreeTypeFont) -> str:
    """The end of a name, which tells files apart, as long as fits below a picture."""
    if font.getlength(name) <= TILE:
        return name
    while name and font.getlength("…" + name) > TILE:
        name = name[1:]
    return "…" + name
