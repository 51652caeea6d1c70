"""What was worked out of a file of weights, kept in the cache: the next command finds it there."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

from ganlab import __version__, architectures, recovery
from ganlab.checkpoints import native
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.locations import cache_folder
from ganlab.recovery.hints import Hints
from ganlab.recovery.stored import Stored
from ganlab.writing import remove_unfinished

FOLDER = "recovered"  # below the cache
MOST, ROOM = 32, 1 << 31  # GANs and bytes that are kept; those that nobody has opened for longest go first
WORTH = 1.0  # seconds of work that are worth keeping
ABANDONED = 3600.0  # seconds after which what is unfinished has no owner any more


def remembered(stored: Stored, name: str, hints: Hints, which: str | None, work: Callable[[], Gan]) -> Gan:
    """The GAN that ``work`` makes of a file, or made of it before.

    It is the same only for the same tensors, name, hints and code. Where the cache cannot be read or written it is
    worked out every time.

    Args:
        stored: what a format's reader found.
        name, hints, which: what else the work depends on.
        work: takes seconds.
    """
    place = cache_folder() / FOLDER / _digest(stored, name, hints, which)
    with suppress(GanlabError, OSError):
        gan = native.load(place)
        gan.folder = None  # nothing of the user's lies there
        os.utime(place)
        return gan
    began = time.monotonic()
    gan = work()
    if time.monotonic() - began > WORTH:
        with suppress(GanlabError, OSError):
            native.save(gan, place, replace=True)  # what lies there did not open
            _tidy(place.parent)
    return gan


def _digest(stored: Stored, name: str, hints: Hints, which: str | None) -> str:
    card = b"" if hints.card is None else Path(hints.card).read_bytes()
    said = sorted(replace(hints, label=None).given().items())  # every class is of the same GAN
    digest = hashlib.blake2b(repr((_code(), name, said, which)).encode(), digest_size=16)
    digest.update(card)
    for fact in _facts(stored):
        digest.update(fact)
    return digest.hexdigest()


def _facts(stored: Stored) -> Iterator[bytes | memoryview]:
    """All that a reader found."""
    yield repr(
        (stored.format, stored.law, stored.eps, stored.same_padding, stored.notes, stored.keeps_statistics)
    ).encode()
    for network in stored.networks:
        yield repr((network.name, network.layers, network.side, len(network.parts))).encode()
        for part in network.parts:
            settings = sorted(part.settings.items())
            yield repr((part.kind, part.name, sorted(part.keys.items()), part.container, part.place, settings)).encode()
            for role, tensor in part.tensors.items():
                yield repr((role, tuple(tensor.shape), str(tensor.dtype))).encode()
                yield tensor.detach().contiguous().numpy().data.cast("B") if tensor.numel() else b""


@cache
def _code() -> tuple[object, ...]:
    """What changes when the code that works networks out does."""
    folders = [Path(str(package.__file__)).parent for package in (recovery, architectures)]
    files = sorted(path for folder in folders for path in folder.glob("*.py"))
    return (__version__, *((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files))


def _tidy(folder: Path) -> None:
    remove_unfinished(folder, ABANDONED)
    left = ROOM
    newest_first = sorted(folder.glob("[!.]*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for number, path in enumerate(newest_first):
        left -= sum(file.stat().st_size for file in path.iterdir())
        if number >= MOST or left < 0:
            shutil.rmtree(path, ignore_errors=True)
