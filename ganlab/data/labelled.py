"""The classes of pictures: which there are, in what order, and which pictures are there to test on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ganlab.data.images import Images
from ganlab.errors import GanlabError

LISTED = 12  # class names in a message


def classes_of(images: Images, rows: Iterable[int] | None = None) -> tuple[str, ...]:
    """The classes of these pictures, of all by default, in their fixed order: numbers by value, then names by letters.

    Raises:
        GanlabError: a picture has no class.
    """
    return in_order(set(_names(images, rows)))


def labels_of(images: Images, classes: Sequence[str], rows: Iterable[int] | None = None) -> np.ndarray:
    """The class of each of these pictures, of all by default, as its place among ``classes``: (n,) int64.

    Raises:
        GanlabError: a picture has no class, or one that is not among them.
    """
    number = {name: place for place, name in enumerate(classes)}
    names = _names(images, rows)
    unknown = sorted(set(names) - set(classes))
    if unknown:
        raise GanlabError(
            f"{images.spec} holds pictures of {unknown[0]!r}, a class that nothing is learnt of.",
            f"The classes are: {', '.join(classes[:LISTED])}{', ...' if len(classes) > LISTED else ''}.",
        )
    return np.array([number[name] for name in names], np.int64)


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Class names in their fixed order: "9" before "10", and numbers before words."""
    return tuple(sorted(names, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name)))


def heldout_part(images: Images) -> Images | None:
    """The x_test that lies beside an npz's x_train, or None."""
    from ganlab.data.opening import open_images

    spec = images.spec if images.spec.endswith(".npz") else images.spec.removesuffix(":x_train")
    if not spec.endswith(".npz"):
        return None
    try:
        return open_images(f"{spec}:x_test")
    except GanlabError:
        return None


def _names(images: Images, rows: Iterable[int] | None) -> list[str]:
    names = []
    for row in range(len(images)) if rows is None else rows:
        name = images.label(int(row))
        if name is None:
            raise GanlabError(
                f"The pictures of {images.spec} have no classes: none is known of {images.name(int(row))}.",
                "Put them into a folder per class, or labels beside the array: y_train to x_train, labels to images.",
            )
        names.append(name)
    return names
