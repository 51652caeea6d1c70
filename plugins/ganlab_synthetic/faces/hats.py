"""Hats: a knitted cap, or one with a brim."""

from __future__ import annotations

import colorsys

import numpy as np

from ..drawing import Canvas, Colour, mix, shade
from .features import WHITE, paint
from .head import Head, stroke
from .sitter import Sitter


def draw_hat(canvas: Canvas, sitter: Sitter, rng: np.random.Generator) -> None:
    """A knitted cap or a hat with a brim."""
    brimmed = rng.random() < 0.5
    hue, saturation, value = rng.uniform((0, 0.5, 0.4), (1, 0.9, 0.9)).tolist()
    red, green, blue = (int(255 * channel) for channel in colorsys.hsv_to_rgb(hue, saturation, value))
    if not sitter.attributes.hat:
        return
    if brimmed:
        _draw_brimmed(canvas, sitter, (red, green, blue))
    else:
        _draw_cap(canvas, sitter, (red, green, blue))


def _band(shell: Head, low: float, high: float, dip: float) -> np.ndarray:
    """A strip around the shell between two heights, lower by ``dip`` where it comes nearest: (n, 2)."""
    angle = np.radians(np.linspace(-180, 180, 121))
    edges = []
    for y in (low, high):
        bent = y + dip * np.cos(angle + shell.turn)
        seen = shell.faces_viewer(angle, bent)
        edges.append(shell.place(angle[seen], bent[seen]))
    return np.concatenate([edges[0], edges[1][::-1]])


def _draw_cap(canvas: Canvas, sitter: Sitter, colour: Colour) -> None:
    shell = sitter.head.inflated(0.125, 0.14)
    y = -0.5 + (shell.profile[0, 0] + 0.5) * np.sin(np.linspace(0, np.pi / 2, 24))
    dome = np.concatenate([shell.edge(y, -1), shell.edge(y[::-1], 1)])
    paint(canvas, dome, colour)
    for degrees in (-50, -18, 18, 50):
        angle = np.radians(degrees) - shell.turn
        rib = shell.place(angle + np.zeros(8), np.linspace(-0.55, -0.98, 8))
        paint(canvas, stroke(rib, 0.035 * shell.unit), shade(colour, 0.82))
    cuff = sitter.head.inflated(0.155, 0.14)
    paint(canvas, _band(cuff, -0.42, -0.68, 0.08), mix(colour, WHITE, 0.22))
    paint(canvas, _band(cuff, -0.40, -0.43, 0.08), shade(colour, 0.6))


def _draw_brimmed(canvas: Canvas, sitter: Sitter, colour: Colour) -> None:
    head = sitter.head
    wrap = head.inflated(0.13, 0.16)
    brim_y, tilt = -0.5, 0.15
    width, front, behind, middle = wrap.slices(-0.4)
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)

    def ring(size: float, low: float) -> np.ndarray:
        """Picture points of an ellipse around the head whose near side lies lower in the picture."""
        depth = np.where(np.cos(angle) > 0, front, behind) + size
        x, z = (width + size) * np.sin(angle), middle + depth * np.cos(angle)
        near = z * np.cos(head.turn) - x * np.sin(head.turn)
        return head.picture(x, brim_y + low + tilt * near, z)

    paint(canvas, ring(0.3, 0.03), shade(colour, 0.62))
    paint(canvas, ring(0.3, 0.0), colour)
    y = -0.5 + (wrap.profile[0, 0] + 0.5) * np.linspace(0, 0.93, 12)
    crown = np.concatenate([wrap.edge(y, -1), wrap.edge(y[::-1], 1)])
    paint(canvas, np.concatenate([crown, _lower_half(ring(0.0, 0.0))]), mix(colour, WHITE, 0.1))
    foot = _lower_half(ring(0.005, 0.0))
    band = np.concatenate([foot, foot[::-1] - np.array([0, 0.15 * head.unit])])
    paint(canvas, band, shade(colour, 0.45))


def _lower_half(ring: np.ndarray) -> np.ndarray:
    """The near part of a ring of picture points, from the picture's right to its left."""
    right, left = int(ring[:, 0].argmax()), int(ring[:, 0].argmin())
    half = np.roll(ring, -right, axis=0)[: (left - right) % len(ring) + 1]
    other = np.roll(ring, -left, axis=0)[: (right - left) % len(ring) + 1][::-1]
    return half if half[:, 1].mean() > other[:, 1].mean() else other
