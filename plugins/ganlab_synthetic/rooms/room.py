"""Synthetic bedrooms with masks of what is drawn: ``draw_room(seed, index)`` is a pure function of its arguments.

A mask says which object is drawn at one point of each pixel. That point lies right of and below the middle, by an
eighth of a pixel at 64x64 and by a quarter at most (from 86 on), so masks lie as far up and left of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..drawing import Canvas, begin, painted, wood
from .furniture import (
    LampStyle,
    draw_bed,
    draw_bedside_table,
    draw_hanging_lamp,
    draw_rug,
    draw_standing_lamp,
    draw_wardrobe,
    sample_lamp_style,
)
from .layout import PIXEL, Layout, sample_layout
from .lighting import draw_shell, render, sample_light
from .wall_objects import draw_door, draw_picture, draw_window, sample_window_style

CONCEPTS = ("window", "picture", "bed", "lamp", "door")


@dataclass(frozen=True)
class Room:
    """A drawn room and what can be seen in it."""

    image: np.ndarray  # (size, size, 3) uint8 RGB
    masks: np.ndarray  # (len(CONCEPTS), size, size) bool, visible pixels of each concept
    boxes: list[tuple[str, tuple[int, int, int, int]]]  # per object: concept, (x, y, w, h) of its visible part


def draw_room(seed: int, index: int, size: int = 64) -> Room:
    """Draw room ``index`` of the endless series ``seed``.

    ``size`` (16..512 pixels) changes the resolution only: the layout and the colours stay the same.
    """
    canvas, rng = begin(seed, index, size)
    layout = sample_layout(rng)
    style = sample_window_style(rng)
    light = sample_light(rng, style.scene.hour)
    wall_colour = draw_shell(canvas, layout.view, rng)
    for wall, box in layout.doors:
        draw_door(canvas, wall, box, wall_colour, rng)
    for wall, box in layout.pictures:
        draw_picture(canvas, wall, box, wall_colour, rng)
    for wall, box in layout.windows:
        draw_window(canvas, wall, box, style)
    draw_furniture(canvas, layout, sample_lamp_style(rng, style.scene.hour), rng)
    masks, boxes = read_masks(canvas)
    return Room(render(canvas, layout.view, light), masks, boxes)


def draw_furniture(canvas: Canvas, layout: Layout, lamp: LampStyle, rng: np.random.Generator) -> None:
    """Everything that stands in the room, from the back wall towards the camera."""
    view, bed = layout.view, layout.bed
    if rng.random() < 0.35:
        centre = rng.uniform(-0.6, 0.6)
        near = view.depth - rng.uniform(2.5, 2.8)
        draw_rug(canvas, view, (centre - 1.2, centre + 1.2), (near, near + 1.4), rng)
    if layout.wardrobe is not None:
        draw_wardrobe(canvas, view, layout.wardrobe, float(rng.uniform(1.7, 2.1)), rng)
    table_colour = wood(rng) if rng.random() < 0.6 else painted(rng)
    table_height = float(rng.uniform(0.5, 0.6))
    lamp_pixels, extra_height = float(rng.uniform(10.0, 12.5)), float(rng.uniform(0.0, 0.2))
    back = view.depth - 0.08
    for x in layout.bedside:
        draw_bedside_table(canvas, view, x, (back - 0.4, back), table_height, table_colour)
        if layout.table_lamp:
            z = back - 0.2
            width = 0.9 * lamp_pixels * PIXEL / view.scale(z)
            draw_standing_lamp(canvas, view, (sum(x) / 2, table_height, z), 0.85 + extra_height, width, lamp)
    if layout.hanging_lamp:
        z = view.depth - float(rng.uniform(1.4, 1.8))
        width = 1.3 * lamp_pixels * PIXEL / view.scale(z)
        across = float(rng.uniform(-0.7, 0.7))
        draw_hanging_lamp(canvas, view, across, z, 0.12 + 0.5 * extra_height, width, lamp)
    if layout.floor_lamp is not None:
        z = view.depth - 0.35
        width = lamp_pixels * PIXEL / view.scale(z)
        draw_standing_lamp(canvas, view, (layout.floor_lamp, 0.0, z), 1.55 + extra_height, width, lamp)
    if bed is not None:
        draw_bed(canvas, view, bed, rng)


def read_masks(canvas: Canvas) -> tuple[np.ndarray, list[tuple[str, tuple[int, int, int, int]]]]:
    """Masks per concept and the box of every visible object, from the object at one point of each pixel."""
    start = canvas.factor // 2
    objects = np.asarray(canvas.ids)[start :: canvas.factor, start :: canvas.factor] >> 1
    masks = np.zeros((len(CONCEPTS), *objects.shape), dtype=bool)
    boxes = []
    for number, concept in enumerate(canvas.concepts):
        if concept is None:
            continue
        visible = objects == number
        rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
        if not rows.size:
            continue
        masks[CONCEPTS.index(concept)] |= visible
        x, y = int(columns[0]), int(rows[0])
        boxes.append((concept, (x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y)))
    return masks, boxes
