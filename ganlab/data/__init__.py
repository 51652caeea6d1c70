"""Picture sets: one door, `open_images(spec)`, for folders, zips, arrays and data sets drawn by a plugin."""

from __future__ import annotations

from ganlab.data.images import BrokenPicture, Dataset, Images
from ganlab.data.labelled import classes_of, heldout_part, labels_of
from ganlab.data.opening import open_images

__all__ = ["BrokenPicture", "Dataset", "Images", "classes_of", "heldout_part", "labels_of", "open_images"]
