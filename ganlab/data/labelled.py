"""The classes of pictures: which there are, in what order, and which pictures are there to test on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ganlab.data.images import Images
from ganlab.errors import GanlabError
from ganlab.wording import composed, few

LISTED = 12  # class names in a message
TEST_FOLDERS = ("test", "eval", "val", "validation")  # the first there is tested on, the others are left out
LEARN, TEST = "train", "test"  # ends of the names of parts: train and test, x_train and x_test


@dataclass(frozen=True)
class Split:
    """Pictures to learn from and others to test on: None where there are none; `left_out` belong to neither.

    `broken` says of either what was left out as it does not decode.
    """

    learn: Images
    test: Images | None
    left_out: int
    broken: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What to say of the pictures that were left out."""
        said = (
            f"{self.left_out:,} pictures of {self.learn.spec} belong neither to train nor to its test part: left out."
        )
        return [*([said] if self.left_out else []), *self.broken]

    def readable(self, size: int, channels: int) -> Split:
        """The same without the pictures that do not decode, which its notes count (see `Images.readable`)."""
        learn, broken = self.learn.readable(size, channels)
        test, others = (None, []) if self.test is None else self.test.readable(size, channels)
        return replace(self, learn=learn, test=test, broken=(*broken, *others))


def split_of(images: Images, test: Images | None = None) -> Split:
    """Pictures parted as they come: by folders called train and test, or by what lies beside a part called train.

    `test`, where it is given, is tested on instead: what lies below its own test folder, all where it has none.
    Pictures without any such mark are all for learning.
    """
    rows = _rows_by_folder(images)
    if rows.keys() == {"test"}:  # a part for testing, alone: whatever it is asked for, nothing lies beside it
        rows = {}
    if "train" not in rows:
        rows["train"] = rows.pop("neither", np.arange(len(images)))
    learn = _those(images, rows["train"])
    if test is None:
        beside = _those(images, rows["test"]) if "test" in rows else _beside(images)
        return Split(learn, beside, len(rows.get("neither", ())) + len(rows.get("spare", ())))
    return Split(learn, _those(test, _rows_by_folder(test).get("test", np.arange(len(test)))), 0)


def classes_of(images: Images, rows: Iterable[int] | None = None) -> tuple[str, ...]:
    """The classes of these pictures, of all by default, in their fixed order: numbers by value, then names by letters.

    Raises:
        GanlabError: a picture has no class.
    """
    return class_order(set(_names(images, rows)))


def labels_of(images: Images, classes: Sequence[str], rows: Iterable[int] | None = None) -> np.ndarray:
    """The class of each of these pictures, of all by default, as its place among `classes`: (n,) int64.

    Raises:
        GanlabError: a picture has no class, or one that is not among them.
    """
    number = {composed(name): place for place, name in enumerate(classes)}
    names = list(_names(images, rows))
    unknown = class_order(set(names) - number.keys())
    if unknown:
        raise GanlabError(
            f"{images.spec} holds pictures of {unknown[0]!r}, a class that nothing is learnt of.",
            f"The classes are: {few(classes, LISTED)}.",
        )
    return np.array([number[name] for name in names], np.int64)


def classes_and_labels(images: Images, rows: Iterable[int] | None = None) -> tuple[tuple[str, ...], np.ndarray]:
    """What `classes_of` these pictures gives, and `labels_of` them, each asked once: a file may lie behind each.

    Raises:
        GanlabError: a picture has no class.
    """
    places: dict[str, int] = {}  # in the order they come in
    labels = np.array([places.setdefault(name, len(places)) for name in _names(images, rows)], np.int64)
    classes = class_order(places)
    ordered = np.empty(len(places), np.int64)
    ordered[[places[name] for name in classes]] = np.arange(len(places))
    return classes, ordered[labels]


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Class names in their fixed order: "9" before "10", and numbers before words."""
    return tuple(sorted(names, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name)))


def _names(images: Images, rows: Iterable[int] | None) -> Iterator[str]:
    for row in range(len(images)) if rows is None else rows:
        name = images.label(int(row))
        if name is None:
            raise _without_class(images, int(row))
        yield composed(name)


def _without_class(images: Images, row: int) -> GanlabError:
    if images.label_fault:
        hint = "Save a whole number or a text for each picture, or for each a row with a single 1."
        return GanlabError(f"The pictures of {images.spec} have no classes: {images.label_fault}.", hint)
    hint = "Put them into a folder per class, or labels beside the array: y_train to x_train, labels to images."
    if images.parts and not images.spec.endswith(tuple(f":{part}" for part in images.parts)):
        hint = f"A part of them may have classes: {images.spec}:{images.parts[0]}; `ganlab data info` lists all."
    return GanlabError(f"The pictures of {images.spec} have no classes: none is known of {images.name(row)}.", hint)


def _rows_by_folder(images: Images) -> dict[str, np.ndarray]:
    """Rows below a folder called train, below the one for testing, "spare" below others for that, and below "neither".

    What there is none of is missing. Where there are a test and a validation folder, the second is spare: what was
    measured on the one would not compare with what others measured. The folder a picture lies in is its class and
    names no part, even if it is called train.
    """
    parts = []
    for row in range(len(images)):
        above = images.name(row).split("/")[:-2]
        parts.append(next((name for name in ("train", *TEST_FOLDERS) if name in above), "neither"))
    there = set(parts)
    tested = next((name for name in TEST_FOLDERS if name in there), None)
    kind = {name: "test" if name == tested else "spare" for name in TEST_FOLDERS}
    named = np.array([kind.get(part, part) for part in parts])
    return {part: np.flatnonzero(named == part) for part in {kind.get(part, part) for part in there}}


def _those(images: Images, rows: np.ndarray) -> Images:
    from ganlab.data.chosen import ChosenImages

    return images if len(rows) == len(images) else ChosenImages(images, rows)


def _beside(images: Images) -> Images | None:
    """The part for testing of what a part for learning was chosen from: x_test to an npz's x_train, test to train.

    Raises:
        GanlabError: it is there and cannot be opened.
    """
    from ganlab.data.opening import open_images

    path, _, part = images.spec.rpartition(":")
    if images.spec.lower().endswith(".npz"):
        path, part = images.spec, f"x_{LEARN}"
    beside = part.removesuffix(LEARN) + TEST
    if not part.endswith(LEARN) or not {part, beside} <= set(images.parts):
        return None
    return open_images(f"{path}:{beside}")
