"""Boxes as CVAT exports them, and the GAN that they were drawn on."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ganlab.labels.boxes import Boxes
from ganlab.labels.pictures import PictureName, picture_file

HASH = "3fa9c1d2e4b0"
FIRST, SECOND = PictureName(HASH, 0, 12), PictureName(HASH, 0, 13)


def gan(hash_: str = HASH, size: int = 64) -> Any:
    return SimpleNamespace(hash=hash_, name="rooms-64", image=SimpleNamespace(size=size), folder=None)


def coco(**changes: Any) -> dict[str, Any]:
    """What CVAT exports for two pictures, one with a window."""
    document = {
        "licenses": [{"name": "", "id": 0, "url": ""}],
        "info": {"contributor": "", "date_created": ""},
        "categories": [{"id": 1, "name": "window", "supercategory": ""}, {"id": 2, "name": "bed", "supercategory": ""}],
        "images": [
            {"id": 1, "width": 64, "height": 64, "file_name": picture_file(FIRST), "license": 0, "date_captured": 0},
            {"id": 2, "width": 64, "height": 64, "file_name": picture_file(SECOND), "license": 0, "date_captured": 0},
        ],
        "annotations": [
            {
                "id": 1, "image_id": 1, "category_id": 1, "segmentation": [], "area": 200.0,
                "bbox": [10.0, 20.5, 20.0, 10.0], "iscrowd": 0, "attributes": {"occluded": False},
            }
        ],
    }  # fmt: skip
    return document | changes


def load(tmp_path: Path, document: Any) -> Boxes:
    path = tmp_path / "boxes.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return Boxes.load(path)


def annotation(**changes: Any) -> dict[str, Any]:
    return {"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]} | changes
