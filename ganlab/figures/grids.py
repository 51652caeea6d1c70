"""Pictures side by side, in rows, with names, boxes and heat on them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ganlab.figures.lettering import Text, spelt
from ganlab.figures.palette import visible

if TYPE_CHECKING:
    from PIL import Image

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
INK: Colour = (28, 31, 36)
SOFT: Colour = (98, 106, 118)
MARK: Colour = (255, 32, 96)
ALL_NAMED = 12  # heads of columns that are all written, however narrow the columns
_CHECKS = ((238, 238, 238), (204, 204, 204))


def grid(images: np.ndarray, columns: int, *, scale: int = 1, pad: int = 2, background: Colour = WHITE) -> Image.Image:
    """Pictures side by side, row by row.

    Args:
        images: (n, h, w, c) uint8, n at least 1.
        columns: pictures in a row.
        scale: whole factor by which each is enlarged.
        pad: pixels between two pictures and around all.
    """
    from PIL import Image

    return Image.fromarray(_tiled(images, columns, scale, pad, background))


def numbered_grid(images: np.ndarray, columns: int, *, first: int = 0, scale: int = 1, pad: int = 2) -> Image.Image:
    """A grid whose edges tell each picture's index: the row's first at the left, what to add to it on top."""
    from PIL import Image, ImageDraw

    tiles = _tiled(images, columns, scale, pad, WHITE)
    step_y, step_x = images.shape[1] * scale + pad, images.shape[2] * scale + pad
    rows = -(-len(images) // columns)
    across = min(columns, len(images))
    text = Text(tiles.shape[1])
    left = 12 + max(text.width(str(first + row * columns)) for row in range(rows))
    top = text.line + 6
    # columns may be too narrow for every one to be named
    every = -(-(text.width(f"+{across - 1}") + 6) // step_x)
    sheet = Image.new("RGB", (left + tiles.shape[1], top + tiles.shape[0]), WHITE)
    sheet.paste(Image.fromarray(tiles), (left, top))
    draw = ImageDraw.Draw(sheet)
    for column in range(0, across, every):
        middle = left + pad + column * step_x + (step_x - pad) // 2
        text.write(draw, (middle, top // 2), f"+{column}", "mm", SOFT)
    for row in range(rows):
        middle = top + pad + row * step_y + (step_y - pad) // 2
        text.write(draw, (left - 6, middle), str(first + row * columns), "rm", INK)
    return sheet


def labelled_rows(
    rows: Mapping[str, np.ndarray],
    *,
    scale: int = 1,
    columns: int | None = None,
    title: str = "",
    heads: Sequence[str] = (),
    pad: int = 2,
    below: Sequence[str] = (),
) -> Image.Image:
    """One row of pictures for each caption, named at the left: a column compares one picture with itself.

    Args:
        rows: caption -> (n, h, w, c) uint8; pictures of one size.
        scale: whole factor by which each is enlarged.
        columns: pictures in a row; where there are more, the rows are repeated below with the next ones.
        title: a line above all.
        heads: names above the columns, broken into lines where a picture is narrower; of more than 12, where columns
            are too narrow for every one, the first, the last and as many between them as there is room for.
        below: what to write under each column, at most as wide as its pictures; one text for each, perhaps of lines.
    """
    from PIL import Image, ImageDraw

    if not rows:
        raise ValueError("labelled_rows needs at least one row")
    most = max(len(pictures) for pictures in rows.values())
    columns = columns or most
    captions = {caption: textwrap.wrap(spelt(caption), 16) or [""] for caption in rows}
    strips: list[tuple[int, list[str], np.ndarray, Sequence[str]]] = []  # (space above, caption, pictures, below)
    for start in range(0, most, columns):
        for number, (caption, pictures) in enumerate(rows.items()):
            part = pictures[start : start + columns]
            if len(part):
                above = 18 if start and not number else 0
                under = below[start : start + columns] if number == len(rows) - 1 else ()
                strips.append((above, captions[caption], _tiled(part, columns, scale, pad, WHITE), under))
    text = Text(strips[0][2].shape[1])
    left = 16 + max(text.width(line) for lines in captions.values() for line in lines)
    heights = [above + max(tiles.shape[0], text.line * len(lines)) for above, lines, tiles, _ in strips]
    step = (strips[0][2].shape[1] - pad) // columns
    above_columns = _heads(text, heads[:columns], step)
    titled = text.line + 12 if title else 0
    top = titled + max((text.line * len(lines) + 8 for lines in above_columns), default=0)
    footer = text.line * max((words.count("\n") + 1 for words in below), default=0)
    middles = [left + pad + column * step + (step - pad) // 2 for column in range(columns)]
    ends = [middles[at] + text.width(line) // 2 + 2 for at, lines in enumerate(above_columns) for line in lines]
    width = max(left + strips[0][2].shape[1], text.width(title) + 4, *ends)
    feet = sum(footer for *_, under in strips if under)
    sheet = Image.new("RGB", (width, top + sum(heights) + feet), WHITE)
    draw = ImageDraw.Draw(sheet)
    if title:
        text.write(draw, (2, text.line // 2 + 2), title, "lm", INK)
    for middle, lines in zip(middles, above_columns, strict=False):
        for number, line in enumerate(reversed(lines)):
            text.write(draw, (middle, top - 6 - number * text.line), line, "ms", SOFT)
    y = top
    for (above, lines, tiles, under), height in zip(strips, heights, strict=True):
        sheet.paste(Image.fromarray(tiles), (left, y + above))
        middle = y + above + (height - above) // 2 - (len(lines) - 1) * text.line // 2
        for number, line in enumerate(lines):
            text.write(draw, (left - 12, middle + number * text.line), line, "rm", INK)
        y += height
        for column, words in enumerate(under):
            for number, line in enumerate(words.split("\n")):
                text.write(draw, (middles[column], y + number * text.line + text.line // 2), line, "mm", SOFT)
        y += footer if under else 0
    return sheet


def _heads(text: Text, heads: Sequence[str], step: int) -> list[list[str]]:
    """The lines above each column, ``step`` pixels wide; none where its neighbour's name takes the room."""
    named = [at for at, head in enumerate(heads) if head]
    if len(named) > ALL_NAMED:
        widest = sorted(max(map(text.width, heads[at].split(" "))) for at in named)
        every = -(-(widest[len(widest) // 2] + 6) // step)  # most heads fit: a longer one is broken
        named = [*named[: max(1, len(named) - every) : every], named[-1]]
    lines: list[list[str]] = [[] for _ in heads]
    most = max(step - 6, text.width("0" * 16))  # where no neighbour is near
    for place, at in enumerate(named):
        near = [abs(at - other) * step - 6 for other in (*named[max(0, place - 1) : place], *named[place + 1 :][:1])]
        lines[at] = text.broken(heads[at], min([*near, most]))
    return lines


def in_words(name: str) -> str:
    """The name of a group, or pictures as they were typed, for a head: ``man_with_glasses`` in words, to be broken."""
    return name.replace("_", " ").replace(",", " ")


def blocks(
    columns: Mapping[str, Sequence[Sequence[np.ndarray]]], captions: Sequence[str], *, scale: int = 1, pad: int = 2
) -> Image.Image:
    """Blocks of pictures beside each other, one row for each caption: what is compared has one place in all of them.

    Args:
        columns: title of a block -> its rows, one for each caption, each of lines (n, h, w, c) uint8 below each other.
            All lines hold equally many pictures of one size, and all rows equally many lines.
        captions: what each row is; ``\\n`` breaks a line.
        scale: whole factor by which each picture is enlarged.
    """
    from PIL import Image, ImageDraw

    sheets = [
        [_tiled(np.concatenate([_as_rgb(line) for line in row]), len(row[0]), scale, pad, WHITE) for row in rows]
        for rows in columns.values()
    ]
    if not sheets or any(len(rows) != len(captions) or not rows for rows in sheets):
        raise ValueError("blocks needs at least one block, and in each a row for every caption")
    height, width = sheets[0][0].shape[:2]
    text, space = Text(len(sheets) * width), 14  # between rows, and twice that between blocks
    left = 16 + max(text.width(line) for caption in captions for line in caption.split("\n"))
    top = text.line + 10
    size = (left + len(sheets) * (width + 2 * space) - 2 * space, top + len(captions) * (height + space) - space)
    sheet = Image.new("RGB", size, WHITE)
    draw = ImageDraw.Draw(sheet)
    for block, (title, rows) in enumerate(zip(columns, sheets, strict=True)):
        x = left + block * (width + 2 * space)
        text.write(draw, (x + pad, top // 2), title, "lm", INK)
        for number, row in enumerate(rows):
            sheet.paste(Image.fromarray(row), (x, top + number * (height + space)))
    for number, caption in enumerate(captions):
        lines = caption.split("\n")
        middle = top + number * (height + space) + height // 2 - (len(lines) - 1) * text.line // 2
        for below, line in enumerate(lines):
            text.write(draw, (left - 12, middle + below * text.line), line, "rm", INK if not below else SOFT)
    return sheet


def beside(panels: Mapping[str, Image.Image], *, gap: int = 36) -> Image.Image:
    """Drawings side by side, each in the middle of the height under its caption (which may be empty)."""
    from PIL import Image, ImageDraw

    text = Text(sum(panel.width for panel in panels.values()))
    captions = {caption: text.broken(caption, panel.width) if caption else [] for caption, panel in panels.items()}
    tall = max(panel.height + text.line * len(captions[caption]) for caption, panel in panels.items()) + 8
    sheet = Image.new("RGB", (sum(panel.width + gap for panel in panels.values()) - gap, tall), WHITE)
    draw, x = ImageDraw.Draw(sheet), 0
    for caption, panel in panels.items():
        y = (tall - panel.height + text.line * len(captions[caption])) // 2
        sheet.paste(panel, (x, y))
        for number, line in enumerate(reversed(captions[caption])):
            text.write(draw, (x + panel.width // 2, y - 6 - number * text.line), line, "ms", SOFT)
        x += panel.width + gap
    return sheet


def heat(image: np.ndarray, strength: np.ndarray, *, scale: int = 1, colour: Colour = MARK) -> Image.Image:
    """A picture with a map laid over it: a mask, or a heat map of any resolution.

    Args:
        image: (h, w, c) uint8.
        strength: (rows, columns), boolean or from 0 (the picture alone) to 1 (the colour, nearly covering).
    """
    from PIL import Image

    tile = Image.fromarray(_tiled(image[None], 1, scale, 0, WHITE))
    if strength.ndim != 2 or not np.isfinite(strength).all() or strength.min() < 0 or strength.max() > 1:
        raise ValueError("heat needs a map (rows, columns) of numbers from 0 to 1")
    levels = np.round(strength.astype(np.float64) * 190).astype(np.uint8)
    mask = Image.fromarray(levels).resize(tile.size, Image.Resampling.NEAREST)
    return Image.composite(Image.new("RGB", tile.size, colour), tile, mask)


def outline_boxes(
    image: np.ndarray,
    boxes: Iterable[tuple[float, float, float, float]],
    *,
    scale: int = 1,
    colour: Colour = MARK,
) -> Image.Image:
    """A picture with boxes (x, y, w, h), in its own pixels, drawn around what they hold."""
    from PIL import Image, ImageDraw

    tile = Image.fromarray(_tiled(image[None], 1, scale, 0, WHITE))
    draw = ImageDraw.Draw(tile)
    for x, y, w, h in boxes:
        edges = [round(x * scale), round(y * scale), round((x + w) * scale) - 1, round((y + h) * scale) - 1]
        corners = (edges[0], edges[1], max(edges[0], edges[2]), max(edges[1], edges[3]))
        draw.rectangle(corners, outline=colour, width=max(1, scale // 3))
    return tile


def _tiled(images: np.ndarray, columns: int, scale: int, pad: int, background: Colour) -> np.ndarray:
    pictures = _as_rgb(images)
    if columns < 1 or scale < 1 or pad < 0:
        raise ValueError("columns and scale are at least 1, pad at least 0")
    pictures = pictures.repeat(scale, axis=1).repeat(scale, axis=2)
    n, h, w, _ = pictures.shape
    rows = -(-n // columns)
    sheet = np.empty((rows * (h + pad) + pad, columns * (w + pad) + pad, 3), np.uint8)
    sheet[:] = background
    for number, picture in enumerate(pictures):
        y, x = pad + number // columns * (h + pad), pad + number % columns * (w + pad)
        sheet[y : y + h, x : x + w] = picture
    return sheet


def _as_rgb(images: np.ndarray) -> np.ndarray:
    """(n, h, w, c) uint8 -> (n, h, w, 3); what is transparent shows a checkerboard behind it."""
    if images.dtype != np.uint8 or images.ndim != 4 or not images.size:
        raise ValueError(f"pictures are (n, h, w, c) uint8, not {images.shape} {images.dtype}")
    images = visible(images)
    if images.shape[3] < 4:
        return np.broadcast_to(images, (*images.shape[:3], 3))
    y, x = np.indices(images.shape[1:3]) // max(2, images.shape[1] // 16)
    behind = np.array(_CHECKS, np.uint16)[(x + y) % 2]
    cover = images[..., 3:].astype(np.uint16)
    return ((images[..., :3] * cover + behind * (255 - cover) + 127) // 255).astype(np.uint8)
