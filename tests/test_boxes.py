"""Names of pictures and concepts; boxes as cells and as latents."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganlab.errors import GanlabError
from ganlab.labels.boxes import Boxes
from ganlab.labels.concepts import concept_name
from ganlab.labels.marks import Box
from ganlab.labels.pictures import PictureName, latents_of, parse_picture_file, picture_file
from ganlab.testing import tiny_gan

from .boxes_kit import FIRST, HASH, SECOND, coco, gan, load

# --- names


@given(
    checkpoint=st.text("0123456789abcdef", min_size=12, max_size=12),
    seed=st.integers(0, 2**64 - 1),
    index=st.integers(0, 2**63 - 1),
    label=st.none() | st.integers(0, 999),
    before=st.sampled_from(
        ["", "upload/1/ab12cd34-", "/data/x y/", "C:\\pics\\", "data/local-files/?d=rooms%2F", "1_"]
    ),
    after=st.sampled_from([".png", ".jpg", "_png.rf.0a1b2c.jpg", " (1).png", "-1.png", "_xY3.PNG", ""]),
)
def test_a_pictures_name_survives_the_tools(
    checkpoint: str, seed: int, index: int, label: int | None, before: str, after: str
) -> None:
    name = PictureName(checkpoint, seed, index, label)
    assert parse_picture_file(before + picture_file(name, after)) == name
    assert parse_picture_file(before + picture_file(name, after).upper()) == name


def test_names_look_as_promised() -> None:
    assert picture_file(FIRST) == "3fa9c1d2e4b0-s0-i00012.png"
    assert picture_file(PictureName(HASH, 1, 123456, 3), "") == "3fa9c1d2e4b0-s1-i123456-c3"


@pytest.mark.parametrize(
    "text", ["", "room.png", "3fa9c1d2e4b-s0-i00012.png", "3fa9c1d2e4b0-s0-i12.png", "3fa9c1d2e4b0/s0-i00012"]
)
def test_other_names_are_no_pictures(text: str) -> None:
    assert parse_picture_file(text) is None


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("windows", "window"), ("Windows", "window"), ("WINDOW", "window"), ("picture_frames", "picture frame"),
        ("Picture-Frames ", "picture frame"), ("glass", "glass"), ("glasses", "glasses"), ("wine glass", "wine glass"),
        ("bus", "bus"), ("buses", "bus"), ("shelf", "shelf"), ("shelves", "shelf"), ("bookshelves", "bookshelf"),
        ("bookshelf", "bookshelf"), ("knives", "knife"), ("stoves", "stove"), ("sleeves", "sleeve"), ("leaves", "leaf"),
        ("women", "woman"), ("people", "person"), ("children", "child"), ("boxes", "box"), ("benches", "bench"),
        ("dishes", "dish"), ("dresses", "dress"), ("mattress", "mattress"), ("houses", "house"), ("vases", "vase"),
        ("noses", "nose"), ("lenses", "lens"), ("lens", "lens"), ("canvas", "canvas"), ("sofas", "sofa"),
        ("babies", "baby"),
        ("movies", "movie"), ("ties", "tie"), ("shoes", "shoe"), ("potatoes", "potato"), ("moustaches", "moustache"),
        ("trousers", "trousers"), ("chests of drawers", "chest of drawers"), ("chest of drawers", "chest of drawers"),
        ("iris", "iris"), ("cactus", "cactus"), ("cactuses", "cactus"), ("eyes", "eye"), ("TVs", "tv"),
        ("taxis", "taxi"),
        ("menus", "menu"), ("series", "series"), ("bed", "bed"), ("Fenêtre", "fenêtre"), ("7", "7"), ("as", "as"),
        ("smiling_women", "smiling woman"), ("side of bed", "side of bed"), ("of", "of"), ("it's", "it's"),
    ],
)  # fmt: skip
def test_singular_and_plural_are_one_concept(plural: str, singular: str) -> None:
    assert concept_name(plural) == singular


@given(st.text(min_size=1))
def test_a_canonical_name_stays_as_it_is(text: str) -> None:
    if not text.replace("_", " ").replace("-", " ").strip():
        with pytest.raises(GanlabError, match="needs a name"):
            concept_name(text)
    else:
        assert concept_name(concept_name(text)) == concept_name(text)


# --- cells and latents


def test_cells_whose_centre_is_inside_are_positive() -> None:
    boxes = Boxes([Box(SECOND, "window", 8, 0, 16, 8), Box(SECOND, "window", 62, 62, 2, 2)], [FIRST, SECOND], (64, 64))
    cells = boxes.grid("windows", 8)
    assert cells.shape == (2, 8, 8)
    assert not cells[0].any()
    assert np.argwhere(cells[1]).tolist() == [[0, 1], [0, 2]], "the last box holds no centre"
    assert boxes.grid("window", 64)[1].sum() == 16 * 8 + 4


@given(st.integers(1, 20), st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 64), st.integers(1, 64)))
def test_cells_agree_with_their_definition(cells: int, sides: tuple[int, int, int, int]) -> None:
    x, y, w, h = sides
    found = Boxes([Box(FIRST, "bed", x, y, w, h)], [FIRST], (64, 64)).grid("bed", cells)
    for row in range(cells):
        for column in range(cells):
            centre = (column + 0.5) * 64 / cells, (row + 0.5) * 64 / cells
            inside = x <= centre[0] < x + w and y <= centre[1] < y + h
            assert found[0, row, column] == inside


def test_pictures_can_be_chosen_and_drawn_again(tmp_path: Path) -> None:
    from ganlab.latents import Prior

    third = PictureName(HASH, 7, 2)
    boxes = Boxes([Box(FIRST, "bed", 0, 0, 9, 9)], [FIRST, third, SECOND], (64, 64))
    prior = Prior(4)
    owner = gan()
    owner.prior, owner.label = prior, None
    latents = boxes.latents(owner)
    assert latents.seed is None
    np.testing.assert_array_equal(latents.z[0], prior.at([12], 0).z[0])
    np.testing.assert_array_equal(latents.z[1], prior.at([2], 7).z[0])
    chosen = boxes.on([SECOND, FIRST])
    assert (chosen.pictures, len(chosen.boxes)) == ([SECOND, FIRST], 1)
    assert chosen.latents(owner).seed == 0
    assert chosen.latents(owner).index.tolist() == [13, 12]
    assert boxes.on([third]).boxes == []


@pytest.mark.parametrize(("index", "label"), [(2**63, None), (0, 2**63)])
def test_a_picture_that_cannot_be_is_told(index: int, label: int | None) -> None:
    with pytest.raises(GanlabError, match=r"^No picture is called 3fa9.*\.png\."):
        latents_of(tiny_gan(), [PictureName(HASH, 0, index, label)])


def test_a_picture_of_a_class_that_the_gan_does_not_draw_is_named() -> None:
    pictures = [PictureName(HASH, 0, 1), PictureName(HASH, 0, 3, 4)]
    with pytest.raises(GanlabError, match=r"^The picture 0:3:4 is of class 4, but '.*' draws no classes\.") as caught:
        latents_of(tiny_gan(), pictures)
    assert caught.value.hint == "Name it 0:3."
    with pytest.raises(GanlabError, match=r"^The picture 0:3:4 .* draws the classes 0 to 2\.") as caught:
        latents_of(tiny_gan(classes=3), pictures)
    assert "0:3:CLASS" in caught.value.hint
    assert latents_of(tiny_gan(classes=5), pictures[1:]).labels.tolist() == [4]


def test_many_boxes_are_put_together_in_no_time() -> None:
    pictures = [PictureName(HASH, 0, index) for index in range(4000)]
    boxes = [Box(picture, "bed", 0, 0, 1, 1) for picture in pictures for _ in range(3)]
    start = time.process_time()
    Boxes(boxes, pictures, (64, 64))
    assert time.process_time() - start < 1


def test_a_checkpoints_own_boxes(tmp_path: Path) -> None:
    owner = gan()
    assert Boxes.of_checkpoint(owner) is None
    owner.folder = tmp_path
    assert Boxes.of_checkpoint(owner) is None
    load(tmp_path, coco())
    own = Boxes.of_checkpoint(owner)
    assert own is not None
    assert len(own.boxes) == 1
