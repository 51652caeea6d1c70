"""Things that stand on the floor or hang from the ceiling: beds, lamps, tables, wardrobes and rugs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..drawing import Canvas, Colour, Glow, Span, View, draw_block, painted, random_colour, shade, wood


@dataclass(frozen=True)
class Bed:
    """Where a bed stands (metres) and which way it points."""

    head: str  # the wall at its head: "back", "left" or "right"
    x: Span
    z: Span
    height: float  # of the mattress top
    headboard: float  # height of the headboard


def draw_bed(canvas: Canvas, view: View, bed: Bed, rng: np.random.Generator) -> None:
    """Frame, headboard, mattress, blanket and pillows."""
    canvas.begin("bed")
    board = wood(rng) if rng.random() < 0.65 else painted(rng)
    sheet = random_colour(rng, (0.0, 0.12), (0.82, 0.98))
    blanket = painted(rng)
    stripe = painted(rng) if rng.random() < 0.35 else None
    pillow = sheet if rng.random() < 0.55 else painted(rng)
    pillows = int(rng.integers(1, 3))
    if bed.head == "back":
        _draw_bed_from_foot(canvas, view, bed, (board, sheet, blanket, pillow), stripe, pillows)
    else:
        _draw_bed_from_side(canvas, view, bed, (board, sheet, blanket, pillow), stripe, pillows)


def _draw_bed_from_foot(
    canvas: Canvas,
    view: View,
    bed: Bed,
    colours: tuple[Colour, Colour, Colour, Colour],
    stripe: Colour | None,
    pillows: int,
) -> None:
    """A bed with its head at the back wall and its foot towards the camera."""
    board, sheet, blanket, pillow = colours
    (x0, x1), (z0, z1), top = bed.x, bed.z, bed.height
    draw_block(canvas, view, (x0 - 0.06, x1 + 0.06), (0.0, bed.headboard), (z1 - 0.1, z1), board)
    draw_block(canvas, view, bed.x, (0.0, 0.22), bed.z, shade(board, 0.75))
    draw_block(canvas, view, bed.x, (0.2, top), (z0, z1 - 0.1), sheet)
    width = (x1 - x0) / pillows
    for number in range(pillows):
        middle = x0 + (number + 0.5) * width
        half = min(0.42 * width, 0.42)
        _draw_cushion(canvas, view, (middle - half, middle + half), (top, top + 0.3), z1 - 0.25, pillow)
    fold = z0 + 0.64 * (z1 - z0)
    cover = (x0 - 0.03, x1 + 0.03)
    draw_block(canvas, view, cover, (0.16, top + 0.04), (z0 - 0.03, fold), blanket)
    if stripe is not None:
        height = top + 0.04
        near, far = z0 + 0.1, z0 + 0.5
        corners = ((cover[0], near), (cover[1], near), (cover[1], far), (cover[0], far))
        canvas.polygon([view.project(x, height, z) for x, z in corners], stripe)


def _draw_bed_from_side(
    canvas: Canvas,
    view: View,
    bed: Bed,
    colours: tuple[Colour, Colour, Colour, Colour],
    stripe: Colour | None,
    pillows: int,
) -> None:
    """A bed along the back wall with its head at the left or right wall."""
    board, sheet, blanket, pillow = colours
    (x0, x1), (z0, z1), top = bed.x, bed.z, bed.height
    length = x1 - x0
    # Positions are measured from the head, so that one piece of code serves both directions.
    start, step = (x0, 1.0) if bed.head == "left" else (x1, -1.0)

    def across(near: float, far: float) -> Span:
        ends = (start + step * near, start + step * far)
        return min(ends), max(ends)

    draw_block(canvas, view, across(0, 0.1), (0.0, bed.headboard), bed.z, board)
    draw_block(canvas, view, across(0.1, length), (0.0, 0.24), bed.z, shade(board, 0.75))
    draw_block(canvas, view, across(0.1, length), (0.22, top), bed.z, sheet)
    for number in reversed(range(pillows)):
        z = z0 + (number + 0.35) * (z1 - z0) / pillows
        _draw_cushion(canvas, view, across(0.14, 0.62), (top, top + 0.26), z, pillow)
    draw_block(canvas, view, across(0.72, length + 0.03), (0.18, top + 0.04), (z0 - 0.03, z1), blanket)
    if stripe is not None:
        (left, right), height = across(length - 0.55, length - 0.2), top + 0.04
        corners = ((left, z0), (right, z0), (right, z1), (left, z1))
        canvas.polygon([view.project(x, height, z) for x, z in corners], stripe)
    draw_block(canvas, view, across(length, length + 0.07), (0.0, top + 0.1), bed.z, board)


def _draw_cushion(canvas: Canvas, view: View, x: Span, y: Span, z: float, colour: Colour) -> None:
    """A pillow that leans upright: a rectangle with rounded corners and a darker lower half."""
    middle, half = (x[0] + x[1]) / 2, (x[1] - x[0]) / 2
    centre, rise = (y[0] + y[1]) / 2, (y[1] - y[0]) / 2
    outline = []
    for step in range(16):
        angle = step * math.pi / 8
        # The square root pulls the ellipse out towards its bounding rectangle.
        dx = math.copysign(math.sqrt(abs(math.cos(angle))), math.cos(angle))
        dy = math.copysign(math.sqrt(abs(math.sin(angle))), math.sin(angle))
        outline.append((middle + half * dx, centre + rise * dy))
    canvas.polygon([view.project(a, h, z) for a, h in outline], shade(colour, 0.78))
    upper = [(a, centre + (h - centre) * 0.75 + rise * 0.25) for a, h in outline]
    canvas.polygon([view.project(a, h, z) for a, h in upper], shade(colour, 1.03))


@dataclass(frozen=True)
class LampStyle:
    """Colours and shape that the lamps of a room share."""

    shade_colour: Colour
    stand: Colour
    taper: float  # width of the shade at the top over its width at the bottom
    lit: bool


def sample_lamp_style(rng: np.random.Generator, hour: str) -> LampStyle:
    """Lamps are lit more often when it is dark outside."""
    lit = rng.random() < {"day": 0.25, "dusk": 0.7, "night": 0.9}[hour]
    colour = random_colour(rng, (0.05, 0.4), (0.8, 0.98), (0.08, 0.15)) if rng.random() < 0.5 else painted(rng)
    stand = wood(rng) if rng.random() < 0.4 else random_colour(rng, (0.0, 0.2), (0.12, 0.6))
    return LampStyle(colour, shade(stand, 0.7), float(rng.uniform(0.5, 0.9)), lit)


def _draw_shade(canvas: Canvas, view: View, x: float, y: Span, z: float, width: float, style: LampStyle) -> None:
    """The lamp shade, a trapezium ``width`` metres wide at its lower edge, with a glow if lit."""
    bottom, top = width / 2, width / 2 * style.taper
    # Left, middle and right part: three tones make the shade look round.
    for left, right, tone in ((-1.0, -0.4, 0.84), (-0.4, 0.4, 1.05), (0.4, 1.0, 0.74)):
        points = [
            (x + left * bottom, y[0]),
            (x + right * bottom, y[0]),
            (x + right * top, y[1]),
            (x + left * top, y[1]),
        ]
        colour = style.shade_colour
        if style.lit:
            red, green, blue = colour
            colour = ((red + 510) // 3, (green + 480) // 3, (blue + 380) // 3)  # two parts of lamplight
            tone = 0.5 + 0.5 * tone
        canvas.polygon([view.project(a, h, z) for a, h in points], shade(colour, tone), emissive=style.lit)
    if style.lit:
        canvas.glows.append(Glow(view.project(x, (y[0] + y[1]) / 2, z), 0.16, 0.38))


def _draw_upright(canvas: Canvas, view: View, x: float, y: Span, z: float, width: float, colour: Colour) -> None:
    """A vertical bar facing the camera."""
    half = width / 2
    corners = ((x - half, y[0]), (x + half, y[0]), (x + half, y[1]), (x - half, y[1]))
    canvas.polygon([view.project(a, h, z) for a, h in corners], colour)


def draw_standing_lamp(
    canvas: Canvas,
    view: View,
    place: tuple[float, float, float],
    height: float,
    width: float,
    style: LampStyle,
) -> None:
    """A lamp whose foot stands at ``place``: a floor lamp, or on a table a bedside lamp."""
    x, y, z = place
    canvas.begin("lamp")
    shade_height = width * (0.75 if height > 1.0 else 0.65)
    _draw_upright(canvas, view, x, (y, y + height - shade_height), z, 0.09, style.stand)
    _draw_upright(canvas, view, x, (y, y + 0.08), z, 0.55 * width, style.stand)
    _draw_shade(canvas, view, x, (y + height - shade_height, y + height), z, width, style)


def draw_hanging_lamp(
    canvas: Canvas, view: View, x: float, z: float, drop: float, width: float, style: LampStyle
) -> None:
    """A lamp that hangs ``drop`` metres below the ceiling."""
    canvas.begin("lamp")
    bottom = view.height - drop - 0.6 * width
    _draw_upright(canvas, view, x, (bottom, view.height), z, 0.05, style.stand)
    _draw_shade(canvas, view, x, (bottom, bottom + 0.6 * width), z, width, style)


def draw_bedside_table(canvas: Canvas, view: View, x: Span, z: Span, height: float, colour: Colour) -> None:
    """A small chest with two drawers."""
    canvas.begin(None)
    draw_block(canvas, view, x, (0.0, height), z, colour)
    for bottom, top in ((0.12, 0.46), (0.54, 0.88)):
        corners = [(x[0] + 0.06, bottom), (x[1] - 0.06, bottom), (x[1] - 0.06, top), (x[0] + 0.06, top)]
        canvas.polygon([view.project(a, h * height, z[0]) for a, h in corners], shade(colour, 0.66))


def draw_wardrobe(canvas: Canvas, view: View, x: Span, height: float, rng: np.random.Generator) -> None:
    """A cupboard with two plain doors and knobs, or an open shelf, at the back wall."""
    canvas.begin(None)
    colour = wood(rng) if rng.random() < 0.6 else painted(rng)
    near = view.depth - 0.5
    draw_block(canvas, view, x, (0.0, height), (near, view.depth), colour)
    width = x[1] - x[0]

    def front(left: float, right: float, bottom: float, top: float, tone: float) -> None:
        corners = ((left, bottom), (right, bottom), (right, top), (left, top))
        points = [view.project(x[0] + a * width, h * height, near) for a, h in corners]
        canvas.polygon(points, shade(colour, tone))

    if rng.random() < 0.5:
        front(0.48, 0.52, 0.06, 0.97, 0.5)
        front(0.38, 0.44, 0.48, 0.54, 0.35)
        front(0.56, 0.62, 0.48, 0.54, 0.35)
        return
    for row in range(4):
        front(0.08, 0.92, 0.05 + 0.24 * row, 0.23 + 0.24 * row, 0.45)
        end = float(rng.uniform(0.3, 0.8))
        front(0.12, end, 0.05 + 0.24 * row, 0.18 + 0.24 * row, float(rng.uniform(0.6, 1.2)))


def draw_rug(canvas: Canvas, view: View, x: Span, z: Span, rng: np.random.Generator) -> None:
    """A rug on the floor with a border."""
    canvas.begin(None)
    colour = painted(rng)
    for inset, tone in ((0.0, 0.75), (0.12, 1.0)):
        left, right, near, far = x[0] + inset, x[1] - inset, z[0] + inset, z[1] - inset
        corners = ((left, near), (right, near), (right, far), (left, far))
        canvas.polygon([view.project(a, 0.0, b) for a, b in corners], shade(colour, tone))
