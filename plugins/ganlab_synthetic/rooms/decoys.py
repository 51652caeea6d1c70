"""Rooms whose walls hold what could be mistaken for a window: they teach the labeler, and are in no data set.

In drawn rooms a tall box at that height is always a window and a smaller one always a picture. Here the places are
swapped, and some hold a blank: a rectangle of one colour or of a gradient, with or without a frame, that is nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..drawing import Canvas, Colour, Wall, WallBox, begin, jitter, mix, painted, shade
from .furniture import sample_lamp_style
from .layout import sample_layout
from .lighting import draw_shell, render, sample_light
from .room import Room, draw_furniture, read_masks
from .wall_objects import (
    WindowStyle,
    draw_blind,
    draw_curtains,
    draw_door,
    draw_picture,
    draw_window,
    sample_scene,
    sample_window_style,
)


def draw_decoy_room(seed: int, index: int, size: int = 64) -> Room:
    """Room ``index`` of the series ``seed``, its windows and pictures shuffled and some of them blank."""
    canvas, rng = begin(seed, index, size, kind=1)
    layout = sample_layout(rng)
    style = sample_window_style(rng)
    light = sample_light(rng, style.scene.hour)
    wall_colour = draw_shell(canvas, layout.view, rng)
    for wall, box in layout.doors:
        draw_door(canvas, wall, box, wall_colour, rng)
    for wall, box in layout.pictures:
        _draw_one(canvas, wall, box, wall_colour, style, (0.65, 0.2), rng)
    for wall, box in layout.windows:
        _draw_one(canvas, wall, box, wall_colour, style, (0.12, 0.5), rng)
    draw_furniture(canvas, layout, sample_lamp_style(rng, style.scene.hour), rng)
    masks, boxes = read_masks(canvas)
    return Room(render(canvas, layout.view, light), masks, boxes)


def _draw_one(
    canvas: Canvas,
    wall: Wall,
    box: WallBox,
    wall_colour: Colour,
    style: WindowStyle,
    shares: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """A picture, a window (``shares`` of the cases each) or else a blank."""
    roll = rng.random()
    if roll < shares[0]:
        draw_picture(canvas, wall, box, wall_colour, rng)
    elif roll < sum(shares):
        draw_window(canvas, wall, box, _other_window(style, rng))
    else:
        _draw_blank(canvas, wall, box, wall_colour, style, rng)


def _other_window(style: WindowStyle, rng: np.random.Generator) -> WindowStyle:
    """A window like no other in drawn rooms: any frame, a view as clear as a painting, then sometimes a single pane."""
    other = sample_window_style(rng)
    frame = painted(rng) if rng.random() < 0.5 else style.frame
    if rng.random() < 0.5:
        return replace(other, frame=frame)
    panes = (1, 1) if rng.random() < 0.4 else other.panes
    return replace(other, frame=frame, panes=panes, scene=sample_scene(rng))


def _draw_blank(
    canvas: Canvas, wall: Wall, box: WallBox, wall_colour: Colour, style: WindowStyle, rng: np.random.Generator
) -> None:
    """What is left of a window without panes: a plain or shaded rectangle, perhaps with frame or curtains."""
    canvas.begin(None)
    top = jitter(rng, wall_colour, 40.0) if rng.random() < 0.5 else painted(rng)
    bottom = top if rng.random() < 0.4 else mix(top, painted(rng), float(rng.uniform(0.2, 0.8)))
    if rng.random() < 0.5:
        canvas.polygon(wall.quad(box), style.frame if rng.random() < 0.5 else shade(wall_colour, 0.75))
        box = box.inset(float(rng.uniform(0.03, 0.14)))
    bands = 8
    for band in range(bands):
        strip = box.part(0, 1, band / bands, (band + 1) / bands)
        canvas.polygon(wall.quad(strip), mix(bottom, top, band / (bands - 1)))
    if style.cover == "curtains":
        draw_curtains(canvas, wall, box, style)
    elif style.cover == "blind":
        draw_blind(canvas, wall, box, style)
