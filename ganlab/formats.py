"""Formats of files, ganlab's own and plugins': each is asked with care, and named where it fails."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from ganlab.errors import GanlabError, in_words

# what opening a path raises that is no file of the format's; other OSErrors are those of the path itself
UNPREPARED = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


class PluginWarning(UserWarning):
    """Something of a plugin's was passed over; the message says what, whose, and why, in one line."""


class Format(Protocol):
    """What checkpoint formats and formats of pictures have in common."""

    @property
    def name(self) -> str: ...

    @property
    def recognises(self) -> Callable[[Path], bool]: ...


F = TypeVar("F", bound=Format)


def recognising(formats: Iterable[F], path: Path) -> Iterator[F]:
    """The formats that recognise a file or folder, in their order.

    One that fails when it is asked is passed over with a :class:`PluginWarning`: the file may well be another's.

    Raises:
        OSError: the path cannot be looked at.
    """
    for format in formats:
        try:
            recognised = bool(format.recognises(path))
        except MemoryError:
            raise
        except (Exception, SystemExit) as error:
            if isinstance(error, OSError) and not isinstance(error, UNPREPARED):
                raise
            warnings.warn(_passed_over(format, path, error), PluginWarning, stacklevel=2)
            continue
        if recognised:
            yield format


@contextmanager
def reading(format: Format, spec: str, *passed_on: type[Exception]) -> Iterator[None]:
    """Tell of what this format's reader was not prepared for, by its name: the file may be at fault, or the reader.

    Args:
        format: whose code runs.
        spec: the file, as a person named it.
        passed_on: as for :func:`ganlab.errors.in_words`.

    Raises:
        GanlabError: in place of any error but ``OSError`` and those that are passed on.
    """
    with in_words(spec, *passed_on, reader=named(format)):
        yield


def check_given(format: Format, spec: str, given: object, *wanted: type) -> None:
    """That a format's reader gave what it should.

    Raises:
        GanlabError: it gave something else.
    """
    if not isinstance(given, wanted):
        meant = " or ".join(kind.__name__ for kind in wanted)
        raise GanlabError(
            f"For {spec} {named(format)} gave {type(given).__name__}, where {meant} is meant.",
            "That is a mistake of the reader, whatever the file is: tell its author.",
        )


def named(format: Format) -> str:
    """A format in words for a sentence, with the plugin that brought it, unless it comes with ganlab."""
    from ganlab.plugins import host  # late: plugins know formats, so formats cannot know plugins

    entry = host().bringer(format)
    return f"the format '{format.name}'" + (f" of {entry.title}" if entry is not None else "")


def _passed_over(format: Format, path: Path, error: BaseException) -> str:
    from ganlab.plugins.metadata import one_line

    return f"{named(format)} was passed over, because it failed when asked whether {path} is its own: {one_line(error)}"
