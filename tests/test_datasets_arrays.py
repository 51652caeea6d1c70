"""CIFAR, SVHN and MNIST's idx: against files laid out by their specification, and against scipy's writer."""

from __future__ import annotations

import gzip
import os
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import loadmat, savemat

from ganlab import GanlabError, open_images, plain_pickle
from ganlab_datasets.matlab import arrays_in, numbers_of
from tests import datasets_kit as kit
from tests.data_kit import encoded, pixels, refused
from tests.kit import read_or_refused


def written(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


# CIFAR


@pytest.mark.parametrize("kind", ["folder", "tar.gz"])
def test_cifar10(tmp_path: Path, kind: str) -> None:
    folder = written(tmp_path / "cifar-10-batches-py", kit.cifar_files())
    path = folder
    if kind == "tar.gz":
        path = tmp_path / "cifar-10-python.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            archive.add(folder, folder.name)
    images = open_images(str(path))
    assert len(images) == 24
    assert images.parts == ("train", "test")
    train, test = kit.cifar_pixels(2, 4), kit.cifar_pixels(6, 4)
    assert (np.asarray(images.picture(5)) == train[1]).all()
    assert (images.array(21, 32, 3) == test[1]).all()
    assert images.name(5) == "train/automobile/000005"
    assert images.name(21) == "test/automobile/000001"
    assert [images.label(i) for i in range(4)] == kit.TEN[:4]
    only = open_images(f"{path}:test")
    assert len(only) == 4
    assert (only.array(3, 32, 3) == test[3]).all()
    assert only.fingerprint() != images.fingerprint()
    refused(f"{path}:validation", "no part 'validation'", "there are train, test")
    again = pickle.loads(pickle.dumps(images))
    assert again.fingerprint() == images.fingerprint()
    assert (again.array(5, 32, 3) == train[1]).all()


def test_cifar100_and_a_single_batch(tmp_path: Path) -> None:
    folder = written(tmp_path / "cifar-100-python", kit.cifar100_files())
    images = open_images(str(folder))
    assert [images.name(i) for i in (0, 4)] == ["train/fine0/000000", "test/fine0/000000"]
    ten = written(tmp_path / "ten", kit.cifar_files())
    alone = open_images(str(ten / "data_batch_3"))
    assert (alone.array(2, 32, 3) == kit.cifar_pixels(3, 4)[2]).all()
    assert alone.label(2) == "bird"
    (tmp_path / "batch").write_bytes((ten / "data_batch_3").read_bytes())  # told by its content
    assert open_images(str(tmp_path / "batch")).label(2) == "2"


def test_python3_writes_batches_too(tmp_path: Path) -> None:
    planes = kit.cifar_pixels(0, 3).transpose(0, 3, 1, 2).reshape(3, -1)
    for protocol in (2, 4):
        (tmp_path / "mine").write_bytes(pickle.dumps({"data": planes, "labels": [3, 1, 2]}, protocol))
        images = open_images(str(tmp_path / "mine"))
        assert [images.label(i) for i in range(3)] == ["3", "1", "2"]
        assert (images.array(1, 32, 3) == kit.cifar_pixels(0, 3)[1]).all()


def test_folders_that_are_called_as_cifars_files_are(tmp_path: Path) -> None:
    """A folder of folders train, test and meta is one of pictures."""
    for name in ("train", "test", "meta"):
        written(tmp_path / "set" / name, {"a.png": encoded(pixels(0))})
    images = open_images(str(tmp_path / "set"))
    assert [images.name(i) for i in range(3)] == ["meta/a.png", "test/a.png", "train/a.png"]


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.system, ("touch executed",))


def test_arrays_keep_their_order_of_bytes() -> None:
    numbers = np.array([[1, 2], [3, 70000]])
    for kind in (">i4", "<i8", ">f8"):
        held = plain_pickle(pickle.dumps({"x": numbers.astype(kind)}, protocol=2))
        np.testing.assert_array_equal(held["x"], numbers)


def test_a_hostile_pickle_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = written(tmp_path / "cifar-10-batches-py", kit.cifar_files())
    by_name = b"\x80\x02}(U\x04datacos\nsystem\n(U\x0etouch executedtRu."
    state_of_a_class = b"\x80\x02cnumpy\ndtype\n}U\x01aK\x01sb."
    for evil in (pickle.dumps({"data": Evil(), "labels": [1]}, 2), by_name, state_of_a_class):
        (folder / "data_batch_2").write_bytes(evil)
        refused(folder, "data_batch_2")
        refused(folder / "data_batch_2", "data_batch_2")
        with tarfile.open("evil.tar.gz", "w:gz") as archive:
            archive.add(folder, folder.name)
        refused("./evil.tar.gz", "data_batch_2", "nothing in them is run")
    assert not Path("executed").exists()
    kind = np.dtype("O")
    with pytest.raises(GanlabError, match="damaged"):
        plain_pickle(pickle.dumps({"data": np.array([Evil()], dtype=kind)}, 2))
    with pytest.raises(GanlabError, match="damaged"):
        plain_pickle(b"\x80\x05\x96" + struct.pack("<Q", 1 << 60) + b".")  # a bytearray larger than any memory


def test_damaged_cifar(tmp_path: Path) -> None:
    folder = written(tmp_path / "cifar-10-batches-py", kit.cifar_files())
    whole = (folder / "data_batch_4").read_bytes()
    (folder / "data_batch_4").unlink()
    refused(folder, "lacks data_batch_4")
    assert len(open_images(f"{folder}:test")) == 4
    for broken in (whole[: len(whole) // 2], b"", b"\x80\x02", whole[:-9000] + b"."):
        (folder / "data_batch_4").write_bytes(broken)
        refused(folder, "data_batch_4")
    many = kit.python2_pickle({"labels": [1, 2], "data": np.zeros((3, 3072), np.uint8)})
    (folder / "data_batch_4").write_bytes(many)
    refused(folder, "2 labels do not fit 3 pictures")
    (folder / "data_batch_4").write_bytes(kit.python2_pickle({"labels": [77], "data": np.zeros((1, 3072), np.uint8)}))
    refused(folder, "1 labels do not fit")
    (folder / "data_batch_4").write_bytes(kit.python2_pickle({"labels": [1], "data": np.zeros((1, 100), np.uint8)}))
    refused(folder, "no batch of CIFAR")
    (folder / "data_batch_4").write_bytes(whole)
    packed = tmp_path / "cifar.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(folder, folder.name)
    packed.write_bytes(packed.read_bytes()[: packed.stat().st_size // 2])
    refused(packed, "is damaged")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 100_000), st.integers(1, 4))
def test_flipped_bytes_of_a_pickle(seed: int, flips: int) -> None:
    rng = np.random.default_rng(seed)
    content = bytearray(kit.cifar_batch(0, 1))
    for place in rng.integers(0, len(content) - 3000 if flips > 1 else 250, flips):
        content[place % len(content)] ^= int(rng.integers(1, 256))
    with read_or_refused():
        plain_pickle(bytes(content))


# SVHN


def svhn(path: Path, count: int = 11, compressed: bool = True) -> np.ndarray:
    """Pictures (count, 32, 32, 3), of which the tenth is a 0, written as 10."""
    array = kit.cifar_pixels(7, count)
    labels = (np.arange(count) % 10 + 1).astype(np.uint8)[:, None]
    savemat(path, {"X": array.transpose(1, 2, 3, 0), "y": labels}, do_compression=compressed)
    return array


@pytest.mark.parametrize("compressed", [True, False])
def test_svhn(tmp_path: Path, compressed: bool) -> None:
    array = svhn(tmp_path / "train_32x32.mat", compressed=compressed)
    svhn(tmp_path / "test_32x32.mat", 3)
    images = open_images(str(tmp_path / "train_32x32.mat"))
    assert len(images) == 11
    assert all((images.array(i, 32, 3) == array[i]).all() for i in range(11))
    assert [images.label(i) for i in (0, 8, 9, 10)] == ["1", "9", "0", "1"]
    both = open_images(str(tmp_path))
    assert (len(both), both.parts, both.name(11)) == (14, ("train", "test"), "test/1/000000")
    assert len(open_images(f"{tmp_path}:test")) == 3
    refused(f"{tmp_path}:extra", "no part 'extra'", "train, test")


def test_damaged_svhn(tmp_path: Path) -> None:
    path = tmp_path / "train_32x32.mat"
    svhn(path)
    whole = path.read_bytes()
    for broken in (whole[: len(whole) // 2], whole[:130], whole[:128] + b"\xff" * 200):
        path.write_bytes(broken)
        refused(path, str(path), "download it again")
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF")
    refused(path, "no MATLAB 5 file", "-v7")
    savemat(path, {"digits": np.zeros((2, 2))})
    refused(path, "holds digits (2, 2), not X", "format 2")
    savemat(path, {"X": np.zeros((32, 32, 3, 4), np.uint8), "y": np.zeros((3, 1))})
    refused(path, "4 pictures and y of shape (3, 1)")
    savemat(path, {"X": np.zeros((32, 32, 3, 4), np.uint8), "y": np.zeros((4, 1))})
    content = bytearray(path.read_bytes())
    place = content.index(struct.pack("<4i", 32, 32, 3, 4))
    content[place : place + 16] = struct.pack("<4i", 32, 32, 3, 1 << 30)  # pictures that the file cannot hold
    path.write_bytes(bytes(content))
    refused(path, "1073741824 pictures and y of shape (4, 1)")
    place = content.index(struct.pack("<2i", 4, 1))
    content[place : place + 8] = struct.pack("<2i", 1 << 30, 1)
    path.write_bytes(bytes(content))
    refused(path, "more than it can")


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("dtype", ["u1", "i2", "u4", "f4", "f8", "i8"])
def test_matlab_arrays_are_those_of_scipy(tmp_path: Path, dtype: str, compressed: bool) -> None:
    """Also those of at most four bytes, which lie in their tags; what is no number is passed over."""
    path = tmp_path / "a.mat"
    for shape in ((1, 1), (4, 1), (5, 1), (1, 9), (3, 4, 3, 2)):
        array = np.random.default_rng(shape).integers(0, 100, shape).astype(dtype)
        others = {"text": "abc", "cells": np.array([1, "x"], object), "struct": {"a": 1}, "complex": np.ones(2) * 1j}
        savemat(path, {**others, "array": array, "last": array + 1}, do_compression=compressed)
        found = arrays_in(path)
        assert set(found) == {"array", "last"}
        for name in found:
            expected = loadmat(path)[name]
            numbers = numbers_of(path, found[name])
            assert (numbers == expected).all()
            assert numbers.shape == expected.shape


@pytest.mark.parametrize("compressed", [True, False])
def test_flipped_bytes_of_svhn(tmp_path: Path, compressed: bool) -> None:
    svhn(tmp_path / "a.mat", 5, compressed)
    whole = (tmp_path / "a.mat").read_bytes()
    rng = np.random.default_rng(compressed)
    for number in range(100):
        content = bytearray(whole)
        for place in rng.integers(120, 400 if number % 2 else len(content), 3):
            content[place] = int(rng.choice([0, 255, rng.integers(256)]))
        (tmp_path / "a.mat").write_bytes(content)
        with read_or_refused():
            images = open_images(f"svhn:{tmp_path / 'a.mat'}")
            assert images.array(len(images) - 1, 16, 3).shape == (16, 16, 3)


# idx


@pytest.mark.parametrize("packed", [True, False])
def test_mnist(tmp_path: Path, packed: bool) -> None:
    folder = kit.mnist_folder(tmp_path / "mnist", packed)
    images = open_images(str(folder))
    assert (len(images), images.parts) == (10, ("train", "test"))
    assert (images.array(4, 28, 1)[..., 0] == kit.digits(1, 7)[4]).all()
    assert (images.array(9, 28, 1)[..., 0] == kit.digits(2, 3)[2]).all()
    assert (images.name(4), images.name(9)) == ("train/4/000004", "test/2/000002")
    assert len(open_images(f"{folder}:train")) == 7
    alone = open_images(str(folder / f"t10k-images-idx3-ubyte{'.gz' if packed else ''}"))
    assert [alone.label(i) for i in range(3)] == ["0", "1", "2"]
    refused(folder / f"t10k-labels-idx1-ubyte{'.gz' if packed else ''}", "holds labels", "images")
    assert pickle.loads(pickle.dumps(alone)).array(1, 8, 3).shape == (8, 8, 3)


def test_idx_without_labels_and_of_other_names(tmp_path: Path) -> None:
    (tmp_path / "drawn").write_bytes(kit.idx(kit.digits(0, 3, 9)))
    images = open_images(str(tmp_path / "drawn"))
    assert (images.label(1), images.name(1)) == (None, "000001")
    assert images.picture(1).size == (9, 9)
    (tmp_path / "train-images.idx3-ubyte").write_bytes(kit.idx(kit.digits(0, 3)))
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(kit.idx(np.array([5, 6, 7], np.uint8)))
    assert open_images(f"{tmp_path}:train").label(2) == "7"


def test_several_sets_of_idx_in_one_folder_are_not_one(tmp_path: Path) -> None:
    """As EMNIST's: the class 1 of the letters is another one than that of the digits."""
    for name in ("emnist-letters-train", "emnist-letters-test", "emnist-digits-train"):
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(kit.idx(kit.digits(len(name), 3)))
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(kit.idx(np.array([1, 2, 3], np.uint8)))
    listed = "emnist-digits-train, emnist-letters-test, emnist-letters-train"
    refused(tmp_path, f"holds several sets: {listed}", f"Write {tmp_path}:emnist-digits-train")
    one = open_images(f"{tmp_path}:emnist-letters-test")
    assert (len(one), one.label(2)) == (3, "3")
    assert (one.array(1, 28, 1)[..., 0] == kit.digits(len("emnist-letters-test"), 3)[1]).all()
    (tmp_path / "emnist-digits-train-images-idx3-ubyte").unlink()
    assert len(open_images(str(tmp_path))) == 6, "two parts of one set"


def test_damaged_idx(tmp_path: Path) -> None:
    whole, path = kit.idx(kit.digits(0, 5)), tmp_path / "train-images-idx3-ubyte"
    for broken in (whole[:-1], whole + b"x", whole[:10], bytes([0, 0, 8, 3, 255, 255, 255, 255, 0, 0, 255, 255])):
        path.write_bytes(broken)
        refused(path, "is damaged, or no idx file")
        path.write_bytes(gzip.compress(broken))
        refused(path, str(path))
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">3I", 1 << 31, 1 << 10, 1 << 10)))
    refused(path, "more than it can")
    packed = gzip.compress(np.random.default_rng(0).bytes(20) + whole)
    path.write_bytes(gzip.compress(whole)[: len(packed) // 2])
    refused(path, "is damaged")
    path.write_bytes(kit.idx(np.zeros((0, 28, 28), np.uint8)))
    refused(path, "holds no pictures")
    path.write_bytes(whole)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(kit.idx(np.zeros(4, np.uint8)))
    refused(path, "labels of 4", "Without the labels")


def test_real_mnist(shared_data: Path) -> None:
    """The same digits in both files that are here, each by another reader."""
    images = open_images(str(shared_data / "mnist" / "t10k-images-idx3-ubyte.gz"))
    with np.load(shared_data / "mnist" / "mnist.npz") as other:
        pictures, labels = other["x_test"], other["y_test"]
    assert len(images) == 10_000
    ours = np.stack([np.asarray(images.picture(i)) for i in range(0, 10_000, 7)])
    of = {one.tobytes(): str(label) for one, label in zip(pictures, labels, strict=True)}
    assert [of[one.tobytes()] for one in ours] == [images.label(i) for i in range(0, 10_000, 7)]
