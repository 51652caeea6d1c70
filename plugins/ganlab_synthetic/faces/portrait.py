"""Drawn faces whose attributes are known: ``draw_face(seed, index)`` is a pure function of its arguments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..drawing import Canvas, begin
from .features import draw_beard, draw_brows, draw_ear, draw_eyes, draw_mouth, draw_nose, paint
from .hair import draw_hair, draw_hair_behind, sample_hair
from .hats import draw_hat
from .light import BODY, HAIR, HEAD, render
from .sitter import Attributes, Sitter, sample_sitter
from .wear import draw_arm, draw_body, draw_frame, sample_glasses


@dataclass(frozen=True)
class Face:
    """A drawn face and what is true of it."""

    image: np.ndarray  # (size, size, 3) uint8 RGB
    attributes: Attributes


def draw_face(seed: int, index: int, size: int = 64) -> Face:
    """Draw face ``index`` of the endless series ``seed``.

    ``size`` (16..512 pixels) changes the resolution only: the face stays the same.
    """
    canvas, rng = begin(seed, index, size)
    sitter = sample_sitter(rng)
    _draw(canvas, sitter, rng)
    return Face(render(canvas, sitter, rng), sitter.attributes)


def _draw(canvas: Canvas, sitter: Sitter, rng: np.random.Generator) -> None:
    """Everything in front of the background, from behind the head towards the viewer."""
    hair, glasses = sample_hair(rng, sitter), sample_glasses(rng, sitter)
    canvas.begin(HAIR)
    draw_hair_behind(canvas, sitter, hair)
    canvas.begin(BODY)
    draw_body(canvas, sitter, rng)
    canvas.begin(HEAD)
    draw_ear(canvas, sitter, -sitter.near)
    paint(canvas, sitter.head.outline(), sitter.skin)
    draw_beard(canvas, sitter, rng)
    draw_mouth(canvas, sitter, rng)
    draw_eyes(canvas, sitter, rng)
    draw_brows(canvas, sitter, rng)
    draw_nose(canvas, sitter, rng)
    if glasses is not None:
        draw_arm(canvas, sitter, glasses)
    canvas.begin(HAIR)
    draw_hair(canvas, sitter, hair)
    canvas.begin(HEAD)
    if hair.end is None:
        draw_ear(canvas, sitter, sitter.near)
    if glasses is not None:
        draw_frame(canvas, sitter, glasses)
    draw_hat(canvas, sitter, rng)
