"""Drawn bedrooms with masks, and a labeler trained on them."""

from __future__ import annotations

from .room import CONCEPTS, Room, draw_room

__all__ = ["CONCEPTS", "Room", "draw_room"]
