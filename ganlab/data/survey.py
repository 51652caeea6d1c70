"""One pass over a set of pictures: how many, of what sizes, channels and classes, which are broken, and some to see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from ganlab import figures
from ganlab.data import BrokenPicture, Images
from ganlab.data.geometry import Undecodable, full_size, square, surely_shows
from ganlab.data.reading import in_threads, on_each_core
from ganlab.errors import GanlabError
from ganlab.results import Figure, Metric, Result, Table
from ganlab.wording import composed, counted

if TYPE_CHECKING:
    from PIL import Image

SIDE = 64  # pixels of a picture in the figure
SHOWN = 64  # pictures in a figure without classes
CLASSES, EACH = 12, 8  # rows and columns of one with classes
MOST_CLASSES = 1000  # of which pictures are kept until it is known which are the commonest
LISTED = 1000  # rows of a table
CHANNELS = {1: "grey", 3: "RGB", 4: "RGBA"}
STEP = 32  # pictures that a thread decodes at once

Progress = Callable[[int, int], None]
Part = list[tuple[int, str | None]]  # rows and their labels
T = TypeVar("T")


class Seen(NamedTuple):
    """What is counted of a picture: whole ones in line for being counted would fill the memory.

    Attributes:
        size: width and height in pixels, as stored.
        channels: those with which it shows as it is.
        small: (SIDE, SIDE, 3) uint8, for the figure; None of a picture that is certainly not in it.
    """

    size: tuple[int, int]
    channels: int
    small: np.ndarray | None


class Survey:
    """What is counted, and the few pictures that are kept."""

    def __init__(self, images: Images) -> None:
        self.images = images
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.channels: Counter[int] = Counter()
        self.labels: Counter[str | None] = Counter()
        self.broken: list[BrokenPicture] = []
        self.by_class: dict[str | None, list[np.ndarray]] = {}
        self.evenly: list[np.ndarray] = []
        self.wanted = set(np.linspace(0, len(images) - 1, min(SHOWN, len(images))).astype(int).tolist())

    def take(self, row: int, label: str | None, seen: Seen | BrokenPicture) -> None:
        """Count one picture, in the order of the rows."""
        self.labels[None if label is None else composed(label)] += 1
        if isinstance(seen, BrokenPicture):
            self.broken.append(seen)
            return
        self.sizes[seen.size] += 1
        self.channels[seen.channels] += 1
        if seen.small is None:
            return
        if row in self.wanted:
            self.evenly.append(seen.small)
        if self._keeps(label):
            self.by_class.setdefault(label, []).append(seen.small)

    def shows(self, row: int, label: str | None) -> bool:
        """Whether a picture may come to be shown: one that is not wanted any more never is again."""
        return row in self.wanted or self._keeps(label)

    def _keeps(self, label: str | None) -> bool:
        kept = self.by_class.get(label)
        return len(self.by_class) < MOST_CLASSES if kept is None else len(kept) < EACH


def survey(images: Images, workers: int | None = None, progress: Progress | None = None) -> Result:
    """Decode every picture once and say what there is.

    Args:
        images: the set; memory stays bounded whatever its size.
        workers: threads that decode, one for each core by default; 0 for none but the caller's.
        progress: called with how many pictures are done, and of how many.

    Raises:
        GanlabError: no picture can be read.
    """
    found = Survey(images)
    workers = on_each_core() if workers is None else workers

    def look(part: Part) -> tuple[Part, list[Seen | BrokenPicture]]:
        return part, [_seen(found, row, label) for row, label in part]

    # labels are read here alone: they may lie in one file, and threads would get in each other's way
    starts = range(0, len(images), STEP)
    parts = ([(row, images.label(row)) for row in range(len(images))[start : start + STEP]] for start in starts)
    for part, pictures in in_threads(look, parts, workers):
        for (row, label), seen in zip(part, pictures, strict=True):
            found.take(row, label, seen)
        if progress is not None:
            progress(part[-1][0] + 1, len(images))
    if not found.sizes:
        raise GanlabError(f"None of the {len(images)} pictures in {images.spec} can be read.", str(found.broken[0]))
    return _result(found)


def _seen(found: Survey, row: int, label: str | None) -> Seen | BrokenPicture:
    try:
        picture = found.images._glimpse(row, SIDE)
        small = square(picture, SIDE, 3) if found.shows(row, label) or not surely_shows(picture) else None
        return Seen(full_size(picture), _channels(picture), small)
    except BrokenPicture as error:
        return error.alone()
    except Undecodable as error:
        return BrokenPicture(found.images.name(row), str(error))


def _channels(picture: Image.Image) -> int:
    """Those with which it shows as it is: a palette counts as the colours in it."""
    if picture.has_transparency_data:
        return 4
    return 1 if picture.mode[0] in "1LIF" and picture.mode != "LAB" else 3


def _result(found: Survey) -> Result:
    images = found.images
    classes = {label: count for label, count in found.labels.items() if label is not None}
    metrics = {
        "pictures": _count(len(images), "pictures, broken ones too"),
        "broken": _count(len(found.broken), "pictures that do not decode; --skip-broken leaves them out"),
        "other_files": _count(images.ignored, "files beside the pictures that are none"),
        "classes": _count(len(classes), "different labels; classify and conditional training take them"),
        "smallest_side": _count(min(min(size) for size in found.sizes), "pixels, of all pictures"),
        "largest_side": _count(max(max(size) for size in found.sizes), "pixels, of all pictures"),
    }
    total = sum(found.sizes.values())
    sizes = [[f"{w}x{h}", count, count / total] for (w, h), count in _commonest(found.sizes)]
    channels = [[f"{c} ({CHANNELS[c]})", count, count / total] for c, count in _commonest(found.channels)]
    tables = {
        "sizes": Table(["width x height", "pictures", "share"], sizes, _caption("Sizes", len(found.sizes))),
        "channels": Table(["channels", "pictures", "share"], channels, "Channels of the pictures as they are stored."),
    }
    if classes:
        labels = [[label, count, count / len(images)] for label, count in _commonest(found.labels) if label is not None]
        tables["labels"] = Table(["label", "pictures", "share"], labels, _caption("Classes", len(classes)))
    if found.broken:
        rows = [[broken.name, broken.reason] for broken in found.broken[:LISTED]]
        tables["broken"] = Table(["picture", "why"], rows, _caption("Pictures that do not decode", len(found.broken)))
    return Result(
        _summary(found, len(classes)), metrics, tables=tables, figures={"pictures": _figure(found)}, notes=_notes(found)
    )


def _summary(found: Survey, classes: int) -> str:
    sides = f"{_size(min(found.sizes))} to {_size(max(found.sizes))}" if len(found.sizes) > 1 else _size(*found.sizes)
    kinds = " and ".join(CHANNELS[kind] for kind, _ in _commonest(found.channels))
    labelled = f", {classes} class{'' if classes == 1 else 'es'}" if classes else ", no classes"
    broken = f", {len(found.broken):,} broken" if found.broken else ""
    holds = f"{found.images.spec} holds {counted(len(found.images), 'picture')}"
    return f"{holds} of {sides} pixels, {kinds}{labelled}{broken}."


def _notes(found: Survey) -> list[str]:
    images, notes = found.images, []
    if images.parts and not images.spec.endswith(tuple(f":{part}" for part in images.parts)):
        few = ", ".join(images.parts[:LISTED])
        notes.append(f"A part or label can be chosen after a colon, such as {images.spec}:{images.parts[0]}: {few}.")
    if images.label_fault:
        notes.append(f"The pictures have no classes: {images.label_fault}.")
    if found.labels[None] and len(found.labels) > 1:
        notes.append(f"{found.labels[None]:,} of the pictures have no class, the others have.")
    return notes


def _figure(found: Survey) -> Figure:
    labelled = {label: pictures for label, pictures in found.by_class.items() if label is not None and pictures}
    if not labelled:
        caption = (
            f"{len(found.evenly)} of {counted(len(found.images), 'picture')}, taken evenly from the first to the last."
        )
        return Figure(figures.grid(np.stack(found.evenly), 8, scale=2), f"{caption} {_shown_as()}")
    common = [label for label, _ in _commonest(found.labels) if label in labelled][:CLASSES]
    rows = {f"{label} ({found.labels[label]:,})": np.stack(labelled[label]) for label in common}
    which = "commonest classes" if len(labelled) > CLASSES else "classes"
    caption = f"The first {EACH} pictures of the {len(common)} {which}, with the number of pictures of each."
    return Figure(figures.labelled_rows(rows, scale=2), f"{caption} {_shown_as()}")


def _shown_as() -> str:
    return f"Each is the central square, brought to {SIDE}x{SIDE} as for training."


def _commonest(counts: Counter[T]) -> list[tuple[T, int]]:
    """The most frequent first, those of one number in the order they came in; not endlessly many."""
    return counts.most_common(LISTED)


def _caption(what: str, total: int) -> str:
    return f"{what}, the commonest first." + (f" {LISTED} of {total:,} are listed." if total > LISTED else "")


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _count(number: int, about: str) -> Metric:
    return Metric(number, no_control="a count", about=about)
