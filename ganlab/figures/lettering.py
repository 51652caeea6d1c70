"""What is written on pictures, beside and below them."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

_SIZE = 13  # pixels
_READABLE = 1000  # pixels; a page shows wider figures smaller, so their text is written larger


def font(size: float) -> ImageFont.FreeTypeFont:
    """The font of figures and plots: DejaVu Sans, with Latin, Greek, Cyrillic, Hebrew and Arabic letters.

    Chinese, Japanese and Korean letters it lacks: they become boxes.

    Args:
        size: of the letters, in pixels.
    """
    from PIL import ImageFont

    return ImageFont.truetype(_font_file(), size)


@cache
def _font_file() -> str:
    """The one that comes with matplotlib, where that may be without importing it."""
    found = find_spec("matplotlib")
    inside = Path("fonts", "ttf", "DejaVuSans.ttf")
    if found is not None and found.origin is not None:
        file = Path(found.origin).with_name("mpl-data") / inside
        if file.exists():
            return str(file)
    import matplotlib  # systems that keep its data elsewhere tell it where

    return str(Path(matplotlib.get_data_path()) / inside)


class Text:
    """Writing on a figure whose pictures take ``beside`` pixels, readable when a page shows all of it."""

    def __init__(self, beside: int) -> None:
        size = round(_SIZE * max(1.0, beside / _READABLE))
        self.line = round(size * 1.42)
        self._font = font(size)

    def width(self, words: str) -> int:
        return int(np.ceil(self._font.getlength(words)))

    def broken(self, words: str, width: int) -> list[str]:
        """Lines no wider than ``width`` pixels, unless a single word is."""
        lines: list[str] = []
        for word in words.split(" "):
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.width(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines

    def write(
        self, draw: ImageDraw.ImageDraw, place: tuple[int, int], words: str, anchor: str, colour: tuple[int, int, int]
    ) -> None:
        draw.text(place, words, fill=colour, font=self._font, anchor=anchor)
