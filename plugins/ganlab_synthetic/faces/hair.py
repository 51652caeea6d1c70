"""Hair: what hangs behind the head and what lies on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..drawing import Canvas, shade
from .features import curve, paint
from .head import EYES, Head, smooth, stroke
from .sitter import Sitter

BELOW = 1.7  # where hair ends that hangs below the picture
# Hairlines from the middle of the forehead to the back: angle in degrees (to the picture's right) and height.
PARTED = ((0.0, -0.70), (16.0, -0.66), (34.0, -0.48), (50.0, -0.16), (59.0, 0.22), (62.0, 0.62))
FRINGE = ((0.0, -0.33), (18.0, -0.33), (38.0, -0.29), (51.0, -0.10), (59.0, 0.22), (62.0, 0.62))
SHORT = (
    (0.0, -0.60),
    (24.0, -0.63),
    (44.0, -0.53),
    (57.0, -0.34),
    (66.0, -0.05),
    (72.0, 0.20),
    (79.0, 0.22),
    (86.0, 0.0),
    (98.0, -0.06),
    (110.0, 0.2),
    (120.0, 0.42),
    (150.0, 0.5),
    (180.0, 0.5),
)


@dataclass(frozen=True)
class Hair:
    """A haircut on one head.

    Attributes:
        shell: the wrap that the hair fills.
        line: where it ends on the face, (n, 2) angle in radians and height, from the left of the back to its right.
        end: height at which long hair ends; None where it is short.
        wave: how far long hair swings to the sides, in head units.
    """

    shell: Head
    line: np.ndarray
    end: float | None
    wave: float


def sample_hair(rng: np.random.Generator, sitter: Sitter) -> Hair:
    """A woman's hair falls to the chin or below the shoulders, a man's is short."""
    volume, length, parting, wave, kind = rng.random(5).tolist()
    side = 1.0 if rng.random() < 0.5 else -1.0
    volume *= 0.2 if sitter.attributes.hat else 1.0
    thick = 0.055 + 0.05 * volume
    if sitter.attributes.woman:
        end = 0.98 + 0.1 * length if kind < 0.3 else BELOW
        front = FRINGE if 0.2 < kind < 0.55 else PARTED
        half = np.array([*front, (62.0, end)])
        line = _mirrored(half)
        if front is PARTED:  # the parting lies a little to one side
            line[:, 0] += side * (6 + 14 * parting) * np.clip((-line[:, 1] - 0.3) / 0.4, 0, 1)
        shell = sitter.head.inflated(thick + 0.02, 0.07 + 0.05 * volume).hanging(0.06 * (end == BELOW))
        return Hair(shell, _radians(line), end, 0.035 * wave)
    line = _mirrored(np.array(SHORT))
    slant = side * 0.09 * parting * np.sin(np.radians(np.clip(1.8 * line[:, 0], -90, 90)))
    line[:, 1] += slant * (np.abs(line[:, 0]) < 55) - 0.05 * (kind > 0.6) * (np.abs(line[:, 0]) < 40)
    return Hair(sitter.head.inflated(0.6 * thick, 0.04 + 0.13 * volume), _radians(line), None, 0.0)


def _mirrored(half: np.ndarray) -> np.ndarray:
    """The line around the whole head from its right half."""
    return smooth(np.concatenate([half[:0:-1] * (-1, 1), half]), 5)


def _radians(line: np.ndarray) -> np.ndarray:
    """The line with its angles in radians."""
    return np.stack([np.radians(line[:, 0]), line[:, 1]], axis=-1)


def draw_hair_behind(canvas: Canvas, sitter: Sitter, hair: Hair) -> None:
    """What is seen of long hair behind face, neck and shoulders."""
    if hair.end is None:
        return
    y = np.linspace(EYES - 0.3, hair.end, 14)
    angles = np.radians(np.linspace(68, 292, 40))
    places = hair.shell.place(angles[None, :], y[:, None])
    left = np.stack([places[..., 0].min(axis=1), places[:, 0, 1]], axis=-1)
    right = np.stack([places[..., 0].max(axis=1), places[:, 0, 1]], axis=-1)
    outwards = _outwards(hair, sitter.head, y)
    paint(canvas, np.concatenate([(left - outwards)[::-1], right + outwards]), shade(sitter.hair, 0.66))


def draw_hair(canvas: Canvas, sitter: Sitter, hair: Hair) -> None:
    """What lies on the head, with a shadow on the forehead below it."""
    angle, y = hair.line.T
    seen = hair.shell.faces_viewer(angle, y)
    front = hair.shell.place(angle, y)
    cast = seen & (np.cos(angle) > 0.45) & (y < 0.3)
    if cast.any():
        shadow = sitter.head.place(angle[cast], y[cast] + 0.05, 0.03)
        paint(canvas, np.concatenate([shadow, front[cast][::-1]]), shade(sitter.skin, 0.72))
    first, last = y[seen][0], y[seen][-1]
    crown = float(hair.shell.profile[0, 0])
    rows = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, 30))
    up, down = first + (crown - first) * rows, crown + (last - crown) * rows
    left = hair.shell.edge(up, -1) - _outwards(hair, sitter.head, up)
    right = hair.shell.edge(down, 1) + _outwards(hair, sitter.head, down)
    paint(canvas, np.concatenate([front[seen], right[::-1], left[::-1]]), sitter.hair)
    if hair.end is not None:
        _draw_strands(canvas, sitter, hair, hair.end)


def _draw_strands(canvas: Canvas, sitter: Sitter, hair: Hair, end: float) -> None:
    """A darker strand on each side of long hair, as far as that side is seen."""
    for side in (-1, 1):
        if side == -sitter.near and abs(hair.shell.turn) > 0.2:
            continue
        line = curve(hair.shell, [(side * 70.0, -0.2), (side * 80.0, 0.3), (side * 80.0, end - 0.1)])
        fade = np.sin(np.linspace(0.1, np.pi - 0.1, len(line)))
        paint(canvas, stroke(line, 0.08 * hair.shell.unit * fade), shade(sitter.hair, 0.78))


def _outwards(hair: Hair, head: Head, y: np.ndarray) -> np.ndarray:
    """How far the edge of long hair lies outside its shell at heights y, (n, 2): in waves, and inwards at its end."""
    below = np.clip((y - EYES) / 0.4, 0, 1)
    aside = hair.wave * below * np.sin(7.5 * (y - EYES))
    if hair.end is not None and hair.end < BELOW:
        aside -= 0.16 * np.clip((y - hair.end + 0.4) / 0.4, 0, 1) ** 3
    return head.unit * np.stack([aside, 0 * y], axis=-1)
