"""What the page of `ganlab mark` saves, takes up again, keeps through a reload, and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ganlab import Box, Boxes, Exemplars, PictureName
from ganlab.testing import tiny_gan
from tests.page_kit import GAN, NASTY, SIZE, Opener, sides

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


def test_work_survives_a_reload_and_another_page_of_the_same_pictures(page: Opener) -> None:
    opened = page(n=3, concept=["bed"])
    opened.drag((10, 10), (20, 20))
    opened.keys("n", "m")
    opened.add("left")
    opened.tile(2)
    opened.tab.reload()
    assert "unsaved work from last time is back" in opened.status()
    (box,) = opened.boxes().boxes
    np.testing.assert_allclose(sides(box), (10, 10, 20, 20), atol=0.25)
    assert [picture.index for picture in opened.boxes().pictures] == [0, 1]
    opened.tab.locator("#details .choose").click()
    opened.keys("Shift+ArrowRight")  # from here on it is not saved

    (name,) = [PictureName(GAN.hash, 0, 1)]
    other = page(n=2, boxes=Boxes([Box(name, "lamp", 1, 2, 3, 4)], [name], (SIZE, SIZE)))
    assert "from another page" in other.status()
    boxes = other.boxes()
    assert [(box.picture.index, box.concept) for box in boxes.boxes] == [(0, "bed"), (1, "lamp")]
    other.keys("m")
    assert [picture.index for picture in Exemplars.load(other.save()).group("left")] == [2]  # not shown here, but kept
    assert "another tab" in opened.status()

    assert page(n=1, seed=1).boxes().boxes == [], "another seed's work is another"
    other.keys("?")
    other.tab.click("#start-over")
    other.tab.reload()
    assert [box.concept for box in other.boxes().boxes] == ["lamp"]


def test_what_is_in_a_file_stays_out_of_another_page(page: Opener) -> None:
    """A concept deleted and a box that was saved do not come back where nobody asked for them."""
    begun = Boxes([Box(PictureName(GAN.hash, 0, 1), "lamp", 1, 2, 3, 4)], [PictureName(GAN.hash, 0, 1)], (SIZE, SIZE))
    first = page(n=3, boxes=begun)
    first.keys("n", "n", "b")
    assert len(first.boxes().boxes) == 2
    blank = page(n=3, concept=["bed"])
    assert blank.status() == ""
    assert "looked at 1 of 3" in blank.tab.inner_text("#counts")
    boxes = blank.boxes()
    assert (boxes.boxes, boxes.categories, len(boxes.pictures)) == ([], ["bed"], 1)
    blank.keys("n")
    blank.tab.reload()
    assert "is back" in blank.status()
    blank.save()
    blank.tab.reload()
    assert "Your work from last time is back" in blank.status()


def test_a_look_counts_for_the_concepts_of_its_time(page: Opener) -> None:
    bed = page(n=3, concept=["bed"])
    bed.keys("n", "n", "b")  # all three looked at, a bed on the last
    lamp = page(n=3, concept=["lamp"])
    assert "from another page" in lamp.status()
    assert "looked at 1 of 3" in lamp.tab.inner_text("#counts"), "nobody has looked for lamps there"
    lamp.save()
    assert "not yet looked at for every concept" in lamp.status()
    lamp.keys("n", "n")
    lamp.add("sofa")
    assert "Go through the pictures again" in lamp.status()
    assert "looked at 1 of 3" in lamp.tab.inner_text("#counts")
    assert [picture.index for picture in lamp.boxes().pictures] == [2]
    lamp.keys("Control+z")
    assert "looked at 3 of 3" in lamp.tab.inner_text("#counts")
    lamp.keys("Control+y")
    assert "looked at 1 of 3" in lamp.tab.inner_text("#counts")


def test_what_a_file_says_was_looked_at_is_undone_with_it(page: Opener, tmp_path: Path) -> None:
    names = [PictureName(GAN.hash, 0, index) for index in range(4)]
    Boxes([Box(names[3], "bed", 1, 2, 3, 4)], names, (SIZE, SIZE)).save(tmp_path / "all.json")
    Boxes([Box(names[2], "sofa", 1, 2, 3, 4)], names[:3], (SIZE, SIZE)).save(tmp_path / "sofas.json")
    opened = page(n=4, concept=["bed"])
    opened.give(tmp_path / "all.json")
    assert "looked at 4 of 4" in opened.tab.inner_text("#counts")
    opened.keys("Control+z")
    assert "looked at 1 of 4" in opened.tab.inner_text("#counts")
    opened.keys("n")
    opened.give(tmp_path / "sofas.json")  # both have looked at 0 and 1; at 2 only for sofas
    assert "looked at 2 of 4" in opened.tab.inner_text("#counts")


def test_a_look_after_a_box_stays_when_the_box_is_undone(page: Opener) -> None:
    opened = page(n=4, concept=["bed"])
    opened.keys("b", "n", "n")
    opened.keys("Control+z")
    assert "looked at 3 of 4" in opened.tab.inner_text("#counts")
    opened.keys("n", "n")
    opened.add("lamp")
    opened.tab.hover("#names li:nth-child(2)")
    opened.tab.click("#names li:nth-child(2) [data-does=remove]")
    opened.keys("n")
    opened.keys("Control+z")  # lamp is back: the last picture was not looked at for it
    assert "looked at 1 of 4" in opened.tab.inner_text("#counts")


def test_pictures_looked_at_are_work_to_save(page: Opener) -> None:
    opened = page(n=3, concept=["bed"])
    opened.context.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('no') }})")
    opened.tab.reload()
    asked: list[str] = []
    opened.tab.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    opened.click(5, 5)
    opened.tab.reload()
    assert asked == [], "only opened: nothing would be lost"
    opened.click(5, 5)
    opened.keys("n")
    assert "unsaved" in opened.tab.get_attribute("#save", "class")
    opened.tab.reload()
    assert asked == ["beforeunload"]


def test_a_rotated_box_is_taken_as_the_one_around_it(page: Opener, tmp_path: Path) -> None:
    """The same in the page and in Python, whatever the angle."""
    name = PictureName(GAN.hash, 0, 0)
    angles = [90.0, 30, -45, 0, 180]
    Boxes([Box(name, f"at {angle}", 20, 30, 20, 6) for angle in angles], [name], (SIZE, SIZE)).save(tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text())
    for annotation in document["annotations"]:
        said = document["categories"][annotation["category_id"] - 1]["name"]
        annotation["attributes"] = {"rotation": float(said.removeprefix("at "))}
    (tmp_path / "a.json").write_text(json.dumps(document))
    read = Boxes.load(tmp_path / "a.json")
    opened = page(n=1)
    opened.give(tmp_path / "a.json")
    assert "4 of its boxes were rotated" in opened.status()
    saved = opened.boxes()
    assert [box.concept for box in saved.boxes] == [box.concept for box in read.boxes]
    np.testing.assert_allclose([sides(box) for box in saved.boxes], [sides(box) for box in read.boxes], atol=0.011)


def test_without_storage_the_page_works_and_warns_before_it_closes(page: Opener) -> None:
    opened = page(n=1, concept=["bed"])
    denied = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('denied') }})"
    opened.context.add_init_script(denied)
    opened.tab.reload()
    opened.drag((10, 10), (20, 20))
    asked: list[str] = []
    opened.tab.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    assert len(opened.boxes().boxes) == 1  # saved, so that nothing would be lost
    opened.tab.reload()
    assert asked == []
    opened.drag((10, 10), (20, 20))
    opened.tab.reload()
    assert asked == ["beforeunload"]


def test_a_saved_file_is_taken_up_again(page: Opener, tmp_path: Path) -> None:
    opened = page(n=3, concept=["bed"])
    opened.drag((10, 10), (20, 20))
    saved = opened.save().rename(tmp_path / "kept.json")
    opened.keys("Control+z")
    opened.drag((40, 40), (50, 50))
    opened.give(saved)
    assert len(opened.boxes().boxes) == 2
    opened.give(saved)  # twice is once
    assert len(opened.boxes().boxes) == 2
    opened.keys("Control+z", "Control+z")
    assert len(opened.boxes().boxes) == 1

    far = PictureName(GAN.hash, 9, 123456)
    enlarged = Boxes([Box(far, "lamp", 40, 80, 20, 16)], [far], (4 * SIZE, 4 * SIZE))
    enlarged.save(tmp_path / "tool.json")
    document = json.loads((tmp_path / "tool.json").read_text())
    document["images"][0]["file_name"] = "/data/upload/1b2c3d4e-" + document["images"][0]["file_name"]
    document["images"][0]["id"] = document["annotations"][0]["image_id"] = "one"
    (tmp_path / "tool.json").write_text(json.dumps(document))
    opened.give(tmp_path / "tool.json")
    lamps = opened.boxes().of("lamp").boxes
    assert [(box.picture, sides(box)) for box in lamps] == [(far, (10, 20, 15, 24))]

    Exemplars(GAN.hash, {"left": [far], "right": []}).save(tmp_path / "groups.json")
    opened.give(tmp_path / "groups.json")
    assert Exemplars.load(opened.save()).groups == {"left": [far], "right": []}


def test_what_is_no_file_of_this_gan_is_refused(page: Opener, tmp_path: Path) -> None:
    opened = page(n=1, concept=["bed"])
    before = opened.save().read_text()
    other = PictureName("3fa9c1d2e4b0", 0, 0)
    Boxes([], [other], (SIZE, SIZE)).save(tmp_path / "other-boxes.json")
    Exemplars("3fa9c1d2e4b0", {"left": [other]}).save(tmp_path / "other-groups.json")
    box = {"id": 1, "image_id": 7, "category_id": 1, "bbox": [0, 0, 1, 1]}
    texts = {
        "torn.json": "{",
        "list.json": "[1, 2]",
        "null.json": "null",
        "names.json": json.dumps({"images": [{"id": 1, "file_name": "cat.jpg"}]}),
        "lost.json": json.dumps({"images": [], "categories": [], "annotations": [box]}),
        "word.json": json.dumps({"checkpoint": GAN.hash, "groups": {"left": ["twelve"]}}),
        "title.json": json.dumps({"checkpoint": GAN.hash, "groups": {"a b": []}}),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    for name in ["other-boxes.json", "other-groups.json", *texts]:
        opened.give(tmp_path / name)
        assert f"{name} was not added" in opened.status()
    assert opened.save().read_text() == before


def test_names_are_names_and_no_code(page: Opener) -> None:
    gan = tiny_gan(size=64)
    gan.card = type(gan.card)(NASTY)
    opened = page(gan, n=1, concept=[NASTY])
    opened.keys("b")
    hostile = ["<img src=x onerror=alert(1)>", "__proto__", "constructor", '"', "\u2028</script>", "été"]
    for name in hostile:
        opened.add(name)
        opened.keys("b")
    boxes = opened.boxes()
    assert len(boxes.boxes) == len(boxes.categories) == len(hostile) + 1
    assert "<img src=x onerror=alert(1)>" in boxes.categories
    opened.keys("m")
    opened.add("__proto__", "constructor", "1st left!", "\u00e9t\u00e9", "  ", "2")
    opened.tile(0)
    groups = Exemplars.load(opened.save()).groups
    assert list(groups) == ["__proto__", "constructor", "st_left", "été"]
    opened.tab.reload()
    assert opened.tab.locator("script").count() == 2
    assert opened.tab.locator("img[src=x]").count() == 0
