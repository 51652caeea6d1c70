"""COCO files as annotation tools write them, and as they open them.

Tools rename files (folders, upload prefixes), turn ids into strings, leave out pictures or boxes of
polygons, add fields, and show pictures enlarged. All of that is taken; what would make a box mean something
else is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ganlab.errors import GanlabError
from ganlab.labels.annotation_files import EXPORT, coordinate, document_of, entries_of
from ganlab.labels.concepts import concept_name
from ganlab.labels.marks import Box
from ganlab.labels.pictures import PictureName, parse_picture_file, picture_file

_KEEP_NAMES = "Keep the names that `ganlab sample` gives, such as 3fa9c1d2e4b0-s0-i00012.png."


class Marks(NamedTuple):
    """What a file of boxes says."""

    boxes: list[Box]
    pictures: list[PictureName]
    size: tuple[int, int]
    concepts: list[str]
    notes: list[str]


class _Picture(NamedTuple):
    name: PictureName
    size: tuple[int, int]
    factor: int  # by how much it is larger than the smallest


def read(path: Path) -> Marks:
    """Read a COCO file, an exported zip with one in it, or a folder of LabelMe's files.

    Raises:
        GanlabError: it is none of these, or says something about a picture that cannot be.
    """
    return parse(document_of(path), str(path))


def parse(document: Any, source: str) -> Marks:
    """Understand the content of a COCO file; ``source`` names it in errors."""
    if not isinstance(document, dict) or not isinstance(document.get("images"), list):
        raise GanlabError(f"{source} is JSON but no COCO file: it lists no images.", EXPORT)
    pictures, notes = _pictures(document["images"], source)
    categories = {
        _key(entry, "id", "category", source): concept_name(str(entry.get("name", "")))
        for entry in entries_of(document, "categories", source)
    }
    boxes: list[Box] = []
    clipped = rotated = 0
    for number, entry in enumerate(entries_of(document, "annotations", source)):
        where = f"{source}: annotation {entry.get('id', number)}"
        picture = pictures.get(_key(entry, "image_id", "annotation", source))
        if picture is None:
            raise GanlabError(f"{where} is on a picture that the file does not list.", EXPORT)
        concept = categories.get(_key(entry, "category_id", "annotation", source))
        if concept is None:
            raise GanlabError(f"{where} has a category that the file does not list.", EXPORT)
        rotation = _rotation(entry, where)
        rotated += rotation != 0
        corners = _around(_corners(entry, where), rotation)
        inside = _clip(corners, picture.size)
        if inside is None:
            raise GanlabError(
                f"{where}, {concept!r} on {picture_file(picture.name)}, covers nothing of its picture.",
                "Remove it or draw it again.",
            )
        clipped += max(abs(a - b) for a, b in zip(corners, inside, strict=True)) > 0.01
        left, top, right, bottom = (value / picture.factor for value in inside)
        boxes.append(Box(picture.name, concept, left, top, right - left, bottom - top))
    if clipped:
        notes.append(f"{clipped} of {len(boxes)} boxes reached over their picture's edge and were clipped.")
    if rotated:
        notes.append(f"{rotated} of {len(boxes)} boxes were rotated; the upright boxes around them were taken.")
    size = next(iter(pictures.values()))
    smallest = (size.size[0] // size.factor, size.size[1] // size.factor)
    names = [picture.name for picture in pictures.values()]
    return Marks(boxes, names, smallest, list(dict.fromkeys(categories.values())), notes)


def compose(
    boxes: Iterable[Box], pictures: Sequence[PictureName], size: tuple[int, int], concepts: Sequence[str]
) -> dict[str, Any]:
    """A COCO document: every picture, those without boxes too."""
    image_ids = {name: number for number, name in enumerate(pictures, 1)}
    category_ids = {concept: number for number, concept in enumerate(concepts, 1)}
    annotations = [
        {
            "id": number,
            "image_id": image_ids[box.picture],
            "category_id": category_ids[box.concept],
            "bbox": [_short(value) for value in (box.x, box.y, box.w, box.h)],
            "area": _short(box.w * box.h),
            "iscrowd": 0,
            "segmentation": [],
        }
        for number, box in enumerate(boxes, 1)
    ]
    return {
        "info": {"description": "boxes on a GAN's samples; a file name tells checkpoint, seed and index"},
        "licenses": [],
        "categories": [{"id": number, "name": name, "supercategory": ""} for name, number in category_ids.items()],
        "images": [
            {"id": number, "file_name": picture_file(name), "width": size[0], "height": size[1]}
            for name, number in image_ids.items()
        ],
        "annotations": annotations,
    }


def _pictures(entries: list[Any], source: str) -> tuple[dict[str, _Picture], list[str]]:
    """The pictures by their id, in the file's order."""
    names: dict[str, PictureName] = {}
    sizes: dict[str, tuple[int, int] | None] = {}
    seen: set[PictureName] = set()
    for entry in entries:
        if not isinstance(entry, dict):
            raise GanlabError(f"{source} is no COCO file: one of its images is no object.", EXPORT)
        key = _key(entry, "id", "image", source)
        name = parse_picture_file(str(entry.get("file_name", "")))
        if name is None:
            file = entry.get("file_name")
            raise GanlabError(f"{source}: the file name {file!r} tells no checkpoint, seed and index.", _KEEP_NAMES)
        if key in names or name in seen:
            raise GanlabError(
                f"{source} lists the picture {picture_file(name)} twice.", "Merge its boxes into one entry."
            )
        names[key], sizes[key] = name, _size(entry, source)
        seen.add(name)
    if not names:
        raise GanlabError(f"{source} lists no pictures.", EXPORT)
    checkpoints = sorted({name.checkpoint for name in names.values()})
    if len(checkpoints) > 1:
        raise GanlabError(
            f"{source} mixes pictures of {len(checkpoints)} checkpoints: {', '.join(checkpoints)}.",
            "Keep the boxes of each checkpoint in a file of its own.",
        )
    known = sorted({size for size in sizes.values() if size})
    if not known:
        raise GanlabError(f"{source} gives no picture's width and height.", EXPORT)
    pictures = {key: _Picture(names[key], *_scaled(sizes[key] or known[0], known[0], source)) for key in names}
    larger = sum(picture.factor > 1 for picture in pictures.values())
    note = f"{larger} of {len(names)} pictures were shown enlarged; their boxes were scaled back."
    return pictures, [note] if larger else []


def _scaled(size: tuple[int, int], smallest: tuple[int, int], source: str) -> tuple[tuple[int, int], int]:
    factor = whole_factor(size, smallest)
    if not factor:
        raise GanlabError(
            f"{source} has pictures of {smallest[0]}x{smallest[1]} and of {size[0]}x{size[1]}.",
            "The pictures of one GAN have one size, or are enlarged by a whole factor.",
        )
    return size, factor


def whole_factor(size: tuple[int, int], smallest: tuple[int, int]) -> int:
    """By what whole number ``size`` is larger than ``smallest`` in both directions; 0 when by none."""
    factor = size[0] // smallest[0]
    return factor if (smallest[0] * factor, smallest[1] * factor) == size else 0


def _size(entry: dict[str, Any], source: str) -> tuple[int, int] | None:
    given = [entry.get(side) for side in ("width", "height")]
    if given == [None, None]:
        return None
    try:
        width, height = (int(float(str(side))) for side in given)
    except (ValueError, OverflowError):
        width = height = 0
    if width < 1 or height < 1:
        raise GanlabError(f"{source} gives a picture the size {given[0]!r} by {given[1]!r}.", EXPORT)
    return width, height


def _corners(entry: dict[str, Any], where: str) -> tuple[float, float, float, float]:
    """Left, top, right, bottom: of the box, or of the tight box around the polygons where there is none."""
    bbox = entry.get("bbox")
    if isinstance(bbox, list) and len(bbox) == 4:
        x, y, w, h = (coordinate(value, where) for value in bbox)
        return x, y, x + w, y + h
    polygons = entry.get("segmentation")
    points = [
        coordinate(value, where)
        for polygon in (polygons if isinstance(polygons, list) else [])
        for value in (polygon if isinstance(polygon, list) else [])
    ]
    if len(points) < 6 or len(points) % 2:
        raise GanlabError(f"{where} has neither a box [x, y, width, height] nor a polygon.", EXPORT)
    return min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2])


def _rotation(entry: dict[str, Any], where: str) -> float:
    """By how many degrees CVAT turns a box about its centre; it gives the box itself as it was before."""
    attributes = entry.get("attributes")
    given = attributes.get("rotation") if isinstance(attributes, dict) else None
    return 0.0 if given is None else coordinate(given, where)


def _around(corners: tuple[float, float, float, float], degrees: float) -> tuple[float, float, float, float]:
    """The upright box around a turned one."""
    if not degrees:
        return corners
    left, top, right, bottom = corners
    along, across = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    wide = (right - left) * along + (bottom - top) * across
    high = (right - left) * across + (bottom - top) * along
    x, y = (left + right) / 2, (top + bottom) / 2
    return x - wide / 2, y - high / 2, x + wide / 2, y + high / 2


def _clip(corners: tuple[float, ...], size: tuple[int, int]) -> tuple[float, ...] | None:
    """The part inside the picture, or None when that has no area."""
    limits = (size[0], size[1], size[0], size[1])
    left, top, right, bottom = (min(max(value, 0.0), limit) for value, limit in zip(corners, limits, strict=True))
    return (left, top, right, bottom) if right > left and bottom > top else None


def _key(entry: dict[str, Any], name: str, what: str, source: str) -> str:
    """An id as text: tools write 3, 3.0 and "3" for one thing."""
    value = entry.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise GanlabError(f"{source} is no COCO file: its {what} has no {name}.", EXPORT)
    return str(value)


def _short(value: float) -> float:
    return int(value) if float(value).is_integer() else value
