"""Test pictures among the training pictures: many are refused, a few, as real data sets have them, are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ganlab import GanlabError, Twins, check_apart, open_images


def test_a_few_are_told_and_many_refused(tmp_path: Path) -> None:
    for name in ("train", "test"):
        np.save(tmp_path / f"{name}.npy", np.zeros((9, 8, 8), np.uint8))
    learn, test = (open_images(str(tmp_path / f"{name}.npy")) for name in ("train", "test"))
    assert check_apart(learn, test, [], 100) == []
    (note,) = check_apart(learn, test, [(7, 3)], 1200)
    assert note.startswith("1 of 1,200 test pictures are training pictures too, pixel by pixel: number 7 of ")
    assert note.endswith(f"test.npy is number 3 of {learn.spec}. Left in.")
    with pytest.raises(GanlabError, match=r"^2 of 150 held-out pictures are training pictures too") as error:
        check_apart(learn, test, [(7, 3), (8, 3)], 150, "held-out pictures")
    assert error.value.hint == "Give held-out pictures that nothing was trained on."


def test_each_picture_is_counted_once() -> None:
    held, own = np.zeros((4, 2, 2, 1), np.uint8), np.zeros((6, 2, 2, 1), np.uint8)
    held[:] = np.array([1, 2, 2, 3])[:, None, None, None]
    own[:] = np.array([9, 2, 2, 1, 8, 1])[:, None, None, None]
    twins = Twins()
    assert twins.remember(held, np.arange(10, 14)).tolist() == [10, 11, 11, 13]
    assert twins.find(own[:3], np.arange(3)) == [(11, 1), (12, 1)]
    assert twins.find(own[3:], np.arange(3, 6)) == [(10, 3)]


def test_a_picture_is_the_first_with_its_pixels_however_they_lie_in_memory() -> None:
    pictures = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3, 1)
    twins = Twins()
    assert twins.remember(pictures, np.array([4, 7])).tolist() == [4, 7]
    turned = np.asfortranarray(pictures)[::-1]
    assert twins.remember(turned, np.array([8, 9])).tolist() == [7, 4]
    assert twins.remember(pictures.swapaxes(1, 2), np.array([1, 2])).tolist() == [1, 2]
