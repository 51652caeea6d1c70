"""Picture sets: one door, `open_images(spec)`, for folders, zips, arrays, and whatever plugins draw or can read."""

from __future__ import annotations

from ganlab.data.images import BrokenPicture, Dataset, DatasetFormat, Images
from ganlab.data.opening import open_images
from ganlab.data.stored import StoredImages

__all__ = ["BrokenPicture", "Dataset", "DatasetFormat", "Images", "StoredImages", "open_images"]
