"""Where ganlab puts what it writes: runs, and what it keeps to be fast."""

from __future__ import annotations

import os
from pathlib import Path


def runs_folder() -> Path:
    """Where runs land: GANLAB_RUNS, else ``runs`` in the current folder."""
    return Path(os.environ.get("GANLAB_RUNS") or "runs").expanduser()


def cache_folder() -> Path:
    """What can be made or fetched again: GANLAB_CACHE, else ``~/.cache/ganlab``."""
    return Path(os.environ.get("GANLAB_CACHE") or "~/.cache/ganlab").expanduser()
