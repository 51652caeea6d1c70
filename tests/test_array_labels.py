"""Classes in an array beside the pictures, in every form that leaves no doubt, and what is said of others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ganlab import GanlabError, Images, classes_of, open_images
from ganlab.data.survey import survey

from .kit import smooth_pictures

HOT = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]])


def beside(tmp_path: Path, labels: np.ndarray) -> Images:
    np.savez(tmp_path / "x.npz", images=smooth_pictures(4), labels=labels)
    return open_images(str(tmp_path / "x.npz"))


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.array([1.0, 0.0, 2.0, 1.0]), "1 0 2 1"),
        (np.array([[1], [-0.0], [2], [1]], np.float16), "1 0 2 1"),
        (np.array([True, False, False, True]), "True False False True"),
        (HOT, "1 0 2 1"),
        (HOT.astype(np.float32), "1 0 2 1"),
        (HOT.astype(bool), "1 0 2 1"),
        (np.array([[1], [0], [0], [1]], bool), "True False False True"),
        (np.array(["cat", "dog", "dog", "cat"]), "cat dog dog cat"),
    ],
)
def test_classes_are_understood(tmp_path: Path, labels: np.ndarray, names: str) -> None:
    images = beside(tmp_path, labels)
    assert [images.label(row) for row in range(4)] == names.split()
    assert set(classes_of(images)) == set(names.split())


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (np.arange(3), "labels has 3 entries for 4 pictures"),
        (np.array([0, 1, 0.25, 1]), "labels holds numbers that are not whole, such as 0.25"),
        (np.array([0, 1, np.nan, 1]), "not whole, such as nan"),
        (np.array([0, 1, np.inf, 1]), "not whole, such as inf"),
        (np.array([0, 1, 1e300, 1]), "not whole, such as 1e+300"),
        (HOT * 2, "labels has rows of 3 numbers, and row 0 is not a single 1 among zeros"),
        (HOT | HOT[::-1], "row 1 is not a single 1"),
        (HOT * [0, 1, 1], "row 1 is not a single 1"),
        (HOT - 0.5, "row 0 is not a single 1"),
        (HOT[..., None], "labels has 12 entries for 4 pictures"),
        (np.array([b"a", b"b", b"a", b"b"]), "labels holds |S1, neither whole numbers nor texts"),
    ],
)
def test_what_is_wrong_with_others_is_said(tmp_path: Path, labels: np.ndarray, why: str) -> None:
    images = beside(tmp_path, labels)
    assert images.label(0) is None
    for asked in (images, images.first(2), images.only([images.name(0)])):
        with pytest.raises(GanlabError, match="have no classes") as told:
            classes_of(asked)
        assert why in told.value.message
        assert "single 1" in told.value.hint
    assert any(why in note for note in survey(images, workers=1).notes)
