"""Eyes, brows, nose, mouth, ears and beard."""

from __future__ import annotations

import numpy as np

from ..drawing import Canvas, Colour, mix, shade
from .head import Head, smooth, stroke
from .sitter import Sitter

EYE, EYE_Y, EYE_HALF = 0.485, -0.04, 0.285  # angle, height and half the angular width of an eye
MOUTH_Y = 0.565
INK: Colour = (28, 20, 20)
WHITE: Colour = (246, 244, 241)
ROUND = np.linspace(0, 2 * np.pi, 20, endpoint=False)


def paint(canvas: Canvas, points: np.ndarray, colour: Colour) -> None:
    """Fill a polygon of picture points (n, 2)."""
    canvas.polygon(points.tolist(), colour)


def curve(head: Head, degrees_and_heights: list[tuple[float, float]], out: float = 0.0) -> np.ndarray:
    """Picture points of a smooth line on the head, or ``out`` units above it, through (angle in degrees, y)."""
    line = smooth(np.array(degrees_and_heights), 5)
    return head.place(np.radians(line[:, 0]), line[:, 1], out)


def draw_eyes(canvas: Canvas, sitter: Sitter, rng: np.random.Generator) -> None:
    """Both eyes, the far one first."""
    opening = float(rng.uniform(0.92, 1.08))
    for side in (-sitter.near, sitter.near):
        _draw_eye(canvas, sitter, side, opening)


def _draw_eye(canvas: Canvas, sitter: Sitter, side: int, opening: float) -> None:
    head, woman = sitter.head, sitter.attributes.woman
    t = np.linspace(-1, 1, 15)
    angle = side * EYE + EYE_HALF * t
    corner = EYE_Y - 0.012 * side * t
    bow = 1 - t**2
    above = (0.15 if woman else 0.125) * opening * bow**0.75
    below = (0.06 if sitter.attributes.smile else 0.092) * bow**0.85
    upper, lower = corner - above, corner + below
    socket = np.concatenate([head.place(angle, corner - above * 1.7), head.place(angle, corner + below * 1.6)[::-1]])
    paint(canvas, socket, mix(sitter.skin, (120, 60, 60), 0.13 if woman else 0.08))
    paint(canvas, np.concatenate([head.place(angle, upper), head.place(angle, lower)[::-1]]), WHITE)

    def disc(radius: float, colour: Colour, across: float = 0.0, up: float = 0.0) -> None:
        """A round spot of the eyeball, cut off by the lids."""
        where = side * EYE + across + radius * np.cos(ROUND) / 0.68
        height = EYE_Y - 0.025 - up + radius * np.sin(ROUND)
        place = (where - side * EYE) / EYE_HALF
        height = np.clip(height, np.interp(place, t, upper), np.interp(place, t, lower))
        paint(canvas, head.place(where, height), colour)

    disc(0.112, shade(sitter.iris, 0.55))
    disc(0.092, sitter.iris)
    disc(0.056, INK)
    disc(0.034, WHITE, across=0.055 * np.sign(sitter.light), up=0.045)
    _draw_lashes(canvas, sitter, side, angle, upper, bow)
    fold = head.place(angle[2:-2], (corner - above * 1.5 - 0.015)[2:-2])
    paint(canvas, stroke(fold, 0.026 * head.unit), shade(sitter.skin, 0.72))
    paint(canvas, stroke(head.place(angle, lower), 0.025 * head.unit), shade(sitter.skin, 0.66))


def _draw_lashes(
    canvas: Canvas, sitter: Sitter, side: int, angle: np.ndarray, upper: np.ndarray, bow: np.ndarray
) -> None:
    """The dark line of the upper lid at angles and heights (n,), thickest where ``bow`` is 1."""
    woman = sitter.attributes.woman
    lid, fade = np.stack([angle, upper], axis=-1), 0.35 + 0.65 * np.sqrt(np.clip(bow, 0, 1))
    if woman:  # drawn out into lashes at the outer corner
        tail = np.array([[side * (EYE + 1.22 * EYE_HALF), EYE_Y - 0.06]])
        lid = np.concatenate([lid, tail]) if side > 0 else np.concatenate([tail, lid])
        fade = np.concatenate([fade, [0.3]]) if side > 0 else np.concatenate([[0.3], fade])
    line = sitter.head.place(lid[:, 0], lid[:, 1], 0.01)
    thick = (0.082 if woman else 0.05) * sitter.head.unit
    paint(canvas, stroke(line, thick * fade), mix(INK, sitter.skin, 0.05 if woman else 0.25))


def draw_brows(canvas: Canvas, sitter: Sitter, rng: np.random.Generator) -> None:
    """Brows: a woman's thin and arched, a man's thick and straight."""
    woman = sitter.attributes.woman
    lift, arch = rng.uniform(-0.015, 0.015, 2).tolist()
    colour = mix(shade(sitter.hair, 0.75), (60, 44, 36), 0.4)
    t = np.linspace(0, 1, 10)
    bow = np.sin(np.pi * (0.16 + 0.74 * t))
    y = EYE_Y - (0.225 if woman else 0.19) - lift - ((0.085 if woman else 0.05) + arch) * bow
    width = (0.066 if woman else 0.11) * (1 - 0.55 * t**2) * np.minimum(1, 0.55 + 3 * t)
    for side in (-1, 1):
        angle = side * (0.185 + (0.66 if woman else 0.68) * t)
        paint(canvas, stroke(sitter.head.place(angle, y, 0.015), width * sitter.head.unit), colour)


def draw_nose(canvas: Canvas, sitter: Sitter, rng: np.random.Generator) -> None:
    """The nose: a shaded side, a ball that stands out and so turns further than the face, nostrils."""
    head, woman = sitter.head, sitter.attributes.woman
    broad, long_ = rng.uniform(-1, 1, 2).tolist()
    wing = (0.2 if woman else 0.24) + 0.025 * broad
    base = 0.27 + 0.02 * long_
    dark = -1.0 if sitter.light > 0 else 1.0
    tip, root = head.place(0.0, base - 0.03, 0.17), head.place(dark * 0.03, -0.1, 0.02)
    ridge = smooth(np.stack([root, head.place(0.05 * dark, 0.06, 0.06), tip]), 5)
    foot = smooth(np.stack([tip, head.place(dark * 0.12, base + 0.03, 0.11), head.place(dark * wing, base, 0.05)]), 5)
    side = smooth(np.stack([head.place(dark * wing, base, 0.05), head.place(dark * 0.19, 0.06, 0.02), root]), 5)
    paint(canvas, np.concatenate([ridge, foot[1:], side[1:]]), shade(sitter.skin, 0.84))
    across = np.linspace(-1, 1, 13)
    bow = 1 - across**2
    wings = head.place(across * wing, base - 0.02, 0.04 + 0.11 * bow)
    ball = head.place(across * wing, base - 0.02 - 0.1 * bow**0.5, 0.04 + 0.11 * bow)
    under = head.place(across * wing, base + 0.055 * bow**0.6, 0.04 + 0.11 * bow)
    paint(canvas, np.concatenate([ball, under[::-1]]), shade(sitter.skin, 0.97))
    paint(canvas, np.concatenate([wings + np.array([0, 0.035 * head.unit]), under[::-1]]), shade(sitter.skin, 0.66))
    for sign in (-1, 1):
        hole = head.place(sign * 0.095, base + 0.03, 0.1)
        ellipse = np.stack([0.045 * np.cos(ROUND), 0.02 * np.sin(ROUND)], axis=-1)
        paint(canvas, hole + head.unit * ellipse, shade(sitter.skin, 0.45))


def draw_mouth(canvas: Canvas, sitter: Sitter, rng: np.random.Generator) -> None:
    """A wide upturned mouth, mostly with teeth, or closed straight lips."""
    wide, full = rng.uniform(-1, 1, 2).tolist()
    teeth = bool(rng.random() < 0.8)
    woman = sitter.attributes.woman
    red = (200, 40, 62) if woman else (172, 74, 66)
    lips = mix(sitter.skin, red, 0.74 if woman else 0.45)
    thick = (0.108 if woman else 0.066) * (1 + 0.15 * full)
    if sitter.attributes.smile:
        _draw_smile(canvas, sitter, 0.77 + 0.03 * wide, thick, lips, teeth)
    else:
        _draw_closed(canvas, sitter, 0.66 + 0.03 * wide, thick, lips)


def _draw_closed(canvas: Canvas, sitter: Sitter, half: float, thick: float, lips: Colour) -> None:
    head = sitter.head
    t = np.linspace(-1, 1, 21)
    angle, bow = half * t, 1 - t**2
    cupid = thick * (0.72 * bow**0.6 - 0.2 * np.exp(-((t / 0.16) ** 2)))
    line = MOUTH_Y + 0.012 * bow
    upper, middle = head.place(angle, line - cupid, 0.02), head.place(angle, line, 0.02)
    lower = head.place(angle, line + 1.3 * thick * bow**0.6, 0.02)
    paint(canvas, np.concatenate([upper, lower[::-1]]), lips)
    paint(canvas, np.concatenate([upper, middle[::-1]]), shade(lips, 0.84))
    ends = 0.5 + 0.5 * bow
    paint(canvas, stroke(middle, 0.045 * head.unit * ends), mix(INK, lips, 0.25))
    below = head.place(angle[6:-6], MOUTH_Y + thick * 1.25 + 0.05, 0.02)
    paint(canvas, stroke(below, 0.035 * head.unit * np.sin(np.linspace(0.2, np.pi - 0.2, 9))), shade(sitter.skin, 0.85))


def _draw_smile(canvas: Canvas, sitter: Sitter, half: float, thick: float, lips: Colour, teeth: bool) -> None:
    head = sitter.head
    t = np.linspace(-1, 1, 25)
    angle, bow = half * t, 1 - t**2
    corners = MOUTH_Y - 0.115
    top = corners + (0.085 if teeth else 0.14) * bow
    bottom = corners + (0.245 if teeth else 0.15) * bow
    inside = np.concatenate([head.place(angle, top, 0.02), head.place(angle, bottom, 0.02)[::-1]])
    rim = np.concatenate(
        [
            head.place(angle * 1.03, top - thick * 0.75 * bow**0.6 - 0.012, 0.02),
            head.place(angle * 1.03, bottom + thick * 0.95 * bow**0.7 + 0.012, 0.02)[::-1],
        ]
    )
    paint(canvas, rim, lips)
    if teeth:
        paint(canvas, inside, mix((92, 22, 28), lips, 0.1))
        biting = np.minimum(top + 0.125 * bow**0.5, bottom - 0.02 * bow)
        paint(canvas, np.concatenate([head.place(angle, top, 0.02), head.place(angle, biting, 0.02)[::-1]]), WHITE)
    else:
        paint(canvas, stroke(head.place(angle, top, 0.02), 0.05 * head.unit * (0.5 + 0.5 * bow)), mix(INK, lips, 0.3))
    for side in (-1, 1):  # the corners cut into the cheeks, and a fold runs from there to the nose
        tick = head.place(side * np.array([0.97, 1.04, 1.1]) * half, corners + np.array([0.01, -0.015, -0.06]), 0.02)
        paint(canvas, stroke(tick, 0.045 * head.unit), mix(INK, sitter.skin, 0.42))
        fold = curve(head, [(side * 24.0, 0.26), (side * 40.0, 0.33), (side * 53.0, 0.44)], 0.01)
        fade = np.sin(np.linspace(0.3, np.pi - 0.3, len(fold)))
        paint(canvas, stroke(fold, 0.04 * head.unit * fade), shade(sitter.skin, 0.87))


def draw_ear(canvas: Canvas, sitter: Sitter, side: int) -> None:
    """One ear; seen from the front a narrow one, wider as the head turns away."""
    head = sitter.head
    width = 0.105 + 0.05 * abs(np.sin(head.turn)) * (side == sitter.near)
    middle = head.place(side * 1.6, 0.13, 0.055)
    lobe = np.stack([np.cos(ROUND) * width * (1 - 0.18 * np.sin(ROUND)), 0.225 * np.sin(ROUND)], axis=-1)
    lobe[:, 0] -= side * 0.035 * np.sin(ROUND)  # wider at the top, nearer to the head at the lobe
    paint(canvas, middle + head.unit * lobe, shade(sitter.skin, 0.93))
    paint(canvas, middle + head.unit * (0.6 * lobe + [side * 0.012, -0.01]), shade(sitter.skin, 0.74))
    paint(canvas, middle + head.unit * (0.34 * lobe + [0.0, 0.03]), shade(sitter.skin, 0.88))


def draw_beard(canvas: Canvas, sitter: Sitter, rng: np.random.Generator) -> None:
    """Half of the men: a full beard or stubble, from the sideburns around the mouth."""
    kind, thickness = rng.random(2).tolist()
    if sitter.attributes.woman or kind < 0.5:
        return
    head = sitter.head
    full = kind > 0.68
    colour = mix(sitter.skin, shade(sitter.hair, 0.9), 0.92 if full else 0.48)
    grown = head.inflated(0.045 + 0.02 * thickness, 0.0) if full else head
    line = [(-150, 0.3), (-86, 0.2), (-72, 0.26), (-60, 0.42), (-40, 0.4), (-20, 0.385), (0, 0.375)]
    line += [(-angle, y) for angle, y in line[-2::-1]]
    points = smooth(np.array(line, dtype=float), 6)
    angle, y = np.radians(points[:, 0]), points[:, 1]
    seen = grown.faces_viewer(angle, y)
    upper = grown.place(angle[seen], y[seen])
    first, last = y[seen][0], y[seen][-1]
    rows = np.linspace(0, 1, 16)
    right, left = grown.edge(last + (1 - last) * rows, 1), grown.edge(first + (1 - first) * rows, -1)
    drop = 0.05 * full * head.unit * np.stack([0 * rows, rows], axis=-1)
    paint(canvas, np.concatenate([upper, right + drop, (left + drop)[::-1]]), colour)
