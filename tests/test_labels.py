"""Boxes as annotation tools write them; names of pictures and concepts; labelers."""

from __future__ import annotations

import json
import zipfile
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganlab.card import Card
from ganlab.errors import GanlabError
from ganlab.labelers import Labeler
from ganlab.labels import Box, Boxes, PictureName, concept_name, parse_picture_file, picture_file

HASH = "3fa9c1d2e4b0"
FIRST, SECOND = PictureName(HASH, 0, 12), PictureName(HASH, 0, 13)


def gan(hash_: str = HASH, size: int = 64) -> Any:
    return SimpleNamespace(hash=hash_, name="rooms-64", image=SimpleNamespace(size=size), folder=None)


def coco(**changes: Any) -> dict[str, Any]:
    """What CVAT exports for two pictures, one with a window."""
    document = {
        "licenses": [{"name": "", "id": 0, "url": ""}],
        "info": {"contributor": "", "date_created": ""},
        "categories": [{"id": 1, "name": "window", "supercategory": ""}, {"id": 2, "name": "bed", "supercategory": ""}],
        "images": [
            {"id": 1, "width": 64, "height": 64, "file_name": picture_file(FIRST), "license": 0, "date_captured": 0},
            {"id": 2, "width": 64, "height": 64, "file_name": picture_file(SECOND), "license": 0, "date_captured": 0},
        ],
        "annotations": [
            {
                "id": 1, "image_id": 1, "category_id": 1, "segmentation": [], "area": 200.0,
                "bbox": [10.0, 20.5, 20.0, 10.0], "iscrowd": 0, "attributes": {"occluded": False},
            }
        ],
    }  # fmt: skip
    return document | changes


def load(tmp_path: Path, document: Any) -> Boxes:
    path = tmp_path / "boxes.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return Boxes.load(path)


def annotation(**changes: Any) -> dict[str, Any]:
    return {"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]} | changes


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
        ("smiling_women", "smiling woman"), ("side of bed", "side of bed"), ("of", "of"),
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


# --- what tools write


def test_a_plain_export_is_read(tmp_path: Path) -> None:
    boxes = load(tmp_path, coco())
    assert boxes.boxes == [Box(FIRST, "window", 10, 20.5, 20, 10)]
    assert boxes.pictures == [FIRST, SECOND], "the picture without boxes was looked at too"
    assert boxes.size == (64, 64)
    assert (boxes.concepts, boxes.categories) == (["window"], ["window", "bed"])
    assert boxes.notes == []
    assert boxes.check(gan()) is boxes


def test_what_label_studio_does_to_a_file_is_taken(tmp_path: Path) -> None:
    document = coco(
        images=[
            {"id": 1, "width": None, "height": None, "file_name": f"/data/upload/3/0a12cd34-{picture_file(SECOND)}"},
            {"id": 0, "width": 64, "height": 64, "file_name": f"../upload/3/ab12cd34-{picture_file(FIRST)}"},
        ],
        categories=[{"id": "0", "name": "Windows"}, {"id": 1, "name": "picture_frames"}],
        annotations=[
            {"id": "0", "image_id": "0", "category_id": 0, "bbox": [1, 2, 3, 4], "score": 0.9, "ignore": 0},
            {
                "image_id": 0.0,
                "category_id": "1",
                "bbox": None,
                "segmentation": [[5, 5, 9, 5, 9, 8.5], [1, 6, 2, 6, 2, 7]],
            },
        ],
    )
    del document["info"], document["licenses"]
    path = tmp_path / "boxes.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(document).encode())
    boxes = Boxes.load(path)
    assert boxes.boxes == [Box(FIRST, "picture frame", 1, 5, 8, 3.5), Box(FIRST, "window", 1, 2, 3, 4)]
    assert boxes.pictures == [FIRST, SECOND]


def test_a_file_without_any_boxes_is_read(tmp_path: Path) -> None:
    document = coco()
    del document["annotations"], document["categories"]
    boxes = load(tmp_path, document)
    assert boxes.pictures == [FIRST, SECOND]
    with pytest.raises(GanlabError, match="no boxes of 'window'") as caught:
        boxes.of("windows")
    assert "No boxes have been drawn" in caught.value.hint


def test_an_exported_zip_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("annotations/instances_default.json", json.dumps(coco()))
        archive.writestr("images/x.png", b"")
    assert len(Boxes.load(tmp_path / "export.zip").boxes) == 1
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.json", "{}")
        archive.writestr("b.json", "{}")
    with pytest.raises(GanlabError, match="2 JSON files"):
        Boxes.load(tmp_path / "two.zip")


def test_labelmes_files_are_read(tmp_path: Path) -> None:
    shapes = [
        {"label": "Window", "shape_type": "rectangle", "points": [[30, 20], [10, 5]]},
        {"label": "lamps", "shape_type": "polygon", "points": [[1, 1], [4, 1], [4, 6]]},
        {"label": "lamp", "shape_type": "circle", "points": [[20, 20], [23, 24]]},
    ]
    for name, drawn in ((FIRST, shapes), (SECOND, [])):
        document = {
            "version": "5",
            "shapes": drawn,
            "imagePath": picture_file(name),
            "imageWidth": 64,
            "imageHeight": 64,
        }
        (tmp_path / picture_file(name, ".json")).write_text(json.dumps(document))
    boxes = Boxes.load(tmp_path)
    assert boxes.boxes == [
        Box(FIRST, "lamp", 1, 1, 3, 5),
        Box(FIRST, "lamp", 15, 15, 10, 10),
        Box(FIRST, "window", 10, 5, 20, 15),
    ]
    assert boxes.pictures == [FIRST, SECOND]
    assert len(Boxes.load(tmp_path / picture_file(FIRST, ".json")).boxes) == 3


def test_enlarged_pictures_are_scaled_back(tmp_path: Path) -> None:
    images = [image | {"width": 256, "height": 256} for image in coco()["images"]]
    boxes = load(tmp_path, coco(images=images, annotations=[annotation(bbox=[40, 80, 20, 8])]))
    assert boxes.size == (256, 256)
    fitted = boxes.check(gan())
    assert fitted.boxes == [Box(FIRST, "window", 10, 20, 5, 2)]
    assert fitted.size == (64, 64)
    assert "enlarged 4 times" in fitted.notes[0]
    np.testing.assert_array_equal(fitted.grid("window", 16), boxes.grid("window", 16))
    images[0] |= {"width": 64, "height": 64}
    mixed = load(tmp_path, coco(images=images, annotations=[annotation(), annotation(image_id=2, bbox=[4, 8, 12, 16])]))
    assert {box.picture: (box.x, box.y, box.w, box.h) for box in mixed.boxes} == {
        FIRST: (1, 2, 3, 4),
        SECOND: (1, 2, 3, 4),
    }
    assert "1 of 2 pictures" in mixed.notes[0]
    images[1] |= {"width": 100, "height": 100}
    with pytest.raises(GanlabError, match="64x64 and of 100x100"):
        load(tmp_path, coco(images=images))
    with pytest.raises(GanlabError, match="draws 48x48"):
        boxes.check(gan(size=48))
    with pytest.raises(GanlabError, match="draws 512x512"):
        boxes.check(gan(size=512))


def test_boxes_over_the_edge_are_clipped_and_counted(tmp_path: Path) -> None:
    boxes = load(tmp_path, coco(annotations=[annotation(bbox=[-5, 60, 10, 10]), annotation(bbox=[0, 0, 64, 64.001])]))
    assert boxes.boxes == [Box(FIRST, "window", 0, 0, 64, 64), Box(FIRST, "window", 0, 60, 5, 4)]
    assert boxes.notes == ["1 of 2 boxes reached over their picture's edge and were clipped."]


# --- what is refused


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("no json", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "no COCO"),
        ([annotation()], "no COCO"),
        ({"shapes": [], "imagePath": "room.png"}, "room.png"),
        ({"shapes": [{"label": "bed"}], "imagePath": picture_file(FIRST)}, "points"),
        ({"data": []}, "lists no images"),
        (coco(images=[]), "no pictures"),
        (coco(images=[3]), "no object"),
        (
            coco(images=[{"id": 1, "file_name": "IMG_1.png", "width": 64, "height": 64}]),
            "'IMG_1.png' tells no checkpoint",
        ),
        (coco(images=[{"file_name": picture_file(FIRST), "width": 64, "height": 64}]), "image has no id"),
        (coco(images=[{"id": 1, "file_name": picture_file(FIRST)}]), "width and height"),
        (coco(images=[{"id": 1, "file_name": picture_file(FIRST), "width": 0, "height": 64}]), "size 0 by 64"),
        (coco(images=[coco()["images"][0], coco()["images"][0] | {"id": 5}]), "twice"),
        (coco(images=[coco()["images"][0], coco()["images"][0] | {"file_name": picture_file(SECOND)}]), "twice"),
        (
            coco(
                images=[*coco()["images"], coco()["images"][0] | {"id": 3, "file_name": "000000000000-s0-i00001.png"}]
            ),
            "2 checkpoints: 000000000000, 3fa9c1d2e4b0",
        ),
        (coco(categories=[{"id": 1}]), "needs a name"),
        (coco(categories="x"), "categories"),
        (coco(annotations=[annotation(image_id=9)]), "annotation 7 is on a picture that the file does not list"),
        (coco(annotations=[annotation(category_id=9)]), "category that the file does not list"),
        (coco(annotations=[annotation(image_id=None)]), "annotation has no image_id"),
        (coco(annotations=[annotation(bbox=[70, 2, 3, 4])]), "covers nothing"),
        (coco(annotations=[annotation(bbox=[1, 2, 0, 4])]), "covers nothing"),
        (coco(annotations=[annotation(bbox=[9, 2, -4, 4])]), "covers nothing"),
        (coco(annotations=[annotation(bbox=[1, 2, 3])]), "neither a box"),
        (coco(annotations=[annotation(bbox=["a", 2, 3, 4])]), "coordinate 'a'"),
        (coco(annotations=[annotation(bbox=[float("nan"), 2, 3, 4])]), "coordinate nan"),
        (coco(annotations=[annotation(bbox=None, segmentation={"counts": "xx", "size": [64, 64]})]), "neither a box"),
        (coco(annotations=[annotation(bbox=[], segmentation=[[1, 2, 3, 4, 5]])]), "neither a box"),
        (coco(annotations=["x"]), "annotations"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(tmp_path: Path, document: Any, words: str) -> None:
    with pytest.raises(GanlabError, match=words) as caught:
        load(tmp_path, document)
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(GanlabError, match="no file"):
        Boxes.from_spec(str(tmp_path / "boxes.json"))
    with pytest.raises(GanlabError, match=r"neither an annotations\.json"):
        Boxes.load(tmp_path)
    (tmp_path / "x.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GanlabError, match="no JSON"):
        Boxes.load(tmp_path / "x.json")
    (tmp_path / "x.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    with pytest.raises(GanlabError, match="0 JSON files"):
        Boxes.load(tmp_path / "x.zip")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_whatever_stands_in_a_file_it_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    document = coco()
    place: Any = document
    while isinstance(place, (dict, list)) and place:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], (dict, list)) or data.draw(st.booleans()):
            place[key] = data.draw(json_values)
            break
        place = place[key]
    with suppress(GanlabError):
        load(tmp_path, document)


def test_boxes_of_another_checkpoint_name_both(tmp_path: Path) -> None:
    with pytest.raises(GanlabError, match=r"checkpoint 3fa9c1d2e4b0; 'rooms-64' is 0123456789ab"):
        load(tmp_path, coco()).check(gan("0123456789ab"))


def test_a_concept_without_boxes_says_which_there_are(tmp_path: Path) -> None:
    boxes = load(tmp_path, coco())
    assert boxes.of("Windows").boxes == boxes.boxes
    assert boxes.of("window").pictures == boxes.pictures
    with pytest.raises(GanlabError, match="no boxes of 'bed'") as caught:
        boxes.of("beds")
    assert caught.value.hint == "It has boxes of: window."


def test_boxes_hold_together() -> None:
    with pytest.raises(ValueError, match="not listed"):
        Boxes([Box(SECOND, "bed", 0, 0, 1, 1)], [FIRST], (64, 64))
    with pytest.raises(ValueError, match="once"):
        Boxes([], [FIRST, FIRST], (64, 64))
    with pytest.raises(ValueError, match="one checkpoint"):
        Boxes([], [FIRST, PictureName("0" * 12, 0, 1)], (64, 64))


# --- there and back

sides = st.floats(0.5, 32, allow_nan=False).map(lambda value: round(value, 3)) | st.integers(1, 32)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    indices=st.lists(st.integers(0, 10**7), min_size=1, max_size=4, unique=True),
    drawn=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["window", "bed", "fenêtre"]), sides, sides), max_size=4
    ),
)
def test_saved_boxes_come_back(tmp_path: Path, indices: list[int], drawn: list[Any]) -> None:
    pictures = [PictureName(HASH, 3, index) for index in indices]
    boxes = Boxes(
        [Box(pictures[row % len(pictures)], concept, x, y, 31, 32) for row, concept, x, y in drawn],
        pictures,
        (64, 64),
        categories=["lamp", "window"],
    )
    boxes.save(tmp_path / "a/boxes.json")
    back = Boxes.load(tmp_path / "a/boxes.json")
    assert (back.pictures, back.size, back.categories) == (sorted(pictures), boxes.size, boxes.categories)
    drawn_boxes = sorted(boxes.boxes, key=lambda box: (box.picture, box.concept, box.x, box.y))
    for one, other in zip(back.boxes, drawn_boxes, strict=True):
        assert (one.picture, one.concept) == (other.picture, other.concept)
        np.testing.assert_allclose([one.x, one.y, one.w, one.h], [other.x, other.y, other.w, other.h], atol=1e-9)
    assert sorted(file.name for file in (tmp_path / "a").iterdir()) == ["boxes.json"]


def test_what_is_saved_is_plain_coco(tmp_path: Path) -> None:
    Boxes([Box(SECOND, "window", 1.0, 2.5, 3, 4)], [FIRST, SECOND], (64, 64)).save(tmp_path / "b.json")
    document = json.loads((tmp_path / "b.json").read_text())
    assert document["images"][0] == {"id": 1, "file_name": picture_file(FIRST), "width": 64, "height": 64}
    assert document["categories"] == [{"id": 1, "name": "window", "supercategory": ""}]
    assert document["annotations"] == [
        {"id": 1, "image_id": 2, "category_id": 1, "bbox": [1, 2.5, 3, 4], "area": 12, "iscrowd": 0, "segmentation": []}
    ]


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
    owner.prior = prior
    latents = boxes.latents(owner)
    assert latents.seed is None
    np.testing.assert_array_equal(latents.z[0], prior.at([12], 0).z[0])
    np.testing.assert_array_equal(latents.z[1], prior.at([2], 7).z[0])
    chosen = boxes.on([SECOND, FIRST])
    assert (chosen.pictures, len(chosen.boxes)) == ([SECOND, FIRST], 1)
    assert chosen.latents(owner).seed == 0
    assert chosen.latents(owner).index.tolist() == [13, 12]
    assert boxes.on([third]).boxes == []


def test_a_checkpoints_own_boxes(tmp_path: Path) -> None:
    owner = gan()
    assert Boxes.of_checkpoint(owner) is None
    owner.folder = tmp_path
    assert Boxes.of_checkpoint(owner) is None
    load(tmp_path, coco())
    own = Boxes.of_checkpoint(owner)
    assert own is not None
    assert len(own.boxes) == 1


# --- labelers


class Bright(Labeler):
    name = "bright"
    concepts = ("window", "bed")
    domain = "anything"
    card = MappingProxyType({"min_pixels": {"window": 3, "bed": 1}})

    def masks(self, images: Any, image: Any) -> np.ndarray:
        return np.stack([images[:, 0] > 0.5, images[:, 0] < -0.5], axis=1)


def test_a_labeler_counts_pixels_against_its_card() -> None:
    images = np.zeros((3, 1, 2, 2))
    images[0, 0, 0] = 1
    images[1, 0, :] = 1
    images[1, 0, 1, 1] = -1
    assert Bright().shows(images, None).tolist() == [[False, False], [True, True], [False, False]]  # type: ignore[arg-type]
    assert Bright().column("Beds") == 1
    with pytest.raises(GanlabError, match="does not know 'lamp'") as caught:
        Bright().column("lamps")
    assert caught.value.hint == "It knows: window, bed."


class Smiling(Labeler):
    name = "smiling"
    concepts = ("smile",)
    measures = ("width",)
    domain = "anything"
    card = MappingProxyType({})

    def shows(self, images: Any, image: Any) -> np.ndarray:
        return images[:, 0, 0, :1] > 0.5

    def measure(self, images: Any, image: Any) -> np.ndarray:
        return images[:, 0, 0, :1].astype(np.float32)


def test_a_labeler_may_label_whole_pictures_and_measure() -> None:
    images = np.array([0.2, 0.7]).reshape(2, 1, 1, 1)
    assert Smiling().shows(images, None).tolist() == [[False], [True]]  # type: ignore[arg-type]
    assert Smiling().measure(images, None).dtype == np.float32  # type: ignore[arg-type]
    assert Smiling().column("smiles") == 0
    with pytest.raises(GanlabError, match="'smiling' labels whole pictures, not pixels"):
        Smiling().masks(images, None)  # type: ignore[arg-type]


def test_a_labeler_that_does_not_measure_says_so() -> None:
    assert Bright().measures == ()
    with pytest.raises(GanlabError, match="'bright' measures nothing") as caught:
        Bright().measure(np.zeros((1, 1, 2, 2)), None)  # type: ignore[arg-type]
    assert caught.value.hint == "It tells whether a picture shows: window, bed."


def test_a_labeler_must_see_something() -> None:
    with pytest.raises(TypeError, match=r"Blind must define masks\(\) or shows\(\)"):

        class Blind(Labeler):
            name = "blind"


def test_labelers_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Labeler] = {"bright": Bright()}
    monkeypatch.setattr("ganlab.plugins.host", lambda: SimpleNamespace(labelers=lambda: found))
    assert Labeler.from_spec("bright") is found["bright"]
    with pytest.raises(GanlabError, match="no labeler 'brihgt'") as caught:
        Labeler.from_spec("brihgt")
    assert caught.value.hint == "There is: bright."
    found.clear()
    with pytest.raises(GanlabError) as caught:
        Labeler.from_spec("x")
    assert "plugins" in caught.value.hint


def test_a_checkpoints_own_labeler(monkeypatch: pytest.MonkeyPatch) -> None:
    class Host:
        def labelers(self) -> dict[str, Labeler]:
            return {"bright": Bright()}

    monkeypatch.setattr("ganlab.plugins.host", Host)
    named = SimpleNamespace(card=Card("named", facts={"labeler": "bright"}))
    assert isinstance(Labeler.of_checkpoint(named), Bright)  # type: ignore[arg-type]
    assert Labeler.of_checkpoint(SimpleNamespace(card=Card())) is None  # type: ignore[arg-type]
    with pytest.raises(GanlabError, match="no labeler 'dark'"):
        Labeler.of_checkpoint(SimpleNamespace(card=Card(facts={"labeler": "dark"})))  # type: ignore[arg-type]
