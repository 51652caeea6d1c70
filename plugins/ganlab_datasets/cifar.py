"""CIFAR-10 and CIFAR-100 in Python's version: pickles of arrays, in a folder, one by one, or in the .tar.gz."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from ganlab import GanlabError, Images, plain_pickle

from .damage import AGAIN, damaged, unknown_part
from .pixels import Block, PixelImages
from .tar_index import Archive

TEN = {**{f"data_batch_{number}": "train" for number in range(1, 6)}, "test_batch": "test"}
HUNDRED = {"train": "train", "test": "test"}
META = {"batches.meta": "label_names", "meta": "fine_label_names"}
LARGEST = 1 << 28  # bytes of one file; the largest, CIFAR-100's train, has 155 million
KEYS = re.compile(rb"batch_label|fine_labels|coarse_labels|labels|filenames|data")
FOLDERS = ("cifar-10-batches-py", "cifar-100-python")
PARTS = ("train", "test")


def recognises(path: Path) -> bool:
    if path.is_dir():
        return _set_in({file.name for file in path.iterdir() if file.is_file()}) is not None
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(256)
    if start[:1] == b"\x80" and len(start) > 1 and start[1] <= 5:
        return path.name in (TEN | HUNDRED) or KEYS.search(start) is not None
    return start[:2] == b"\x1f\x8b" and _archive_begins(path)


def open_cifar(path: Path, part: str) -> Images:
    """32x32 pictures in colour and their classes; ``part`` is train or test, and both without it."""
    if path.is_file() and _begins_as_pickle(path):
        if part:
            raise unknown_part(path, part, ())
        return PixelImages([path], "", [_block("", path.name, _content(path), _classes_beside(path))])
    if part and part not in PARTS:
        raise unknown_part(path, part, PARTS)
    pickles = dict(_from_folder(path) if path.is_dir() else _from_archive(path, part))
    wanted = _set_in(set(pickles))
    missing = sorted((TEN if wanted is None else wanted).keys() - pickles.keys())
    chosen = {name: of for name, of in (wanted or {}).items() if not part or of == part}
    missing = [name for name in missing if (wanted or TEN)[name] == part or not part]
    if not chosen or missing:
        raise GanlabError(f"{path} lacks {', '.join(missing) or 'its batches'}.", AGAIN)
    classes = _classes(pickles)
    blocks = []
    for name, of in chosen.items():
        stored = pickles.pop(name)
        blocks.append(_block(of, f"{path}, {name}", stored if isinstance(stored, bytes) else _content(stored), classes))
    files = [path / name for name in chosen] if path.is_dir() else [path]
    return PixelImages(files, part, blocks, PARTS)


def _begins_as_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) == b"\x80"


def _set_in(names: set[str]) -> dict[str, str] | None:
    """Which of the two sets files of these names are."""
    if names & {"data_batch_1", "test_batch"}:
        return TEN
    return HUNDRED if names >= {"meta"} and names & HUNDRED.keys() else None


def _from_folder(folder: Path) -> Iterator[tuple[str, Path | bytes]]:
    for file in folder.iterdir():
        if file.name in TEN | HUNDRED | META and file.is_file():
            yield file.name, file


def _from_archive(path: Path, part: str) -> Iterator[tuple[str, Path | bytes]]:
    """The pickles of the .tar.gz, unpacked one after the other."""
    with damaged(path, "tar of CIFAR"), Archive.open(path, "r|gz") as archive:
        for member in archive:
            name = PurePosixPath(member.name).name
            if not member.isreg() or not (
                name in META or (TEN | HUNDRED).get(name, "") in ((part,) if part else PARTS)
            ):
                continue
            file = archive.extractfile(member)
            if member.size > LARGEST or file is None:
                raise ValueError(f"{name} of {member.size:,} bytes is none of its files")
            content = file.read()
            if len(content) != member.size:
                raise ValueError(f"it ends within {name}")
            yield name, content


def _archive_begins(path: Path) -> bool:
    """Whether a .tar.gz begins with one of the two folders."""
    try:
        with Archive.open(path, "r|gz") as archive:
            first = archive.next()
    except (tarfile.TarError, EOFError, OSError, ValueError):
        return False
    return first is not None and PurePosixPath(first.name).parts[:1] in [(name,) for name in FOLDERS]


def _content(file: Path) -> bytes:
    if file.stat().st_size > LARGEST:
        raise GanlabError(f"{file} is too large for a batch of CIFAR.", "Give the files as they are distributed.")
    return file.read_bytes()


def _block(part: str, what: str, content: bytes, classes: list[str]) -> Block:
    import numpy as np

    held = _unpickled(content, what)
    pixels: Any = held.get("data")
    labels: Any = held.get("fine_labels", held.get("labels"))
    numbers = isinstance(labels, list) and all(isinstance(label, int) for label in labels)
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != (3072,) or not numbers:
        raise GanlabError(f"{what} is no batch of CIFAR: it holds {', '.join(held) or 'nothing'}.", AGAIN)
    if not len(pixels) or len(labels) != len(pixels) or min(labels) < 0 or (classes and max(labels) >= len(classes)):
        raise GanlabError(f"{what} is damaged: its {len(labels)} labels do not fit {len(pixels)} pictures.", AGAIN)
    names = [classes[label] if classes else str(label) for label in labels]
    return Block(part, pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), names)


def _classes_beside(batch: Path) -> list[str]:
    return _classes({name: batch.with_name(name) for name in META if batch.with_name(name).is_file()})


def _classes(pickles: dict[str, Any]) -> list[str]:
    """The names of the classes, where the file that has them is there."""
    for name, key in META.items():
        if (stored := pickles.get(name)) is None:
            continue
        names = _unpickled(stored if isinstance(stored, bytes) else _content(stored), name).get(key)
        if not isinstance(names, list) or not all(isinstance(one, (str, bytes)) for one in names):
            raise GanlabError(f"{name} has no {key}.", AGAIN)
        return [one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in names]
    return []


def _unpickled(content: bytes, what: str) -> dict[str, Any]:
    try:
        return plain_pickle(content)
    except GanlabError as error:
        raise GanlabError(f"{what}: {error.message}", error.hint) from error
