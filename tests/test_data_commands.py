"""`ganlab data info` and `ganlab data pack`: what they count, show and leave, and what they say of wrong input."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganlab import Images, load_result, open_images
from ganlab.data import survey as module
from ganlab.data.survey import _result as result_of
from ganlab.data.survey import survey
from tests.data_kit import broken_png, encoded, pixels
from tests.kit import Run, command


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``ganlab data`` in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GANLAB_RUNS")
    return lambda *words: command(capsys, "data", *words)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Five cats, three dogs, one of them grey, one with transparency, and a cat that is broken."""
    for folder in ("cat", "dog"):
        (tmp_path / "pets" / folder).mkdir(parents=True)
    for i in range(5):
        (tmp_path / "pets/cat" / f"{i}.png").write_bytes(encoded(pixels(i)))
    (tmp_path / "pets/cat/5.png").write_bytes(broken_png())
    (tmp_path / "pets/dog/0.png").write_bytes(encoded(pixels(7, 40, 30)))
    (tmp_path / "pets/dog/1.png").write_bytes(encoded(pixels(8)[..., 0]))
    Image.new("RGBA", (28, 20), (255, 0, 0, 10)).save(tmp_path / "pets/dog/2.png")
    (tmp_path / "pets/readme.txt").write_text("x")
    return tmp_path / "pets"


def test_looking_at_pictures_imports_no_torch(pets: Path, tmp_path: Path) -> None:
    script = f"""
import sys
from ganlab.cli.app import main
try:
    main(["data", "info", {str(pets)!r}, "--out", {str(tmp_path / "info")!r}])
except SystemExit as ended:
    assert not ended.code
heavy = {{"torch", "captum", "sklearn", "matplotlib", "scipy"}} & set(sys.modules)
assert not heavy, heavy
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("workers", ["0", "3"])
def test_info(run: Run, pets: Path, workers: str) -> None:
    code, out, _ = run("info", "pets", "--workers", workers)
    assert code == 0
    result = load_result("runs/data-info/pets-0001")
    values = {name: metric.value for name, metric in result.metrics.items()}
    assert values == {
        "pictures": 9, "broken": 1, "other_files": 1, "classes": 2, "smallest_side": 20, "largest_side": 40,
    }  # fmt: skip
    assert result.tables["sizes"].rows == [["28x20", 7, 7 / 8], ["30x40", 1, 1 / 8]]
    assert result.tables["channels"].rows == [["3 (RGB)", 6, 6 / 8], ["1 (grey)", 1, 1 / 8], ["4 (RGBA)", 1, 1 / 8]]
    assert result.tables["labels"].rows == [["cat", 6, 6 / 9], ["dog", 3, 3 / 9]]
    assert result.tables["broken"].rows[0][0] == "cat/5.png"
    assert "9 pictures of 28x20 to 30x40 pixels" in out
    assert "cat/5.png" in out
    assert "66.7%" in out
    shown = np.asarray(result.figures["pictures"].image.convert("RGB"))
    first = open_images("pets").array(0, 64, 3)
    columns = [x for x in range(shown.shape[1] - 128) if (shown[2:130:2, x : x + 128 : 2] == first).all()]
    assert columns  # the first cat at the top left


def test_info_as_json_and_without_classes(run: Run, tmp_path: Path) -> None:
    np.save("grey.npy", np.arange(100, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(5, 2))
    code, out, err = run("info", "grey.npy", "--limit", "70", "--json", "--out", "seen")
    assert code == 0
    content = json.loads(out)
    assert content["metrics"]["pictures"]["value"] == 70
    assert content["metrics"]["classes"]["value"] == 0
    assert "no classes" in content["summary"]
    assert "seen/index.html" in err
    shown = np.asarray(Image.open("seen/figures/pictures.png").convert("L"))
    assert shown[2, 2] == 0
    assert shown[-4, -4] == 69  # evenly from the first to the last
    assert (tmp_path / "seen/result.json").read_text() == out
    assert run("info", "grey.npy", "--out", "seen")[0] == 2


def test_pack(run: Run, pets: Path, tmp_path: Path) -> None:
    code, _, err = run("pack", "pets", "--size", "16")
    assert code == 2
    assert "1 of 9 pictures cannot be read: cat/5.png" in err
    (pets / "cat/5.png").write_bytes(broken_png())
    code, out, err = run("pack", "pets", "--size", "16", "--channels", "1", "--skip-broken", "--workers", "0")
    assert code == 0
    assert "Packed 8 pictures of pets at 16x16, 1 channel in" in out
    assert "pictures per second" in out
    assert "Left out: cat/5.png" in err
    place = Path(out.splitlines()[-1].rpartition(":")[0])
    assert np.load(place).shape == (8, 16, 16, 1)
    assert "There already: 8 pictures" in run("pack", "pets", "--size", "16", "--channels", "1", "--skip-broken")[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("info", "nowhere"), "neither a file or folder here nor a data set"),
        (("info", "pets", "--limit", "0"), "--limit"),
        (("pack", "pets:train"), "no parts to choose from"),
        (("pack", "pets", "--channels", "2"), "no pictures of size 64 with 2 channels"),
    ],
)
def test_wrong_input(run: Run, pets: Path, words: tuple[str, ...], message: str) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert message in err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("I;16", 1), ("LA", 4), ("P", 3), ("CMYK", 3), ("LAB", 3), ("YCbCr", 3)]
)
def test_the_channels_of_a_mode(tmp_path: Path, mode: str, channels: int) -> None:
    Image.new(mode, (8, 8)).save(tmp_path / "a.tif")
    row = survey(open_images(str(tmp_path)), 0).tables["channels"].rows[0]
    assert row[0].startswith(f"{channels} ")


def photographs(folder: Path) -> Images:
    """Large JPEGs lying, standing, turned and grey, one cut short, a broken one and a small PNG, each of its class."""
    for index, (height, width, orientation) in enumerate([(805, 1031, 1), (1031, 805, 1), (805, 1031, 6), (96, 64, 1)]):
        (folder / str(index)).mkdir()
        exif = Image.Exif()
        exif[0x0112] = orientation
        smooth = Image.fromarray(pixels(index, 9, 12)).resize((width, height), Image.Resampling.BILINEAR)
        smooth.save(folder / str(index) / "a.jpg", exif=exif)
        smooth.convert("L").save(folder / str(index) / "b.jpg")
        whole = (folder / str(index) / "a.jpg").read_bytes()
        (folder / str(index) / "c.jpg").write_bytes(whole[: len(whole) // 2])
        (folder / str(index) / "d.png").write_bytes(encoded(pixels(index)))
        Image.new("F", (8, 8)).save(folder / str(index) / "e.tif")
    return open_images(str(folder))


@pytest.mark.parametrize("workers", [0, 2])
def test_photographs_are_decoded_as_for_training_and_counted_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    images = photographs(tmp_path)
    coarse = [images._glimpse(row, 64) for row in range(len(images)) if images.name(row).endswith(("a.jpg", "b.jpg"))]
    assert {max(picture.size) for picture in coarse} == {258, 96}  # a quarter; or whole, where that is little
    kept: list[dict[str | None, list[np.ndarray]]] = []
    monkeypatch.setattr(module, "_result", lambda found: kept.append(found.by_class) or result_of(found))
    result = survey(images, workers)
    for label, pictures in kept[0].items():
        rows = [row for row in range(len(images)) if images.label(row) == label and images.name(row)[-5] in "abd"]
        assert (np.stack(pictures) == np.stack([images.array(row, 64, 3) for row in rows])).all()
    monkeypatch.setattr(Images, "_glimpse", lambda self, row, size: self.picture(row))
    whole = survey(images, workers)
    assert result.summary == whole.summary
    assert result.metrics == whole.metrics
    assert result.metrics["broken"].value == 8
    names = [row[0] for row in result.tables["broken"].rows]
    assert names == [row[0] for row in whole.tables["broken"].rows]
    for name in ("sizes", "channels", "labels"):
        assert result.tables[name].rows == whole.tables[name].rows


@pytest.mark.parametrize("workers", [0, 2])
def test_only_what_may_be_shown_is_resized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """The figure is the same as if all were; what only resizing finds broken is found."""
    for label in "ab":
        (tmp_path / label).mkdir()
        for i in range(150):
            (tmp_path / label / f"{i:03}.png").write_bytes(encoded(pixels(i)))
        Image.new("F", (8, 8)).save(tmp_path / label / "150.tif")
    images = open_images(str(tmp_path))
    square, resized = module.square, []
    monkeypatch.setattr(module, "square", lambda *of: resized.append(of) or square(*of))
    result = survey(images, workers)
    assert len(resized) < 64 + 2 + 2 * 32 * (2 + 2 * workers)
    monkeypatch.setattr(module, "surely_shows", lambda picture: False)
    del resized[:]
    whole = survey(images, workers)
    assert len(resized) == len(images)
    assert result.metrics == whole.metrics
    assert result.metrics["broken"].value == 2
    shown, every = (np.asarray(one.figures["pictures"].image) for one in (result, whole))
    assert (shown == every).all()


def test_drawn_pictures_are_told_to_be_as_large_as_ever() -> None:
    images = open_images("rooms:3")
    assert survey(images, 0).tables["sizes"].rows[0][0] == "256x256"
    assert survey(images.with_labels(["a", "b", "b"]), 0).tables["sizes"].rows[0][0] == "256x256"
    assert survey(images.only([images.name(2)]), 0).tables["sizes"].rows[0][0] == "256x256"


@pytest.mark.parametrize("workers", [0, 2])
def test_of_broken_pictures_their_names_are_kept_not_their_bytes(tmp_path: Path, workers: int) -> None:
    (tmp_path / "good.png").write_bytes(encoded(pixels(0)))
    for i in range(200):
        (tmp_path / f"{i}.png").write_bytes(bytes(100_000))
    images = open_images(str(tmp_path))
    images.picture(len(images) - 1)  # Pillow is there
    tracemalloc.start()
    result = survey(images, workers)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.metrics["broken"].value == 200
    assert most < 10 << 20, "they take 20 MB"


def test_nothing_but_broken_pictures(run: Run) -> None:
    Path("bad").mkdir()
    Path("bad/a.png").write_bytes(broken_png())
    code, _, err = run("info", "bad")
    assert code == 2
    assert "None of the 1 pictures in bad can be read" in err
    assert "a.png" in err
