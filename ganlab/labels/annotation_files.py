"""The files that annotation tools write: COCO's JSON, alone or in a zip, and LabelMe's, one for each picture."""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganlab.errors import GanlabError
from ganlab.zips import check_methods

EXPORT = "Export from the annotation tool as COCO with bounding boxes."
LARGEST = 512 * 2**20  # bytes of JSON
SMALL = 16 * 2**20  # bytes of JSON that may be packed as closely as it likes
CLOSEST = 100  # times as large as packed: far more than boxes repeat themselves
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError)  # what zipfile raises on a damaged member


def document_of(path: Path) -> Any:
    """The one COCO document that a file, a zip or a folder holds, its content not yet looked at.

    Raises:
        GanlabError: it cannot be read, or holds no such document.
    """
    try:
        if path.is_dir():
            return _folder(path)
        if not path.is_file():
            raise GanlabError(
                f"There is no file {path}.",
                "The page of `ganlab mark` saves NAME-boxes.json into the browser's download folder; or give the "
                "annotations.json of `ganlab sample`, with boxes drawn.",
            )
        if zipfile.is_zipfile(path):
            return _zipped(path)
        content = path.read_bytes()
    except (*DAMAGED, OSError, RuntimeError) as error:  # an encrypted zip is a RuntimeError
        raise GanlabError(f"{path} cannot be read: {error}.", "Give a COCO file (JSON).") from error
    document = _json(content, str(path))
    return _from_labelme([document]) if isinstance(document, dict) and "shapes" in document else document


def entries_of(document: dict[str, Any], name: str, source: str) -> list[dict[str, Any]]:
    """The objects that a document lists under a name; none where it has no such list.

    Raises:
        GanlabError: they are something else than objects.
    """
    entries = document.get(name) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise GanlabError(f"{source} is no COCO file: its {name} are no list of objects.", EXPORT)
    return entries


def coordinate(value: Any, where: str) -> float:
    """A number of a box.

    Raises:
        GanlabError: it is none, or not finite.
    """
    with suppress(OverflowError):  # a whole number that no float can hold
        if isinstance(value, (int, float)) and math.isfinite(value):
            return float(value)
    raise GanlabError(f"{where} has the coordinate {value!r}, which is no number.", EXPORT)


def _folder(path: Path) -> Any:
    """What `ganlab sample` wrote, or LabelMe's files, one for each picture."""
    if (path / "annotations.json").is_file():
        return document_of(path / "annotations.json")
    documents = [_json(file.read_bytes(), str(file)) for file in sorted(path.rglob("*.json"))]
    labelme = [document for document in documents if isinstance(document, dict) and "shapes" in document]
    if not labelme:
        raise GanlabError(f"The folder {path} holds neither an annotations.json nor LabelMe's files.", EXPORT)
    return _from_labelme(labelme)


def _zipped(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        names = [member for member in archive.infolist() if not member.filename.startswith("__MACOSX/")]
        found = [member for member in names if member.filename.lower().endswith(".json")]
        if not found:
            raise GanlabError(f"{path} holds no JSON.", "Boxes are a COCO file (JSON), or a zip with one in it.")
        if len(found) != 1 or found[0].file_size > LARGEST:
            raise GanlabError(
                f"{path} holds {len(found)} JSON files, not the one of a COCO export.",
                "Unzip it and give the right file.",
            )
        return _json(_unpacked(archive, found[0], path), f"{path} ({found[0].filename})")


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> bytes:
    """A member's bytes.

    Raises:
        GanlabError: it is packed so closely that it says little, and would fill the memory.
    """
    hint = "Unzip it and give the file, if you trust it."
    try:
        check_methods([member])
    except ValueError as error:
        raise GanlabError(f"{path} cannot be read: {error}.", hint) from error
    if member.file_size > max(SMALL, CLOSEST * member.compress_size):
        sizes = f"{member.compress_size:,} bytes would unpack to {member.file_size:,}"
        raise GanlabError(f"{path} cannot be read: {sizes}, as no boxes do.", hint)
    return archive.read(member)


def _json(content: bytes, source: str) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise GanlabError(f"{source} is no JSON.", EXPORT) from error


def _from_labelme(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """LabelMe's files, one for each picture, as one COCO document."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    categories: dict[str, int] = {}
    for number, document in enumerate(documents):
        images.append({
            "id": number, "file_name": document.get("imagePath", ""),
            "width": document.get("imageWidth"), "height": document.get("imageHeight"),
        })  # fmt: skip
        where = str(document.get("imagePath", ""))
        for shape in entries_of(document, "shapes", where):
            annotations.append({
                "id": len(annotations), "image_id": number, "bbox": _labelme_box(shape, where),
                "category_id": categories.setdefault(str(shape.get("label", "")), len(categories)),
            })  # fmt: skip
    names = [{"id": number, "name": name} for name, number in categories.items()]
    return {"images": images, "categories": names, "annotations": annotations}


def _labelme_box(shape: dict[str, Any], where: str) -> list[float]:
    """[x, y, w, h] around two corners, a polygon's points, or a circle's centre and a point on it."""
    points = shape.get("points")
    given = points if isinstance(points, list) else []
    pairs = [pair for pair in given if isinstance(pair, list) and len(pair) == 2]
    if not pairs:
        raise GanlabError(f"{where} has a shape without points.", "Draw it again in LabelMe.")
    xs, ys = ([coordinate(pair[axis], where) for pair in pairs] for axis in (0, 1))
    if shape.get("shape_type") == "circle":
        radius = math.dist((xs[0], ys[0]), (xs[-1], ys[-1]))
        xs, ys = [xs[0] - radius, xs[0] + radius], [ys[0] - radius, ys[0] + radius]
    return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
