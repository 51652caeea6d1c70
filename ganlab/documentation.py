"""The pages of ``docs/``: beside the source tree, or within an installed ganlab."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

PAGE = re.compile(r"(?<![\w/.-])docs/[a-z]+\.md\b")


def folder() -> Path:
    """Where they lie."""
    here = Path(__file__).parent
    inside = here / "docs"
    return inside if inside.is_dir() else here.with_name("docs")


def located(text: str) -> str:
    """The text, in which each page that is named (``docs/data.md``) is named by where it lies on this machine."""

    def place(match: re.Match[str]) -> str:
        path = folder() / match[0].removeprefix("docs/")
        if not path.is_file():
            return match[0]
        with suppress(FileNotFoundError):  # the current folder may be gone
            if path.is_relative_to(Path.cwd()):
                return os.path.relpath(path)
        return str(path)

    return PAGE.sub(place, text)
