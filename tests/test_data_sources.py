"""Which set of pictures a word means: a path, a data set of a plugin, both, or neither."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ganlab.data import Dataset, Images, open_images
from ganlab.data.opening import short_name
from ganlab.errors import GanlabError
from tests.data_kit import encoded, make_folder, pixels, refused


def drawn(index: int, size: int) -> np.ndarray:
    return np.full((size, size, 3), index % 256, np.uint8)


@pytest.fixture
def datasets(monkeypatch: pytest.MonkeyPatch) -> dict[str, Dataset]:
    """A host that knows these data sets and no others."""
    known = {"rooms": Dataset("rooms", "drawn bedrooms", "1", 40, drawn)}
    told = SimpleNamespace(datasets=lambda: known, left_out=str, bringer=lambda thing: None)
    monkeypatch.setattr("ganlab.plugins.host", lambda: told)
    return known


def test_opened_by_a_relative_name_it_outlives_a_change_of_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, datasets: dict[str, Dataset]
) -> None:
    make_folder(tmp_path / "set")
    monkeypatch.chdir(tmp_path)
    images = open_images("set")
    monkeypatch.chdir("/")
    assert images.array(5, 8, 3).shape == (8, 8, 3)
    assert not images.changed()


def test_images_is_a_source_type(tmp_path: Path) -> None:
    spec = str(make_folder(tmp_path / "set"))
    assert Images.from_spec(spec).spec == spec


def test_runs_are_called_after_their_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, datasets: dict[str, Dataset]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pets").mkdir()
    np.savez("some.npz", images=np.zeros((3, 8, 8), np.uint8))
    specs = ("pets", "pets/", "folder:pets/", f"folder:{tmp_path}/pets", "some.npz", "some.npz:images", "rooms:5000")
    called = ["pets", "pets", "pets", "pets", "some", "some", "rooms"]
    assert [short_name(spec) for spec in specs] == called


def test_missing_paths(tmp_path: Path, datasets: dict[str, Dataset]) -> None:
    refused(tmp_path / "nothing", "There is no", "path")
    refused("~/surely/not/here", "There is no", "path")
    refused(tmp_path / "nothing.npz:images", "There is no", "path")
    refused("~surely-nobody/pictures", "cannot be looked at", "path")
    refused("/" + 300 * "long", "cannot be looked at", "path")
    refused("/nul\0", "There is no", "path")


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(encoded(pixels(0)))
    refused(tmp_path / "one.png", "is no set of pictures that is known here", "folder")
    refused("/dev/null", "is no set of pictures that is known here", "folder")


def test_a_data_set_by_name(datasets: dict[str, Dataset]) -> None:
    images = open_images("rooms")
    assert len(images) == 40
    assert len(open_images("rooms:5000")) == 5000
    assert (images.array(7, 16, 3) == drawn(7, 16)).all()
    assert images.array(7, 16, 4).shape == (16, 16, 4)
    assert images.array(7, 16, 1).shape == (16, 16, 1)
    assert isinstance(images.picture(3), Image.Image)
    assert images.name(3) == "rooms 3"
    assert open_images("rooms:40").fingerprint() == images.fingerprint()
    assert open_images("rooms:41").fingerprint() != images.fingerprint()
    datasets["rooms"] = Dataset("rooms", "drawn bedrooms", "2", 40, drawn)
    assert open_images("rooms").fingerprint() != images.fingerprint()
    for spec in ("rooms:", "rooms:0", "rooms:-3", "rooms:many", "rooms:٣"):
        refused(spec, "does not say how many", "rooms:5000")


def test_unknown_data_sets(datasets: dict[str, Dataset]) -> None:
    refused("romos", "neither a file or folder here nor a data set", "Did you mean rooms?")
    refused("cathedrals:100", "neither a file or folder here nor a data set", "Data sets: rooms.")
    refused("", "neither a file or folder here nor a data set", "rooms")
    datasets.clear()
    refused("rooms", "neither a file or folder here nor a data set", "none")


def test_a_name_with_two_meanings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, datasets: dict[str, Dataset]
) -> None:
    make_folder(tmp_path / "rooms")
    monkeypatch.chdir(tmp_path)
    refused("rooms", "both", "./rooms for the one, rooms:40 for the data set")
    assert len(open_images("./rooms")) == 6
    assert len(open_images("rooms:40")) == 40


def test_a_data_set_that_draws_something_else(datasets: dict[str, Dataset]) -> None:
    for wrong in (np.zeros((8, 8, 3)), np.zeros((8, 9, 3), np.uint8)):
        datasets["wrong"] = Dataset("wrong", "", "1", 3, lambda index, size, wrong=wrong: wrong)
        with pytest.raises(GanlabError, match="wrong drew"):
            open_images("wrong").array(0, 8, 3)


def test_importing_is_light() -> None:
    code = "import sys, ganlab.data; print([m for m in ('torch', 'PIL', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
