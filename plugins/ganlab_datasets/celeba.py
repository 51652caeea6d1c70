"""CelebA: pictures with a list of attributes beside them, any of which can be what their classes are."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from ganlab import GanlabError, Images, open_images, suggest

from .damage import none_there

LISTS = ("list_attr_celeba.txt", "list_attr_celeba.csv")
YES, NO = ("1",), ("-1", "0")
HINT = "CelebA's has the attributes' names in a line, then a line for each picture: its name, and 1 or -1 for each."


def recognises(path: Path) -> bool:
    return path.is_dir() and _list_in(path) is not None


def open_celeba(path: Path, part: str) -> Images:
    """The pictures below the folder. ``part`` is an attribute: Smiling gives the classes Smiling and not Smiling.

    Without one the pictures have no classes. A picture that the list does not name has none either.
    """
    if (listed := _list_in(path)) is None:
        raise none_there(path, " or ".join(LISTS))
    names, rows = _read(listed)  # row by row: all at once would take half a gigabyte
    if part and part not in names:
        hint = suggest(part, names, f"Write {path}:NAME with one of")
        raise GanlabError(f"{listed} has no attribute {part!r}.", hint)
    pictures = open_images(f"folder:{path}")
    shown: dict[str, str] = {}
    for picture, values in rows:
        if part:
            shown[picture] = part if values[names.index(part)] in YES else f"not {part}"
    labels = [shown.get(pictures.name(i).rpartition("/")[2]) for i in range(len(pictures))]
    if part and not any(labels):
        raise GanlabError(f"{listed} names none of the {len(labels)} pictures below {path}.", "Is it their list?")
    relabelled = pictures.with_labels(labels)
    relabelled.parts = names
    return relabelled


def _list_in(folder: Path) -> Path | None:
    return next((folder / name for name in LISTS if (folder / name).is_file()), None)


def _read(listed: Path) -> tuple[tuple[str, ...], Iterator[tuple[str, list[str]]]]:
    """The attributes' names, and picture by picture its name and values, each checked as it comes."""
    try:
        lines = listed.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise GanlabError(f"{listed} is no text.", HINT) from error
    rows = enumerate(map(str.split if listed.suffix == ".txt" else _fields, lines), 1)
    _, head = next(rows, (0, []))
    if len(head) == 1 and head[0].isdecimal():
        there = sum(map(bool, map(str.strip, lines[2:])))
        if int(head[0]) != there:
            raise GanlabError(f"{listed} says that it lists {head[0]} pictures, and lists {there}.", "Copy it again.")
        _, head = next(rows, (0, []))
    names = tuple(head[1:] if listed.suffix == ".csv" else head)
    if not names:
        raise GanlabError(f"{listed} names no attributes.", HINT)
    return names, _checked(listed, names, rows)


def _fields(line: str) -> list[str]:
    """Of a line by itself: a quote that nothing closes ends with it. One that csv cannot read is one field."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return [line]


def _checked(
    listed: Path, names: tuple[str, ...], rows: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[str, list[str]]]:
    for number, row in rows:
        if row and (len(row) != len(names) + 1 or any(value not in (*YES, *NO) for value in row[1:])):
            raise GanlabError(f"{listed}, line {number}: it does not give {len(names)} attributes as 1 or -1.", HINT)
        if row:
            yield row[0], row[1:]
