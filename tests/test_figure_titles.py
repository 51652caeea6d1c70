"""Titles of plots: all of them is there, however small the figure."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ganlab import figures

LONG = "Learnt from samples of the generator that was told classes (% of each class)"


def table(classes: int, title: str) -> Image.Image:
    names = [str(number) for number in range(classes)]
    return figures.matrix(np.ones((classes, classes)), names, names, xlabel="taken for", ylabel="is", title=title)


def ink_above(image: Image.Image) -> np.ndarray:
    """What is written above the first row of dark blue cells: (h, w), 0 white to 255 black."""
    blue = (np.asarray(image) == (8, 48, 107)).all(axis=2).any(axis=1)
    return 255 - np.asarray(image.convert("L"))[: int(blue.argmax()) - 4]


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_a_long_title_is_broken_into_lines_and_not_cut(classes: int) -> None:
    narrow, wide = ink_above(table(classes, LONG)), ink_above(table(16, LONG))
    assert len(narrow) > len(wide), "it takes more lines"
    assert not narrow[:, -2:].any(), "it ends before the edge"
    assert narrow.sum() == pytest.approx(wide.sum(), rel=0.03), "nothing of it is lost"
