"""Bedrooms with masks and faces with known attributes, drawn at random, and labelers trained on that truth.

A second labeler of rooms is trained on photographs, whose masks people drew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganlab import Dataset, Labeler, hookimpl

if TYPE_CHECKING:
    import numpy as np
    from typer import Typer


def draw_picture(index: int, size: int) -> np.ndarray:
    """Room ``index`` of the data set, (size, size, 3) uint8."""
    from .rooms import draw_room

    return draw_room(0, index, size).image


def draw_portrait(index: int, size: int) -> np.ndarray:
    """Face ``index`` of the data set, (size, size, 3) uint8."""
    from .faces import draw_face

    return draw_face(0, index, size).image


@hookimpl
def register_datasets() -> list[Dataset]:
    rooms = "bedrooms drawn at random, with windows, beds, lamps, pictures and doors"
    faces = "faces drawn at random: smiling or not, women and men, with glasses and hats, turned left and right"
    return [
        Dataset("rooms", rooms, "2", 30_000, draw_picture),
        Dataset("faces", faces, "1", 30_000, draw_portrait),
    ]


@hookimpl
def register_labelers() -> list[Labeler]:
    from .faces.labeler import FaceLabeler
    from .rooms.labeler import SHIPPED_REAL, RoomLabeler

    return [RoomLabeler(), RoomLabeler(SHIPPED_REAL), FaceLabeler()]


@hookimpl
def register_commands() -> list[Typer]:
    from .command import app

    return [app]
