"""Where things stand: the camera, the furniture on the floor and the places on the walls.

Everything is sampled in metres before anything is drawn, so a layout does not depend on the resolution.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..drawing import Span, View, Wall, WallBox
from .furniture import Bed

# One pixel of the 64-pixel image: the smallest sizes below keep objects recognisable at that resolution.
PIXEL = 1 / 64
GAP = 0.12  # metres kept free between neighbours on a wall


@dataclass
class Layout:
    """What a room contains and where (metres)."""

    view: View
    bed: Bed | None = None
    wardrobe: Span | None = None
    bedside: list[Span] = field(default_factory=list)  # x of bedside tables, at the back wall
    floor_lamp: float | None = None  # x of its foot
    hanging_lamp: bool = False
    table_lamp: bool = False
    doors: list[tuple[Wall, WallBox]] = field(default_factory=list)
    windows: list[tuple[Wall, WallBox]] = field(default_factory=list)
    pictures: list[tuple[Wall, WallBox]] = field(default_factory=list)


class WallSpace:
    """Free intervals along a wall; things on one wall never overlap."""

    def __init__(self, wall: Wall, start: float, end: float) -> None:
        self.wall = wall
        self.free: list[Span] = [(start, end)]

    def block(self, start: float, end: float) -> None:
        """Take ``[start, end]`` out of the free intervals."""
        rest: list[Span] = []
        for low, high in self.free:
            rest += [(low, min(high, start)), (max(low, end), high)]
        self.free = [(low, high) for low, high in rest if high - low > 1e-6]

    def place(self, width: float, margin: float, rng: np.random.Generator) -> Span | None:
        """Reserve a random interval of ``width`` with ``margin`` on both sides, or None if none fits."""
        room = width + 2 * margin
        fitting = [(low, high) for low, high in self.free if high - low >= room]
        if not fitting:
            return None
        low, high = fitting[int(rng.integers(len(fitting)))]
        start = float(rng.uniform(low, high - room))
        self.block(start, start + room)
        return start + margin, start + margin + width


def sample_view(rng: np.random.Generator) -> View:
    """A room of 3.6 to 4.3 m width and a camera that looks straight at the back wall."""
    width, depth = float(rng.uniform(3.6, 4.3)), float(rng.uniform(4.4, 5.2))
    focal = float(rng.uniform(0.66, 0.78)) * depth / width
    shift = float(rng.choice((-0.1, 0.0, 0.1), p=(0.25, 0.5, 0.25)) + rng.uniform(-0.03, 0.03))
    vanishing = (0.5 + 0.3 * shift, float(rng.uniform(0.42, 0.47)))
    return View(
        width=width,
        height=float(rng.uniform(2.5, 2.75)),
        depth=depth,
        camera_x=-0.7 * shift * depth / focal,
        camera_height=float(rng.uniform(1.4, 1.65)),
        focal=focal,
        vanishing=vanishing,
    )


class SideWall:
    """The side wall that shows more of itself; holds at most one object."""

    def __init__(self, view: View) -> None:
        left = view.project(-view.width / 2, 0.0, view.depth)[0]
        right = 1 - view.project(view.width / 2, 0.0, view.depth)[0]
        self.view = view
        self.visible = max(left, right)  # image fraction
        self.wall = Wall(view, "left" if left > right else "right")
        self.free = self.visible >= 13.5 * PIXEL

    def place(self, pixels: float) -> Span:
        """Reserve a stretch (as z, metres) that covers ``pixels`` of a 64-pixel image, or what there is."""
        view = self.view
        self.free = False
        spare = self.visible - 2.5 * PIXEL
        extent = min(pixels * PIXEL, spare)
        outer = PIXEL + 0.6 * (spare - extent)
        if self.wall.side == "left":
            offsets = view.vanishing[0] - outer, view.vanishing[0] - outer - extent
            reach = view.width / 2 + view.camera_x
        else:
            offsets = 1 - outer - view.vanishing[0], 1 - outer - extent - view.vanishing[0]
            reach = view.width / 2 - view.camera_x
        return view.focal * reach / offsets[0], view.focal * reach / offsets[1]


def _fill_floor(layout: Layout, back: WallSpace, side: SideWall, rng: np.random.Generator) -> None:
    """Door, wardrobe and bed along the back wall, from the outside in, then tables and lamps in the gaps."""
    view = layout.view
    low, high = -view.width / 2 + 0.12, view.width / 2 - 0.12
    first_side = bool(rng.random() < 0.5)  # True: the door or wardrobe takes the left end
    taken = 0.0
    has_door = rng.random() < 0.46
    door_top = float(rng.uniform(2.0, 2.15))
    if has_door and side.free and rng.random() < 0.6:
        layout.doors.append((side.wall, WallBox(*side.place(float(rng.uniform(8.5, 11.0))), 0.0, door_top)))
        first_side = side.wall.side == "left"
        taken = 0.35  # leave a way to the door
    elif has_door:
        taken = float(rng.uniform(0.92, 1.05))
        door = (low, low + taken) if first_side else (high - taken, high)
        layout.doors.append((back.wall, WallBox(*door, 0.0, door_top)))
        back.block(door[0] - GAP, door[1] + GAP)
    elif rng.random() < 0.25:
        taken = float(rng.uniform(0.85, 1.1))
        layout.wardrobe = (low, low + taken) if first_side else (high - taken, high)
        # Standing in front of the wall it hides more of the wall than its own width.
        back.block(layout.wardrobe[0] - 0.2, layout.wardrobe[1] + 0.2)
    if taken:
        low, high = (low + taken + GAP, high) if first_side else (low, high - taken - GAP)
    if rng.random() < 0.925:
        layout.bed = _sample_bed(view, (low, high), first_side, rng)
    _fill_gaps(layout, (low, high), rng)


def _sample_bed(view: View, free: Span, head_right: bool, rng: np.random.Generator) -> Bed:
    """A bed within the free stretch of the back wall, seen from its foot or from its side."""
    low, high = free
    height, headboard = float(rng.uniform(0.48, 0.58)), float(rng.uniform(0.95, 1.2))
    if rng.random() < 0.6:
        width = float(rng.uniform(1.4, 1.75))
        start = float(rng.uniform(low, high - width))
        return Bed(
            "back",
            (start, start + width),
            (view.depth - float(rng.uniform(1.9, 2.1)), view.depth),
            height,
            headboard,
        )
    length, width = float(rng.uniform(1.9, 2.1)), float(rng.uniform(1.1, 1.4))
    far = view.depth - float(rng.uniform(0.15, 0.4))
    x = (high + 0.1 - length, high + 0.1) if head_right else (low - 0.1, low - 0.1 + length)
    return Bed("right" if head_right else "left", x, (far - width, far), height, headboard)


def _fill_gaps(layout: Layout, free: Span, rng: np.random.Generator) -> None:
    """Bedside tables and one kind of lamp beside the bed, or a lamp hanging from the ceiling."""
    low, high = free
    bed = layout.bed
    gaps = [free] if bed is None else [(low, bed.x[0] - 0.1), (bed.x[1] + 0.1, high)]
    gaps = [gap for gap in gaps if gap[1] - gap[0] >= 0.5]
    lamp = str(rng.choice(("floor", "table", "hanging", "none"), p=(0.2, 0.28, 0.2, 0.32)))
    table = lamp == "table" or rng.random() < 0.35
    order = [gaps[i] for i in rng.permutation(len(gaps))]
    if table and order:
        both = len(order) == 2 and rng.random() < 0.5 and lamp != "floor"
        for gap in order[: 2 if both else 1]:
            width = float(rng.uniform(0.5, 0.65))
            width = min(width, gap[1] - gap[0])
            # Next to the bed, which is the inner end of the gap.
            beside_left = bed is not None and gap[1] <= bed.x[0]
            layout.bedside.append((gap[1] - width, gap[1]) if beside_left else (gap[0], gap[0] + width))
        order = order[2 if both else 1 :]
    layout.table_lamp = lamp == "table" and bool(layout.bedside)
    if lamp == "floor" and order:
        layout.floor_lamp = sum(order[0]) / 2
    needs_place = lamp in ("floor", "table") and layout.floor_lamp is None and not layout.table_lamp
    layout.hanging_lamp = lamp == "hanging" or needs_place


def _place_windows(layout: Layout, back: WallSpace, side: SideWall, rng: np.random.Generator) -> None:
    """One or two windows, mostly on the back wall."""
    if rng.random() >= 0.88:
        return
    bottom, top = float(rng.uniform(0.72, 0.9)), float(rng.uniform(2.25, 2.4))
    if side.free and rng.random() < 0.2:
        layout.windows.append((side.wall, WallBox(*side.place(float(rng.uniform(12.0, 15.0))), bottom, top)))
        return
    two = rng.random() < 0.2
    share = rng.uniform(0.28, 0.32) if two else rng.uniform(0.38, 0.52)
    for _ in range(2 if two else 1):
        for shrink in (1.0, 0.87, 0.75):
            span = back.place(float(share) * shrink * layout.view.width, 0.18, rng)
            if span is not None:
                layout.windows.append((back.wall, WallBox(*span, bottom, top)))
                break


def _place_pictures(layout: Layout, back: WallSpace, side: SideWall, rng: np.random.Generator) -> None:
    """One or two pictures where the walls have room left, at least ten pixels wide and high at 64."""
    if rng.random() >= 0.88:
        return
    metre = layout.view.scale(layout.view.depth) / PIXEL  # pixels per metre on the back wall
    for _ in range(2 if rng.random() < 0.35 else 1):
        half = float(rng.uniform(11.0, 14.5)) / metre / 2
        middle = float(rng.uniform(1.68, 1.78))
        for pixels in (float(rng.uniform(11.0, 15.0)), 10.5):
            span = back.place(pixels / metre, 0.06, rng)
            if span is not None:
                layout.pictures.append((back.wall, WallBox(*span, middle - half, middle + half)))
                break
        else:
            if side.free:
                span = side.place(float(rng.uniform(10.5, 13.0)))
                layout.pictures.append((side.wall, WallBox(*span, middle - half, middle + half)))


def sample_layout(rng: np.random.Generator) -> Layout:
    """A whole room."""
    view = sample_view(rng)
    layout = Layout(view)
    back = WallSpace(Wall(view, "back"), -view.width / 2 + 0.06, view.width / 2 - 0.06)
    side = SideWall(view)
    _fill_floor(layout, back, side, rng)
    _place_windows(layout, back, side, rng)
    _place_pictures(layout, back, side, rng)
    return layout
