"""The page of `ganlab mark` in a real browser: mouse, keys, files, and what is left after a reload."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganlab import Box, Boxes, Exemplars, Gan, PictureName
from ganlab.testing import tiny_gan
from ganlab_mark import mark

from .kit import one_thread  # noqa: F401
from .test_mark import NASTY, conditional

pytestmark = pytest.mark.slow

GAN = tiny_gan(size=64)
SIZE = 64
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser without a window. GANLAB_BROWSER names one; where it is set, there has to be one."""
    named = os.environ.get("GANLAB_BROWSER")
    file = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        assert not named, "GANLAB_BROWSER is set, but playwright is missing: pip install ganlab[browser]"
        pytest.skip("no playwright here (pip install 'ganlab[browser]')")
    if file is None:
        pytest.skip("no browser here (apt install chromium, or GANLAB_BROWSER=FILE)")
    with sync_playwright() as playwright:
        # containers often have neither namespaces for the sandbox nor room in /dev/shm
        opened = playwright.chromium.launch(executable_path=file, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield opened
        opened.close()


class Page:
    """A page that was opened from the disk, and hands that use it."""

    def __init__(self, context: Any, file: Path) -> None:
        self.context = context
        self.folder = file.parent
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.tab = context.new_page()
        self.tab.on("pageerror", lambda error: self.faults.append(str(error)))
        self.tab.on("console", lambda message: self.faults.append(message.text))
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.goto(file.as_uri())

    def add(self, *names: str) -> None:
        for name in names:
            self.tab.fill("#new-name", name)
            self.tab.press("#new-name", "Enter")

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """With the mouse, from here to there in pixels of the GAN's picture."""
        frame = self.tab.locator("#boxes").bounding_box()
        for number, (x, y) in enumerate((start, ((start[0] + end[0]) / 2, start[1]), end)):
            self.tab.mouse.move(frame["x"] + x * frame["width"] / SIZE, frame["y"] + y * frame["height"] / SIZE)
            if number == 0:
                self.tab.mouse.down()
        self.tab.mouse.up()

    def click(self, x: float, y: float) -> None:
        self.drag((x, y), (x, y))

    def tile(self, number: int) -> None:
        self.tab.locator("#grid .tile").nth(number).click()

    def save(self, press: str = "") -> Path:
        """Save, by the button or a key; where the download lies."""
        with self.tab.expect_download() as caught:
            if press:
                self.tab.keyboard.press(press)
            else:
                self.tab.click("#save")
        file = self.folder / caught.value.suggested_filename
        caught.value.save_as(file)
        return file

    def boxes(self) -> Boxes:
        return Boxes.load(self.save())

    def give(self, file: Path) -> None:
        self.tab.set_input_files("#file", str(file))
        self.tab.locator("#status", has_text=file.name).wait_for()

    def status(self) -> str:
        return self.tab.inner_text("#status")

    def listed(self) -> list[str]:
        return self.tab.locator("#details li").all_inner_texts()


Opener = Callable[..., Page]


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Opener]:
    """Opens pages in one profile of the browser; in the end none may have failed or asked the network for anything."""
    made: list[Page] = []
    profiles: list[Any] = []

    def opener(gan: Gan = GAN, context: dict[str, Any] | None = None, **options: Any) -> Page:
        if not profiles:
            profiles.append(browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **(context or {})}))
            profiles[0].set_default_timeout(20_000)
        file = tmp_path / f"mark-{len(made)}.html"
        file.write_bytes(mark(gan, **options).files["mark.html"])
        made.append(Page(profiles[0], file))
        return made[-1]

    yield opener
    for profile in profiles:
        profile.close()
    for each in made:
        assert not each.faults
        assert not [url for url in each.requests if not url.startswith(("file:", "data:", "blob:"))]


def sides(box: Box) -> tuple[float, ...]:
    return box.x, box.y, box.x + box.w, box.y + box.h


@pytest.mark.parametrize("view", [{}, {"viewport": {"width": 800, "height": 600}}, {"device_scale_factor": 1.5}])
@pytest.mark.parametrize("enlarge", [0, 6])
def test_boxes_come_back_with_their_pixels_and_pictures(page: Opener, view: dict[str, Any], enlarge: int) -> None:
    opened = page(context=view, n=4, seed=5, first=70)
    opened.add("Windows", "bed")
    opened.keys(*["+"] * enlarge, "1")
    opened.drag((10, 12), (30.5, 20))
    opened.keys("n", "n", "2")
    opened.drag((24, 28), (3, 5))  # from the bottom right to the top left
    boxes = opened.boxes()
    assert boxes.size == (SIZE, SIZE)
    assert boxes.pictures == [PictureName(GAN.hash, 5, index) for index in (70, 71, 72)]  # 73 was not looked at
    assert [(box.picture.index, box.concept) for box in boxes.boxes] == [(70, "window"), (72, "bed")]
    np.testing.assert_allclose(sides(boxes.boxes[0]), (10, 12, 30.5, 20), atol=0.25)
    np.testing.assert_allclose(sides(boxes.boxes[1]), (3, 5, 24, 28), atol=0.25)
    latents = boxes.check(GAN).latents(GAN)
    assert torch.equal(latents.z, GAN.latents(3, seed=5, first=70).z)


def test_the_large_picture_is_the_one_that_is_named(page: Opener) -> None:
    """Read off the screen: each pixel of the GAN is a square of its colour."""
    import io

    from PIL import Image

    opened = page(n=3)
    opened.keys("n", "n")
    shot = opened.tab.locator("#picture").screenshot()
    assert opened.tab.inner_text("#place-name") == "0:2"
    with Image.open(io.BytesIO(shot)) as image:
        factor = image.width // SIZE
        assert image.size == (SIZE * factor, SIZE * factor)
        seen = np.asarray(image.convert("RGB"))[factor // 2 :: factor, factor // 2 :: factor]
    drawn = GAN.image.to_uint8(GAN.generate(GAN.latents(3, seed=0)))
    assert np.abs(seen.astype(int) - drawn[2]).max() <= 1
    assert np.abs(seen.astype(int) - drawn[1]).max() > 50


def test_a_box_begun_beside_the_picture_ends_at_its_edge(page: Opener) -> None:
    opened = page(n=1, concept=["bed"])
    opened.drag((-2, -2), (20, 70))
    (box,) = opened.boxes().boxes
    np.testing.assert_allclose(sides(box), (0, 0, 20, 64), atol=0.25)


def test_boxes_are_selected_moved_resized_and_deleted(page: Opener) -> None:
    opened = page(n=1, concept=["bed", "pillow"])
    opened.drag((10, 10), (50, 50))
    opened.keys("2")
    opened.drag((20, 20), (30, 30))  # inside the first, which stays where it is
    both = [sides(box) for box in opened.boxes().boxes]
    np.testing.assert_allclose(both, [(10, 10, 50, 50), (20, 20, 30, 30)], atol=0.25)
    opened.click(40, 40)  # only the bed holds this point
    opened.drag((30, 10), (35, 14))  # its edge: moves it
    opened.drag((55, 54), (60, 63))  # its corner: resizes it
    opened.click(25, 25)  # the smaller of the two
    opened.keys("Shift+ArrowRight", "Shift+ArrowDown", "Shift+Alt+ArrowDown", "Shift+Digit1")
    beds = [box for box in opened.boxes().boxes if box.concept == "bed"]
    np.testing.assert_allclose(sorted(map(sides, beds)), [(15, 14, 60, 63), (21, 21, 31, 32)], atol=0.5)
    opened.keys("Delete")
    assert [sides(box)[0] for box in opened.boxes().boxes] == pytest.approx([15], abs=0.5)
    opened.drag((60, 40), (200, 40))  # the edge dragged far out stops at the picture's
    assert sides(opened.boxes().boxes[0])[2] == pytest.approx(64, abs=0.01)


def test_a_finger_draws_too(page: Opener) -> None:
    opened = page(n=1, concept=["bed"], context={"has_touch": True})
    frame = opened.tab.locator("#boxes").bounding_box()
    factor = frame["width"] / SIZE
    wire = opened.context.new_cdp_session(opened.tab)
    steps = [("touchStart", [(8, 8)]), ("touchMove", [(30, 20)]), ("touchMove", [(40, 32)]), ("touchEnd", [])]
    for kind, points in steps:
        places = [{"x": frame["x"] + x * factor, "y": frame["y"] + y * factor} for x, y in points]
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})
    (box,) = opened.boxes().boxes
    np.testing.assert_allclose(sides(box), (8, 8, 40, 32), atol=0.25)


def test_undo_and_redo_of_everything(page: Opener) -> None:
    opened = page(n=3, concept=["bed"])
    start = opened.save().read_text()
    opened.drag((10, 10), (20, 20))
    opened.keys("n")
    opened.keys("b")  # a box in the middle, without a mouse
    opened.tab.hover("#names li")
    opened.tab.click("[data-does=rename]")
    opened.keys("s", "o", "f", "a", "Enter")
    opened.tab.hover("#names li")
    opened.tab.click("[data-does=remove]")
    assert opened.boxes().boxes == []
    opened.keys("Control+z")
    assert [(box.picture.index, box.concept) for box in opened.boxes().boxes] == [(0, "sofa"), (1, "sofa")]
    opened.keys("Control+z", "Control+z", "Control+z")
    assert opened.tab.inner_text("#place-name") == "0:0", "undone where it was done"
    end = json.loads(opened.save().read_text())
    assert end["annotations"] == json.loads(start)["annotations"] == []
    assert [category["name"] for category in end["categories"]] == ["bed"]
    opened.keys("Control+y", "Control+Shift+z")
    assert [box.picture.index for box in opened.boxes().boxes] == [0, 1]
    opened.keys("n", "b")  # a new step: what had been undone is gone
    assert opened.tab.locator("#redo").is_disabled()
    assert opened.tab.inner_text("#place-name") == "0:2"


def test_a_box_needs_a_concept_and_a_click_is_no_box(page: Opener) -> None:
    opened = page(n=1)
    opened.drag((10, 10), (20, 20))
    assert "concept first" in opened.status()
    opened.add("bed")
    opened.click(30, 30)
    opened.drag((40, 40), (40, 60))  # no width
    assert opened.boxes().boxes == []
    assert opened.boxes().categories == ["bed"]


def test_pictures_are_clicked_into_groups(page: Opener) -> None:
    opened = page(n=6, seed=2, first=10, group=["left"])
    opened.tile(4)
    opened.tile(1)
    opened.tile(0)
    opened.tile(1)  # out again
    opened.add("smiling woman")  # a name with a blank gets an underscore
    opened.tile(5)
    opened.keys("Home", "ArrowLeft", "Space", "p", "n", "p", "Space")  # with keys: 4, then 3
    opened.keys("1")
    opened.tab.locator("#grid .tile").nth(2).click()
    chosen = Exemplars.load(opened.save("Control+s"))
    assert chosen.checkpoint == GAN.hash
    indices = {name: [(picture.seed, picture.index) for picture in group] for name, group in chosen.groups.items()}
    assert indices == {"left": [(2, 14), (2, 10), (2, 12)], "smiling_woman": [(2, 15), (2, 14), (2, 13)]}
    assert torch.equal(chosen.latents(GAN, "left").z[2], GAN.latents(1, seed=2, first=12).z[0])
    opened.keys("Control+z", "Control+z")
    assert [picture.index for picture in Exemplars.load(opened.save()).group("smiling_woman")] == [15, 14]
    opened.keys("1", "o")
    assert opened.tab.locator("#grid .tile:visible").count() == 2


def test_a_picture_of_a_class_keeps_it(page: Opener) -> None:
    opened = page(conditional(), n=2, label=3, group=["left"], concept=["bed"])
    opened.keys("b", "m")
    opened.tile(1)
    assert [picture[1:] for picture in Exemplars.load(opened.save()).group("left")] == [(0, 1, 3)]
    opened.keys("m", "p")
    assert [box.picture[1:] for box in opened.boxes().boxes] == [(0, 0, 3)]


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


def test_a_field_keeps_its_keys_and_help_opens(page: Opener) -> None:
    opened = page(n=2, concept=["bed"])
    opened.keys("a")
    opened.tab.keyboard.type("n1+?m")
    assert opened.tab.input_value("#new-name") == "n1+?m"
    assert opened.tab.inner_text("#place-name") == "0:0"
    opened.keys("Enter", "?")
    assert opened.tab.locator("#help-page").is_visible()
    assert "--boxes tiny-64-boxes.json" in opened.tab.inner_text("#commands")
    opened.keys("n", "Escape")
    assert opened.tab.inner_text("#place-name") == "0:0"
    assert not opened.tab.locator("#help-page").is_visible()
    opened.keys("n", "n")
    assert "last picture" in opened.status()
