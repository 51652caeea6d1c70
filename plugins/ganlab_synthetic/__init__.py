"""Bedrooms drawn at random with exact masks, as a data set, and a labeler trained on that truth."""

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


@hookimpl
def register_datasets() -> list[Dataset]:
    summary = "bedrooms drawn at random, with windows, beds, lamps, pictures and doors"
    return [Dataset("rooms", summary, "2", 30_000, draw_picture)]


@hookimpl
def register_labelers() -> list[Labeler]:
    from .labeler import RoomLabeler

    return [RoomLabeler()]


@hookimpl
def register_commands() -> list[Typer]:
    from .command import app

    return [app]
