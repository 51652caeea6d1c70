"""The synthetic bedrooms: fixed for ever, their masks where the drawing is, and not solvable from colour alone."""

from __future__ import annotations

import numpy as np
import pytest

from ganlab_synthetic.drawing import begin
from ganlab_synthetic.rooms import CONCEPTS, Room, draw_room
from ganlab_synthetic.rooms.room import read_masks

SHARES = {
    "window": (0.78, 0.92),
    "picture": (0.5, 0.68),
    "bed": (0.86, 0.97),
    "lamp": (0.56, 0.76),
    "door": (0.37, 0.55),
}


@pytest.fixture(scope="module")
def rooms() -> list[Room]:
    return [draw_room(11, index) for index in range(400)]


def test_a_room_is_the_same_every_time(rooms: list[Room]) -> None:
    # Drawn alone, after 400 others or in another order: only seed and index count.
    for index in (399, 0, 57):
        again = draw_room(11, index)
        assert np.array_equal(again.image, rooms[index].image)
        assert np.array_equal(again.masks, rooms[index].masks)
        assert again.boxes == rooms[index].boxes


def test_seeds_and_indices_give_different_rooms(rooms: list[Room]) -> None:
    assert len({room.image.tobytes() for room in rooms}) == len(rooms)
    assert not np.array_equal(draw_room(12, 0).image, rooms[0].image)


def test_layout_does_not_depend_on_size(rooms: list[Room]) -> None:
    differences = []
    for index in range(100):
        small, large = rooms[index], draw_room(11, index, size=128)
        assert [concept for concept, _ in small.boxes] == [concept for concept, _ in large.boxes]
        for (_, a), (_, b) in zip(small.boxes, large.boxes, strict=True):
            differences.append(np.abs(2 * np.array(a) - np.array(b)).max())
        halved = large.image.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
        assert np.abs(halved - small.image).mean() < 4
    # A sliver that shows past a neighbour at the higher resolution only may move an edge further.
    assert np.mean(np.array(differences) <= 3) > 0.95
    assert max(differences) <= 12


@pytest.mark.parametrize("size", [16, 64, 100, 128, 512])
def test_shapes_and_types(size: int) -> None:
    room = draw_room(3, 5, size=size)
    assert (room.image.shape, room.image.dtype) == ((size, size, 3), np.uint8)
    assert (room.masks.shape, room.masks.dtype) == ((len(CONCEPTS), size, size), bool)


@pytest.mark.parametrize(("seed", "index", "size"), [(0, 0, 8), (0, 0, 1024), (-1, 0, 64), (0, -1, 64)])
def test_bad_arguments_are_refused(seed: int, index: int, size: int) -> None:
    with pytest.raises(ValueError, match="must"):
        draw_room(seed, index, size)


def middle(weights: np.ndarray) -> np.ndarray:
    """Centre of mass (x, y) of a map, in pixels."""
    return np.array([np.average(np.arange(len(weights)) + 0.5, weights=weights.sum(axis)) for axis in (0, 1)])


@pytest.mark.parametrize(("size", "off"), [(32, 1 / 16), (64, 1 / 8), (86, 1 / 4), (128, 1 / 4), (512, 1 / 4)])
def test_masks_lie_part_of_a_pixel_up_and_left_of_the_picture(size: int, off: float) -> None:
    random, found = np.random.default_rng(0), []
    for _ in range(400 if size < 500 else 40):
        (left, top), (right, bottom) = random.uniform(0.1, 0.4, 2), random.uniform(0.6, 0.9, 2)
        canvas, _ = begin(0, 0, size)
        canvas.begin("window")
        canvas.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], (255, 255, 255))
        drawn = np.asarray(canvas.colour.reduce(canvas.factor), float)[..., 0]
        found.append(middle(read_masks(canvas)[0][0]) - middle(drawn))
    assert np.mean(found, 0) == pytest.approx([-off, -off], abs=0.1 * off + 0.03)


def test_masks_do_not_overlap_and_boxes_cover_them_tightly(rooms: list[Room]) -> None:
    for room in rooms:
        assert room.masks.sum(axis=0).max() <= 1
        for concept, mask in zip(CONCEPTS, room.masks, strict=True):
            boxes = [box for name, box in room.boxes if name == concept]
            assert bool(boxes) == mask.any()
            if not boxes:
                continue
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            assert min(x for x, _, _, _ in boxes) == columns[0]
            assert min(y for _, y, _, _ in boxes) == rows[0]
            assert max(x + w for x, _, w, _ in boxes) == columns[-1] + 1
            assert max(y + h for _, y, _, h in boxes) == rows[-1] + 1
            covered = np.zeros_like(mask)
            for x, y, w, h in boxes:
                covered[y : y + h, x : x + w] = True
            assert not (mask & ~covered).any()


def test_objects_are_large_enough_to_see(rooms: list[Room]) -> None:
    for room in rooms:
        for concept, (_, _, w, h) in room.boxes:
            assert min(w, h) >= (9 if concept == "picture" else 6), concept


def test_share_of_rooms_with_each_concept(rooms: list[Room]) -> None:
    present = np.array([room.masks.any(axis=(1, 2)) for room in rooms]).mean(axis=0)
    for concept, share in zip(CONCEPTS, present, strict=True):
        low, high = SHARES[concept]
        assert low <= share <= high, f"{concept}: {share:.2f}"


def test_colour_alone_does_not_find_the_objects(rooms: list[Room]) -> None:
    """Shares of the concepts per colour cell, learnt on 300 rooms, stay below IoU 0.5 on the others."""
    images = np.stack([room.image for room in rooms]).reshape(len(rooms), -1, 3)
    cells = (images // 16).astype(np.int64) @ np.array([256, 16, 1])
    masks = np.stack([room.masks for room in rooms]).reshape(len(rooms), len(CONCEPTS), -1)
    train, test = cells[:300].ravel(), cells[300:].ravel()
    total = np.bincount(train, minlength=4096) + 1.0
    for number, concept in enumerate(CONCEPTS):
        truth = masks[:300, number].ravel()
        score = (np.bincount(train, weights=truth, minlength=4096) / total)[test]
        wanted = masks[300:, number].ravel()
        best = 0.0
        for threshold in np.linspace(0.02, 0.9, 45):
            found = score > threshold
            best = max(best, (found & wanted).sum() / (found | wanted).sum())
        assert 0 < best < 0.5, f"{concept}: {best:.2f}"
