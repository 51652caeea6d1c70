"""Tars of pictures, packed or not, and WebDataset's shards, with classes in .cls or .json beside each picture."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ganlab import GanlabError, Images, StoredImages, progress

from . import cifar
from .damage import AGAIN, none_there, unknown_part
from .tar_index import Index, Member, is_tar, read_index

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff")
CLASSES = (".cls", ".json")
KEYS = ("label", "cls", "class")  # of a .json that say the class
RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
MOST_SHARDS = 100_000
LARGEST_CLASS = 1 << 20  # bytes of a .cls or .json
TARS = re.compile(r"(.+?)\.(tar|tar\.(gz|bz2|xz)|tgz|tbz2|txz)", re.IGNORECASE)
# what may lie beside shards: img2dataset leaves .parquet, .csv and _stats.json, NeMo Curator .parquet and DALI's .idx
BESIDE = (".json", ".jsonl", ".txt", ".md", ".idx", ".tsv", ".csv", ".parquet", ".yaml", ".yml", ".log")


def recognises(path: Path) -> bool:
    if path.is_dir():
        return _is_of_shards(path)
    if path.is_file():
        return is_tar(path) and not cifar.recognises(path)
    return ".tar" in path.name and RANGE.search(str(path)) is not None


def open_tars(path: Path, part: str) -> Images:
    """The pictures of a tar, of all tars of a folder, or of those a pattern names (``shards-{000..012}.tar``)."""
    if part:
        raise unknown_part(path, part, ())
    shards = _tars_in(path) if path.is_dir() else [path] if path.is_file() else list(_named_by(str(path)))
    if not shards:
        raise none_there(path, "tars")
    return TarImages(path, shards)


class TarImages(StoredImages):
    """The pictures of some tars, in the tars' order. They are read from where they lie.

    Of the pictures of one WebDataset key (``000.jpg``, ``000.seg.png``) the first with a plain ending is taken, the
    others count as ignored. A picture's class is what the ``.cls`` or ``.json`` of its name says, else the folder it
    lies in.
    """

    def __init__(self, path: Path, shards: list[Path]) -> None:
        super().__init__(shards)
        self.spec = str(path)
        each = progress(self.files, "looking through shards") if len(shards) > 1 else self.files
        self.indices = [read_index(shard, (*PICTURES, *CLASSES)) for shard in each]
        self.several = len(shards) > 1
        self.pictures: list[tuple[int, Member]] = []
        self.classes: dict[tuple[int, str], Member] = {}
        for number, index in enumerate(self.indices):
            self.ignored += index.others
            found: list[Member] = []
            for member in index.members:
                if _ending(member.name) in PICTURES:
                    found.append(member)
                else:  # of .cls and .json the first counts, in this order
                    known = self.classes.setdefault((number, _key(member.name)), member)
                    if _ending(known.name) > _ending(member.name):
                        self.classes[number, _key(member.name)] = member
            pictures = _one_of_each(found)
            self.pictures.extend((number, member) for member in pictures)
            self.ignored += len(found) - len(pictures)
        if not self.pictures:
            raise GanlabError(f"{path} holds no pictures, only other files ({self.ignored}).", "Look into it: tar tf")

    def count(self) -> int:
        return len(self.pictures)

    def name(self, i: int) -> str:
        number, member = self.pictures[self._row(i)]
        return f"{self.files[number].stem}/{member.name}" if self.several else member.name

    def label(self, i: int) -> str | None:
        number, member = self.pictures[self._row(i)]
        beside = self.classes.get((number, _key(member.name)))
        said = None if beside is None else _class_in(self.indices[number], beside)
        return said if said is not None else PurePosixPath(member.name).parent.name or None

    def read(self, row: int) -> bytes:
        number, member = self.pictures[row]
        return self.indices[number].read(member)


def _one_of_each(members: list[Member]) -> list[Member]:
    """Without the further pictures of a key; names with dots alone (``frame.0001.png``) are no further pictures."""
    main: dict[str, Member] = {}
    for member in members:
        if member.name.removesuffix(PurePosixPath(member.name).suffix) == _key(member.name):
            main.setdefault(_key(member.name), member)
    return [member for member in members if main.get(_key(member.name), member) is member]


def _class_in(index: Index, member: Member) -> str | None:
    if member.size > LARGEST_CLASS:
        raise GanlabError(f"{index.path}: {member.name} is too large to say a class.", AGAIN)
    try:
        text = index.read(member).decode("utf-8").strip()
        if _ending(member.name) == ".cls":
            return text or None
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GanlabError(f"{index.path}: {member.name} cannot be read: {error}.", AGAIN) from error
    found = [content[key] for key in KEYS if isinstance(content, dict) and key in content]
    return str(found[0]) if found and isinstance(found[0], (str, int)) else None


def _tars_in(folder: Path) -> list[Path]:
    """Those of one name once, the one that is not packed where there is one."""
    once: dict[str, Path] = {}
    for file in sorted(_files_in(folder), key=lambda file: (len(file.name), file.name)):
        if (match := TARS.fullmatch(file.name)) and file.is_file():
            once.setdefault(match[1], file)
    return sorted(once.values())


def _is_of_shards(folder: Path) -> bool:
    """Whether a folder holds tars and nothing else but texts and tables about them; CIFAR's is a set by itself."""
    tars = _tars_in(folder)
    others = [file for file in _files_in(folder) if file.suffix.lower() not in BESIDE and not TARS.fullmatch(file.name)]
    return bool(tars) and not others and not cifar.recognises(tars[0])


def _files_in(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if not file.name.startswith(".")]


def _named_by(pattern: str) -> Iterator[Path]:
    match = RANGE.search(pattern)
    assert match is not None
    first, last = int(match[1]), int(match[2])
    if not 0 <= last - first < MOST_SHARDS:
        raise GanlabError(f"{pattern} names no shards, or too many.", "Write for example shards-{000..012}.tar.")
    for number in range(first, last + 1):
        path = Path(f"{pattern[: match.start()]}{number:0{len(match[1])}}{pattern[match.end() :]}")
        if not path.is_file():
            raise GanlabError(f"There is no {path}, which {pattern} names.", "Name only shards that are there.")
        yield path


def _key(name: str) -> str:
    """What the files of one picture have in common: all up to the first dot of the file's own name."""
    folder, slash, file = name.rpartition("/")
    return folder + slash + file.partition(".")[0]


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
