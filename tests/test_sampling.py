"""``ganlab sample``: pictures with names, a grid, a COCO file; and the way back from an annotation tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganlab.architectures.dcgan import DcganSettings, build_dcgan
from ganlab.card import Card
from ganlab.checkpoints import save_gan
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.imagespec import ImageSpec
from ganlab.labels.boxes import Boxes
from ganlab.labels.marks import Box
from ganlab.labels.pictures import PictureName, parse_picture_file
from ganlab.latents import Prior
from ganlab.runs.samples import write_samples
from ganlab.testing import tiny_gan
from tests.kit import command


def small_gan(channels: int = 3) -> Gan:
    shape: dict[str, Any] = {"size": 16, "channels": channels, "width": 2, "z_dim": 4, "kernel": 4}
    generator, _ = build_dcgan(DcganSettings(**shape), 0)
    card = Card("small", architecture={"name": "dcgan", **shape})
    return Gan(generator, prior=Prior(4), image=ImageSpec(16, channels), card=card)


GAN = small_gan()


def pixels(gan: Gan, seed: int, index: int) -> np.ndarray:
    return gan.image.to_uint8(gan.generate(gan.latents(1, seed=seed, first=index)))[0]


@pytest.mark.parametrize("scale", [1, 4])
def test_boxes_drawn_on_samples_come_back_to_the_right_pixels(tmp_path: Path, scale: int) -> None:
    folder = write_samples(GAN, tmp_path / "out", n=5, seed=3, first=10, concepts=["Windows", "bed"], scale=scale)
    assert sorted(path.name for path in folder.iterdir()) == ["annotations.json", "grid.png", "pictures"]

    # a person draws a window on the third picture, in a tool that renames the files and gives ids of its own
    document = json.loads((folder / "annotations.json").read_text())
    assert document["annotations"] == []
    assert [category["name"] for category in document["categories"]] == ["window", "bed"]
    for image in document["images"]:
        assert Image.open(folder / "pictures" / image["file_name"]).size == (image["width"], image["height"])
        image["id"] = f"task-{image['id']}"
        image["file_name"] = f"upload/ab12-{image['file_name']}"
    bbox = [4 * scale, 2 * scale, 6 * scale, 5 * scale]
    document["annotations"] = [{"id": "1", "image_id": "task-3", "category_id": 1, "bbox": bbox}]
    (tmp_path / "export.json").write_text(json.dumps(document))

    boxes = Boxes.load(tmp_path / "export.json").check(GAN)
    name = PictureName(GAN.hash, 3, 12)
    assert boxes.of("windows").boxes == [Box(name, "window", 4, 2, 6, 5)]
    assert boxes.pictures == [PictureName(GAN.hash, 3, index) for index in range(10, 15)]
    (file,) = (path for path in (folder / "pictures").iterdir() if parse_picture_file(path.name) == name)
    shown = np.asarray(Image.open(file))
    np.testing.assert_array_equal(shown[::scale, ::scale], pixels(GAN, 3, 12))
    np.testing.assert_array_equal(shown[scale - 1 :: scale, scale - 1 :: scale], pixels(GAN, 3, 12))
    again = GAN.image.to_uint8(GAN.generate(boxes.latents(GAN)))
    np.testing.assert_array_equal(again[2], pixels(GAN, 3, 12))
    assert boxes.grid("window", 16)[2, 2:7, 4:10].all()
    assert boxes.grid("window", 16).sum() == 30


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_pictures_keep_their_colours(tmp_path: Path, channels: int, mode: str) -> None:
    gan = small_gan(channels)
    folder = write_samples(gan, tmp_path / "out", n=2)
    (first, _) = sorted((folder / "pictures").iterdir())
    with Image.open(first) as image:
        assert image.mode == mode
        np.testing.assert_array_equal(np.asarray(image).reshape(16, 16, channels), pixels(gan, 0, 0))


def test_samples_do_not_depend_on_how_many_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_samples(GAN, tmp_path / "many", n=9)
    monkeypatch.setattr("ganlab.runs.samples._BATCH", 4)
    monkeypatch.setattr("ganlab.runs.samples.IN_GRID", 6)
    write_samples(GAN, tmp_path / "batches", n=9)
    write_samples(GAN, tmp_path / "few", n=2, first=7)
    files = {path.name: path.read_bytes() for path in (tmp_path / "many/pictures").iterdir()}
    assert len(files) == 9
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "batches/pictures").iterdir()}
    for path in (tmp_path / "few/pictures").iterdir():
        assert files[path.name] == path.read_bytes()
    heights = [Image.open(tmp_path / name / "grid.png").height for name in ("many", "batches")]
    assert heights[1] < heights[0], "a grid stops where nobody would look any more"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 0}, "--n"),
        ({"scale": 0}, "--scale"),
        ({"first": -1}, "index"),
        ({"seed": -1}, "seed"),
    ],
)
def test_numbers_out_of_range_leave_nothing(tmp_path: Path, options: dict[str, int], words: str) -> None:
    with pytest.raises(GanlabError, match=words):
        write_samples(GAN, tmp_path / "out", **options)  # type: ignore[arg-type]
    assert not any(tmp_path.iterdir())


def test_a_gan_of_classes_is_sampled_of_the_one_that_it_draws(tmp_path: Path) -> None:
    gan = tiny_gan(classes=3)
    with pytest.raises(GanlabError, match="class"):
        write_samples(gan, tmp_path / "any", n=1)
    assert not any(tmp_path.iterdir())
    write_samples(gan.of_class(2), tmp_path / "out", n=1)
    (name,) = Boxes.load(tmp_path / "out").pictures
    assert name == PictureName(gan.hash, 0, 0, 2)


def test_the_categories_are_those_of_the_checkpoints_own_boxes(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    save_gan(GAN, folder)
    name = PictureName(GAN.hash, 0, 0)
    Boxes([], [name], (16, 16), categories=["lamp"]).save(folder / "boxes.json")
    write_samples(Gan.from_spec(str(folder)), tmp_path / "out", n=1)
    assert Boxes.load(tmp_path / "out").categories == ["lamp"]


def test_the_command_writes_a_numbered_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GANLAB_RUNS", str(tmp_path / "runs"))
    save_gan(GAN, tmp_path / "small")
    options = (
        "--gan",
        str(tmp_path / "small"),
        "--device",
        "cpu",
        "--n",
        "3",
        "--concept",
        "windows",
        "--concept",
        "beds",
    )
    for number in ("0001", "0002"):
        ended = command(capsys, "sample", *options)
        assert ended.code == 0, ended.err
        assert f"small-{number}" in ended.err
    folder = tmp_path / "runs/sample/small-0001"
    assert Boxes.load(folder).categories == ["window", "bed"]
    assert (folder / "grid.png").read_bytes() == (tmp_path / "runs/sample/small-0002/grid.png").read_bytes()
    assert command(capsys, "sample", *options, "--out", tmp_path / "mine").code == 0
    again = command(capsys, "sample", *options, "--out", tmp_path / "mine")
    assert again.code == 2
    assert "already holds" in again.err
