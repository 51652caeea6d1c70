"""The pictures and the plot of an equation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw

from ganlab import Figure, Gan, counted
from ganlab import figures as draw

from .operands import Operand
from .success import Success

MOST = 5  # exemplars of a term that are shown
STRIP = 30  # pixels before each picture, for its sign


def scale_of(gan: Gan) -> int:
    """Whole factor that brings small pictures to about 128 pixels."""
    return max(1, 128 // gan.image.size)


def equation(
    gan: Gan,
    operands: Sequence[Operand],
    means: torch.Tensor,
    around: torch.Tensor,
    pixel_means: torch.Tensor,
    pixels: torch.Tensor,
    noise: float,
) -> Figure:
    """Figure 7: exemplars above what their mean z draws, equal to the centre of the grid; below, the same on pixels.

    Args:
        means: (terms, c, h, w), drawn from the terms' mean z.
        around: (9, c, h, w), G(Y) in the middle.
        pixel_means: (terms, c, h, w), means of the exemplars' pictures.
        pixels: (c, h, w), their sum.
    """
    most = min(MOST, max(len(operand.latents) for operand in operands))
    signs = ["-" if operand.term.sign < 0 else "+" for operand in operands] + ["="]
    if signs[0] == "+":
        signs[0] = ""
    columns = [gan.image.shown(gan.generate(operand.latents[:most])) for operand in operands]
    blank = np.full_like(columns[0][0], 255)
    rows = {
        f"exemplar {number + 1}": _row(gan, [column[number] if number < len(column) else blank for column in columns])
        for number in range(most)
    }
    rows["drawn from the mean z"] = _row(gan, gan.image.shown(torch.cat([means, around[4:5]])), signs)
    rows["mean of the pixels"] = _row(gan, gan.image.shown(torch.cat([pixel_means, pixels[None]])), signs)
    heads = [draw.in_words(operand.term.text) for operand in operands]
    sheet = draw.labelled_rows(rows, columns=len(signs), heads=[*heads, "result"], pad=4)
    enlarged = max(1, round(0.6 * sheet.height / (3 * gan.image.size)))
    grid = draw.grid(gan.image.shown(around), 3, scale=enlarged, pad=4)
    hidden = [operand for operand in operands if len(operand.latents) > most]
    caption = (
        "Each column is a term: its exemplars, the picture of their mean z, the mean of their pixels. Right: G(Y) in "
        f"the middle, around it Y with uniform noise of ±{noise:g}."
    )
    if hidden:
        caption += f" Only the first {most} exemplars of a term are shown."
    return Figure(draw.beside({"": sheet, f"G(Y), and around it Y with noise of ±{noise:g}": grid}), caption)


def random_draws(gan: Gan, success: Success, wanted: str) -> Figure:
    """The first random draws, few exemplars and many, and the most on pixels; what is judged wrong is outlined."""
    rows: dict[str, np.ndarray] = {}
    for number, count in enumerate(success.counts):
        rows[counted(count, "exemplar")] = _outlined(gan, success.pictures[number], success.hits[number])
    rows[f"{success.counts[-1]} exemplars, on pixels"] = _outlined(
        gan, success.pixel_pictures[-1], success.pixel_hits[-1]
    )
    return Figure(
        draw.labelled_rows(rows, scale=scale_of(gan)),
        f"The first random draws of exemplars, each a column; outlined where the labeler does not see {wanted}.",
    )


def success_rates(success: Success, plain: np.ndarray, wanted: str) -> Figure:
    """Success over the number of exemplars, in Z, on pixels, and what plain samples show anyway."""

    def with_band(hits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        shares = [(share.value, share.low, share.high) for share in success.shares(hits)]
        value, low, high = 100 * np.array(shares, float).T
        return value, low, high

    series = {"in Z": with_band(success.hits), "on pixels": with_band(success.pixel_hits)}
    caption = "How often the result shows all it should; bands are 95% intervals, whatever the pool."
    if success.passes is not None and success.pixel_passes is not None:
        series |= {"in Z, passes": with_band(success.passes), "on pixels, passes": with_band(success.pixel_passes)}
        caption += " Passes: and the discriminator finds it more real than the least real 5% of plain samples."
    plot = draw.curve(
        np.array(success.counts),
        series,
        levels={"plain samples": (100 * plain.mean(), None, None)},
        xlabel="exemplars a term",
        ylabel=f"shows {wanted} (%)",
        from_zero=True,
    )
    return Figure(plot, caption)


def _row(gan: Gan, pictures: Sequence[np.ndarray] | np.ndarray, signs: Sequence[str] = ()) -> np.ndarray:
    """Enlarged pictures (n, h, w + strip, 3), each with a white strip at its left that holds its sign."""
    tiles = []
    for number, picture in enumerate(pictures):
        tile = draw.grid(picture[None], 1, scale=scale_of(gan), pad=0)
        strip = Image.new("RGB", (tile.width + STRIP, tile.height), "white")
        strip.paste(tile, (STRIP, 0))
        if signs:
            _write_sign(strip, signs[number])
        tiles.append(np.asarray(strip))
    return np.stack(tiles)


def _write_sign(strip: Image.Image, sign: str) -> None:
    """In the middle of the strip; a minus as wide as a plus, which the font's hyphen is not."""
    pen, middle = ImageDraw.Draw(strip), strip.height // 2
    if sign == "-":
        pen.line((STRIP // 2 - 7, middle, STRIP // 2 + 6, middle), "black", 2)
    else:
        pen.text((STRIP // 2, middle), sign, "black", draw.font(STRIP), anchor="mm")


def _outlined(gan: Gan, images: torch.Tensor, right: np.ndarray) -> np.ndarray:
    """Pictures (n, h, w, 3) uint8 with a box around those that are not right."""
    side = gan.image.size
    tiles = gan.image.shown(images)
    boxes: list[list[tuple[float, float, float, float]]] = [[] if hit else [(0, 0, side, side)] for hit in right]
    marked: list[Image.Image] = [
        draw.outline_boxes(tile, box) for tile, box in zip(tiles, boxes[: len(tiles)], strict=True)
    ]
    return np.stack([np.asarray(one) for one in marked])
