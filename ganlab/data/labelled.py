"""The classes of pictures: which there are, in what order, and which pictures are there to test on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ganlab.data.images import Images
from ganlab.errors import GanlabError

LISTED = 12  # class names in a message
TEST_FOLDERS = ("test", "eval", "val", "validation")
HELD_OUT = {"x_train": "x_test", "X_train": "X_test", "train": "test"}  # parts of a file, and what is beside them


@dataclass(frozen=True)
class Split:
    """Pictures to learn from and others to test on: None where there are none; `left_out` belong to neither."""

    learn: Images
    test: Images | None
    left_out: int


def split_of(images: Images, test: Images | None = None) -> Split:
    """Pictures parted as they come: by folders called train and test, or by what lies beside a part called train.

    `test`, where it is given, is tested on instead: what lies below its own test folder, all where it has none.
    Pictures without any such mark are all for learning.
    """
    rows = _rows_by_folder(images)
    if rows.keys() == {"test"}:  # a part for testing, alone: whatever it is asked for, nothing lies beside it
        rows = {}
    if "train" not in rows:
        rows["train"], rows["neither"] = rows.get("neither", np.arange(len(images))), np.zeros(0, np.int64)
    learn = _those(images, rows["train"])
    if test is None:
        beside = _those(images, rows["test"]) if "test" in rows else _beside(images)
        return Split(learn, beside, len(rows.get("neither", ())))
    return Split(learn, _those(test, _rows_by_folder(test).get("test", np.arange(len(test)))), 0)


def classes_of(images: Images, rows: Iterable[int] | None = None) -> tuple[str, ...]:
    """The classes of these pictures, of all by default, in their fixed order: numbers by value, then names by letters.

    Raises:
        GanlabError: a picture has no class.
    """
    return in_order(set(_names(images, rows)))


def labels_of(images: Images, classes: Sequence[str], rows: Iterable[int] | None = None) -> np.ndarray:
    """The class of each of these pictures, of all by default, as its place among `classes`: (n,) int64.

    Raises:
        GanlabError: a picture has no class, or one that is not among them.
    """
    number = {name: place for place, name in enumerate(classes)}
    names = _names(images, rows)
    unknown = in_order(set(names) - set(classes))
    if unknown:
        raise GanlabError(
            f"{images.spec} holds pictures of {unknown[0]!r}, a class that nothing is learnt of.",
            f"The classes are: {', '.join(classes[:LISTED])}{', ...' if len(classes) > LISTED else ''}.",
        )
    return np.array([number[name] for name in names], np.int64)


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Class names in their fixed order: "9" before "10", and numbers before words."""
    return tuple(sorted(names, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name)))


def _names(images: Images, rows: Iterable[int] | None) -> list[str]:
    names = []
    for row in range(len(images)) if rows is None else rows:
        name = images.label(int(row))
        if name is None:
            raise _without_class(images, int(row))
        names.append(name)
    return names


def _without_class(images: Images, row: int) -> GanlabError:
    hint = "Put them into a folder per class, or labels beside the array: y_train to x_train, labels to images."
    if images.parts:
        hint = f"Name what shall be their classes: {images.spec}:{images.parts[0]}; `ganlab data info` lists all."
    return GanlabError(f"The pictures of {images.spec} have no classes: none is known of {images.name(row)}.", hint)


def _rows_by_folder(images: Images) -> dict[str, np.ndarray]:
    """Rows below a folder called train, below one for testing, and below neither; what there is none of is missing.

    The folder a picture lies in is its class and names no part, even if it is called train.
    """
    parts = []
    for row in range(len(images)):
        above = images.name(row).split("/")[:-2]
        parts.append(
            "train" if "train" in above else "test" if any(name in TEST_FOLDERS for name in above) else "neither"
        )
    named = np.array(parts)
    return {part: np.flatnonzero(named == part) for part in set(parts)}


def _those(images: Images, rows: np.ndarray) -> Images:
    from ganlab.data.chosen import ChosenImages

    return images if len(rows) == len(images) else ChosenImages(images, rows)


def _beside(images: Images) -> Images | None:
    """The part for testing of what a part for learning was chosen from: x_test to an npz's x_train, test to train."""
    from ganlab.data.opening import open_images

    path, _, part = images.spec.rpartition(":")
    if images.spec.lower().endswith(".npz"):
        path, part = images.spec, "x_train"
    if part not in HELD_OUT:
        return None
    try:
        return open_images(f"{path}:{HELD_OUT[part]}")
    except GanlabError:
        return None
