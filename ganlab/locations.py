"""Where ganlab puts what it writes: runs, and what it keeps to be fast; what a place is written like."""

from __future__ import annotations

import os
import re
from pathlib import Path

WINDOWS = os.name == "nt"
DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def runs_folder() -> Path:
    """Where runs land: GANLAB_RUNS, else ``runs`` in the current folder."""
    return Path(os.environ.get("GANLAB_RUNS") or "runs").expanduser()


def cache_folder() -> Path:
    """What can be made or fetched again: GANLAB_CACHE, else ``~/.cache/ganlab``."""
    return Path(os.environ.get("GANLAB_CACHE") or "~/.cache/ganlab").expanduser()


def on_a_drive(text: str) -> bool:
    """Whether a text begins as paths of Windows do, ``C:\\x``: what stands before its colon is no name.

    Without the stroke, as in ``C:x``, it takes Windows and a drive that is there: else a name may have one letter.
    """
    return bool(DRIVE.match(text)) or (WINDOWS and text[1:2] == ":" and Path(f"{text[:2]}\\").exists())


def names_a_place(text: str) -> bool:
    """Whether a text is a path, and not a bare name that is looked up in a folder of its own."""
    return Path(text).name != text or on_a_drive(text)
