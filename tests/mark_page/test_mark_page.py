"""The page of `ganlab mark` in a real browser: mouse, fingers and keys that draw boxes and choose groups."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganlab import Exemplars, PictureName
from tests.page_kit import GAN, SIZE, Opener, conditional, sides

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


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


@pytest.mark.parametrize("view", [(1024, 700), (1280, 720), (1440, 900), (1920, 1080)])
def test_the_first_picture_is_whole_and_stays_as_large_under_the_hand(page: Opener, view: tuple[int, int]) -> None:
    opened = page(n=9, concept=["bed"], context={"viewport": dict(zip(("width", "height"), view, strict=True))})
    picture, strip = (opened.tab.locator(place).bounding_box() for place in ("#picture", "#strip"))
    assert picture["y"] + picture["height"] <= strip["y"]
    opened.keys("n", "p")
    assert opened.tab.locator("#picture").bounding_box() == picture


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Opener) -> None:
    opened = page(n=9, concept=["bed"], context={"viewport": {"width": 360, "height": 760}})
    assert opened.tab.evaluate("document.documentElement.scrollWidth") == 360
    picture, strip = (opened.tab.locator(place).bounding_box() for place in ("#picture", "#strip"))
    assert picture["x"] >= 0
    assert picture["x"] + picture["width"] <= 360
    assert picture["y"] + picture["height"] <= strip["y"]
    assert opened.tab.locator("h1").inner_text() == GAN.name
    opened.drag((10, 12), (30, 20))
    assert len(opened.boxes().boxes) == 1


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
    opened = page(conditional().of_class(3), n=2, group=["left"], concept=["bed"])
    opened.keys("b", "m")
    opened.tile(1)
    assert [picture[1:] for picture in Exemplars.load(opened.save()).group("left")] == [(0, 1, 3)]
    opened.keys("m", "p")
    assert [box.picture[1:] for box in opened.boxes().boxes] == [(0, 0, 3)]


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


def test_a_key_while_dragging_lets_go_of_the_box(page: Opener) -> None:
    """Else the drag would go on with the next picture's box of the same number."""
    opened = page(n=3, concept=["bed"])
    opened.keys("b", "n", "b", "Shift+ArrowDown")
    before = [sides(box) for box in opened.boxes().boxes]

    def drag_and_press(key: str) -> None:
        edge = opened.tab.locator(".edge").first.bounding_box()
        x, y = edge["x"] + edge["width"] / 2, edge["y"]
        opened.tab.mouse.move(x, y)
        opened.tab.mouse.down()
        opened.tab.mouse.move(x + 50, y + 50)
        opened.keys(key)
        opened.tab.mouse.move(x - 50, y + 20)
        opened.tab.mouse.up()

    drag_and_press("p")  # to a picture with a box
    assert [sides(box) for box in opened.boxes().boxes] == before
    opened.keys("n")
    drag_and_press("n")  # to one without
    assert [sides(box) for box in opened.boxes().boxes] == before
    opened.keys("p")
    opened.tab.click("#details .choose")
    drag_and_press("Delete")
    assert [sides(box) for box in opened.boxes().boxes] == before[:1]


def test_two_fingers_pan_and_draw_nothing(page: Opener) -> None:
    opened = page(n=1, concept=["bed"], context={"has_touch": True})
    opened.keys(*["+"] * 20)
    opened.tab.evaluate("document.getElementById('stage').scrollTo(300, 300)")
    wire = opened.context.new_cdp_session(opened.tab)
    frame = opened.tab.locator("#stage").bounding_box()
    x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    for kind, places in [
        ("touchStart", [(x, y)]),
        ("touchStart", [(x, y), (x + 80, y)]),
        ("touchMove", [(x - 30, y - 20), (x + 50, y - 20)]),
        ("touchMove", [(x - 60, y - 40), (x + 20, y - 40)]),
        ("touchEnd", [(x - 60, y - 40)]),
        ("touchMove", [(x, y)]),  # the one that is left neither draws nor pans
        ("touchEnd", []),
    ]:
        points = [{"x": across, "y": down, "id": number} for number, (across, down) in enumerate(places)]
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    at = opened.tab.evaluate("[stage.scrollLeft, stage.scrollTop]")
    np.testing.assert_allclose(at, (360, 340), atol=2)
    assert opened.boxes().boxes == []


def test_the_list_keeps_the_focus_and_says_what_is_chosen(page: Opener) -> None:
    opened = page(n=1, concept=["bed"])
    opened.keys("b", "Escape", "b", "Escape")
    buttons = opened.tab.locator("#details .choose")
    buttons.nth(0).focus()
    opened.keys("Enter")
    assert [buttons.nth(at).get_attribute("aria-pressed") for at in (0, 1)] == ["true", "false"]
    assert opened.tab.evaluate("document.activeElement.dataset.name") == "0"
    opened.keys("Shift+ArrowRight", "Tab", "Enter")  # moved; then its cross
    assert opened.tab.evaluate("[document.activeElement.dataset.does, document.activeElement.dataset.name]") == [
        "remove",
        "0",
    ]
    assert len(opened.listed()) == 1


def test_tab_reaches_the_grid_that_shows_only_a_group(page: Opener) -> None:
    opened = page(n=9, group=["left"])
    for number in (2, 5, 7):
        opened.tile(number)
    opened.keys("o", "p")  # from 7 to 5
    reached = "[...document.querySelectorAll('#grid .tile')].flatMap((t, at) => t.tabIndex === 0 ? [at] : [])"
    opened.keys("Space")  # 5 is taken out, and the next one has the focus
    assert opened.tab.evaluate(reached) == [7]
    assert opened.tab.evaluate("document.activeElement.dataset.key") == "0:7"
    opened.keys("Space")
    assert opened.tab.evaluate(reached) == [2], "none after it: the last one"
    opened.keys("Space")
    assert opened.tab.evaluate("document.querySelectorAll('#grid .tile:not([hidden])').length") == 0
    opened.keys("n", "o")
    assert opened.tab.locator("#grid .tile:visible").count() == 9


def test_keys_are_told_by_their_place_where_their_letter_is_not_latin(page: Opener) -> None:
    opened = page(n=3, concept=["bed"])
    press = "([key, code, ctrlKey]) => document.dispatchEvent(new KeyboardEvent('keydown', {key, code, ctrlKey}))"
    place = opened.tab.locator("#place-name")
    opened.tab.evaluate(press, ["N", "KeyN", False])  # with Caps Lock
    assert place.inner_text() == "0:1"
    opened.tab.evaluate(press, ["\u0442", "KeyN", False])  # in Russian
    assert place.inner_text() == "0:2"
    opened.tab.evaluate(press, ["\u0417", "KeyP", False])
    assert place.inner_text() == "0:1"
    opened.tab.evaluate(press, ["b", "KeyN", False])  # in Dvorak: a b is a b
    assert (place.inner_text(), len(opened.listed())) == ("0:1", 1)
    opened.tab.evaluate(press, ["\u044f", "KeyZ", True])
    assert opened.listed() == []
    opened.tab.evaluate(press, ["x", "KeyN", False])  # a Latin letter without a meaning
    assert place.inner_text() == "0:1"


def test_the_help_names_concepts_as_a_shell_takes_them(page: Opener, tmp_path: Path) -> None:
    (tmp_path / "ganlab").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "ganlab").chmod(0o755)
    opened = page(n=1)
    for name in ("bed", "$(touch x)", "tv&radio", "child's bed", "\u00e9tag\u00e8re", "a`b`\\"):
        opened.add(name)
        opened.keys("?")
        command = opened.tab.inner_text("#commands").splitlines()[0]
        said = subprocess.run(["/bin/sh", "-c", command], env={"PATH": str(tmp_path)}, capture_output=True, check=True)
        assert said.stdout.decode().split("\n")[:4] == ["probe", name, "--boxes", "tiny-64-boxes.json"]
        opened.keys("Escape")
