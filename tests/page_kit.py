"""The page of `ganlab mark` in a real browser, hands that use it, and GANs to mark pictures of."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from ganlab import Box, Boxes, Card, Gan, ImageSpec, Prior
from ganlab.testing import tiny_gan
from ganlab_mark import mark

GAN = tiny_gan(size=64)
SIZE = 64
NASTY = """</script><script>alert(1)</script><!--<script>"'&amp;{{ 7 * 7 }}\u2028"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")


class Classes(torch.nn.Module):
    """A generator whose picture is as bright as its class."""

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return (labels / 10).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8) + 0 * z.sum()


def conditional() -> Gan:
    return Gan(Classes(), prior=Prior(4), image=ImageSpec(8, 1), card=Card("digits"), classes=10)


@contextmanager
def open_browser() -> Iterator[Any]:
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


@contextmanager
def open_pages(browser: Any, folder: Path) -> Iterator[Opener]:
    """Opens pages in one profile of the browser; in the end none may have failed or asked the network for anything."""
    made: list[Page] = []
    profiles: list[Any] = []

    def opener(gan: Gan = GAN, context: dict[str, Any] | None = None, **options: Any) -> Page:
        if not profiles:
            profiles.append(browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **(context or {})}))
            profiles[0].set_default_timeout(20_000)
        file = folder / f"mark-{len(made)}.html"
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
