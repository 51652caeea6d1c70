"""The one exception for what a user can mend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten

LONGEST_REASON = 300  # letters of an error that nobody was prepared for


class GanlabError(Exception):
    """A mistake the user can mend: one sentence, and a hint at what to do instead.

    The command line prints both without a traceback and ends with exit code 2.

    Args:
        message: what is wrong, and where.
        hint: what to do instead; empty where nobody could say.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(hint)  # a traceback, as in a notebook, shows it below the sentence


@contextmanager
def in_words(spec: str, *passed_on: type[Exception], reader: str = "") -> Iterator[None]:
    """Tell of a file that whoever reads it, be it another's plugin, was not prepared for.

    Args:
        spec: the file, as a person named it.
        passed_on: errors that somebody else tells of, beside ``GanlabError`` and ``OSError``.
        reader: who reads it, as the sentence should say; empty where that is plain.

    Raises:
        GanlabError: in place of any other error.
    """
    try:
        yield
    except (GanlabError, OSError):
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, passed_on):
            raise
        who = f"its reader, {reader}," if reader else "its reader"
        what = shorten(f"{type(error).__name__}: {error}".rstrip(": "), LONGEST_REASON)
        raise GanlabError(
            f"{spec} holds something that {who} was not prepared for ({what}).",
            "Fetch or copy it again; if it is whole, the reader is at fault. "
            "With GANLAB_TRACEBACK=1 you see what failed, for a report.",
        ) from error
