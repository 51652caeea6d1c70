"""The series of a plot are told apart by every eye."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from PIL import ImageColor

from ganlab.figures import axes

from .sights_kit import SIGHTS, apart, lab, linear


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [  # of the test data that Sharma, Wu and Dalal published with the formula
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, -1.0, 2.0), (50.0, 0.0, 0.0), 2.3669),
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_difference_is_that_of_the_published_pairs(
    one: tuple[float, ...], other: tuple[float, ...], difference: float
) -> None:
    assert apart(np.array(one), np.array(other)) == pytest.approx(difference, abs=1e-4)


def test_any_two_series_differ_for_every_eye() -> None:
    light = linear(np.array([ImageColor.getrgb(colour) for colour in axes.COLOURS]))
    for sight in SIGHTS:
        seen = lab(light @ sight.T)
        close = {pair: apart(seen[pair[0]], seen[pair[1]]) for pair in combinations(range(len(seen)), 2)}
        assert min(close.values()) > 10, sorted(close.items(), key=lambda pair: pair[1])[:3]
