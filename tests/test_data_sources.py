"""What `open_images` opens, what it refuses, and in what words."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ganlab.data import BrokenPicture, Dataset, Images, open_images, sources
from ganlab.data.opening import short_name
from ganlab.errors import GanlabError
from tests.test_data_support import bomb_png, broken_png, encoded, make_folder, make_zip, pixels


def drawn(index: int, size: int) -> np.ndarray:
    return np.full((size, size, 3), index % 256, np.uint8)


@pytest.fixture
def datasets(monkeypatch: pytest.MonkeyPatch) -> dict[str, Dataset]:
    """A host that knows these data sets and no others."""
    known = {"rooms": Dataset("rooms", "drawn bedrooms", "1", 40, drawn)}
    monkeypatch.setattr("ganlab.plugins.host", lambda: SimpleNamespace(datasets=lambda: known))
    return known


def refused(spec: object, message: str, hint: str = "") -> None:
    with pytest.raises(GanlabError) as caught:
        open_images(str(spec))
    assert message in caught.value.message
    assert caught.value.message.endswith((".", "?"))
    assert hint in caught.value.hint
    assert caught.value.hint


def same(first: Images, second: Images, size: int = 16, channels: int = 3) -> bool:
    return len(first) == len(second) and all(
        (first.array(i, size, channels) == second.array(i, size, channels)).all() for i in range(len(first))
    )


# folders


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


def test_images_is_a_source_type(tmp_path: Path) -> None:
    spec = str(make_folder(tmp_path / "set"))
    assert Images.from_spec(spec).spec == spec


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


def test_opened_by_a_relative_name_it_outlives_a_change_of_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, datasets: dict[str, Dataset]
) -> None:
    make_folder(tmp_path / "set")
    monkeypatch.chdir(tmp_path)
    images = open_images("set")
    monkeypatch.chdir("/")
    assert images.array(5, 8, 3).shape == (8, 8, 3)
    assert not images.changed()


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
    refused(tmp_path, "holds no pictures, only other files (1)", ".jpg")


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


def test_a_picture_that_does_not_decode(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set")
    (folder / "a" / "001.png").write_bytes(broken_png())
    (folder / "a" / "002.png").write_bytes(b"")
    (folder / "b" / "c" / "003.png").write_text("<html>404</html>")
    (folder / "b" / "c" / "004.png").write_bytes(bomb_png(9_600))
    images = open_images(str(folder))
    reasons = {1: "truncated", 2: "empty file", 3: "not in any picture format", 4: "decompression bomb"}
    for i, reason in reasons.items():
        with pytest.raises(BrokenPicture, match=reason) as caught:
            images.array(i, 16, 3)
        assert images.name(i) in caught.value.message
        assert "--skip-broken" in caught.value.hint


# zips


def test_a_zip_gives_what_the_folder_gives(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set")
    members = {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.*"), reverse=True) if p.is_file()
    }
    members["__MACOSX/a/._000.png"] = b"resource fork"
    path = make_zip(tmp_path / "set.zip", members)
    zipped, plain = open_images(str(path)), open_images(str(folder))
    assert [zipped.name(i) for i in range(6)] == [plain.name(i) for i in range(6)]
    assert same(zipped, plain)
    assert zipped.ignored == 1


def test_the_fingerprint_of_a_zip(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "set.zip", {"a.png": encoded(pixels(0)), "b.png": encoded(pixels(1))})
    images = open_images(str(path))
    assert not images.changed()
    assert images.first(1).fingerprint() != images.fingerprint()
    stamp = path.stat().st_mtime_ns
    make_zip(path, {"a.png": encoded(pixels(0)), "b.png": encoded(pixels(2))})
    os.utime(path, ns=(stamp, stamp))
    assert images.changed()


def test_damaged_zips(tmp_path: Path) -> None:
    whole = make_zip(tmp_path / "set.zip", {f"{i}.png": encoded(pixels(i)) for i in range(4)}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "cut.zip", "is no complete zip file", "again")
    (tmp_path / "text.zip").write_text("not found")
    refused(tmp_path / "text.zip", "is no complete zip file", "again")
    refused(make_zip(tmp_path / "empty.zip", {}), "holds no pictures: it is empty")
    refused(make_zip(tmp_path / "other.zip", {"a.txt": b"", "d/": b""}), "holds no pictures, only other files (1)")


def test_an_encrypted_zip(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "set.zip", {"a.png": encoded(pixels(0))})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    refused(path, "encrypted", "Unpack")


def test_broken_members_of_a_zip(tmp_path: Path) -> None:
    damaged = encoded(pixels(1))
    path = make_zip(tmp_path / "set.zip", {"a.png": damaged, "b.png": encoded(pixels(2)), "c.png": bomb_png(9_600)})
    data = bytearray(path.read_bytes())
    data[data.index(damaged) + 100] ^= 0xFF
    path.write_bytes(bytes(data))
    images = open_images(str(path))
    with pytest.raises(BrokenPicture, match="CRC"):
        images.array(0, 16, 3)
    assert images.array(1, 16, 3).shape == (16, 16, 3)
    with pytest.raises(BrokenPicture, match="decompression bomb"):
        images.array(2, 16, 3)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LARGEST_MEMBER", 1 << 24)
    with (
        zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.png", "w") as member,
    ):
        for _ in range(17):
            member.write(bytes(1 << 20))
    assert (tmp_path / "bomb.zip").stat().st_size < 1 << 20
    with pytest.raises(BrokenPicture, match="zip bomb"):
        open_images(str(tmp_path / "bomb.zip")).array(0, 16, 3)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000), st.integers(1, 6), st.booleans())
def test_zips_with_flipped_bytes(tmp_path: Path, seed: int, flips: int, cut: bool) -> None:
    rng = np.random.default_rng(seed)
    path = make_zip(tmp_path / "set.zip", {f"{i}.png": encoded(pixels(i)) for i in range(2)}, compression=8)
    data = bytearray(path.read_bytes())
    for place in rng.integers(0, len(data), flips):
        data[place] ^= int(rng.integers(1, 256))
    path.write_bytes(bytes(data[: rng.integers(len(data))] if cut else data))
    with contextlib.suppress(GanlabError):
        images = open_images(str(path))
        for i in range(len(images)):
            images.array(i, 8, 3)


# arrays


def test_arrays_give_what_the_folder_gives(tmp_path: Path) -> None:
    plain = open_images(str(make_folder(tmp_path / "set")))
    array = np.stack([np.asarray(plain.picture(i)) for i in range(6)])
    np.save(tmp_path / "set.npy", array)
    np.savez_compressed(tmp_path / "set.npz", array)
    np.save(tmp_path / "fortran.npy", np.asfortranarray(array))
    np.save(tmp_path / "unit.npy", (array / 255).astype(np.float32))
    np.save(tmp_path / "signed.npy", array / 127.5 - 1)
    for name in ("set.npy", "set.npz", "fortran.npy", "unit.npy", "signed.npy"):
        images = open_images(str(tmp_path / name))
        assert same(images, plain), name
        assert same(images, plain, 20, 1), name
    assert not open_images(str(tmp_path / "set.npy")).changed()


@pytest.mark.parametrize("shape", [(5, 9, 7), (5, 9, 7, 1), (5, 9, 7, 3), (5, 9, 7, 4), (1, 1, 1)])
def test_shapes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.full(shape, 255, np.uint8))
    images = open_images(str(tmp_path / "a.npy"))
    assert len(images) == shape[0]
    for channels in (1, 3, 4):
        assert (images.array(0, 8, channels) == 255).all()


def test_which_array_of_an_npz(tmp_path: Path) -> None:
    def means(spec: str, value: int) -> bool:
        return bool((open_images(spec).array(0, 4, 1) == value).all())

    def full(value: int) -> np.ndarray:
        return np.full((2, 4, 4), value, np.uint8)

    file = str(tmp_path / "a.npz")
    np.savez(file, x_train=full(1), x_test=full(2), y_train=np.arange(2))
    assert means(file, 1)
    assert means(file + ":x_test", 2)
    assert open_images(file).fingerprint() != open_images(file + ":x_test").fingerprint()
    np.savez(file, images=full(3), labels=np.arange(2))
    assert means(file, 3)
    np.savez(file, whatever=full(4))
    assert means(file, 4)
    np.savez(file, left=full(5), right=full(6))
    refused(file, "Which array", "left, right")
    refused(file + ":middle", "Which array", "left, right")


def test_the_class_of_a_picture(tmp_path: Path) -> None:
    for place in ("train/cat", "train/dog", "."):
        (tmp_path / "set" / place).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / "set" / place / "1.png")
    images = open_images(str(tmp_path / "set"))
    assert [images.label(i) for i in range(3)] == [None, "cat", "dog"]
    assert [images.name(i) for i in range(3)] == ["1.png", "train/cat/1.png", "train/dog/1.png"]
    x, file = np.zeros((3, 4, 4), np.uint8), str(tmp_path / "a.npz")
    np.savez(file, x_train=x, y_train=np.array([[7], [3], [7]]), x_test=x[:1], y_test=np.array([3], np.uint8))
    assert [open_images(file).label(i) for i in range(3)] == ["7", "3", "7"]
    assert open_images(file + ":x_test").label(0) == "3"
    np.savez(file, images=x, labels=np.arange(3))
    assert open_images(file).label(2) == "2"
    for labels in (np.arange(2), np.arange(3) + 0.5):  # of other pictures; no classes
        np.savez(file, images=x, labels=labels)
        assert open_images(file).label(0) is None
    np.savez(file, images=x, classes=np.arange(3))
    assert open_images(file).label(0) is None
    np.save(tmp_path / "a.npy", x)
    assert open_images(str(tmp_path / "a.npy")).label(0) is None


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, ("executed",))


def test_arrays_that_are_no_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def no(array: np.ndarray, message: str, hint: str = "") -> None:
        np.save("a.npy", array)
        refused("./a.npy", message, hint)

    no(np.zeros((4, 8), np.uint8), "of shape (4, 8)", "(n, height, width)")
    no(np.zeros((0, 8, 8), np.uint8), "of shape (0, 8, 8)")
    no(np.zeros((4, 3, 8, 8), np.uint8), "of shape (4, 3, 8, 8)", "transpose(0, 2, 3, 1)")
    no(np.zeros((4, 5, 5, 8), np.uint8), "of shape (4, 5, 5, 8)", "fewer than pixels")
    no(np.zeros((4, 8, 8), np.int64), "int64", "uint8")
    no(np.array(["text"]), "no set of pictures", "uint8")
    no(np.full((4, 8, 8), 255.0), "floats from 255 to 255", "[0, 1]")
    no(np.full((4, 8, 8), np.nan), "floats from nan to nan")
    late = np.zeros((600, 2, 2))
    late[300] = np.nan
    no(late, "floats from nan to nan")
    np.save("a.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    refused("./a.npy", "cannot be read as an array", "uint8")
    np.savez("a.npz", np.array([Evil()], dtype=object), allow_pickle=True)
    refused("./a.npz:arr_0", "cannot be read as an array", "uint8")
    Path("a.npy").write_bytes(pickle.dumps(Evil()))
    refused("./a.npy", "cannot be read as an array", "uint8")
    assert not Path("executed").exists()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([".npy", ".npz"]), st.integers(0, 10_000), st.integers(1, 4), st.booleans())
def test_arrays_with_flipped_bytes(tmp_path: Path, suffix: str, seed: int, flips: int, cut: bool) -> None:
    rng = np.random.default_rng(seed)
    stream = io.BytesIO()
    if suffix == ".npy":
        np.save(stream, np.zeros((2, 4, 4), np.uint8))
    else:
        np.savez(stream, np.zeros((2, 4, 4), np.uint8))
    data = bytearray(stream.getvalue())
    for place in rng.integers(0, len(data), flips):
        data[place] ^= int(rng.integers(1, 256))
    path = tmp_path / f"a{suffix}"
    path.write_bytes(bytes(data[: rng.integers(len(data))] if cut else data))
    with contextlib.suppress(GanlabError):
        open_images(str(path)).array(0, 4, 1)


# data sets of plugins


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
