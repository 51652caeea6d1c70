"""Labelled pictures: which are learnt from, which choose C, which are tested on; and the draws of a few per class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganlab import GanlabError, Images, open_images, random_bits

STREAM = {"test": 111, "validation": 112, "draws": 113, "sample": 114}  # keeps draws for different purposes apart
TEST_FOLDERS = ("test", "eval", "val", "validation")
TEST_PART = 0.2  # of the pictures, where no test pictures are given
VALIDATION_PART, MOST_VALIDATION = 0.1, 5_000  # of the training pictures, to choose C
LISTED = 12  # class names in a message


@dataclass(frozen=True)
class Labelled:
    """Some pictures of a set and the classes they belong to.

    Attributes:
        images: the set.
        rows: (n,) which pictures of it.
        labels: (n,) index of each picture's class.
    """

    images: Images
    rows: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Task:
    """What is to be learnt: the classes by name, pictures to learn from and to test on, and what to know of both."""

    classes: tuple[str, ...]
    train: Labelled
    test: Labelled
    notes: tuple[str, ...]


def open_task(data: Images, test: Images | None, seed: int) -> Task:
    """Labelled pictures, split as they come (``train`` and ``test`` folders, x_train and x_test), else at random.

    Raises:
        GanlabError: pictures without classes, fewer than two classes, a class with too few pictures, test pictures of
            a class that nothing is learnt of.
    """
    notes: list[str] = []
    train_rows, test_rows, others = _by_folder(data)
    if others and test is None:
        notes.append(f"{others} pictures of {data.spec} lie neither below train nor below a test folder: left out.")
    if test is None:
        test = data if len(test_rows) else _test_array(data)
    if test is not data:  # given, or beside: what lies below its own train folder is not for testing
        test_rows = _by_folder(test)[1] if test is not None else test_rows
        test_rows = test_rows if len(test_rows) or test is None else np.arange(len(test))
    names = _names(data, train_rows)
    classes = tuple(
        sorted(set(names), key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))
    )
    if len(classes) < 2:
        raise GanlabError(
            f"All pictures of {data.spec} are of one class, {classes[0]!r}.", "Give a folder with a folder per class."
        )
    labels = _numbered(names, classes, data)
    if test is None:
        drawn = stratified(labels, TEST_PART, seed, STREAM["test"])
        notes.append(
            f"{data.spec} has no test pictures: {drawn.sum():,} of {len(labels):,} were drawn at random as such, "
            "the same part of each class. Pictures of one scene on both sides would flatter every number."
        )
        pair = Labelled(data, train_rows[~drawn], labels[~drawn]), Labelled(data, train_rows[drawn], labels[drawn])
    else:
        asked = _numbered(_names(test, test_rows), classes, test)
        pair = Labelled(data, train_rows, labels), Labelled(test, test_rows, asked)
    fewest = np.bincount(pair[0].labels, minlength=len(classes))
    if fewest.min() < 2:
        raise GanlabError(
            f"Too few pictures: {fewest.min()} of {classes[fewest.argmin()]!r} to learn from, and some choose C.",
            "Each class needs at least two, better hundreds.",
        )
    return Task(classes, *pair, tuple(notes))


def stratified(labels: np.ndarray, part: float, seed: int, stream: int) -> np.ndarray:
    """A random part of each class, at least one and not all of it: (n,) bool."""
    chosen = np.zeros(len(labels), bool)
    bits = random_bits(seed, np.arange(len(labels)), 1, stream)[:, 0]
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = min(max(1, round(part * len(rows))), len(rows) - 1)
        chosen[rows[np.argsort(bits[rows], kind="stable")[:count]]] = True
    return chosen


def validation_of(train: Labelled, seed: int) -> np.ndarray:
    """Which of the training pictures choose C: (n,) bool."""
    part = min(VALIDATION_PART, MOST_VALIDATION / len(train))
    return stratified(train.labels, part, seed, STREAM["validation"])


def draw(labels: np.ndarray, per_class: int, number: int, seed: int) -> np.ndarray:
    """The ``number``-th draw of so many pictures of each class: their rows, rising."""
    bits = random_bits(seed, (number << 32) + np.arange(len(labels)), 1, STREAM["draws"])[:, 0]
    chosen = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        chosen.append(rows[np.argsort(bits[rows], kind="stable")[:per_class]])
    return np.sort(np.concatenate(chosen))


def check_per_class(labels: np.ndarray, classes: Sequence[str], per_class: int) -> None:
    """Refuse more pictures of each class than the rarest has.

    Raises:
        GanlabError: naming that class.
    """
    counts = np.bincount(labels, minlength=len(classes))
    if counts.min() < per_class:
        rarest = classes[int(counts.argmin())]
        raise GanlabError(
            f"There are {counts.min()} pictures of {rarest!r} to learn from, not {per_class}.",
            f"Ask for --per-class {max(1, counts.min())} or fewer, or give more pictures.",
        )


def _by_folder(images: Images) -> tuple[np.ndarray, np.ndarray, int]:
    """Rows below a folder called train, rows below one for testing, how many others; all are for training if none is.

    The folder a picture lies in is its class and names no part, even if it is called train.
    """
    part = np.zeros(len(images), int)
    for row in range(len(images)):
        above = images.name(row).split("/")[:-2]
        part[row] = 1 if "train" in above else 2 if any(name in TEST_FOLDERS for name in above) else 0
    if not (part == 1).any():
        return np.flatnonzero(part == 0) if (part == 0).any() else np.arange(len(images)), np.flatnonzero(part == 2), 0
    return np.flatnonzero(part == 1), np.flatnonzero(part == 2), int((part == 0).sum())


def _test_array(data: Images) -> Images | None:
    """The x_test beside an npz's x_train, if it is there."""
    spec = data.spec if data.spec.endswith(".npz") else data.spec.removesuffix(":x_train")
    if not spec.endswith(".npz"):
        return None
    try:
        return open_images(f"{spec}:x_test")
    except GanlabError:
        return None


def _names(images: Images, rows: np.ndarray) -> list[str]:
    names = [images.label(int(row)) for row in rows]
    if any(name is None for name in names):
        without = images.name(int(rows[names.index(None)]))
        hint = "Put them into a folder per class, or labels beside the array: y_train to x_train, labels to images."
        if images.parts:
            hint = f"Name what shall be their classes: {images.spec}:{images.parts[0]}; `ganlab data info` lists all."
        raise GanlabError(f"The pictures of {images.spec} have no classes: none is known of {without}.", hint)
    return [str(name) for name in names]


def _numbered(names: Sequence[str], classes: Sequence[str], images: Images) -> np.ndarray:
    number = {name: index for index, name in enumerate(classes)}
    unknown = sorted(set(names) - set(classes))
    if unknown:
        raise GanlabError(
            f"{images.spec} holds pictures of {unknown[0]!r}, a class that nothing is learnt of.",
            f"The classes are: {', '.join(classes[:LISTED])}{', ...' if len(classes) > LISTED else ''}.",
        )
    return np.array([number[name] for name in names], np.int64)
