"""Pictures decoded by child processes: the same pixels, the same reasons where there are none, nobody left behind."""

from __future__ import annotations

import signal
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganlab.data import decoding, open_images, stored
from ganlab.data.images import BrokenPicture, Images
from ganlab.data.packing import pack
from tests.data_kit import answers_of_children

BROKEN = {"0007.jpg", "0019.png", "0033.jpg"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """40 pictures of several kinds and sizes, three of them broken."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(40):
        height, width = random.integers(5, 90, 2)
        channels = int(random.choice([1, 3, 4]))
        pixels = random.integers(0, 256, (height, width, channels), dtype=np.uint8).squeeze(-1 if channels == 1 else ())
        picture = Image.fromarray(pixels)
        picture.save(folder / (f"{number:04d}.jpg" if channels == 3 else f"{number:04d}.png"))
    for name in BROKEN:
        (folder / name).with_suffix(".png").unlink(missing_ok=True)
        (folder / name).with_suffix(".jpg").unlink(missing_ok=True)
    (folder / "0007.jpg").write_bytes(b"")
    (folder / "0019.png").write_bytes(
        (folder / "0018.png").read_bytes()[:60] if (folder / "0018.png").exists() else b"x"
    )
    (folder / "0033.jpg").write_text("no picture")
    return folder


@pytest.fixture(autouse=True)
def few_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "WORTH_PROCESSES", 1)


def read_all(images: Images, workers: int, size: int = 16, channels: int = 3) -> list[np.ndarray | BrokenPicture]:
    with images._in_bulk(workers, len(images)) as read:
        return read(range(len(images)), size, channels)


def same(one: np.ndarray | BrokenPicture, other: np.ndarray | BrokenPicture) -> bool:
    if isinstance(one, BrokenPicture) or isinstance(other, BrokenPicture):
        return str(one) == str(other)
    return np.array_equal(one, other)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_children_give_the_same_pictures_and_reasons(
    folder: Path, monkeypatch: pytest.MonkeyPatch, channels: int
) -> None:
    images = open_images(str(folder))
    here = read_all(images, 1, channels=channels)
    asked = answers_of_children(monkeypatch)
    monkeypatch.setattr(stored, "HELD", 5000)  # several requests
    there = read_all(images, 2, channels=channels)
    assert asked == [True] * len(asked)
    assert len(asked) > 3
    assert len(here) == len(there) == 40
    assert all(map(same, here, there))
    assert {one.name for one in there if isinstance(one, BrokenPicture)} == BROKEN


def test_zips_arrays_and_chosen_pictures_come_out_the_same(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    np.save(tmp_path / "array.npy", np.random.default_rng(0).integers(0, 256, (20, 9, 12, 3), dtype=np.uint8))
    whole = open_images(str(folder))
    names = [whole.name(i) for i in range(0, 40, 3)]
    for images in (
        open_images(str(tmp_path / "pictures.zip")),
        open_images(str(tmp_path / "array.npy")),
        whole.only(names),
    ):
        assert all(map(same, read_all(images, 1), read_all(images, 2)))


def test_packs_are_the_same_however_many_work(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganlab.data.reading.PART_BYTES", 16 * 16 * 3 * 7)
    packs = [
        pack(open_images(str(folder)), 16, 3, cache=tmp_path / str(workers), workers=workers, skip_broken=True)
        for workers in (0, 1, 2, 3)
    ]
    assert len({packed.fingerprint for packed in packs}) == 1
    assert all(packed.broken == packs[0].broken and len(packed) == 37 for packed in packs)


def test_ctrl_c_is_for_the_parent(folder: Path) -> None:
    """On Windows each process of a console is told."""
    encoded = [path.read_bytes() for path in sorted(folder.iterdir())[:5]]
    with decoding.Decoders(1) as decoders:
        before = decoders.decode(encoded, 16, 3)
        decoders.started[0].process.send_signal(signal.SIGINT)
        after = decoders.decode(encoded, 16, 3)
        assert not decoders.started[0].failed
    assert np.array_equal(before, after)


def test_where_a_child_dies_its_pictures_are_decoded_here(folder: Path) -> None:
    images = open_images(str(folder))
    encoded = [(folder / images.name(i)).read_bytes() for i in range(5)]
    with decoding.Decoders(1) as decoders:
        before = decoders.decode(encoded, 16, 3)
        decoders.started[0].process.kill()
        after = decoders.decode(encoded, 16, 3)
        again = decoders.decode(encoded, 16, 3)  # nobody waits for a child that is gone
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    assert all(np.array_equal(one, other) for one, other in zip(before, again, strict=True))
    assert decoders.started[0].process.poll() is not None


def test_few_pictures_start_no_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "WORTH_PROCESSES", 41)
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a process was started"))
    assert len(read_all(open_images(str(folder)), 2)) == 40


class Pixels(stored.StoredImages):
    """Pixels and encoded pictures in turn, each of which counts how often it is read."""

    def __init__(self, file: Path, encoded: bytes) -> None:
        super().__init__([file])
        self.encoded = encoded
        self.reads = [0] * 40

    def count(self) -> int:
        return len(self.reads)

    def read(self, row: int) -> bytes | np.ndarray:
        self.reads[row] += 1
        if row == 11:
            raise LookupError("a hole")
        if row == 12:
            return np.zeros((4, 4), np.float64)
        return self.encoded if row % 2 else np.full((30, 20, 3), row, np.uint8)


def test_each_picture_is_read_once_and_few_are_held(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / next(path.name for path in sorted(folder.iterdir()) if path.name not in BROKEN)
    images = Pixels(file, file.read_bytes())
    here = read_all(images, 1)
    images.reads = [0] * 40
    monkeypatch.setattr(stored, "HELD", 30 * 20 * 3 * 3)
    there = read_all(images, 2)
    assert images.reads == [1] * 40
    assert all(map(same, here, there))
    assert [row for row, picture in enumerate(there) if isinstance(picture, BrokenPicture)] == [11, 12]
    assert max(len(held) for _, held in images._held(range(40))) < 10


def test_where_no_process_can_be_started_pictures_are_decoded_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = open_images(str(folder))
    here = read_all(images, 1)

    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("subprocess.Popen", refuse)
    assert all(map(same, here, read_all(images, 2)))
