"""The page to mark pictures on, as Python makes it; `mark_page/` uses it in a browser."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import ganlab_mark
from ganlab import Box, Boxes, Card, Exemplars, Gan, GanlabError, ImageSpec, PictureName, Prior, Result, save_gan
from ganlab.cli.running import run_analysis
from ganlab.figures.palette import coloured
from ganlab.testing import check_analysis, check_plugin, tiny_gan
from ganlab_mark import mark, marking

from .page_kit import NASTY, conditional

pytestmark = pytest.mark.usefixtures("one_thread")

GAN = tiny_gan()


class Parts(HTMLParser):
    """What a browser would make of the page: its scripts, styles, policy and every attribute."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.title = self.policy = ""
        self._open = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "script":
            self.scripts.append((dict(attrs), ""))
        if ("http-equiv", "Content-Security-Policy") in attrs:
            self.policy = dict(attrs)["content"] or ""

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif self._open == "style":
            self.styles.append(data)
        elif self._open == "title":
            self.title += data


def content(result: Result) -> dict[str, Any]:
    """What the page was made from, read back from it."""
    (attributes, text), _ = Parts(result.files["mark.html"]).scripts
    assert attributes == {"type": "application/json", "id": "content"}
    return json.loads(text)


def pixels(png: str) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        return np.asarray(image)


def names(*keys: tuple[int, int], gan: Gan = GAN) -> list[PictureName]:
    return [PictureName(gan.hash, seed, index) for seed, index in keys]


def test_plugin_keeps_the_contract() -> None:
    check_plugin(ganlab_mark)


def test_analysis_keeps_the_contract() -> None:
    result = check_analysis(mark, gan=GAN, n=5, concept=["window"], group=["left"])
    assert result.metrics["pictures"].value == 5


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_page_holds_the_pictures_that_the_gan_draws(channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marking, "_BATCH", 2)
    gan = tiny_gan(channels=channels, prior="normal")
    gan.discriminator = None
    held = content(mark(gan, n=5, seed=3, first=40))
    drawn = gan.image.to_uint8(gan.generate(gan.latents(5, seed=3, first=40)))
    assert [key for key, _ in held["pictures"]] == ["3:40", "3:41", "3:42", "3:43", "3:44"]
    for (_, png), picture in zip(held["pictures"], drawn, strict=True):
        np.testing.assert_array_equal(pixels(png).reshape(picture.shape), picture)
    assert (held["checkpoint"], held["seed"], held["size"], held["scale"]) == (gan.hash, 3, 16, 8)


def test_nothing_is_fetched_and_only_its_own_script_runs() -> None:
    page = mark(GAN, n=2).files["mark.html"]
    parts = Parts(page)
    _, (attributes, script) = parts.scripts
    assert attributes == {}
    assert len(parts.styles) == 1
    for kind, text in (("script", script), ("style", parts.styles[0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in parts.policy
    assert "default-src 'none'" in parts.policy
    assert not {name for name, _ in parts.attributes} & {"src", "href", "action", "srcset", "style"}
    assert not [name for name, _ in parts.attributes if name.startswith("on")]
    assert not re.search(r"@import|url\(", parts.styles[0])
    assert set(re.findall(r"https?://[^\"' ]+", page.decode())) == {"http://www.w3.org/2000/svg"}


def test_the_page_has_one_voice_and_a_name_for_each_control() -> None:
    page = mark(GAN, n=2).files["mark.html"]
    attributes = Parts(page).attributes
    assert [value for name, value in attributes if name in ("role", "aria-live") and value in ("status", "polite")] == [
        "status",
        "polite",
    ]
    body = page.decode().partition("<body>")[2].partition("<script")[0]
    assert "<output" not in body, "it would be a second voice"
    for tag, inside in re.findall(r"<(?:button|input)\b([^>]*)>([^<]*)", body):
        labelled = re.search(r'aria-label="[^"]+"|id="(?:new-name|to-boxes|save|zoom|only|shortcuts)"', tag)
        assert labelled or len(inside.strip()) > 2, tag
    assert len(re.findall(r'<h2 id="(?:names|details)-title" tabindex="-1">', body)) == 2


def test_no_name_breaks_out_of_the_page() -> None:
    gan = tiny_gan()
    gan.card = Card(f"</title>{NASTY}")
    result = mark(gan, n=1, concept=[NASTY])
    parts = Parts(result.files["mark.html"])
    assert len(parts.scripts) == 2
    held = content(result)
    assert held["gan"] == gan.name
    assert held["marks"]["concepts"] == [re.sub(r"[\s_-]+", " ", NASTY).strip().lower()]
    assert gan.name in parts.title
    assert b"49" not in result.files["mark.html"].partition(b"</title>")[0]


def test_marks_to_go_on_with(tmp_path: Path) -> None:
    one, two, far = names((0, 1), (0, 2), (7, 500))
    drawn = Boxes([Box(one, "Window", 8, 4, 12, 8)], [two, one, far], (32, 32), categories=["bed"])
    drawn.save(tmp_path / "boxes.json")
    chosen = Exemplars(GAN.hash, {"left": [far, two], "none": []})
    begin = {"concept": ["Windows"], "group": ["up", "left"]}
    result = mark(GAN, n=2, boxes=str(tmp_path / "boxes.json"), exemplars=chosen, **begin)
    held = content(result)
    assert [key for key, _ in held["pictures"]] == ["0:0", "0:1", "0:2", "7:500"]
    np.testing.assert_array_equal(
        pixels(held["pictures"][3][1]), GAN.image.to_uint8(GAN.generate(GAN.latents(1, seed=7, first=500)))[0]
    )
    assert held["marks"] == {
        "concepts": ["window", "bed"],
        "groups": [["up", []], ["left", ["7:500", "0:2"]], ["none", []]],
        "boxes": [["0:1", [["window", 4, 2, 6, 4]]]],
        "looked": ["0:1", "0:2", "7:500"],
    }
    assert any("2 more pictures" in note for note in result.notes)
    assert any("scaled back" in note for note in result.notes)
    assert {name: metric.value for name, metric in result.metrics.items()} == {"pictures": 4, "boxes": 1, "chosen": 2}


def test_no_picture_was_looked_at_for_a_new_concept() -> None:
    """Or its boxes would seem complete before anybody had gone through the pictures."""
    one, two = names((0, 1), (0, 2))
    drawn = Boxes([Box(one, "window", 8, 4, 2, 2)], [one, two], (16, 16), categories=["bed"])
    held = {name: mark(GAN, n=2, boxes=drawn, concept=[name]) for name in ("lamps", "beds")}
    assert content(held["lamps"])["marks"] == {
        **content(held["beds"])["marks"],
        "concepts": ["lamp", "bed", "window"],
        "looked": [],
    }
    assert content(held["beds"])["marks"]["looked"] == ["0:1", "0:2"]
    assert any("nobody has looked for lamp yet" in note for note in held["lamps"].notes)
    assert not any("looked" in note for note in held["beds"].notes)


def test_a_checkpoint_brings_its_own_marks(tmp_path: Path) -> None:
    save_gan(GAN, tmp_path / "gan")
    (name,) = names((0, 3))
    Boxes([Box(name, "window", 1, 2, 3, 4)], [name], (16, 16)).save(tmp_path / "gan/boxes.json")
    Exemplars(GAN.hash, {"left": [name]}).save(tmp_path / "gan/exemplars.json")
    held = content(mark(str(tmp_path / "gan"), n=1))
    assert held["marks"]["boxes"] == [["0:3", [["window", 1, 2, 3, 4]]]]
    assert held["marks"]["groups"] == [["left", ["0:3"]]]
    assert [key for key, _ in held["pictures"]] == ["0:0", "0:3"]
    blank = content(mark(str(tmp_path / "gan"), n=1, blank=True))
    assert blank["marks"] == {"concepts": [], "groups": [], "boxes": [], "looked": []}
    assert [key for key, _ in blank["pictures"]] == ["0:0"]


def test_other_marks_to_begin_with_are_another_start() -> None:
    """Where it is another, the page does not go on with what the browser kept of it."""
    one, two = names((0, 1), (0, 2))
    box = Box(one, "window", 1, 2, 3, 4)
    given: list[dict[str, Any]] = [
        {},
        {"concept": ["window"]},
        {"concept": ["window"], "group": ["left"]},
        {"boxes": Boxes([], [one], (16, 16), categories=["window"])},
        {"boxes": Boxes([box], [one], (16, 16))},
        {"boxes": Boxes([replace(box, w=5)], [one], (16, 16))},
        {"exemplars": Exemplars(GAN.hash, {"left": [one]})},
        {"exemplars": Exemplars(GAN.hash, {"left": [two]})},
    ]
    starts = [content(mark(GAN, n=1, **options))["start"] for options in given]
    assert len(set(starts)) == len(given)
    assert content(mark(GAN, n=2))["start"] == starts[0]


@pytest.mark.parametrize(
    ("options", "mode"),
    [({}, "boxes"), ({"concept": ["bed"]}, "boxes"), ({"group": ["left"]}, "groups"),
     ({"group": ["left"], "concept": ["bed"]}, "boxes")],
)  # fmt: skip
def test_the_page_begins_with_what_was_asked_for(options: dict[str, Any], mode: str) -> None:
    assert content(mark(GAN, n=1, **options))["mode"] == mode


def test_the_shipped_rooms_bring_their_boxes() -> None:
    held = content(mark("rooms-64", n=3))
    shipped = Boxes.of_checkpoint(Gan.from_spec("rooms-64"))
    assert shipped is not None
    assert len(held["pictures"]) == len(shipped.pictures)
    assert sum(len(boxes) for _, boxes in held["marks"]["boxes"]) == len(shipped.boxes)


def test_pictures_of_a_class() -> None:
    held = content(mark(conditional().of_class(3), n=2))
    assert [key for key, _ in held["pictures"]] == ["0:0:3", "0:1:3"]
    assert pixels(held["pictures"][0][1])[0, 0] == round((0.3 + 1) * 127.5)


HASH = "3fa9c1d2e4b0"
OTHER = PictureName(HASH, 0, 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"boxes": Boxes([], [OTHER], (16, 16))}, f"drawn on the checkpoint {HASH}"),
        ({"exemplars": Exemplars(HASH, {"left": [OTHER]})}, f"chosen on the checkpoint {HASH}"),
        ({"group": ["smiling woman"]}, "'smiling woman' is no name"),
        ({"concept": [" "]}, "needs a name"),
        ({"n": 0}, "n is 0"),
        ({"scale": 33}, "scale is 33"),
        ({"boxes": "nowhere.json"}, "nowhere.json"),
    ],
)
def test_bad_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(GanlabError, match=re.escape(words)) as caught:
        mark(GAN, **{"n": 1, **options})
    assert caught.value.hint


def test_classes_that_are_not_there() -> None:
    with pytest.raises(GanlabError, match="needs one"):
        mark(conditional(), n=1)
    with pytest.raises(GanlabError, match="no class 10"):
        mark(conditional().of_class(10), n=1)


def test_more_pictures_than_a_page_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marking, "LARGEST", 3000)
    with pytest.raises(GanlabError, match="100 pictures make a page of over") as caught:
        mark(GAN, n=100, first=40)
    fewer, following = map(int, re.findall(r"--(?:n|first) (\d+)", caught.value.hint))
    assert 0 < fewer < 100
    assert following == 40 + fewer


def test_pictures_of_two_channels_are_shown_in_colours() -> None:
    class Two(torch.nn.Module):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            pictures = torch.zeros(len(z), 2, 8, 8)
            pictures[:, 1, :, 4:] = 0.5  # the second channel is the larger on the right
            return pictures

    held = content(mark(Gan(Two(), prior=Prior(4), image=ImageSpec(8, 2)), n=1))
    shown = pixels(held["pictures"][0][1])
    assert np.array_equal(shown, coloured((np.indices((8, 8))[1] >= 4).astype(int)))


def test_the_command_says_where_the_page_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_gan(GAN, tmp_path / "gan")
    given = {parameter.name: parameter.default for parameter in mark.parameters}
    run_analysis(mark, ("mark",), {**given, "gan": str(tmp_path / "gan"), "n": 2}, out=tmp_path / "run", device="cpu")
    file = tmp_path / "run/mark.html"
    assert f"File: {file}" in capsys.readouterr().out
    assert content(mark(GAN, n=2))["pictures"] == json.loads(Parts(file.read_bytes()).scripts[0][1])["pictures"]
    assert '<a href="mark.html">' in (tmp_path / "run/index.html").read_text()
