"""Bring one file into its place in the cache: resumed where it broke off, verified, never half."""

from __future__ import annotations

import errno
import http.client
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ganlab import screen
from ganlab.errors import GanlabError
from ganlab.fetching.places import Place, digest, read_note, write_note
from ganlab.fetching.web import Broken, NoSuchRange, NothingThere, open_address
from ganlab.progressbar import progress

LARGEST = 4 << 30  # bytes
ATTEMPTS = 4
PAUSE = 1.0  # seconds before the second attempt, twice as long before each further one
BLOCK = 1 << 20
CACHE_HINT = "Set GANLAB_CACHE to a folder with room that you can write to."


@dataclass(frozen=True)
class Wanted:
    """One file to have.

    Attributes:
        urls: where it lies; the second is asked where there is nothing at the first.
        place: where it goes.
        sha256: what it must be, or None where nobody knows.
        token: to show at the host of the address.
    """

    urls: tuple[str, ...]
    place: Place
    sha256: str | None = None
    token: str = field(default="", repr=False)


def obtain(wanted: Wanted, *, again: bool = False, largest: int = LARGEST) -> Path:
    """The file, from the cache or from its address.

    Args:
        wanted: what to have.
        again: ask its address even where the cache has it, and take what is there now.
        largest: how many bytes to accept.

    Raises:
        GanlabError: it cannot be had, or is not what it must be; a cached copy stays as it was.
    """
    place = wanted.place
    try:
        with place.alone():
            found = None if again else place.whole(wanted.sha256)
            if found is not None:
                return found
            pinned = None if again else read_note(place.pin).get("sha256")
            return _from_anywhere(wanted, wanted.sha256 or pinned, largest)
    except OSError as error:
        why = "is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else f"cannot be used: {error.strerror}"
        raise GanlabError(f"The cache {place.folder} {why}.", CACHE_HINT) from error


def _from_anywhere(wanted: Wanted, sha256: str | None, largest: int) -> Path:
    *others, last = wanted.urls
    for url in others:
        with suppress(NothingThere):
            return _verified(_Part(wanted, url, sha256, largest))
    return _verified(_Part(wanted, last, sha256, largest))


def _verified(part: _Part) -> Path:
    pieced = part.complete()
    seen = digest(part.path)
    if part.sha256 is not None and seen != part.sha256 and pieced:
        part.drop()  # the halves may be of two versions
        part.complete()
        seen = digest(part.path)
    if part.sha256 is not None and seen != part.sha256:
        part.drop()
        told, hint = "it should be", "It was changed or damaged; nothing of it was kept."
        if part.wanted.sha256 is None:
            told, hint = "that was there at first", f"{hint} If you expect a new version, fetch it with --again."
        raise GanlabError(f"{part.url} is not the file {told}: its sha256 is {seen}, not {part.sha256}.", hint)
    if part.sha256 is None:
        screen.say(f"{part.wanted.place.name}: nobody said what its sha256 is; from now on it has to be {seen}")
    part.memo.unlink(missing_ok=True)
    return part.wanted.place.accept(part.path, seen, part.url)


class _Part:
    """A download on its way: the bytes that have come, and a note that tells whether the rest still belongs to them."""

    def __init__(self, wanted: Wanted, url: str, sha256: str | None, largest: int) -> None:
        self.wanted, self.url, self.sha256, self.largest = wanted, url, sha256, largest
        self.path, self.memo = wanted.place.state(".part"), wanted.place.state(".part.json")
        self.host = urlsplit(url).netloc

    def complete(self) -> bool:
        """Add what is missing, in several attempts; returns whether it came in several pieces."""
        pieces = 1 if self._have() else 0
        why: Broken | None = None
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE * 2 ** (attempt - 1))
            try:
                pieces += 1
                self._go_on()
                return pieces > 1
            except Broken as error:
                why = error
        kept = f"{size_text(self._have())} have come and are kept: the same command goes on from there."
        raise GanlabError(
            f"{self.url} did not come whole: {why}.", kept if self._have() else "Try again later."
        ) from why

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self.memo.unlink(missing_ok=True)

    def _have(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def _go_on(self) -> None:
        note, have = read_note(self.memo), self._have()
        validator = note.get("validator")
        if note.get("url") != self.url or not (validator or self.sha256):
            have = 0
        if have and have == note.get("total"):
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        if have and isinstance(validator, str) and validator:
            headers["If-Range"] = validator
        try:
            answer = open_address(self.url, headers, self.wanted.token)
        except NoSuchRange:
            self.drop()
            raise
        with answer:
            self._take(answer, have, note)

    def _take(self, answer: http.client.HTTPResponse, have: int, note: dict[str, object]) -> None:
        self._check_kind(answer)
        length = answer.length
        if answer.status == 206:
            if not self._continues(answer, have, note):
                self.drop()
                raise Broken(f"{self.host} sent another part than it was asked for")
        else:
            have = 0
        total = None if length is None else have + length
        self._check_size(have + (length or 0))
        if total is None and not answer.chunked and self.sha256 is None:
            raise GanlabError(
                f"{self.url} does not say how long it is, so that half of it looks like the whole.",
                "Say what its hash is: ADDRESS#sha256=HEX",
            )
        if not have:
            self.drop()
        write_note(self.memo, {"url": self.url, "validator": _validator(answer), "total": total})
        self._write(_Blocks(answer, length), sized=length is not None)
        self._check_size(self._have())
        self._check_whole(self._have(), total)

    def _write(self, blocks: _Blocks, *, sized: bool) -> None:
        with self.path.open("ab") as file:
            for block in progress(blocks if sized else iter(blocks), f"fetching {self.wanted.place.name}, MiB"):
                file.write(block)
                if file.tell() > self.largest:
                    break
            file.flush()
            os.fsync(file.fileno())

    def _continues(self, answer: http.client.HTTPResponse, have: int, note: dict[str, object]) -> bool:
        """Whether an answer to a range begins where the part ends, and is of the same file."""
        told = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", answer.headers.get("Content-Range", "").strip())
        if told is None or answer.length is None or not have:
            return False
        total = have + answer.length
        same = note.get("validator") in (None, _validator(answer)) and note.get("total") in (None, total)
        return same and int(told[1]) == have and int(told[2]) == total - 1 and told[3] in ("*", str(total))

    def _check_kind(self, answer: http.client.HTTPResponse) -> None:
        if answer.status not in (200, 206):
            raise GanlabError(f"{self.host} answers {answer.status} to {self.url}.", "Look at it in a browser.")
        if answer.headers.get_content_type() == "text/html":
            raise GanlabError(
                f"At {self.url} is a page about a file, not the file.",
                "Take the address of its download button: /raw/ instead of /blob/ on GitHub, hf:OWNER/REPO/FILE for "
                "the Hugging Face Hub.",
            )
        packed = answer.headers.get("Content-Encoding", "identity").lower()
        if packed != "identity":
            raise GanlabError(f"{self.host} sends {self.url} packed ({packed}).", "Download it yourself and give it.")

    def _check_size(self, size: int) -> None:
        if size > self.largest:
            self.drop()
            raise GanlabError(
                f"{self.url} is larger than {size_text(self.largest)}, the most that is fetched.",
                "Allow more with --largest, or download it yourself and give the file.",
            )

    def _check_whole(self, size: int, total: int | None) -> None:
        if total is not None and size < total:
            raise Broken(f"{self.host} broke off after {size_text(size)} of {size_text(total)}")
        if not size:
            raise GanlabError(f"{self.url} is empty.", "Look at the address in a browser.")


class _Blocks:
    """A body in blocks; as many as len() says, for the progress bar. What came before it broke is handed on too."""

    def __init__(self, answer: http.client.HTTPResponse, length: int | None) -> None:
        self._answer, self._length = answer, length

    def __len__(self) -> int:
        return -(-(self._length or 0) // BLOCK)

    def __iter__(self) -> Iterator[bytes]:
        block = bytearray()
        broken: Exception | None = None
        try:
            while piece := self._answer.read1(BLOCK - len(block)):
                block += piece
                if len(block) == BLOCK:
                    yield bytes(block)
                    block.clear()
        except (OSError, http.client.HTTPException) as error:
            broken = error
        if block:
            yield bytes(block)
        if broken is not None:
            raise Broken(f"the connection broke ({str(broken) or type(broken).__name__})") from broken


def _validator(answer: http.client.HTTPResponse) -> str | None:
    """What a server recognises a version of a file by, strongly enough to join two halves."""
    tag = answer.headers.get("ETag", "")
    if tag.startswith('"'):
        return tag
    return answer.headers.get("Last-Modified")


def size_text(size: int) -> str:
    """A number of bytes for people."""
    for unit, bytes_each in (("GiB", 1 << 30), ("MiB", 1 << 20), ("kiB", 1 << 10)):
        if size >= bytes_each:
            return f"{size / bytes_each:.1f} {unit}"
    return f"{size} bytes"
