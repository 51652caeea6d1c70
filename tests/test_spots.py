"""Where --insert writes: the cells whose centres lie in the place, the same to the left as to the right."""

from __future__ import annotations

import numpy as np
import pytest

from ganlab_probe.insertion import Place, Spot

CELLS = 16


def cells(x: float, y: float, size: tuple[float, float] = (0.3, 0.2), side: int = CELLS) -> np.ndarray:
    """(side, side) bool, of pictures of 64 pixels."""
    marked = np.zeros((side, side), bool)
    marked[Place(Spot(x, y), size, 64).of(side)] = True
    return marked


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("side", [4, 16, 64])
def test_the_cells_are_those_whose_centres_lie_in_the_place(seed: int, side: int) -> None:
    rng = np.random.default_rng(seed)
    (x, y), size = rng.uniform(0, 64, 2), rng.uniform(1.01 / side, 0.7, 2)
    centres = (np.arange(side) + 0.5) / side
    across, down = (np.abs(centres - at / 64) < extent / 2 for at, extent in zip((x, y), size, strict=True))
    assert np.array_equal(cells(x, y, tuple(size), side), down[:, None] & across)


@pytest.mark.parametrize("size", [(0.3, 0.2), (0.01, 0.02), (0.25, 0.125), (1 / 16, 3 / 16), (0.9, 0.7)])
def test_mirrored_places_are_mirrored_cells(size: tuple[float, float]) -> None:
    for x in np.arange(0.5, 64, 0.5):
        for y in (13.0, 30.25):
            found = cells(x, y, size)
            assert found.any()
            assert np.array_equal(cells(64 - x, y, size), found[:, ::-1])
            assert np.array_equal(cells(x, 64 - y, size), found[::-1])


def test_a_place_between_cells_is_written_at_least_once() -> None:
    assert np.argwhere(cells(18.1, 45.9, (0.001, 0.001))).tolist() == [[11, 4]]
    assert cells(0, 0, (0.001, 0.001))[0, 0]
