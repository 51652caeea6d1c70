"""What differs from run to run: when, on which machine, with which versions."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

_PACKAGES = ("ganlab", "torch", "numpy", "pillow", "scikit-learn", "captum")


def environment(*, device: str = "", seconds: float | None = None) -> dict[str, Any]:
    """The facts for ``environment.json`` and the foot of the page. Imports none of the packages it names.

    Args:
        device: where the networks ran.
        seconds: how long the analysis took.
    """
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    facts: dict[str, Any] = {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "versions": versions,
    }
    if device:
        facts["device"] = device
    if seconds is not None:
        facts["seconds"] = round(seconds, 2)
    return facts
