"""The contrast of a page's colours, as WCAG 2 counts it, read from its style sheet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

SMALL_PRINT = 4.5  # the least contrast of text (1.4.3)
DRAWING = 3.0  # and of the lines of fields and drawings (1.4.11)


def contrast(one: str, other: str) -> float:
    """Of two colours such as ``#1c1f24`` or ``#fff``: 1 where they are the same, 21 of black on white."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def variables(style: str) -> dict[str, str]:
    """The colours that have a name: ``{"--ink": "#1c1f24"}``."""
    return dict(re.findall(r"(--[a-z]+): (#[0-9a-f]{3,6});", style))


def text_colours(style: str) -> Iterator[tuple[str, str, str | None]]:
    """Of every rule that colours text: its selector, the colour, and the background where it gives one too."""
    plain = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    for name, value in variables(plain).items():
        plain = plain.replace(f"var({name})", value)
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", plain):
        given = dict(re.findall(r"(?:^|;)\s*(color|background(?:-color)?): (#[0-9a-f]{3,6})", body))
        if "color" in given:
            yield selector.strip(), given["color"], given.get("background")


def too_faint(pairs: Iterable[tuple[str, str]], least: float = SMALL_PRINT) -> list[str]:
    return [f"{one} on {other} is {contrast(one, other):.2f}" for one, other in pairs if contrast(one, other) < least]


def _luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
