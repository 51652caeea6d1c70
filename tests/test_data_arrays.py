"""Pictures in arrays of NumPy, and the classes beside them."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ganlab.data import arrays, open_images
from ganlab.errors import GanlabError
from tests.data_kit import make_folder, refused, same
from tests.kit import read_or_refused


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


def test_floats_a_rounding_error_beyond_their_range(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    floats = np.random.default_rng(0).random((4, 8, 8, 3), np.float32)

    def shown(array: np.ndarray) -> np.ndarray:
        np.save(file, array)
        return np.stack([open_images(str(file)).array(i, 8, 3) for i in range(4)]).astype(int)

    for low, high, scaled in ((-1e-7, 1.0000002, floats), (-1.0000002, 1.0009, 2 * floats - 1)):
        plain = shown(scaled)
        scaled[0, 0, 0, 0], scaled[0, 0, 0, 1] = low, high
        off = shown(scaled)
        assert off[0, 0, 0, :2].tolist() == [0, 255], "cut off, not gone round"
        assert (off.reshape(-1)[2:] == plain.reshape(-1)[2:]).all(), "of the same range as without them"
    np.save(file, np.full((2, 4, 4), 1.0012345, np.float64))
    refused(file, "floats from 1.0012345 to 1.0012345, which")


def test_floats_are_looked_at_once_and_not_beyond_what_no_range_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    class Watched(np.ndarray):
        def __getitem__(self, key: object) -> object:
            if isinstance(key, slice):
                seen.append(key.start)
            return super().__getitem__(key)

    monkeypatch.setattr(arrays, "RANGE_BYTES", 64)
    floats = np.zeros((6, 4, 4), np.float32)
    assert arrays._float_range(floats.view(Watched), "a.npy") == (0, 1)
    assert seen == list(range(6))
    floats[2] = 200
    with pytest.raises(GanlabError, match="floats from 0 to 200 among its first 3 pictures"):
        arrays._float_range(floats.view(Watched), "a.npy")
    assert seen[6:] == [0, 1, 2]


@pytest.mark.parametrize("packed", ["images", "labels"])
def test_arrays_packed_by_another_method_than_numpys(tmp_path: Path, packed: str) -> None:
    """Of a zip's methods those that make a million bytes of one at once."""
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name, array in (("images", np.zeros((3, 4, 4), np.uint8)), ("labels", np.arange(3))):
            stream = io.BytesIO()
            np.save(stream, array)
            method = zipfile.ZIP_BZIP2 if name == packed else zipfile.ZIP_DEFLATED
            archive.writestr(f"{name}.npy", stream.getvalue(), method)
    refused(tmp_path / "a.npz", f"{packed}.npy in it is packed by another method than deflate", "numpy.savez")


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
    with read_or_refused():
        assert open_images(str(path)).array(0, 4, 1).shape == (4, 4, 1)


def test_an_array_in_memory_is_a_set_and_known_by_its_contents(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    np.save(tmp_path / "same.npy", pixels)
    held, stored = open_images(pixels), open_images(tmp_path / "same.npy")
    assert len(held) == 3
    assert (held.array(1, 16, 3) == stored.array(1, 16, 3)).all()
    assert held.fingerprint() == open_images(pixels.copy()).fingerprint() != open_images(pixels[::-1]).fingerprint()
    assert held.with_labels(["a", "b", "a"]).label(1) == "b"
    assert not held.changed()
    pixels[0] = 0
    assert held.changed()


def test_an_array_in_memory_that_is_no_set_is_refused() -> None:
    with pytest.raises(GanlabError, match=r"The array holds float64 of shape \(4,\), which is no set of pictures"):
        open_images(np.zeros(4))
