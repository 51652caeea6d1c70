"""What a face wears: clothes and glasses."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from ..drawing import Canvas, Colour, mix, shade
from .features import EYE, EYE_Y, WHITE, paint
from .head import Head, Numbers, smooth, stroke
from .sitter import Sitter, lightness

FRAMES: tuple[Colour, ...] = ((26, 24, 28), (70, 34, 22), (150, 24, 34), (24, 44, 110), (0, 96, 100), (232, 226, 214))
CORNERS = np.linspace(0, 2 * np.pi, 28, endpoint=False)


def draw_body(canvas: Canvas, sitter: Sitter, rng: np.random.Generator) -> None:
    """Neck, shoulders and clothes, facing the viewer whichever way the head turns."""
    head, woman = sitter.head, sitter.attributes.woman
    hue, saturation, value = rng.uniform((0, 0.25, 0.3), (1, 0.8, 0.9)).tolist()
    red, green, blue = (int(255 * channel) for channel in colorsys.hsv_to_rgb(hue, saturation, value))
    cloth = (red, green, blue)
    open_neck = rng.random() < 0.5
    broad = (1.3 if woman else 1.55) + 0.08 * float(rng.uniform(-1, 1))
    half = 0.36 if woman else 0.47
    # the neck follows the head a little
    lean = 0.16 * np.sin(head.turn)

    def points(*places: tuple[float, float]) -> np.ndarray:
        x, y = np.array(places, dtype=float).T
        return np.stack([head.centre[0] + head.unit * x, head.centre[1] + head.unit * y], axis=-1)

    shoulders = [(-broad - 0.15, 2.2), (-broad, 1.5), (-broad * 0.72, 1.27), (-half - 0.12, 1.12)]
    mirrored = [(-x, y) for x, y in shoulders[::-1]]
    paint(canvas, np.concatenate([smooth(points(*shoulders)), smooth(points(*mirrored))]), cloth)
    dip, middle = (1.5, 0.22) if open_neck else (1.28, 0.32)
    left = smooth(points((-half - 0.1, 1.1), (-middle, dip - 0.1), (0, dip)), 4)
    right = smooth(points((0, dip), (middle, dip - 0.1), (half + 0.1, 1.1)), 4)
    collar = np.concatenate([left, right[1:]])
    top = points((half, 0.95), (half + lean, 0.5), (-half + lean, 0.5), (-half, 0.95))
    neck = np.concatenate([top, collar])
    paint(canvas, neck, shade(sitter.skin, 0.82))
    paint(canvas, stroke(collar, 0.06 * head.unit), shade(cloth, 0.72))


@dataclass(frozen=True)
class Glasses:
    """A pair of glasses on a head: the front stands before the face, and so turns further than it.

    Attributes:
        frame: its colour, which stands out from the skin.
        lens: outline of a lens, (n, 2) in head units from its middle.
        eye: x of the middle of the right lens.
        depth: z of the bridge.
    """

    frame: Colour
    lens: np.ndarray
    eye: float
    depth: float

    def front(self, head: Head, x: Numbers, y: Numbers) -> np.ndarray:
        """Picture points (n, 2) of the slightly bent front."""
        return head.picture(x, y, self.depth - 0.42 * np.asarray(x) ** 2)


def sample_glasses(rng: np.random.Generator, sitter: Sitter) -> Glasses | None:
    """Round or square ones, or none."""
    power = 2 / float(rng.choice((2.0, 3.6)))
    grow, choice = rng.uniform(0.95, 1.08), rng.random()
    if not sitter.attributes.glasses:
        return None
    clear = [frame for frame in FRAMES if abs(lightness(frame) - lightness(sitter.skin)) > 0.24]
    cosine, sine = np.cos(CORNERS), np.sin(CORNERS)
    ring = np.stack([np.sign(cosine) * np.abs(cosine) ** power, np.sign(sine) * np.abs(sine) ** power], axis=-1)
    eye = 1.03 * float(sitter.head.space(EYE, EYE_Y)[0])
    depth = float(sitter.head.space(0.0, EYE_Y)[1]) + 0.06
    return Glasses(clear[int(choice * len(clear))], ring * (0.262 * grow, 0.215 * grow), eye, depth)


def draw_arm(canvas: Canvas, sitter: Sitter, glasses: Glasses) -> None:
    """The arm on the side that is seen; hair and ear come over it."""
    head, side = sitter.head, sitter.near
    hinge = glasses.front(head, side * (glasses.eye + 0.2), EYE_Y - 0.06)
    angle, y = side * np.radians([62, 75, 92]), np.array([EYE_Y - 0.06, EYE_Y - 0.06, EYE_Y - 0.03])
    paint(canvas, stroke(np.concatenate([hinge[None], head.place(angle, y, 0.02)]), 0.075 * head.unit), glasses.frame)


def draw_frame(canvas: Canvas, sitter: Sitter, glasses: Glasses) -> None:
    """Both rims, the bridge and a glint."""
    head = sitter.head
    for side in (-1, 1):
        middle = np.array([side * glasses.eye, EYE_Y + 0.015])
        unit = glasses.lens / np.abs(glasses.lens).max()
        outer, inner = (glasses.front(head, *(middle + glasses.lens + grow * unit).T) for grow in (0.05, -0.045))
        paint(canvas, np.concatenate([outer, outer[:1], inner[:1], inner[:0:-1], inner[:1]]), glasses.frame)
        shine = glasses.front(head, middle[0] + np.array([0.05, 0.15]), EYE_Y + np.array([-0.12, -0.03]))
        paint(canvas, stroke(shine, 0.04 * head.unit), mix(WHITE, sitter.skin, 0.3))
    bridge = glasses.front(head, np.array([-0.1, 0.0, 0.1]), EYE_Y + np.array([-0.02, -0.055, -0.02]))
    paint(canvas, stroke(smooth(bridge, 4), 0.08 * head.unit), glasses.frame)
