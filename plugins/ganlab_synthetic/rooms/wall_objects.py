"""Things that hang on or stand in a wall: windows with curtains, pictures and doors."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ..drawing import Canvas, Colour, Wall, WallBox, jitter, mix, painted, random_colour, shade, wood

# Sky colours at the top and at the horizon, and the light indoors that goes with them.
SKIES: dict[str, tuple[Colour, Colour, str]] = {
    "blue": ((85, 145, 225), (190, 220, 245), "day"),
    "overcast": ((205, 210, 216), (240, 240, 236), "day"),
    "sunset": ((125, 95, 150), (250, 165, 90), "dusk"),
    "dawn": ((150, 175, 215), (245, 200, 185), "dusk"),
    "night": ((14, 18, 44), (46, 52, 92), "night"),
}
SKY_SHARES = (0.36, 0.26, 0.15, 0.13, 0.1)
GROUNDS = ("hills", "houses", "trees", "garden", "none")
BARS = ((2, 2), (2, 2), (2, 1), (3, 2))  # panes across and up
GLARE = 0.74  # how far the view is washed out: exposed for the room, a photograph shows daylight nearly white


@dataclass(frozen=True)
class Scene:
    """A landscape: sky colours, what stands on the horizon and where."""

    hour: str
    zenith: Colour
    horizon: Colour
    ground: str
    ground_colour: Colour
    level: float  # height of the horizon as a fraction of the view
    phase: float
    clouds: bool


@dataclass(frozen=True)
class WindowStyle:
    """What all windows of a room have in common."""

    frame: Colour
    panes: tuple[int, int]
    scene: Scene
    cover: str  # "curtains", "blind" or "none"
    cover_colour: Colour
    cover_share: float  # part of the half window behind a curtain, or of the window behind the blind
    long: bool  # curtains reach the floor


def sample_scene(rng: np.random.Generator) -> Scene:
    """A random landscape, the motif of paintings; washed out, the view from a window."""
    zenith, horizon, hour = SKIES[str(rng.choice(list(SKIES), p=SKY_SHARES))]
    ground = GROUNDS[int(rng.integers(len(GROUNDS)))]
    light = {"day": 1.0, "dusk": 0.55, "night": 0.25}[hour]
    if ground == "houses":
        colour = random_colour(rng, (0.1, 0.5), (0.35, 0.75), (0.0, 0.12))
    else:
        colour = random_colour(rng, (0.3, 0.65), (0.3, 0.65), (0.2, 0.42))
    level = rng.uniform(0.6, 0.85) if ground == "garden" else rng.uniform(0.22, 0.45)
    return Scene(
        hour=hour,
        zenith=jitter(rng, zenith),
        horizon=jitter(rng, horizon),
        ground=ground,
        ground_colour=shade(colour, light),
        level=float(level),
        phase=float(rng.uniform(0, 2 * math.pi)),
        clouds=hour != "night" and rng.random() < 0.5,
    )


def sample_window_style(rng: np.random.Generator) -> WindowStyle:
    """Frame, panes, view and curtains for the windows of a room."""
    cover = str(rng.choice(("curtains", "blind", "none"), p=(0.5, 0.1, 0.4)))
    return WindowStyle(
        frame=random_colour(rng, (0.0, 0.06), (0.88, 1.0)),
        panes=BARS[int(rng.integers(len(BARS)))],
        scene=_washed_out(sample_scene(rng)),
        cover=cover,
        cover_colour=painted(rng),
        cover_share=float(rng.uniform(0.08, 0.24)),
        long=rng.random() < 0.4,
    )


def _washed_out(scene: Scene) -> Scene:
    """The landscape as daylight, far brighter than the room it is seen from."""
    white = (255, 255, 255)
    return replace(
        scene,
        hour="dusk" if scene.hour == "night" else scene.hour,
        zenith=mix(scene.zenith, white, GLARE),
        horizon=mix(scene.horizon, white, GLARE),
        ground_colour=mix(scene.ground_colour, white, GLARE),
    )


def draw_scene(canvas: Canvas, wall: Wall, box: WallBox, scene: Scene, emissive: bool) -> None:
    """Fill ``box`` with the landscape."""
    bands = 7
    for band in range(bands):
        strip = box.part(0, 1, 1 - (band + 1) / bands, 1 - band / bands)
        colour = mix(scene.zenith, scene.horizon, band / (bands - 1))
        canvas.polygon(wall.quad(strip), colour, emissive)
    if scene.clouds:
        cloud = mix(scene.horizon, (255, 255, 255), 0.6)
        for step in range(2):
            middle = 0.5 + 0.35 * math.cos(scene.phase + 2.2 * step)
            _draw_disc(canvas, wall, box, (middle, 0.8 - 0.14 * step, 0.22, 0.07), cloud, emissive)
    _draw_ground(canvas, wall, box, scene, emissive)


def _draw_ground(canvas: Canvas, wall: Wall, box: WallBox, scene: Scene, emissive: bool) -> None:
    """Hills, houses or trees below the sky."""
    colour, level, phase = scene.ground_colour, scene.level, scene.phase
    if scene.ground == "none":
        return
    if scene.ground == "houses":
        for house in range(4):
            top = level + 0.14 * math.sin(phase + 2.4 * house)
            part = box.part(house / 4, (house + 1) / 4, 0, top)
            canvas.polygon(wall.quad(part), shade(colour, 0.8 + 0.12 * house), emissive)
        return
    steps = 8
    outline = [(step / steps, level + 0.07 * math.sin(phase + 5 * step / steps)) for step in range(steps + 1)]
    points = [(0.0, 0.0), *outline, (1.0, 0.0)]
    places = [(box.left + a * box.width, box.bottom + h * box.height) for a, h in points]
    canvas.polygon([wall.point(*box.clamp(*place)) for place in places], colour, emissive)
    if scene.ground in ("trees", "garden"):
        for tree in range(3):
            middle = 0.5 + 0.42 * math.sin(phase + 2.1 * tree)
            disc = (middle, level * 0.9, 0.15, 0.2)
            _draw_disc(canvas, wall, box, disc, shade(colour, 0.62 + 0.16 * tree), emissive)


def _draw_disc(
    canvas: Canvas,
    wall: Wall,
    box: WallBox,
    disc: tuple[float, float, float, float],
    colour: Colour,
    emissive: bool = False,
) -> None:
    """An ellipse (middle along, middle height, two radii: fractions of ``box``), cut off at the box."""
    along, height, radius_along, radius_up = disc
    points = []
    for step in range(12):
        angle = step * math.pi / 6
        a = box.left + (along + radius_along * math.cos(angle)) * box.width
        h = box.bottom + (height + radius_up * math.sin(angle)) * box.height
        points.append(wall.point(*box.clamp(a, h)))
    canvas.polygon(points, colour, emissive)


def draw_window(canvas: Canvas, wall: Wall, box: WallBox, style: WindowStyle) -> None:
    """A window with frame, bars, sill and a view, then its curtains or blind (which are not window)."""
    canvas.begin("window")
    canvas.polygon(wall.quad(box), style.frame)
    glass = box.inset(0.1)
    draw_scene(canvas, wall, glass, style.scene, emissive=True)
    across, up = style.panes
    bar = 0.045
    backlit = shade(style.frame, 0.5)
    for column in range(1, across):
        middle = glass.left + glass.width * column / across
        canvas.polygon(wall.quad(WallBox(middle - bar, middle + bar, glass.bottom, glass.top)), backlit)
    for row in range(1, up):
        middle = glass.bottom + glass.height * row / up
        canvas.polygon(wall.quad(WallBox(glass.left, glass.right, middle - bar, middle + bar)), backlit)
    sill = WallBox(box.left - 0.08, box.right + 0.08, box.bottom - 0.09, box.bottom)
    canvas.polygon(wall.quad(sill), shade(style.frame, 0.8))
    if style.cover == "curtains":
        draw_curtains(canvas, wall, box, style)
    elif style.cover == "blind":
        draw_blind(canvas, wall, box, style)


def draw_curtains(canvas: Canvas, wall: Wall, box: WallBox, style: WindowStyle) -> None:
    """Two curtains with folds that hang from a rail and cover the outer parts of the window."""
    canvas.begin(None)
    top, bottom = box.top + 0.14, 0.05 if style.long else box.bottom - 0.2
    inner = 0.5 * style.cover_share * box.width
    folds = 4
    for left, right in ((box.left - 0.14, box.left + inner), (box.right - inner, box.right + 0.14)):
        width = (right - left) / folds
        for fold in range(folds):
            strip = WallBox(left + fold * width, left + (fold + 1) * width, bottom, top)
            canvas.polygon(wall.quad(strip), shade(style.cover_colour, 0.92 if fold % 2 else 0.76))
    rail = WallBox(box.left - 0.17, box.right + 0.17, top, top + 0.06)
    canvas.polygon(wall.quad(rail), shade(style.cover_colour, 0.5))


def draw_blind(canvas: Canvas, wall: Wall, box: WallBox, style: WindowStyle) -> None:
    """A blind that covers the upper part of the window."""
    canvas.begin(None)
    slats = 4
    height = style.cover_share * box.height / slats
    for slat in range(slats):
        strip = WallBox(box.left, box.right, box.top - (slat + 1) * height, box.top - slat * height)
        canvas.polygon(wall.quad(strip), shade(style.cover_colour, 0.95 if slat % 2 else 0.82))


def draw_picture(canvas: Canvas, wall: Wall, box: WallBox, wall_colour: Colour, rng: np.random.Generator) -> None:
    """A framed picture: a frame that stands out from the wall, a mat and one of four motifs."""
    canvas.begin("picture")
    bright = sum(wall_colour) > 380
    dark_frame = rng.random() < (0.85 if bright else 0.25)
    tone = (0.12, 0.4) if dark_frame else (0.75, 0.95)
    frame = random_colour(rng, (0.1, 0.6), tone, (0.04, 0.14))
    canvas.polygon(wall.quad(box), frame)
    # Insets are shares of the size, so that frames keep their proportions on foreshortened side walls.
    mat = box.part(0.13, 0.87, 0.13, 0.87)
    canvas.polygon(wall.quad(mat), random_colour(rng, (0.0, 0.12), (0.82, 0.97)))
    motif = mat.part(0.13, 0.87, 0.13, 0.87)
    kind = int(rng.integers(4))
    if kind == 0:
        draw_scene(canvas, wall, motif, sample_scene(rng), emissive=False)
    elif kind == 1:
        _draw_portrait(canvas, wall, motif, rng)
    else:
        _draw_abstract(canvas, wall, motif, rng, stripes=kind == 2)


def _draw_portrait(canvas: Canvas, wall: Wall, box: WallBox, rng: np.random.Generator) -> None:
    """Head and shoulders in front of a plain ground."""
    canvas.polygon(wall.quad(box), painted(rng))
    _draw_disc(canvas, wall, box, (0.5, 0.0, 0.4, 0.42), painted(rng))
    skin = random_colour(rng, (0.25, 0.55), (0.45, 0.95), (0.04, 0.09))
    _draw_disc(canvas, wall, box, (0.5, 0.6, 0.2, 0.26), skin)


def _draw_abstract(canvas: Canvas, wall: Wall, box: WallBox, rng: np.random.Generator, stripes: bool) -> None:
    """Three stripes, or three blocks of colour on a ground."""
    first, second, third = painted(rng), painted(rng), painted(rng)
    canvas.polygon(wall.quad(box), first)
    if stripes:
        canvas.polygon(wall.quad(box.part(0, 1, 0.33, 0.67)), second)
        canvas.polygon(wall.quad(box.part(0, 1, 0, 0.33)), third)
        return
    split = float(rng.uniform(0.35, 0.65))
    canvas.polygon(wall.quad(box.part(0, split, 0, split)), second)
    canvas.polygon(wall.quad(box.part(split, 1, split, 1)), third)


def draw_door(canvas: Canvas, wall: Wall, box: WallBox, wall_colour: Colour, rng: np.random.Generator) -> None:
    """A panelled door with casing and handle, from the floor up."""
    canvas.begin("door")
    roll = rng.random()
    leaf = wood(rng) if roll < 0.5 else random_colour(rng, (0, 0.1), (0.75, 0.95)) if roll < 0.8 else painted(rng)
    # A door of the wall's own brightness would be invisible.
    if abs(sum(leaf) - sum(wall_colour)) < 90:
        leaf = shade(leaf, 0.7)
    canvas.polygon(wall.quad(box), shade(leaf, 0.62))
    inner = WallBox(box.left + 0.1 * box.width, box.right - 0.1 * box.width, 0.0, box.top - 0.09)
    canvas.polygon(wall.quad(inner), leaf)
    rows = ((0.08, 0.42), (0.52, 0.94)) if rng.random() < 0.6 else ((0.07, 0.3), (0.38, 0.62), (0.7, 0.94))
    columns = ((0.16, 0.84),) if rng.random() < 0.4 else ((0.12, 0.44), (0.56, 0.88))
    for bottom, top in rows:
        for left, right in columns:
            canvas.polygon(wall.quad(inner.part(left, right, bottom, top)), shade(leaf, 0.8))
    edge = 0.82 if rng.random() < 0.5 else 0.06
    canvas.polygon(wall.quad(inner.part(edge, edge + 0.12, 0.45, 0.52)), (225, 195, 110))
