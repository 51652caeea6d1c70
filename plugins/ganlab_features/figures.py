"""Pictures beside their gradients, trained beside untrained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ganlab import Figure, Gan
from ganlab import figures as draw

from .receptive import Fields

TILE = 110  # pixels that a picture should about take
PALE = 184  # grey that lies over what a unit does not see


def colours(gradients: np.ndarray) -> np.ndarray:
    """Signed gradients (n, c, h, w) -> (n, h, w, 1 or 3) uint8: grey for zero, each with its own largest at the ends.

    The fourth channel of transparent pictures is left out; where channels are shown as colours, the strongest counts.
    """
    shown = gradients[:, :3] if gradients.shape[1] == 4 else gradients
    if shown.shape[1] not in (1, 3):
        strongest = np.abs(shown).argmax(1)[:, None]
        shown = np.take_along_axis(shown, strongest, axis=1)
    strength = np.abs(shown).reshape(len(shown), -1)
    # a single pixel must not leave the others grey
    largest = np.quantile(strength, 0.9995, axis=1)[:, None, None, None]
    levels = 127.5 * (1 + shown / np.maximum(largest, 1e-30))
    return levels.round().clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1)


def crops(pictures: np.ndarray, units: np.ndarray, fields: Fields, fade: bool = False) -> np.ndarray:
    """What units (n, 3) see of pictures (n, h, w, c) uint8, all in one size.

    Near a border that is less than elsewhere: then the crop reaches a little further into the picture.

    Args:
        fade: show what the unit does not see paler.
    """
    height, width = fields.largest
    cut = np.empty((len(pictures), height, width, pictures.shape[3]), np.uint8)
    for tile, picture, (_, row, column) in zip(cut, pictures, units, strict=True):
        top, bottom, left, right = fields.box(row, column)
        shown = picture // 4 + PALE if fade else picture.copy()
        shown[top:bottom, left:right] = picture[top:bottom, left:right]
        down, across = min(top, len(picture) - height), min(left, picture.shape[1] - width)
        tile[:] = shown[down : down + height, across : across + width]
    return cut


def strongest(
    gan: Gan,
    filters: Sequence[int],
    sides: Mapping[str, tuple[torch.Tensor, torch.Tensor, np.ndarray]],
    fields: Fields,
    layer: str,
    rule: str,
) -> Figure:
    """Figure 5: the pictures that each filter responds to most, and the gradients, cut to what the unit sees.

    Args:
        sides: title -> images, gradients (filters * top, c, h, w) and units (filters * top, 3).
    """
    blocks = {}
    for title, (images, gradients, units) in sides.items():
        pictures = crops(gan.image.shown(images), units, fields, fade=True)
        beside = crops(colours(gradients.numpy()), units, fields)
        blocks[title] = _lines(len(filters), pictures, beside)
    height, width = fields.largest
    sheet = draw.blocks(blocks, [f"filter {number}" for number in filters], scale=_scale(width))
    return Figure(
        sheet,
        f"What {layer} responds to: for each filter the pictures of DATA with its largest responses, cut to the "
        f"{height}x{width} pixels that its unit sees (paler: what it does not see), and below each the {rule} gradient "
        "of that response: zero is grey, lighter and darker say which way a pixel would have to change. Each gradient "
        "is scaled by its own largest value: how strong they are cannot be compared.",
    )


def concepts(
    gan: Gan,
    captions: Sequence[str],
    sides: Mapping[str, tuple[torch.Tensor, torch.Tensor, torch.Tensor]],
    judged: str,
) -> Figure:
    """For each concept the filter that fits it best: where it fires in the pictures it responds to most.

    Args:
        captions: one for each concept.
        sides: title -> images, gradients (concepts * top, c, h, w), and where the filter fires (concepts * top, h, w).
    """
    blocks = {}
    for title, (images, gradients, fired) in sides.items():
        pictures = gan.image.shown(images)
        tiles = [
            np.asarray(draw.heat(image, where)) for image, where in zip(pictures, 0.6 * fired.numpy(), strict=True)
        ]
        blocks[title] = _lines(len(captions), np.stack(tiles), colours(gradients.numpy()))
    return Figure(
        draw.blocks(blocks, captions, scale=_scale(gan.image.size)),
        f"For each concept the filter that fires on it best, in the {judged} with its largest responses: in colour "
        "where it fires, and below the gradient of the strongest unit, scaled by its own largest value. IoU: how far "
        "where the filter fires and the concept's masks overlap, over all pictures; at the left of both filters.",
    )


def _lines(rows: int, pictures: np.ndarray, gradients: np.ndarray) -> list[list[np.ndarray]]:
    top = len(pictures) // rows
    parts = (slice(row * top, (row + 1) * top) for row in range(rows))
    return [[pictures[part], gradients[part]] for part in parts]


def _scale(pixels: int) -> int:
    return max(1, round(TILE / pixels))
