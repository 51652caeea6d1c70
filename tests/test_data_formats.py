"""The door for files of a plugin's format: who recognises them, which part is meant, what is said where nobody does."""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ganlab import BrokenPicture, Dataset, DatasetFormat, GanlabError, Images, StoredImages, open_images
from ganlab.data.packing import pack
from tests.data_kit import encoded, make_folder, pixels, refused


class Strip(StoredImages):
    """A third party's: grey squares of 8x8 one after the other, the part ``even`` every second of them."""

    parts = ("even",)

    def __init__(self, path: Path, part: str) -> None:
        super().__init__([path], part)
        self.step = 2 if part else 1

    def count(self) -> int:
        return self.files[0].stat().st_size // 64 // self.step

    def read(self, row: int) -> np.ndarray:
        content = self.files[0].read_bytes()[64 * row * self.step :][:64]
        if content[0] == 255:
            raise BrokenPicture(self.name(row), "it is marked as spoilt")
        if content[0] == 254:
            raise struct.error("unpack requires more")
        return np.frombuffer(content, np.uint8).reshape(8, 8)


def strip(path: Path) -> bool:
    return path.suffix == ".strip"


def crash(path: Path, part: str) -> Images:
    raise KeyError("oh")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> dict[str, Dataset | DatasetFormat]:
    """A host that knows this one format."""
    formats: dict[str, Dataset | DatasetFormat] = {"strip": DatasetFormat("strip", "squares in a strip", strip, Strip)}
    told = SimpleNamespace(datasets=lambda: formats, left_out=str, bringer=lambda thing: None)
    monkeypatch.setattr("ganlab.plugins.host", lambda: told)
    return formats


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.strip"
    path.write_bytes(bytes(i for i in range(6) for _ in range(64)))
    return path


def test_a_format_of_a_third_party(known: dict[str, DatasetFormat], file: Path, tmp_path: Path) -> None:
    images = open_images(str(file))
    assert (len(images), images.name(3), images.label(3)) == (6, "number 3", None)
    assert (images.array(3, 8, 1) == 3).all()
    assert (images.array(3, 16, 3) == 3).all()
    assert len(pack(images, 8, 1, cache=tmp_path / "cache")) == 6
    even = open_images(f"{file}:even")
    assert (len(even), even.spec) == (3, f"{file}:even")
    assert (even.array(2, 8, 1) == 4).all()
    assert len({images.fingerprint(), even.fingerprint(), images.first(5).fingerprint()}) == 3
    assert open_images(f"strip:{file}:even").fingerprint() == even.fingerprint()
    assert not images.changed()
    file.write_bytes(bytes(64))
    assert images.changed()


def test_pictures_that_are_broken(known: dict[str, DatasetFormat], file: Path, tmp_path: Path) -> None:
    file.write_bytes(bytes([0] * 64 + [255] * 64 + [254] * 64))
    packed = pack(open_images(str(file)), 8, 1, cache=tmp_path / "cache", skip_broken=True)
    assert packed.broken == ["number 1 (it is marked as spoilt)", "number 2 (unpack requires more)"]


def test_who_is_asked(known: dict[str, DatasetFormat], file: Path, tmp_path: Path) -> None:
    known["tape"] = DatasetFormat("tape", "squares on a tape", strip, Strip)
    refused(file, "could be squares in a strip or squares on a tape", f"strip:{file} or tape:{file}")
    refused(f"{file}:even", "could be", f"strip:{file}:even")
    assert len(open_images(f"tape:{file}")) == 6
    folder = make_folder(tmp_path / "set")
    known["folders"] = DatasetFormat("folders", "folders of mine", Path.is_dir, crash)
    refused(folder, "its reader, the format 'folders', was not prepared for (KeyError: 'oh')", "GANLAB_TRACEBACK")
    assert len(open_images(f"folder:{folder}")) == 6


def test_the_name_of_a_format_lying_here(
    known: dict[str, DatasetFormat], file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_folder(tmp_path / "strip")
    monkeypatch.chdir(tmp_path)
    assert len(open_images("strip")) == 6
    assert len(open_images("strip:a.strip")) == 6
    refused("strip:even", "no parts to choose from, so no 'even'", "as it is")


def test_what_nobody_recognises(known: dict[str, DatasetFormat], tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x")
    refused(tmp_path / "a.bin", "no set of pictures that is known here", "strip: squares in a strip")
    refused(tmp_path / "a-{0..3}.bin", "There is no")
    refused(f"strip:{tmp_path}/no.strip", f"There is no {tmp_path}/no.strip")
    refused(tmp_path / "a.bin:train", "no set of pictures")


def test_other_classes(tmp_path: Path) -> None:
    images = open_images(str(make_folder(tmp_path / "set")))
    told = images.with_labels(["x", None, "y", "x", "y", "y"])
    assert [told.label(i) for i in range(6)] == ["x", None, "y", "x", "y", "y"]
    assert told.fingerprint() == images.fingerprint()
    assert told.first(3).fingerprint() == images.first(3).fingerprint()
    assert told.only(["b/c/005.png"]).label(0) == "y"
    assert (told.array(4, 16, 3) == images.array(4, 16, 3)).all()
    with pytest.raises(ValueError, match="2 labels for 6"):
        images.with_labels(["x", "y"])
    (tmp_path / "set" / "a" / "000.png").write_bytes(encoded(pixels(9)))
    assert told.changed()


def test_a_missing_path_is_not_a_part(tmp_path: Path) -> None:
    with pytest.raises(GanlabError, match="There is no"):
        open_images(str(tmp_path / "nowhere:train"))
