"""The bare room and the light in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..drawing import Canvas, Colour, View, Wall, WallBox, painted, random_colour, shade, wood

# Floors, walls and ceilings are drawn up to this distance from the camera (metres): well outside the image.
NEAR = 0.8


@dataclass(frozen=True)
class Light:
    """Light of the whole room: a colour factor per channel and its slope across the image."""

    tint: tuple[float, float, float]
    slope: tuple[float, float]  # relative change from the middle to the right / lower edge
    corner: float  # how much walls darken where they meet


def sample_light(rng: np.random.Generator, hour: str) -> Light:
    """Light that fits the ``hour`` ("day", "dusk" or "night") outside the window."""
    level = {"day": rng.uniform(0.88, 1.08), "dusk": rng.uniform(0.74, 0.98), "night": rng.uniform(0.6, 0.9)}[hour]
    warmth = rng.uniform(-0.07, 0.07) + (0.0 if hour == "day" else 0.07)
    return Light(
        tint=(level * (1 + warmth), level, level * (1 - 1.2 * warmth)),
        slope=(rng.uniform(-0.22, 0.22), rng.uniform(-0.12, 0.08)),
        corner=rng.uniform(0.18, 0.4),
    )


def draw_shell(canvas: Canvas, view: View, rng: np.random.Generator) -> Colour:
    """Walls, ceiling, floor and skirting boards.  Returns the colour of the walls."""
    wall_colour = shade(painted(rng), 0.85)  # no wall is as bright as a window
    ceiling = random_colour(rng, (0.0, 0.08), (0.8, 0.97), (0.05, 0.15))
    half = view.width / 2
    _horizontal(canvas, view, view.height, (-half, half), ceiling)
    _draw_floor(canvas, view, rng)
    skirting = shade(wall_colour, 0.7) if rng.random() < 0.5 else random_colour(rng, (0.0, 0.1), (0.75, 0.95))
    for side, factor in (("left", 0.88), ("right", 0.94), ("back", 1.0)):
        wall = Wall(view, side)
        start, end = (-half, half) if side == "back" else (NEAR, view.depth)
        canvas.polygon(wall.quad(WallBox(start, end, 0.0, view.height)), shade(wall_colour, factor))
        canvas.polygon(wall.quad(WallBox(start, end, 0.0, 0.13)), shade(skirting, factor))
    return wall_colour


def _draw_floor(canvas: Canvas, view: View, rng: np.random.Generator) -> None:
    """Floor boards that run away from the camera, or a plain carpet."""
    half = view.width / 2
    if rng.random() < 0.4:
        _horizontal(canvas, view, 0.0, (-half, half), painted(rng))
        return
    colour = wood(rng)
    count = int(rng.integers(8, 13))
    edges = np.linspace(-half, half, count + 1).tolist()
    for board in range(count):
        tone = 1.0 + 0.05 * (-1) ** board
        _horizontal(canvas, view, 0.0, (edges[board], edges[board + 1]), shade(colour, tone))


def _horizontal(canvas: Canvas, view: View, y: float, x: tuple[float, float], colour: Colour) -> None:
    """A strip of floor or ceiling from the back wall to the camera."""
    far, near = view.depth, NEAR
    canvas.polygon(
        [
            view.project(x[0], y, far),
            view.project(x[1], y, far),
            view.project(x[1], y, near),
            view.project(x[0], y, near),
        ],
        colour,
    )


def _edge_distance(view: View, size: int) -> np.ndarray:
    """Distance (metres) from the wall, floor or ceiling point seen in each pixel to the nearest room edge.

    Shape (size, size), float32.
    """
    steps = (np.arange(size, dtype=np.float32) + 0.5) / size
    du = (steps - view.vanishing[0])[None, :] / view.focal
    dv = (steps - view.vanishing[1])[:, None] / view.focal
    half = view.width / 2
    # Distance at which the ray of a column meets a side wall, and of a row the floor or the ceiling.
    reach_x = np.where(du < 0, half + view.camera_x, half - view.camera_x) / np.maximum(np.abs(du), 1e-4)
    reach_y = np.where(dv < 0, view.height - view.camera_height, view.camera_height) / np.maximum(np.abs(dv), 1e-4)
    z = np.minimum(np.minimum(reach_x, reach_y), view.depth)
    x = view.camera_x + du * z
    y = view.camera_height - dv * z
    to_side = half - np.abs(x)
    to_level = np.minimum(y, view.height - y)
    to_back = view.depth - z
    # A visible point lies on one surface (distance 0); the second smallest is its distance to an edge.
    smallest = np.minimum(np.minimum(to_side, to_level), to_back)
    largest = np.maximum(np.maximum(to_side, to_level), to_back)
    return to_side + to_level + to_back - smallest - largest


def _coverage(canvas: Canvas, table: list[int]) -> np.ndarray:
    """Share of each output pixel covered by the numbers whose ``table`` entry is 255, (size, size, 1)."""
    selected: Image.Image = canvas.ids.point(table).reduce(canvas.factor)
    return np.asarray(selected, dtype=np.float32)[..., None] / 255.0


def render(canvas: Canvas, view: View, light: Light) -> np.ndarray:
    """Reduce the canvas to the output size and light it.  Returns (size, size, 3) uint8."""
    size = canvas.size
    image = np.asarray(canvas.colour.reduce(canvas.factor), dtype=np.float32)
    steps = ((np.arange(size, dtype=np.float32) + 0.5) / size) * 2 - 1
    level = 1 + light.slope[0] * steps[None, :] + light.slope[1] * steps[:, None]
    illumination = level[..., None] * np.asarray(light.tint, dtype=np.float32)
    bare = _coverage(canvas, [255] + [0] * 255)
    corner = light.corner * np.exp(-_edge_distance(view, size) / 0.45)
    illumination *= 1 - bare * corner[..., None]
    for glow in canvas.glows:
        du = (steps + 1) / 2 - glow.centre[0]
        dv = (steps + 1) / 2 - glow.centre[1]
        squared = (du[None, :] ** 2 + dv[:, None] ** 2) / glow.radius**2
        warm = np.array([1.0, 0.85, 0.55], dtype=np.float32)
        illumination += (glow.strength * np.exp(-squared))[..., None] * warm
    emissive = _coverage(canvas, [0, 255] * 128)
    illumination += emissive * (1 - illumination)
    return np.clip(image * illumination, 0, 255).astype(np.uint8)
