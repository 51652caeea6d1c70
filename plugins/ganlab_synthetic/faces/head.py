"""The shape of a head, and where a place on it lies in the picture when the head turns.

A head is a stack of slices.  Every slice is an ellipse in front and another one behind, so that the outline of the
turned head and every place on its surface follow exactly.  Head units: half of the height of the head is 1, y runs from
the crown (-1) down to the chin (1), x to the picture's right, z towards the viewer.  An angle on a slice is 0 at the
nose and positive towards the picture's right.  Picture units: fractions of the side, u to the right and v down.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

Numbers = np.ndarray | float
EYES = -0.15  # y of the widest slice


@dataclass(frozen=True)
class Head:
    """A turned head, or what wraps it: hair, a hat.

    Attributes:
        centre: picture point of the middle of the head.
        unit: half of the head's height, as a fraction of the picture.
        turn: angle of the turn in radians, positive towards the picture's right.
        profile: float64 (slices, 5): y, half width, depth in front, depth behind, z of the middle; y ascends.
    """

    centre: tuple[float, float]
    unit: float
    turn: float
    profile: np.ndarray

    def slices(self, y: Numbers) -> tuple[np.ndarray, ...]:
        """Half width, depth in front, depth behind and z of the middle at heights y: four of its shape."""
        # one search for all four: most of the time that a face takes is spent here
        heights = np.asarray(y)
        above = np.searchsorted(self.profile[1:-1, 0], heights)
        low, high = self.profile[above], self.profile[above + 1]
        share = (heights - low[..., 0]) / np.maximum(high[..., 0] - low[..., 0], 1e-9)
        rows = low + np.minimum(np.maximum(share, 0), 1)[..., None] * (high - low)
        return rows[..., 1], rows[..., 2], rows[..., 3], rows[..., 4]

    def space(self, angle: Numbers, y: Numbers, out: Numbers = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """x and z of places ``out`` units above the surface, in head units before the turn."""
        width, front, behind, middle = self.slices(y)
        sine, cosine = np.sin(angle), np.cos(angle)
        depth = np.where(cosine > 0, front, behind)
        return (width + out) * sine, middle + (depth + out) * cosine

    def picture(self, x: Numbers, y: Numbers, z: Numbers) -> np.ndarray:
        """Picture points (n, 2) of places given in head units before the turn."""
        return self._points(x * np.cos(self.turn) + z * np.sin(self.turn), y)

    def _points(self, across: np.ndarray, y: Numbers) -> np.ndarray:
        points = np.empty((*np.shape(across), 2))
        points[..., 0] = self.centre[0] + self.unit * across
        points[..., 1] = self.centre[1] + self.unit * np.asarray(y)
        return points

    def place(self, angle: Numbers, y: Numbers, out: Numbers = 0.0) -> np.ndarray:
        """Picture points (n, 2) of places on the surface, or ``out`` units above it."""
        x, z = self.space(angle, y, out)
        return self.picture(x, y, z)

    def faces_viewer(self, angle: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Whether a place on the surface is on the side that is seen: bool (n,)."""
        width, front, behind, _ = self.slices(y)
        depth = np.where(np.cos(angle) > 0, front, behind)
        return depth * np.sin(angle) * np.sin(self.turn) < width * np.cos(angle) * np.cos(self.turn)

    def edge(self, y: Numbers, side: int) -> np.ndarray:
        """The outline's picture points (n, 2) at heights y, on the picture's right (side 1) or left (-1)."""
        width, front, behind, middle = self.slices(y)
        sine, cosine = np.sin(self.turn), np.cos(self.turn)
        depth = front if side * self.turn > 0 else behind
        across = middle * sine + side * np.hypot(width * cosine, depth * sine)
        return self._points(across, y)

    def outline(self) -> np.ndarray:
        """The closed outline, (64, 2): up on the left, down on the right."""
        # dense at both ends, where the outline curves most
        y = -1.0 + 2.0 * (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, 32)))
        return np.concatenate([self.edge(y[::-1], -1), self.edge(y, 1)])

    def inflated(self, aside: float, above: float) -> Head:
        """What wraps the head, ``aside`` units thick at the sides and ``above`` at the crown."""
        profile = self.profile.copy()
        share = np.clip((EYES - profile[:, 0]) / (EYES + 1), 0, 1)
        profile[:, 0] -= above * share
        swell = profile[:, 1:2] / profile[:, 1].max()
        profile[:, 1:4] += aside * np.where(share[:, None] > 0, swell, 1)
        return replace(self, profile=profile)

    def hanging(self, spread: float) -> Head:
        """The wrap that falls straight from the widest slice, for hair: ``spread`` units wider a unit down."""
        profile = self.profile[self.profile[:, 0] <= EYES + 1e-9]
        widest = profile[-1].copy()
        falling = np.repeat(widest[None], 4, axis=0)
        falling[:, 0] = (0.2, 0.6, 1.1, 1.8)
        falling[:, 1] = widest[1] + spread * (falling[:, 0] - EYES)
        falling[:, 2] = widest[2] * 0.9
        return replace(self, profile=np.concatenate([profile, falling]))


def sample_profile(rng: np.random.Generator, woman: bool) -> np.ndarray:
    """Slices of a woman's head (a narrow jaw) or of a man's (a broad one), (slices, 5)."""
    broad, jaw, chin = rng.uniform(-1, 1, 3).tolist()
    widest = 0.73 + 0.02 * broad
    round_ = np.linspace(0, np.pi / 2, 8)
    crown = np.stack([np.cos(round_), np.sin(round_)], axis=-1)
    skull = np.stack(
        [
            EYES - (1 + EYES) * crown[:, 0],
            widest * crown[:, 1] ** 0.9,
            0.56 * crown[:, 1] ** 0.9,
            0.92 * crown[:, 1] ** 0.9,
            np.full(8, 0.0),
        ],
        axis=-1,
    )
    cheek = widest * (0.955 if woman else 0.975)
    corner = (0.56 if woman else 0.665) + 0.025 * jaw
    low = (0.385 if woman else 0.525) + 0.03 * jaw + 0.02 * chin
    tip = (0.225 if woman else 0.35) + 0.03 * chin
    face = np.array(
        [
            # y, width, front, behind, middle
            [0.10, widest * 0.985, 0.50, 0.86, 0.06],
            [0.34, cheek * 0.95, 0.50, 0.66, 0.10],
            [0.58, corner, 0.45, 0.46, 0.15],
            [0.78, low, 0.36, 0.32, 0.21],
            [0.91, tip, 0.25, 0.20, 0.28],
            [0.975, 0.55 * tip, 0.15, 0.11, 0.32],
            [1.00, 0.0, 0.0, 0.0, 0.34],
        ]
    )
    return smooth(np.concatenate([skull, face]), 4)


def smooth(points: np.ndarray, steps: int = 6) -> np.ndarray:
    """A smooth curve (Catmull-Rom) through points (n, d), ``steps`` to a stretch: ((n - 1) * steps + 1, d)."""
    first, last = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
    padded = np.concatenate([first[None], points, last[None]])
    t = (np.arange(steps) / steps)[:, None, None]
    a, b, c, d = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.concatenate([curve.swapaxes(0, 1).reshape(-1, points.shape[1]), points[-1:]])


def stroke(line: np.ndarray, width: np.ndarray | float) -> np.ndarray:
    """The outline (2n, 2) of a brush stroke along picture points (n, 2), ``width`` wide at each."""
    along = np.empty_like(line)
    along[1:-1] = line[2:] - line[:-2]
    along[0], along[-1] = line[1] - line[0], line[-1] - line[-2]
    across = np.stack([-along[:, 1], along[:, 0]], axis=-1)
    across /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    half = 0.5 * np.broadcast_to(width, len(line))[:, None] * across
    return np.concatenate([line + half, (line - half)[::-1]])
