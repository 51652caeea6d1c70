"""The drawn faces: fixed for ever, and every attribute is in the picture and independent of the others."""

from __future__ import annotations

from dataclasses import astuple, fields

import numpy as np
import pytest

from ganlab.data import open_images
from ganlab_synthetic.faces import Attributes, Face, draw_face

NAMES = [field.name for field in fields(Attributes)]
SHARES = {"smile": 0.5, "glasses": 0.5, "woman": 0.5, "hat": 0.3}


@pytest.fixture(scope="module")
def faces() -> list[Face]:
    return [draw_face(11, index) for index in range(400)]


@pytest.fixture(scope="module")
def images(faces: list[Face]) -> np.ndarray:
    return np.stack([face.image for face in faces]).astype(np.float64)


@pytest.fixture(scope="module")
def attributes(faces: list[Face]) -> dict[str, np.ndarray]:
    values = np.array([astuple(face.attributes) for face in faces], dtype=float)
    return dict(zip(NAMES, values.T, strict=True))


def test_a_face_is_the_same_every_time(faces: list[Face]) -> None:
    # Drawn alone, after 400 others or in another order: only seed and index count.
    for index in (399, 0, 57):
        again = draw_face(11, index)
        assert np.array_equal(again.image, faces[index].image)
        assert again.attributes == faces[index].attributes


def test_seeds_and_indices_give_different_faces(faces: list[Face]) -> None:
    assert len({face.image.tobytes() for face in faces}) == len(faces)
    assert not np.array_equal(draw_face(12, 0).image, faces[0].image)


def test_the_face_does_not_depend_on_size(faces: list[Face]) -> None:
    for index in range(40):
        large = draw_face(11, index, size=128)
        assert large.attributes == faces[index].attributes
        halved = large.image.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
        assert np.abs(halved - faces[index].image).mean() < 4


@pytest.mark.parametrize("size", [16, 64, 100, 128, 512])
def test_shapes_and_types(size: int) -> None:
    image = draw_face(3, 5, size=size).image
    assert (image.shape, image.dtype) == ((size, size, 3), np.uint8)


@pytest.mark.parametrize(("seed", "index", "size"), [(0, 0, 8), (0, 0, 1024), (-1, 0, 64), (0, -1, 64)])
def test_bad_arguments_are_refused(seed: int, index: int, size: int) -> None:
    with pytest.raises(ValueError, match="must"):
        draw_face(seed, index, size)


def test_share_of_faces_with_each_attribute(attributes: dict[str, np.ndarray]) -> None:
    for name, share in SHARES.items():
        assert abs(attributes[name].mean() - share) < 0.07, name
    assert abs(attributes["yaw"].mean()) < 0.1
    assert np.histogram(attributes["yaw"], 4, (-1, 1))[0].min() > 70


def test_attributes_are_independent(attributes: dict[str, np.ndarray]) -> None:
    # Lightness and warmth of one colour belong together; everything else must not.
    parts = ["smile", "glasses", "woman", "hat", "yaw", "skin_lightness", "hair_lightness", "background_lightness"]
    correlations = np.corrcoef([attributes[name] for name in parts]) - np.eye(len(parts))
    assert np.abs(correlations).max() < 0.2


def test_features_move_with_the_turn(images: np.ndarray, attributes: dict[str, np.ndarray]) -> None:
    """The column where the face is most detailed, in the rows of nose and mouth, follows the turn."""
    grey = images.mean(axis=3)[:, 34:52, 8:56]
    detail = np.abs(np.diff(grey, axis=1)).sum(axis=1) ** 2
    columns = (detail * np.arange(detail.shape[1])).sum(axis=1) / detail.sum(axis=1)
    assert np.corrcoef(columns, attributes["yaw"])[0, 1] >= 0.9


def test_every_attribute_is_told_by_the_pixels(images: np.ndarray, attributes: dict[str, np.ndarray]) -> None:
    """A straight line through the pixels, learnt on 300 faces, tells the other 100 better than chance."""
    small = images.reshape(len(images), 16, 4, 16, 4, 3).mean(axis=(2, 4)).reshape(len(images), -1)
    small = (small - small.mean(axis=0)) / (small.std(axis=0) + 8)
    kernel = small @ small.T
    for name in SHARES:
        truth = 2 * attributes[name] - 1
        weights = np.linalg.solve(kernel[:300, :300] + 300 * np.eye(300), truth[:300] - truth[:300].mean())
        score = kernel[300:, :300] @ weights
        with_it, without = score[truth[300:] > 0], score[truth[300:] < 0]
        assert (with_it[:, None] > without).mean() > 0.8, name


def test_faces_are_a_data_set() -> None:
    images = open_images("faces:4")
    assert len(images) == 4
