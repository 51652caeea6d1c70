"""Picture sets: one door, `open_images(spec)`, for folders, zips, arrays, and whatever plugins draw or can read."""

from __future__ import annotations

from ganlab.data.images import BrokenPicture, Dataset, DatasetFormat, Images
from ganlab.data.labelled import classes_of, labels_of, split_of
from ganlab.data.opening import open_images
from ganlab.data.packing import packed_fingerprint
from ganlab.data.stored import StoredImages
from ganlab.data.twins import Twins, check_apart

__all__ = [
    "BrokenPicture",
    "Dataset",
    "DatasetFormat",
    "Images",
    "StoredImages",
    "Twins",
    "check_apart",
    "classes_of",
    "labels_of",
    "open_images",
    "packed_fingerprint",
    "split_of",
]
