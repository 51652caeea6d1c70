"""The classes of pictures, which pictures are there to test on, and packs that know classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganlab.data import classes_of, labels_of, open_images, split_of
from ganlab.data.labelled import classes_and_labels
from ganlab.data.packing import pack
from ganlab.errors import GanlabError
from tests.conditional_kit import labelled
from tests.datasets_kit import mnist_folder
from tests.kit import smooth_pictures


def test_classes_have_a_fixed_order(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=smooth_pictures(4), labels=np.array([10, 9, 100, 9]))
    images = open_images(str(tmp_path / "x.npz"))
    assert classes_of(images) == ("9", "10", "100")
    assert labels_of(images, ("9", "10", "100")).tolist() == [1, 0, 2, 0]
    assert classes_of(images, [1, 3]) == ("9",)
    with pytest.raises(GanlabError, match="'10', a class that nothing is learnt of"):
        labels_of(images, ["9", "100"])


def test_labels_saved_as_objects_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=smooth_pictures(2), labels=np.array(["a", "b"], object))
    with pytest.raises(GanlabError, match="cannot be read: Object arrays") as told:
        open_images(str(tmp_path / "x.npz"))
    assert "astype(str)" in told.value.hint


# what is learnt from, and what is tested on


def folders(root: Path, *places: str) -> str:
    """Three pictures in each of these folders; the spec of them all."""
    for place in places:
        (root / place).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (16, 16), (40 * number, 9 * len(place), 0)).save(root / place / f"{number}.png")
    return str(root)


def test_folders_called_train_and_test_are_told_apart(tmp_path: Path) -> None:
    images = open_images(folders(tmp_path, "train/cat", "train/train", "val/cat", "else/cat"))
    split = split_of(images)
    assert [split.learn.name(row) for row in range(len(split.learn))] == [
        f"train/{place}/{number}.png" for place in ("cat", "train") for number in range(3)
    ]
    assert classes_of(split.learn) == ("cat", "train")
    assert split.test is not None
    assert [split.test.name(row).split("/")[0] for row in range(len(split.test))] == ["val"] * 3
    assert split.left_out == 3
    np.testing.assert_array_equal(split.test.array(1, 16, 3), images.array(split_row(images, "val/cat/1.png"), 16, 3))
    given = split_of(split.learn, images)
    assert given.test is not None
    assert (len(given.learn), len(given.test), given.left_out) == (6, 3, 0)


def split_row(images: object, name: str) -> int:
    return next(row for row in range(len(images)) if images.name(row) == name)  # type: ignore[arg-type,attr-defined]


def test_only_a_test_folder_leaves_the_others_to_learn_from(tmp_path: Path) -> None:
    split = split_of(open_images(folders(tmp_path, "cat", "dog", "test/cat")))
    assert split.test is not None
    assert (len(split.learn), len(split.test), split.left_out) == (6, 3, 0)
    for place in ("dog", "test"):  # nothing lies beside a part for testing, either
        plain = open_images(str(tmp_path / place))
        assert split_of(plain) == type(split)(plain, None, 0)


def test_a_part_for_testing_alone_is_split_no_further(tmp_path: Path) -> None:
    test = open_images(f"{mnist_folder(tmp_path / 'mnist', packed=False)}:test")
    assert split_of(test) == type(split_of(test))(test, None, 0)


def test_what_lies_beside_a_part_for_learning_is_tested_on(tmp_path: Path) -> None:
    both = labelled(tmp_path, x_test=smooth_pictures(5), y_test=np.zeros(5, int))
    for spec in (both, f"{both}:x_train"):
        split = split_of(open_images(spec))
        assert split.test is not None
        assert (len(split.learn), len(split.test)) == (60, 5)
    assert split_of(open_images(labelled(tmp_path, name="alone.npz"))).test is None
    assert split_of(open_images(f"{both}:x_test")).test is None


@pytest.mark.parametrize("learn", ["train/cat", "cat"])
def test_of_a_test_and_a_validation_folder_the_first_is_tested_on(tmp_path: Path, learn: str) -> None:
    split = split_of(open_images(folders(tmp_path, learn, "validation/cat", "test/cat", "val/cat")))
    assert split.test is not None
    assert [split.test.name(row).split("/")[0] for row in range(len(split.test))] == ["test"] * 3
    assert (len(split.learn), split.left_out) == (3, 6)
    assert "6 pictures" in split.notes[0]


def test_a_damaged_test_part_is_told_and_not_taken_for_none(tmp_path: Path) -> None:
    mnist = mnist_folder(tmp_path / "mnist", packed=False)
    test = next(Path(mnist).glob("t10k-images*"))
    test.write_bytes(test.read_bytes()[:-1])
    with pytest.raises(GanlabError, match="is damaged"):
        split_of(open_images(f"{mnist}:train"))
    both = labelled(tmp_path, x_test=np.array(["no pictures"]))
    with pytest.raises(GanlabError, match="no set of pictures"):
        split_of(open_images(both))


def test_pictures_without_classes_name_a_part_only_where_none_was_chosen(tmp_path: Path) -> None:
    mnist = mnist_folder(tmp_path / "mnist", packed=False)
    for labels in Path(mnist).glob("*labels*"):
        labels.unlink()
    for spec, hint in ((str(mnist), f"{mnist}:train;"), (f"{mnist}:train", "a folder per class")):
        with pytest.raises(GanlabError, match="have no classes") as told:
            classes_of(open_images(spec))
        assert hint in told.value.hint


@pytest.mark.parametrize("part", ["", ":train"])
def test_parts_of_a_data_set_are_told_apart(tmp_path: Path, part: str) -> None:
    split = split_of(open_images(f"{mnist_folder(tmp_path / 'mnist', packed=False)}{part}"))
    assert split.test is not None
    assert labels_of(split.learn, [str(digit) for digit in range(10)]).tolist() == list(range(7))
    assert labels_of(split.test, [str(digit) for digit in range(10)]).tolist() == list(range(3))


def test_pictures_of_many_channels_are_split_too(tmp_path: Path) -> None:
    np.savez(tmp_path / "five.npz", images=smooth_pictures(6, channels=5), labels=np.arange(6))
    images = open_images(str(tmp_path / "five.npz"))
    some = images.only([images.name(2), images.name(5)])
    np.testing.assert_array_equal(some.array(1, 16, 5), images.array(5, 16, 5))


# packs


def test_a_labelled_pack_is_pictures_and_classes_in_their_order(tmp_path: Path) -> None:
    images = open_images(labelled(tmp_path))
    plain = pack(images, 16, 3, cache=tmp_path / "cache")
    packed = pack(images, 16, 3, cache=tmp_path / "cache", labelled=True)
    assert plain.labels is None
    assert packed.classes == ("0", "1", "2")
    assert packed.labels is not None
    assert packed.labels.tolist() == [int(images.label(row)) for row in range(60)]  # type: ignore[arg-type]
    assert packed.path == plain.path  # of pixels there is one pack
    again = pack(open_images(str(tmp_path / "set.npz")), 16, 3, cache=tmp_path / "cache", labelled=True)
    assert again.fingerprint == packed.fingerprint != plain.fingerprint


def test_other_classes_are_other_data(tmp_path: Path) -> None:
    images, prints = open_images(labelled(tmp_path)), set()
    for labels in (["a", "b"] * 30, ["b", "a"] * 30, ["a", "c"] * 30):
        packed = pack(images.with_labels(labels), 16, 3, cache=tmp_path / "cache", labelled=True)
        assert [packed.classes[label] for label in packed.labels] == labels  # type: ignore[union-attr]
        prints.add(packed.fingerprint)
    assert len(prints) == 3


def test_broken_pictures_take_their_classes_along(tmp_path: Path) -> None:
    spec = folders(tmp_path / "set", "cat", "dog", "eel")
    (tmp_path / "set/cat/1.png").write_bytes(b"no picture")
    for number in range(3):
        (tmp_path / f"set/eel/{number}.png").write_bytes(b"no picture")
    packed = pack(open_images(spec), 16, 3, cache=tmp_path / "cache", labelled=True, skip_broken=True)
    assert packed.classes == ("cat", "dog")
    assert packed.labels.tolist() == [0, 0, 1, 1, 1]  # type: ignore[union-attr]


def test_a_pack_asks_each_picture_for_its_class_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, asked = open_images(labelled(tmp_path)), []
    label = type(images).label
    monkeypatch.setattr(type(images), "label", lambda self, i: asked.append(i) or label(self, i))
    for _ in range(2):  # made, and found again
        pack(images, 16, 3, cache=tmp_path / "cache", labelled=True)
    assert asked == [*range(60), *range(60)]


def test_classes_and_labels_are_those_asked_for_apart(tmp_path: Path) -> None:
    images = open_images(labelled(tmp_path)).with_labels(["b", "10", "9", "a", "b", "9"] * 10)
    classes, labels = classes_and_labels(images)
    assert classes == classes_of(images) == ("9", "10", "a", "b")
    assert labels.tolist() == labels_of(images, classes).tolist()
    classes, labels = classes_and_labels(images, [4, 3, 0])
    assert (classes, labels.tolist()) == (("a", "b"), [1, 0, 1])


def test_a_picture_without_a_class_is_told_before_any_is_decoded(tmp_path: Path) -> None:
    images = open_images(labelled(tmp_path)).with_labels([*["a"] * 59, None])
    with pytest.raises(GanlabError, match="none is known of number 59"):
        pack(images, 16, 3, cache=tmp_path / "cache", labelled=True)
    assert not (tmp_path / "cache").exists()
