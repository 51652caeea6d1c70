"""What the page of `ganlab mark` saves, takes up again, keeps through a reload, and refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganlab import Box, Boxes, Exemplars, PictureName
from ganlab.testing import tiny_gan

from .kit import one_thread  # noqa: F401
from .page_kit import GAN, NASTY, SIZE, Opener, open_browser, open_pages, sides

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Opener]:
    with open_pages(browser, tmp_path) as opener:
        yield opener


def test_work_survives_a_reload_and_another_page_of_the_same_pictures(page: Opener) -> None:
    opened = page(n=3, concept=["bed"])
    opened.drag((10, 10), (20, 20))
    opened.keys("n", "m")
    opened.add("left")
    opened.tile(2)
    opened.tab.reload()
    assert "is back" in opened.status()
    (box,) = opened.boxes().boxes
    np.testing.assert_allclose(sides(box), (10, 10, 20, 20), atol=0.25)
    assert [picture.index for picture in opened.boxes().pictures] == [0, 1]

    (name,) = [PictureName(GAN.hash, 0, 1)]
    other = page(n=2, boxes=Boxes([Box(name, "lamp", 1, 2, 3, 4)], [name], (SIZE, SIZE)))
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
