"""Folders of pictures: what is read in them, in which order, and what is told of the rest."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from ganlab.data import BrokenPicture, open_images
from ganlab.errors import GanlabError
from tests.data_kit import bomb_png, broken_png, encoded, make_folder, pixels, refused


def test_a_folder_is_read_in_depth_and_in_order(tmp_path: Path) -> None:
    images = open_images(str(make_folder(tmp_path / "set")))
    assert [images.name(i) for i in range(len(images))] == [f"a/{i:03}.png" for i in range(3)] + [
        f"b/c/{i:03}.png" for i in range(3, 6)
    ]
    assert (np.asarray(images.picture(4)) == pixels(4)).all()
    assert images.ignored == 1
    assert images.array(0, 16, 1).shape == (16, 16, 1)
    with pytest.raises(IndexError):
        images.picture(6)
    with pytest.raises(IndexError):
        images.picture(-1)


def test_first(tmp_path: Path) -> None:
    images = open_images(str(make_folder(tmp_path / "set")))
    assert len(images.first(2)) == 2
    assert len(images) == 6
    assert len(images.first(100)) == 6
    assert len(images.first(4).first(5)) == 4
    assert images.first(2).fingerprint() != images.fingerprint()
    assert images.first(6).fingerprint() == images.fingerprint()
    with pytest.raises(GanlabError, match="limit of 0"):
        images.first(0)
    with pytest.raises(IndexError):
        images.first(2).array(2, 8, 3)


def test_the_fingerprint_follows_every_change(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set")
    opened = open_images(str(folder))
    seen = {opened.fingerprint()}
    assert open_images(str(folder)).fingerprint() in seen

    def change() -> None:
        assert opened.changed()
        new = open_images(str(folder)).fingerprint()
        assert new not in seen
        seen.add(new)

    assert not opened.changed()
    (folder / "a" / "000.png").write_bytes(encoded(pixels(50, 30, 30)))
    change()
    os.utime(folder / "a" / "000.png", ns=(0, 0))
    change()
    (folder / "z.png").write_bytes(encoded(pixels(7)))
    change()
    (folder / "z.png").rename(folder / "y.png")
    change()
    (folder / "a" / "001.png").unlink()
    change()


def test_the_fingerprint_does_not_depend_on_where_the_folder_lies(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set")
    before = open_images(str(folder)).fingerprint()
    folder.rename(tmp_path / "elsewhere")
    assert open_images(str(tmp_path / "elsewhere")).fingerprint() == before


def test_links(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set")
    (folder / "b" / "loop").symlink_to(folder)
    (folder / "also").symlink_to(folder / "a")
    (folder / "gone.png").symlink_to(folder / "nothing.png")
    images = open_images(str(folder))
    names = [images.name(i) for i in range(len(images))]
    assert names == sorted(names)
    assert len(names) == 3 + 3 + 3 + 1
    with pytest.raises(BrokenPicture, match="no such file"):
        images.picture(names.index("gone.png"))


def test_a_link_to_itself_closes_no_folder(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set")
    (folder / "a" / "self.png").symlink_to("self.png")
    images = open_images(str(folder))
    assert len(images) == 6 + 1
    with pytest.raises(BrokenPicture, match=r"a/self\.png"):
        images.picture(3)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_no_picture(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set")
    os.mkfifo(folder / "waits-for-ever.png")
    images = open_images(str(folder))
    assert len(images) == 6
    assert images.ignored == 2


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no UTF-8")
def test_names_in_another_encoding(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/caf\xe9.png", "wb") as file:
        file.write(encoded(pixels(0)))
    images = open_images(str(tmp_path))
    assert images.name(0).encode() == b"caf?.png"
    assert (np.asarray(images.picture(0)) == pixels(0)).all()
    assert len(images.fingerprint()) == 32


def test_folders_without_pictures(tmp_path: Path) -> None:
    refused(tmp_path, "holds no pictures: it is empty", ".jpg")
    (tmp_path / "notes.txt").write_text("nothing to see")
    refused(tmp_path, "holds no pictures, only other files (1, of .txt)", ".jpg")


def test_a_picture_that_does_not_decode(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set")
    (folder / "a" / "001.png").write_bytes(broken_png())
    (folder / "a" / "002.png").write_bytes(b"")
    (folder / "b" / "c" / "003.png").write_text("<html>404</html>")
    (folder / "b" / "c" / "004.png").write_bytes(bomb_png(13_400))
    images = open_images(str(folder))
    reasons = {1: "truncated", 2: "empty file", 3: "not in any picture format", 4: "decompression bomb"}
    for i, reason in reasons.items():
        with pytest.raises(BrokenPicture, match=reason) as caught:
            images.array(i, 16, 3)
        assert images.name(i) in caught.value.message
        assert "--skip-broken" in caught.value.hint
