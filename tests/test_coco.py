"""Boxes as annotation tools write them: read, refused, written again."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganlab.errors import GanlabError
from ganlab.labels import annotation_files
from ganlab.labels.annotation_files import document_of
from ganlab.labels.boxes import Boxes
from ganlab.labels.marks import Box
from ganlab.labels.pictures import PictureName, picture_file

from .boxes_kit import FIRST, HASH, SECOND, annotation, coco, gan, load
from .kit import read_or_refused

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
        archive.writestr("__MACOSX/annotations/._instances_default.json", b"\0\5\x16\7")
    assert len(Boxes.load(tmp_path / "export.zip").boxes) == 1
    np.savez(tmp_path / "mnist.npz", x=np.zeros(3))
    with pytest.raises(GanlabError, match=r"mnist\.npz holds no JSON\.") as caught:
        Boxes.load(tmp_path / "mnist.npz")
    assert "COCO" in caught.value.hint
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.json", "{}")
        archive.writestr("b.json", "{}")
    with pytest.raises(GanlabError, match="2 JSON files"):
        Boxes.load(tmp_path / "two.zip")


def test_a_damaged_zip_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("boxes.json", json.dumps(coco()))
    content = bytearray((tmp_path / "export.zip").read_bytes())
    start = 30 + len("boxes.json")  # of the member's data, after its header
    content[start : start + 40] = b"\xff" * 40
    (tmp_path / "export.zip").write_bytes(content)
    with pytest.raises(GanlabError, match="cannot be read"):
        Boxes.load(tmp_path / "export.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_unpacks_to_far_more_than_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: int
) -> None:
    monkeypatch.setattr(annotation_files, "SMALL", 1000)
    many = coco(images=[{"id": i, "file_name": f"{i * 7919 % 104729}.png"} for i in range(3000)])
    with zipfile.ZipFile(tmp_path / "many.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("boxes.json", json.dumps(many))
    assert document_of(tmp_path / "many.zip") == many, "what boxes' files repeat is not that much"
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", method) as archive:
        archive.writestr("boxes.json", '{"images": [' + "{}," * 300_000 + "{}]}")
    with pytest.raises(GanlabError, match=r"bomb\.zip cannot be read") as caught:
        document_of(tmp_path / "bomb.zip")
    assert "Unzip it" in caught.value.hint


def test_a_coordinate_that_no_float_holds_is_told(tmp_path: Path) -> None:
    document = coco()
    document["annotations"][0]["bbox"][0] = 10**400
    with pytest.raises(GanlabError, match="which is no number"):
        load(tmp_path, document)


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


@pytest.mark.parametrize("rotation", [0, 90.0, 180, 30.0, -45.5, 271])
def test_a_rotated_box_is_the_upright_one_around_it(tmp_path: Path, rotation: float) -> None:
    """CVAT gives the box before it is turned about its centre. Against its corners, turned one by one."""
    entry = annotation(bbox=[20, 30, 20, 6], attributes={"occluded": False, "rotation": rotation})
    boxes = load(tmp_path, coco(annotations=[entry, annotation(id=8, attributes=None)]))
    corners = np.array([complex(x, y) for x in (20, 40) for y in (30, 36)])
    turned = (corners - (30 + 33j)) * np.exp(1j * np.deg2rad(rotation)) + (30 + 33j)
    (box,) = [box for box in boxes.boxes if box.w > 5]
    expected = [turned.real.min(), turned.imag.min(), np.ptp(turned.real), np.ptp(turned.imag)]
    np.testing.assert_allclose([box.x, box.y, box.w, box.h], expected, atol=1e-9)
    assert len(boxes.notes) == (rotation != 0)
    assert all("1 of 2 boxes were rotated" in note for note in boxes.notes)


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
        (coco(annotations=[annotation(bbox=[70, 2, 3, 4])]), "'window' on .*covers nothing"),
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
    with pytest.raises(GanlabError, match="no file") as caught:
        Boxes.from_spec(str(tmp_path / "boxes.json"))
    assert re.search("`ganlab mark`.* download folder.*`ganlab sample`", caught.value.hint)
    with pytest.raises(GanlabError, match=r"neither an annotations\.json"):
        Boxes.load(tmp_path)
    (tmp_path / "x.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GanlabError, match="no JSON"):
        Boxes.load(tmp_path / "x.json")
    (tmp_path / "x.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    with pytest.raises(GanlabError, match=r"x\.zip holds no JSON"):
        Boxes.load(tmp_path / "x.zip")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    with read_or_refused():
        assert isinstance(load(tmp_path, document), Boxes)


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


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
