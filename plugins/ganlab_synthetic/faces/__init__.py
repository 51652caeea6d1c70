"""Drawn faces whose attributes are known, and a labeler trained on them."""

from __future__ import annotations

from .portrait import Face, draw_face
from .sitter import Attributes

__all__ = ["Attributes", "Face", "draw_face"]
