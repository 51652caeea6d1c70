"""What is said of files that are damaged or that take a library which is not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from ganlab import GanlabError

AGAIN = "Copy or download it again."
MOST_UNPACKED = 1 << 32  # bytes that are unpacked into memory
BEST_DEFLATE = 1100  # more than deflate ever makes of a byte


@contextmanager
def damaged(path: Path, what: str) -> Iterator[None]:
    """Whatever a reader raises inside means that the file is damaged; disk errors and our own words pass."""
    try:
        yield
    except (GanlabError, MemoryError):
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(path, what, error) from error
    except Exception as error:
        raise _damaged(path, what, error) from error


def library(name: str, extra: str, path: Path) -> Any:
    """A library that an extra brings.

    Raises:
        GanlabError: it is not installed, and how to install it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise GanlabError(
            f"Reading {path} takes {name.partition('.')[0]}, which is not installed.",
            f'Install it: pip install "ganlab[{extra}]"',
        ) from error


def check_unpacked(path: Path, needed: int) -> None:
    """Refuse to make room for more bytes than a compressed file can hold, or than fit into memory."""
    if needed > BEST_DEFLATE * path.stat().st_size:
        raise GanlabError(f"{path} says that it holds {needed:,} bytes, more than it can.", AGAIN)
    if needed > MOST_UNPACKED:
        raise GanlabError(f"{path} would take {needed:,} bytes of memory.", "Give its pictures in smaller files.")


def none_there(path: Path, what: str) -> GanlabError:
    """What is said where somebody named a format before a path that holds nothing of it."""
    return GanlabError(f"{path} holds no {what}.", "Without the format's name before it, what it holds is found out.")


def unknown_part(path: Path, part: str, parts: tuple[str, ...]) -> GanlabError:
    there = f"Write {path}:{parts[0]}; there are {', '.join(parts)}." if parts else f"Give {path} as it is."
    return GanlabError(f"{path} has no part {part!r}.", there)


def _damaged(path: Path, what: str, error: Exception) -> GanlabError:
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
    return GanlabError(f"{path} is damaged, or no {what}: {reason}.", AGAIN)
