"""A result on disk: a run's folder with ``result.json``, pictures, arrays, GANs and a page, and back again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from ganlab.errors import GanlabError
from ganlab.locations import runs_folder
from ganlab.results import FORMAT, Figure, Metric, Result, Section, Table
from ganlab.results.animation import MOST_PIXELS, read_webp, webp_bytes
from ganlab.results.faults import name_faults, path_faults
from ganlab.runs.environment import environment as facts
from ganlab.runs.files import LARGEST_FILE, LARGEST_TEXT, file_inside
from ganlab.writing import FolderTaken, arrays_bytes, new_folder, png_bytes
from ganlab.zips import check_methods

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from ganlab.gan import Gan

LARGEST_ARRAYS = 1 << 32  # bytes of all arrays that are read back together


NUMBER_AT_END = re.compile(r"-\d{4,}$")  # which a run's folder ends with


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
        command: the command line that reproduces the run, for the page and ``environment.json``. Default: the result's
            own, where it was read back.
        environment: what differs from run to run, for ``environment.json``: when, where, with which versions. Default:
            now, this machine, what is installed.
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
    command = command or result.command
    while True:
        try:
            with new_folder(folder) as temporary:
                _write(result, text, temporary, command, dict(facts() if environment is None else environment))
            return folder
        except FolderTaken:
            if not renumber:
                raise
            folder = new_run_folder(folder.parent.name, NUMBER_AT_END.sub("", folder.name), folder.parent.parent)


def load_result(folder: str | Path) -> Result:
    """Read back what :func:`save_result` wrote; the folder may be a stranger's, nothing in it is executed.

    The line that it came from is its ``command``: empty where it was none, or ``environment.json`` is not there.

    Nothing is read that lies elsewhere, and no more than memory usually holds: 64 MiB of ``result.json``, 1 GiB of
    each other file and of all ``files`` together, 4 GiB of arrays, 2^29 pixels of figures.

    Raises:
        GanlabError: the folder is no run, or a file of it is missing, damaged or too large.
    """
    folder = Path(folder)
    hint = "Give a folder that holds a result.json."
    try:
        content = json.loads(file_inside(folder, "result.json", LARGEST_TEXT).read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            other = f"another ganlab (format {content['format']})"
            raise GanlabError(f"{folder} was written by {other}.", "Update ganlab.")
        _check_names(content)
        result = Result(
            summary=content["summary"],
            metrics={name: Metric(**metric) for name, metric in content["metrics"].items()},
            tables={name: Table(**table) for name, table in content["tables"].items()},
            figures=_read_figures(folder, content["figures"]),
            arrays=_read_arrays(folder, content["arrays"]),
            files=_read_files(folder, content["files"]),
            notes=content["notes"],
            sections=[Section(**section) for section in content.get("sections", [])],
            record=content["record"],
            command=_read_command(folder),
        )
        result.gans = {name: _read_gan(folder, name) for name in content["gans"]}
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
        root: by default where runs land (GANLAB_RUNS, else ``runs`` in the current folder).
    """
    parent = (runs_folder() if root is None else Path(root)) / command
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
    from ganlab.runs.page import render

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


def _read_command(folder: Path) -> str:
    try:
        path = file_inside(folder, "environment.json", LARGEST_TEXT)
    except FileNotFoundError:  # what differs from run to run may be left behind
        return ""
    command: str = json.loads(path.read_text(encoding="utf-8"))["command"]
    return command


def _read_gan(folder: Path, name: str) -> Gan:
    """A GAN of a run, which must be a checkpoint of ganlab: read as data, never taken for another spec."""
    from ganlab.checkpoints import native

    file_inside(folder, f"gans/{name}/{native.CARD}", LARGEST_TEXT)
    file_inside(folder, f"gans/{name}/{native.WEIGHTS}", largest=None)
    return native.load(folder / "gans" / name)


def _read_files(folder: Path, names: Sequence[str]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    left = LARGEST_FILE
    for name in names:
        files[name] = file_inside(folder, name, left).read_bytes()
        left -= len(files[name])
    return files


def _read_figures(folder: Path, described: Mapping[str, Any]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    left = MOST_PIXELS
    for name, about in described.items():
        image = _read_picture(file_inside(folder, f"figures/{name}.png"), tuple(about["size"]), left)
        left -= image.width * image.height
        frames: tuple[Any, ...] = ()
        if "animation" in about:
            path = file_inside(folder, f"figures/{name}.webp")
            frames = (read_webp(path, about["frames"], about["seconds"], left), about["seconds"])
            left -= sum(frame.width * frame.height for frame in {id(frame): frame for frame in frames[0]}.values())
        figures[name] = Figure(image, about["caption"], *frames)
    return figures


def _read_picture(path: Path, size: tuple[int, int], most_pixels: int) -> Image.Image:
    """A PNG, which must have the size that ``result.json`` says before it is decoded.

    Raises:
        ValueError: it has another, or too many pixels.
    """
    from PIL import Image

    with Image.open(path, formats=("PNG",)) as image:
        if image.size != size or image.width * image.height > most_pixels:
            limit = f"the {MOST_PIXELS:,} pixels of a run that are read"
            raise ValueError(f"{path.name} has {image.width}x{image.height} pixels, not {size}, or more than {limit}")
        image.load()
    return image


def _read_arrays(folder: Path, expected: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if not expected:
        return {}
    import numpy as np

    with np.load(file_inside(folder, "arrays.npz"), allow_pickle=False) as archive:
        members = archive.zip.infolist()
        check_methods(members)
        if sum(member.file_size for member in members) > LARGEST_ARRAYS:
            raise ValueError(f"its arrays take more than the {LARGEST_ARRAYS:,} bytes that are read")
        return {name: archive[name] for name in expected}
