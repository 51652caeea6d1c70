"""Labelled pictures: which are learnt from, which choose C, which are tested on; and the draws of a few per class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganlab import GanlabError, Images, ImageSpec, classes_of, labels_of, shuffled, split_of

STREAM = {"test": 111, "validation": 112, "draws": 113, "sample": 114}  # keeps draws for different purposes apart
TEST_PART = 0.2  # of the pictures, where no test pictures are given
VALIDATION_PART, MOST_VALIDATION = 0.1, 5_000  # of the training pictures, to choose C


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


def open_task(data: Images, test: Images | None, seed: int, readable: ImageSpec | None = None) -> Task:
    """Labelled pictures, split as they come (see :func:`ganlab.split_of`), else at random.

    Args:
        readable: size and channels that pictures must decode at, or are left out; None leaves out none.

    Raises:
        GanlabError: pictures without classes, fewer than two classes, a class with too few pictures, test pictures of
            a class that nothing is learnt of.
    """
    split = split_of(data, test)
    if readable is not None:
        split = split.readable(readable.size, readable.channels)
    notes = split.notes
    classes = classes_of(split.learn)
    if len(classes) < 2:
        raise GanlabError(
            f"All pictures of {data.spec} are of one class, {classes[0]!r}.", "Give a folder with a folder per class."
        )
    labels = labels_of(split.learn, classes)
    rows = np.arange(len(labels))
    if split.test is None:
        drawn = stratified(labels, TEST_PART, seed, STREAM["test"])
        notes.append(
            f"{data.spec} has no test pictures: {drawn.sum():,} of {len(labels):,} were drawn at random as such, "
            "the same part of each class. Pictures of one scene on both sides would flatter every number."
        )
        pair = (
            Labelled(split.learn, rows[~drawn], labels[~drawn]),
            Labelled(split.learn, rows[drawn], labels[drawn]),
        )
    else:
        asked = labels_of(split.test, classes)
        pair = Labelled(split.learn, rows, labels), Labelled(split.test, np.arange(len(asked)), asked)
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
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = min(max(1, round(part * len(rows))), len(rows) - 1)
        chosen[shuffled(rows, seed, stream)[:count]] = True
    return chosen


def validation_of(train: Labelled, seed: int) -> np.ndarray:
    """Which of the training pictures choose C: (n,) bool."""
    part = min(VALIDATION_PART, MOST_VALIDATION / len(train))
    return stratified(train.labels, part, seed, STREAM["validation"])


def draw(labels: np.ndarray, per_class: int, number: int, seed: int) -> np.ndarray:
    """The ``number``-th draw of so many pictures of each class: their rows, rising."""
    first = number << 32  # each draw has rows of its own to shuffle
    of_class = [first + np.flatnonzero(labels == label) for label in np.unique(labels)]
    chosen = [shuffled(rows, seed, STREAM["draws"])[:per_class] for rows in of_class]
    return np.sort(np.concatenate(chosen)) - first


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
