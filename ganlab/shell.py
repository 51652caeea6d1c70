"""Words of a command line as a person pastes them into the shell of this system."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from ganlab import locations

_PLAIN = re.compile(r"[\w.:/\\+=-]+")  # to cmd.exe and to PowerShell, which takes a comma for a list
_BEFORE_QUOTE = re.compile(r'(\\*)(?="|$)')  # strokes there count twice


def shell_word(word: object) -> str:
    """One word, such as a path, in quotes where it takes any: double ones on Windows, where ``cmd`` knows no others."""
    text = str(word)
    if not locations.WINDOWS:
        return shlex.quote(text)
    if _PLAIN.fullmatch(text):
        return text
    inside = _BEFORE_QUOTE.sub(r"\1\1", text).replace('"', r"\"")
    return f'"{inside}"'


def shell_line(words: Iterable[object]) -> str:
    """A whole command line."""
    return " ".join(map(shell_word, words))
