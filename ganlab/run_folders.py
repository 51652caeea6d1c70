"""A result on disk: a run's folder with ``result.json``, pictures, arrays, GANs and a page, and back again."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from ganlab.animation import read_webp, webp_bytes
from ganlab.errors import GanlabError
from ganlab.faults import name_faults, path_faults
from ganlab.results import FORMAT, Figure, Metric, Result, Table
from ganlab.writing import FolderTaken, arrays_bytes, new_folder, png_bytes

if TYPE_CHECKING:
    import numpy as np

    from ganlab.gan import Gan


def save_result(
    result: Result,
    folder: str | Path,
    *,
    command: str = "",
    environment: Mapping[str, Any] | None = None,
    renumber: bool = False,
) -> Path:
    """Write a result as a run: ``result.json``, figures, arrays, GANs, files, ``index.html``.

    What differs from run to run goes into ``environment.json``. Everything is written into a temporary folder
    beside and renamed, so a run is there as a whole or not at all. A GAN whose card does not say how to build it, as of
    networks by the user's own code, cannot be written: it is taken out of the result, and a note says so.

    Args:
        folder: must not exist yet, or be empty.
        command: the command line that reproduces the run, for the page.
        environment: times, versions, device; see :func:`ganlab.environment.environment`.
        renumber: when another process took a numbered ``folder`` meanwhile, take the next number instead.

    Returns:
        The folder written.

    Raises:
        ValueError: the result breaks its contract, see :meth:`Result.check`.
        GanlabError: the folder holds something or cannot be written, or the disk is full. Nothing is left.
    """
    _leave_out(result)
    text = result.to_json()
    folder = Path(folder)
    while True:
        try:
            with new_folder(folder) as temporary:
                _write(result, text, temporary, command, dict(environment or {}))
            return folder
        except FolderTaken:
            if not renumber:
                raise
            folder = new_run_folder(folder.parent.name, folder.name.rpartition("-")[0], folder.parent.parent)


def load_result(folder: str | Path) -> Result:
    """Read back what :func:`save_result` wrote; the folder may be a stranger's, nothing in it is executed.

    Raises:
        GanlabError: the folder is no run, or a file of it is missing or damaged.
    """
    from PIL import Image

    folder = Path(folder)
    hint = "Give a folder that holds a result.json."
    try:
        content = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            other = f"another ganlab (format {content['format']})"
            raise GanlabError(f"{folder} was written by {other}.", "Update ganlab.")
        _check_names(content)
        result = Result(
            summary=content["summary"],
            metrics={name: Metric(**metric) for name, metric in content["metrics"].items()},
            tables={name: Table(**table) for name, table in content["tables"].items()},
            arrays=_read_arrays(folder / "arrays.npz", content["arrays"]),
            files={name: (folder / name).read_bytes() for name in content["files"]},
            notes=content["notes"],
            record=content["record"],
        )
        for name, figure in content["figures"].items():
            with Image.open(folder / "figures" / f"{name}.png") as image:
                image.load()
            frames = _read_frames(folder / "figures" / f"{name}.webp", figure)
            result.figures[name] = Figure(image, figure["caption"], *frames)
        result.gans = {name: _read_gan(folder / "gans" / name) for name in content["gans"]}
        result.check()
    except GanlabError:
        raise
    except FileNotFoundError as error:
        raise GanlabError(f"{folder} is no complete run: {error.filename} is missing.", hint) from error
    except Exception as error:  # a wrong byte raises whatever the reader of that byte raises
        raise GanlabError(f"The run in {folder} is damaged: {error}.", hint) from error
    return result


def new_run_folder(command: str, name: str, root: str | Path | None = None) -> Path:
    """The next free ``ROOT/COMMAND/NAME-0001``, free also where capitals do not count; it is not made yet.

    Args:
        root: by default ``GANLAB_RUNS``, or ``runs`` in the current folder.
    """
    parent = Path(root or os.environ.get("GANLAB_RUNS") or "runs") / command
    stem = re.sub(r"[^\w.+-]+", "-", normalize("NFC", name)).strip("-.") or "run"
    taken = [0]
    if parent.is_dir():
        pattern = re.compile(re.escape(_folded(stem)) + r"-(\d{4,})")
        taken += [int(match[1]) for entry in parent.iterdir() if (match := pattern.fullmatch(_folded(entry.name)))]
    return parent / f"{stem}-{max(taken) + 1:04d}"


def _folded(name: str) -> str:
    """What is equal of names that some disk takes for the same."""
    return normalize("NFC", normalize("NFC", name).casefold())


def _leave_out(result: Result) -> None:
    """Take out the GANs that cannot be written.

    Raises:
        ValueError: the result breaks its contract.
    """
    result.check()
    for name in [name for name, gan in result.gans.items() if not gan.card.architecture]:
        del result.gans[name]
        result.notes.append(f"The GAN {name!r} was not kept: its card does not say how to build its networks.")


def _write(result: Result, text: str, folder: Path, command: str, environment: dict[str, Any]) -> None:
    from ganlab.page import render

    pictures = {f"{name}.png": png_bytes(figure.image) for name, figure in result.figures.items()}
    for name, figure in result.figures.items():
        if figure.frames:
            pictures[f"{name}.webp"] = webp_bytes(figure.frames, figure.seconds)
    if result.figures:
        (folder / "figures").mkdir()
    for name, picture in pictures.items():
        (folder / "figures" / name).write_bytes(picture)
    if result.arrays:
        (folder / "arrays.npz").write_bytes(arrays_bytes(result.arrays))
    for name, gan in result.gans.items():
        from ganlab.checkpoints import save_gan

        save_gan(gan, folder / "gans" / name)
    for name, content in result.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    environment = {"command": command, **environment}
    page = render(result, pictures, command, environment)
    (folder / "index.html").write_bytes(page.encode("utf-8", "xmlcharrefreplace"))
    (folder / "environment.json").write_text(json.dumps(environment, indent=2, default=str) + "\n", encoding="utf-8")
    (folder / "result.json").write_bytes(text.encode("utf-8"))


def _check_names(content: Mapping[str, Any]) -> None:
    """That all names lead to places below the run's folder, before any of it is opened.

    Raises:
        ValueError: one of them does not.
    """
    faults = {name: name_faults(name) for name in (*content["figures"], *content["gans"])}
    faults |= {name: path_faults(name) for name in content["files"]}
    for name, fault in faults.items():
        if fault:
            raise ValueError(f"{name!r}: {fault}")


def _read_gan(folder: Path) -> Gan:
    """The GAN in a folder that must be a checkpoint of ganlab: read as data, never taken for another spec."""
    from ganlab.checkpoints import native

    return native.load(folder)


def _read_frames(path: Path, figure: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a figure with frames has more than others."""
    if "animation" not in figure:
        return ()
    return read_webp(path, figure["frames"], figure["seconds"]), figure["seconds"]


def _read_arrays(path: Path, expected: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if not expected:
        return {}
    import numpy as np

    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in expected}
