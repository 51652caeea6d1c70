"""Parquet as Hugging Face writes it: a column of encoded pictures, mostly one of labels, in shards by part."""

from __future__ import annotations

import json
import re
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ganlab import BrokenPicture, GanlabError, Images, StoredImages, few

from .damage import AGAIN, damaged, library, none_there, unknown_part

MAGIC = b"PAR1"
SHARD = re.compile(r"(.+?)(-(?P<number>\d+)-of-(?P<total>\d+)(-\w+)?)?\.parquet")
NAMES = ("image", "img", "picture", "photo", "jpg", "jpeg", "png", "webp")  # of columns of encoded pictures
LABELS = ("label", "labels", "fine_label", "class", "cls")  # columns of classes, the likeliest first
NAMED = 3  # missing shards that are named
UNLABELLED = -1  # what the datasets library writes where classes have names and a row has none
LARGEST_GROUP = 1 << 30  # bytes of the pictures in one group of rows, which is read at once
State = tuple[Path, int, int]  # a file as it is now: a file that is written again is read again
KEPT = 1 << 30  # bytes of columns that are kept in memory: several threads may be in different groups

FOOTERS = 64  # files of which it is remembered where their groups of rows lie

_footers: OrderedDict[State, Any] = OrderedDict()
_reading = threading.Lock()


class _Columns:
    """Columns that were read, those used last, as many as :data:`KEPT` bytes hold."""

    def __init__(self) -> None:
        self.held: OrderedDict[tuple[State, int | None, str], Any] = OrderedDict()
        self.bytes = 0

    def get(self, wanted: tuple[State, int | None, str], read: Callable[[], Any]) -> Any:
        if wanted not in self.held:
            self.held[wanted] = read()
            self.bytes += self.held[wanted].nbytes
            while len(self.held) > 1 and self.bytes > KEPT:
                _, oldest = self.held.popitem(last=False)
                self.bytes -= oldest.nbytes
        self.held.move_to_end(wanted)
        return self.held[wanted]


_columns = _Columns()


def recognises(path: Path) -> bool:
    if path.is_dir():
        return any(_files_in(path).values())
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == MAGIC or path.suffix.lower() == ".parquet"


def _is_about_others(file: Path) -> bool:
    """Whether a table only tells of pictures elsewhere: as img2dataset's tell of a tar or folder of their names."""
    folder = file.with_suffix("")
    beside = file.with_suffix(".tar").is_file() or (folder.is_dir() and any(folder.iterdir()))
    return file.name == "metadata.parquet" or beside


def open_parquet(path: Path, part: str) -> Images:
    """The pictures of a file, or of all shards in a folder or in its folder ``data``.

    ``part`` is what shards are called before their number: train for ``train-00000-of-00002.parquet``.
    """
    found = _files_in(path) if path.is_dir() else {"": [path]}
    if not found:
        raise none_there(path, ".parquet")
    parts = tuple(name for name in found if name)
    if part and part not in parts:
        raise unknown_part(path, part, parts)
    chosen = {part: found[part]} if part else found
    if path.is_dir():
        for files in chosen.values():
            _check_complete(path, files)
    library("pyarrow.parquet", "parquet", path)
    return ParquetImages([_shard(file, name) for name, files in chosen.items() for file in files], part, parts)


@dataclass(frozen=True)
class Shard:
    """One file.

    Attributes:
        part: which part of the set it belongs to; empty where it was opened alone.
        groups: how many rows each of its groups has.
        image, label: the columns of pictures (``image.bytes``) and of classes; the latter may be empty.
        classes: their names, where the file has them.
    """

    file: Path
    part: str
    groups: tuple[int, ...]
    image: str
    label: str
    classes: tuple[str, ...]


class ParquetImages(StoredImages):
    """The pictures of some shards, read group by group of rows. Their names are ``PART/CLASS/NUMBER``."""

    def __init__(self, shards: Sequence[Shard], part: str, parts: tuple[str, ...]) -> None:
        super().__init__([shard.file for shard in shards], part)
        self.parts = parts
        self.groups: list[tuple[Shard, int]] = []
        self.starts = [0]  # of the groups, among all pictures
        self.firsts: dict[Path, int] = {}  # of the files
        self.part_starts: dict[str, int] = {}
        for shard in shards:
            self.firsts[shard.file] = self.starts[-1]
            self.part_starts.setdefault(shard.part, self.starts[-1])  # files of one part follow each other
            for number, rows in enumerate(shard.groups):
                if rows:
                    self.groups.append((shard, number))
                    self.starts.append(self.starts[-1] + rows)
        if not self.groups:
            raise GanlabError(f"{self.spec} holds no pictures.", AGAIN)

    def count(self) -> int:
        return self.starts[-1]

    def name(self, i: int) -> str:
        shard, *_ = self._place(self._row(i))
        return "/".join(filter(None, (shard.part, self.label(i), f"{i - self.part_starts[shard.part]:07}")))

    def label(self, i: int) -> str | None:
        shard, *_ = self._place(self._row(i))
        if not shard.label:
            return None
        value = _column(shard.file, None, shard.label)[i - self.firsts[shard.file]].as_py()
        if value is None or (value == UNLABELLED and shard.classes):
            return None
        named = isinstance(value, int) and 0 <= value < len(shard.classes)
        return shard.classes[value] if named else str(value)

    def read(self, row: int) -> bytes:
        shard, group, place = self._place(row)
        value = _column(shard.file, group, shard.image)[place].as_py()
        data = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(data, bytes):
            raise BrokenPicture(f"{self.spec}, row {row}", "its bytes are not in the file")
        return data

    def _place(self, row: int) -> tuple[Shard, int, int]:
        """The shard, the group of its rows, and the row in that."""
        number = bisect_right(self.starts, row) - 1
        return *self.groups[number], row - self.starts[number]


def _check_complete(folder: Path, files: Sequence[Path]) -> None:
    """That all shards of a part are there: their names say how many there are.

    Raises:
        GanlabError: some are not, as after a download that was broken off.
    """
    there: dict[tuple[str, str, int], set[int]] = {}
    for match in filter(None, (SHARD.fullmatch(file.name) for file in files)):
        if match["total"]:
            there.setdefault((match[1], match["total"], len(match["number"])), set()).add(int(match["number"]))
    for (part, total, digits), numbers in there.items():
        count, first = int(total) - len(numbers), int(min(numbers) == 1)  # some count shards from 1
        if count > 0:
            every = range(first, first + int(total))
            named = list(islice((f"{part}-{i:0{digits}}-of-{total}" for i in every if i not in numbers), NAMED))
            raise GanlabError(
                f"{folder} lacks {count} of {int(total)} shards: {few(named)}{', ...' if count > len(named) else ''}.",
                f"Download what is missing. One file alone can be opened too: {files[0]}",
            )


def _shard(file: Path, part: str) -> Shard:
    with _reading, _opened(file, _state(file)) as opened:
        about, columns = opened.metadata, opened.schema_arrow.names
        leaves = [about.schema.column(number).path for number in range(len(about.schema))]
        image = _image_among(file, leaves, columns)
        groups = [about.row_group(number) for number in range(about.num_row_groups)]
        largest = max((group.column(leaves.index(image)).total_uncompressed_size for group in groups), default=0)
        if largest > LARGEST_GROUP:
            raise GanlabError(f"{file} has groups of rows of {largest:,} bytes.", "Write it with smaller row groups.")
        label = next((name for name in LABELS if name in columns), "")
        rows = tuple(group.num_rows for group in groups)
        return Shard(file, part, rows, image, label, _classes(opened.schema_arrow.metadata or {}, label))


def _image_among(file: Path, leaves: Sequence[str], columns: Sequence[str]) -> str:
    """The one column of encoded pictures: by its name, else the only one that holds bytes as a picture's does."""
    usual = [leaf for leaf in leaves if leaf.removesuffix(".bytes") in NAMES]
    found = usual or [leaf for leaf in leaves if re.fullmatch(r"\w+\.bytes", leaf)]
    if len(found) > 1:
        several = ", ".join(leaf.removesuffix(".bytes") for leaf in found)
        raise GanlabError(
            f"{file} may have its pictures in any of the columns {several}.",
            "Write the file again with one of them, called image.",
        )
    if not found:
        hint = f"A column of bytes and path is read, as Hugging Face's have. Pictures in files: folder:{file.parent}"
        raise GanlabError(f"{file} has no column of pictures; it has {', '.join(columns)}.", hint)
    return found[0]


def _classes(metadata: Mapping[bytes, bytes], label: str) -> tuple[str, ...]:
    """The names of the classes, from what the datasets library notes in the file."""
    try:
        names = json.loads(metadata[b"huggingface"])["info"]["features"][label]["names"]
    except (KeyError, ValueError, TypeError):
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _column(file: Path, group: int | None, column: str) -> Any:
    """One column of one group of rows, or of all; those used last stay in memory, as many as fit."""
    state = _state(file)

    def read() -> Any:
        with _opened(file, state) as opened:
            if group is None:
                return opened.read(columns=[column], use_threads=False).column(0).combine_chunks()
            return opened.read_row_group(group, columns=[column], use_threads=False).column(0)

    with _reading:  # one at a time: threads of one group would each read it otherwise
        return _columns.get((state, group, column), read)


@contextmanager
def _opened(file: Path, state: State) -> Iterator[Any]:
    """A file to read from. Where its groups lie is read once: each of many would take as long as there are groups."""
    import pyarrow.parquet

    with damaged(file, "parquet file"), pyarrow.parquet.ParquetFile(file, metadata=_footers.get(state)) as opened:
        _footers[state] = opened.metadata
        while len(_footers) > FOOTERS:
            _footers.popitem(last=False)
        yield opened


def _state(file: Path) -> State:
    written = file.stat()
    return file, written.st_mtime_ns, written.st_size


def _files_in(folder: Path) -> dict[str, list[Path]]:
    """The shards by part, train first."""
    found: dict[str, list[Path]] = {}
    for place in (folder, folder / "data"):
        for file in sorted(place.glob("[!.]*.parquet")) if not found else []:  # macOS leaves ._NAME beside each NAME
            match = SHARD.fullmatch(file.name)
            if not _is_about_others(file):
                found.setdefault(match[1] if match else file.stem, []).append(file)
    return dict(sorted(found.items(), key=lambda pair: (pair[0] != "train", pair[0])))
