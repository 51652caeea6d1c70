"""From an array that lies beside an array of pictures to a class for each picture."""

from __future__ import annotations

import numpy as np

LARGEST_WHOLE = 2**53  # from here on a float no longer tells whole numbers apart


class NoClasses(Exception):
    """An array says no classes; the message goes on from the array's name and says why."""


def as_classes(found: np.ndarray, count: int) -> np.ndarray:
    """The classes (n,) of ``count`` pictures: whole numbers, truth values or texts.

    Args:
        found: (n,) or (n, 1), floats too where all are whole; or one-hot (n, classes), a single 1 in each row.

    Raises:
        NoClasses: it is neither, or not one for each picture.
    """
    if found.ndim == 2 and len(found) == count and found.shape[1] > 1 and found.dtype.kind in "biuf":
        return _marked(found)
    labels = found.reshape(-1)
    if len(labels) != count:
        raise NoClasses(f"has {len(labels):,} entries for {count:,} pictures")
    if labels.dtype.kind == "f":
        return _whole(labels)
    if labels.dtype.kind not in "biuU":
        raise NoClasses(f"holds {labels.dtype}, neither whole numbers nor texts")
    return labels


def _marked(rows: np.ndarray) -> np.ndarray:
    """Where the 1 stands in each row (n, classes)."""
    ones = rows == 1
    wrong = np.flatnonzero((ones.sum(1) != 1) | (ones != (rows != 0)).any(1))
    if len(wrong):
        raise NoClasses(f"has rows of {rows.shape[1]:,} numbers, and row {wrong[0]} is not a single 1 among zeros")
    return ones.argmax(1)


def _whole(labels: np.ndarray) -> np.ndarray:
    labels = labels.astype(np.float64)  # which holds the bound too, as a half would not
    odd = labels[~((labels == np.rint(labels)) & (np.abs(labels) < LARGEST_WHOLE))]
    if len(odd):
        raise NoClasses(f"holds numbers that are not whole, such as {odd[0]:g}")
    return labels.astype(np.int64)
