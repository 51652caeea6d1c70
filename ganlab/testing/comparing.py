"""What a result says, so that two runs can be compared byte by byte, here or in other processes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from ganlab.analyses import Analysis
from ganlab.results import Result


def said(result: Result) -> dict[str, str]:
    """SHA-256 of all its parts, by the name that a failure would say."""
    parts: dict[str, Iterable[bytes]] = {"result.json": [result.to_json().encode("utf-8", "surrogatepass")]}
    for name, figure in result.figures.items():
        parts[f"the figure {name!r}"] = [image.tobytes() for image in (figure.image, *figure.frames)]
    for name, array in result.arrays.items():
        parts[f"the array {name!r}"] = [array.tobytes()]
    for name, content in result.files.items():
        parts[f"the file {name!r}"] = [content]
    return {name: _digest(contents) for name, contents in parts.items()}


def check_same(analysis: Analysis, first: Mapping[str, str], second: Mapping[str, str], runs: str) -> None:
    """That two results say the same.

    Raises:
        AssertionError: they do not; told with the first part that differs.
    """
    for what, digest in first.items():
        if second.get(what) != digest:
            raise AssertionError(f"analysis {analysis.name!r}: {what} differs between two {runs} with the same options")


def _digest(contents: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()
