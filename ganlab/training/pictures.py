"""The pictures of a training run, packed, and what the settings say of their classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ganlab import screen
from ganlab.data import open_images
from ganlab.data.packing import PackedImages, pack
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.progressbar import reading_bar, shown_progress
from ganlab.training.settings import TrainSettings
from ganlab.wording import few

NAMED = 5  # broken pictures or classes told by name
MANY_CLASSES = 64  # of which one-hot numbers begin to cost most of a step


@dataclass(frozen=True)
class Reading:
    """How pictures are read: by how many processes, None for one on each core; whether broken ones are left out."""

    workers: int | None
    skip_broken: bool


def packed_pictures(
    settings: TrainSettings, reading: Reading, keep: list[str] | None, labelled: bool, otherwise: str = ""
) -> PackedImages:
    """The pictures of a run; ``otherwise`` is told where they cannot be opened."""
    try:
        with shown_progress():
            images = open_images(settings.data)
    except GanlabError as error:
        raise GanlabError(error.message, f"{error.hint} {otherwise}".strip()) from error
    if keep is not None:
        images = images.only(keep)
    if settings.limit is not None:
        images = images.first(settings.limit)
    with reading_bar() as bar:
        packed = pack(
            images,
            settings.network.size,
            settings.network.channels,
            workers=reading.workers,
            skip_broken=reading.skip_broken,
            labelled=labelled,
            progress=bar,
        )
    if packed.broken:
        named = few(packed.broken, NAMED)
        screen.say(f"Left out {len(packed.broken)} of {len(images)} pictures that do not decode: {named}")
    return packed


def too_few(settings: TrainSettings, count: int) -> GanlabError:
    if settings.limit == 1:
        return GanlabError("--limit 1 leaves one picture, and a batch has at least two.", "Raise --limit.")
    if count == 1:
        return GanlabError(f"{settings.data} holds one picture, and a batch has at least two.", "Give more pictures.")
    return GanlabError(
        f"{settings.data} holds {count} pictures, fewer than a batch of {settings.batch}.", f"Try --batch {count}."
    )


def told_classes(settings: TrainSettings, packed: PackedImages) -> dict[str, Any]:
    """What the settings say of the classes of these pictures.

    Raises:
        GanlabError: all are of one.
    """
    if packed.labels is None:
        return {}
    if len(packed.classes) < 2:
        if settings.limit is not None and len(packed) + len(packed.broken) == settings.limit:
            raise GanlabError(
                f"The first {settings.limit} pictures of {settings.data} are all of one class, {packed.classes[0]!r}: "
                "where a set is sorted by class, --limit takes the first class only.",
                "Take a larger --limit or leave it out; or leave out --conditional.",
            )
        raise GanlabError(
            f"All pictures of {settings.data} are of one class, {packed.classes[0]!r}.",
            "Leave out --conditional, or give a folder with a folder per class.",
        )
    if len(packed.classes) > MANY_CLASSES and settings.network.classes_as == "one-hot":
        screen.say(
            f"{len(packed.classes)} classes as one-hot numbers make every layer as many maps wider: "
            "--classes-as embedding is faster."
        )
    counts = np.bincount(packed.labels, minlength=len(packed.classes))
    network = replace(settings.network, classes=len(packed.classes))
    return {"network": network, "classes": packed.classes, "class_counts": tuple(counts.tolist())}


def check_classes(gan: Gan, settings: TrainSettings) -> None:
    """That a GAN to start from draws the classes of the pictures, in their order."""
    if gan.class_names != list(settings.classes):
        raise GanlabError(
            f"{gan.name} draws the classes {few(gan.class_names, NAMED)}, "
            f"and {settings.data} has {few(settings.classes, NAMED)}.",
            "Start from a GAN of the same classes.",
        )
