"""What is written on pictures, beside and below them."""

from __future__ import annotations

import re
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

    Chinese, Japanese and Korean letters it lacks: figures and plots spell them out as ``\\u5fae``.

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


def spelt(words: str) -> str:
    """The words with each letter that the font lacks as its number, ``\\u5fae``: two names never look alike.

    A font of the system that has them would make other pixels on other machines.
    """
    return "".join(one if one < "\u0250" or _has(one) else _number_of(one) for one in words)


@cache
def _has(letter: str) -> bool:
    if letter.isspace() or not letter.isprintable():
        return True  # nothing is drawn for it
    ours = font(_SIZE)
    shape, missing = (ours.getmask(one) for one in (letter, "\U0010ffff"))  # no font has the last one
    return (shape.size, bytes(shape)) != (missing.size, bytes(missing))


def _number_of(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"


class Text:
    """Writing on a figure whose pictures take ``beside`` pixels, readable when a page shows all of it."""

    def __init__(self, beside: int) -> None:
        size = round(_SIZE * max(1.0, beside / _READABLE))
        self.line = round(size * 1.42)
        self._font = font(size)

    def width(self, words: str) -> int:
        return int(np.ceil(self._font.getlength(spelt(words))))

    def broken(self, words: str, width: int) -> list[str]:
        """Lines no wider than ``width`` pixels, unless a single letter is; words that are wider are broken."""
        lines: list[str] = []
        for word in (
            part for whole in spelt(words).replace("\n", " ").split(" ") for part in self._parts(whole, width)
        ):
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.width(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines

    def _parts(self, word: str, width: int) -> list[str]:
        """A word as it is, or in as few pieces as fit."""
        pieces = [""]
        for letter in re.findall(r"\\u[0-9a-f]{4}|\\U[0-9a-f]{8}|.", word, re.DOTALL):
            if pieces[-1] and self.width(pieces[-1] + letter) > width:
                pieces.append("")
            pieces[-1] += letter
        return pieces

    def write(
        self, draw: ImageDraw.ImageDraw, place: tuple[int, int], words: str, anchor: str, colour: tuple[int, int, int]
    ) -> None:
        draw.text(place, spelt(words), fill=colour, font=self._font, anchor=anchor)
