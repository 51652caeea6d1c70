"""Where fetched files lie in the cache, and how a whole one is told from a half or a changed one."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganlab import screen, writing
from ganlab.locations import cache_folder

LONGEST_NAME = 120


@dataclass(frozen=True)
class Place:
    """Where one file lies: ``fetched/KEY/NAME`` in the cache.

    What is noted about it lies apart, in ``fetched/.state/KEY``, so that a folder of files holds nothing else.

    Attributes:
        key: the folder, name below name, as they are elsewhere; made safe here.
        name: the file's; made safe here.
    """

    key: tuple[str, ...]
    name: str

    @property
    def folder(self) -> Path:
        return fetched_folder().joinpath(*map(safe_name, self.key))

    @property
    def file(self) -> Path:
        return self.folder / safe_name(self.name)

    def state(self, suffix: str) -> Path:
        """A file of notes about this one."""
        return fetched_folder().joinpath(".state", *map(safe_name, self.key), safe_name(self.name) + suffix)

    @property
    def pin(self) -> Path:
        """The note of what was verified: sha256, size and time of the last change."""
        return self.state(".pin.json")

    def whole(self, sha256: str | None = None) -> Path | None:
        """The file, if it lies here as it was verified.

        Args:
            sha256: what it must be; without it, what it was when it was first fetched.
        """
        pin = read_note(self.pin)
        if sha256 is not None and pin.get("sha256") != sha256:
            return None
        with suppress(OSError):
            found = self.file.stat()
            if pin.get("size") == found.st_size and (
                pin.get("mtime_ns") == found.st_mtime_ns or pin.get("sha256") == digest(self.file)
            ):
                return self.file
        return None

    def accept(self, part: Path, sha256: str, url: str) -> Path:
        """Put a verified download in its place; the note comes first, so that no file is ever without one."""
        found = part.stat()
        note = {"url": url, "sha256": sha256, "size": found.st_size, "mtime_ns": found.st_mtime_ns}
        write_note(self.pin, note)
        self.folder.mkdir(parents=True, exist_ok=True)
        os.replace(part, self.file)
        return self.file

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One process at a time fetches this file; the others wait."""
        lock = self.state(".lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        # a link that somebody put there must not lead to a file of the user's, nor is anything emptied
        held = os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            _lock(held, self.name)
            yield
        finally:
            os.close(held)


def fetched_folder() -> Path:
    """``fetched`` in the cache (GANLAB_CACHE, else ``~/.cache/ganlab``)."""
    return cache_folder() / "fetched"


def safe_name(name: str) -> str:
    """A name from elsewhere as a file's name here: no separators, nothing hidden, not endless.

    Different names stay different: one that had to be changed is told by a few digits of its hash.
    """
    clean = re.sub(r"[^A-Za-z0-9._+=@,-]", "_", name).strip(".")
    if clean == name and len(clean) <= LONGEST_NAME:
        return clean
    told, suffix = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:8], Path(clean).suffix[:20]
    return f"{clean.removesuffix(suffix)[: LONGEST_NAME - len(suffix) - 9]}-{told}{suffix}"


def digest(path: Path) -> str:
    """A file's sha256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_note(path: Path) -> dict[str, Any]:
    """What was noted; empty where nothing readable was."""
    with suppress(OSError, ValueError, RecursionError):
        note = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(note, dict):
            return note
    return {}


def write_note(path: Path, note: Mapping[str, Any]) -> None:
    """Replace a note."""
    writing.write_file(path, json.dumps(note, indent=1).encode())


def _lock(descriptor: int, name: str) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: two downloads of one file at once are caught by its hash only
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        screen.say(f"Waiting for another process that is fetching {name}")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
