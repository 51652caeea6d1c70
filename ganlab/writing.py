"""Writing that leaves nothing half written, and the same bytes each time: beside the target, on disk, then renamed."""

from __future__ import annotations

import errno
import io
import os
import secrets
import shutil
import time
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ganlab.errors import GanlabError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image


LAST = ("result.json", "card.toml")  # they speak of the other files of their folder

UNFINISHED = ".ganlab-unfinished-"  # what the names of unfinished files and folders begin with
AT_ONCE = 16  # files that are waited for together: many then cost a disk little more than one

NO_WAITING = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}  # of file systems that cannot be waited for
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}  # of disks without links


class FolderTaken(GanlabError):
    """The folder a result should go to holds something already."""


class NotWritten(GanlabError):
    """The disk took no more, or nothing may be written there."""


def check_new_folder(folder: Path) -> None:
    """Refuse early, before anything is computed, a folder that could not be written at the end.

    Raises:
        GanlabError: the folder holds something, is a file, or lies where nothing can be written.
    """
    with _explained(folder, "Name another folder."):
        if folder.exists() and not folder.is_dir():
            raise GanlabError(f"{folder} is a file, not a folder.", "Name a folder that does not exist yet.")
        if folder.is_dir() and any(folder.iterdir()):
            raise _taken(folder)
        whole = folder.absolute()
        nearest = next((place for place in (whole, *whole.parents) if place.exists()), None)
    if nearest is None:
        raise GanlabError(f"{folder} cannot be written: {whole.anchor} is not there.", "Name another folder.")
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        why = f"{nearest} does not let this user write" if nearest.is_dir() else f"{nearest} is a file"
        raise GanlabError(f"{folder} cannot be written: {why}.", "Name another folder.")


def check_utf8(*texts: str | Path | None) -> None:
    """Refuse texts that could not stand in a card or a result, both of which are UTF-8.

    Raises:
        GanlabError: one of them holds other bytes, as names of files from old disks and archives do.
    """
    for text in map(str, filter(None, texts)):
        shown = text.encode(errors="replace").decode()
        if shown != text:
            raise GanlabError(f"{shown} is not UTF-8, as what ganlab writes is.", "Give it another name.")


@contextmanager
def new_folder(folder: Path, replace: bool = False) -> Iterator[Path]:
    """A temporary folder to fill: it becomes ``folder`` when the with-block ends well, else it vanishes.

    A folder that exists and is empty is filled in place (it may be somebody's current folder, or a mount). One that is
    to be replaced is there until the new one is whole.

    Raises:
        FolderTaken: ``folder`` holds something, before the block or by its end.
        GanlabError: it cannot be written, or the disk is full.
    """
    if not replace:
        check_new_folder(folder)
    with _explained(folder):
        fill = folder.is_dir() and not replace
        missing = missing_parents(folder)
        temporary = _unfinished(folder if fill else folder.absolute().parent)
        try:
            temporary.mkdir(parents=True)
            yield temporary
            to_disk(*temporary.rglob("*"), temporary)
            if replace and folder.exists():
                _exchange(temporary, folder)
            else:
                _publish(temporary, folder, fill)
            to_disk(folder, *_holding(folder, missing))
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            remove_if_empty(missing)
            raise


def write_file(path: Path, content: bytes) -> None:
    """Write one file beside ``path`` and rename it, replacing what was there.

    Raises:
        GanlabError: it cannot be written, or the disk is full.
    """
    temporary = _unfinished(path.parent)
    with _explained(path):
        missing = missing_parents(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            to_disk(temporary)
            os.replace(temporary, path)
            to_disk(*_holding(path, missing))
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_new_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files that belong together, all of them or none, and none over another.

    Args:
        folder: where they go; it is made if need be.
        files: contents by name, last the one that speaks of the others.

    Raises:
        GanlabError: one of them is there already, cannot be written, or the disk is full.
    """
    for name in files:
        if os.path.lexists(folder / name):
            raise _there(folder / name)
    temporary, written = _unfinished(folder), []
    with _explained(folder):
        missing = missing_parents(folder / "file")
        try:
            temporary.mkdir(parents=True)
            for name, content in files.items():
                (temporary / name).write_bytes(content)
            to_disk(*temporary.iterdir())
            for name in files:
                _move(temporary / name, folder / name)
                written.append(folder / name)
            temporary.rmdir()
            to_disk(*_holding(folder / "file", missing))
        except BaseException:
            for path in written:
                path.unlink(missing_ok=True)
            shutil.rmtree(temporary, ignore_errors=True)
            remove_if_empty(missing)
            raise


def to_disk(*paths: Path) -> None:
    """Wait until these files, and the names in these folders, would outlast a power cut.

    What is renamed before may be there afterwards and be empty.

    Raises:
        OSError: the disk does not take a file. What nobody can wait for passes: folders on Windows, files on some
            network file systems.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(_to_disk, paths):
            pass


def _to_disk(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if path.is_file() and error.errno not in NO_WAITING:
            raise


def _holding(path: Path, missing: list[Path]) -> list[Path]:
    """The folders that got a new name when ``path`` was written and those that were missing above it were made."""
    return [path.absolute().parent, *(folder.parent for folder in missing)]


def remove_unfinished(folder: Path, age: float = 0) -> None:
    """Remove what killed processes were writing anywhere below a folder, so many seconds ago or more."""
    for path in list(folder.rglob(f"{UNFINISHED}*")):
        with suppress(OSError):  # its owner has just finished it
            if age and time.time() - path.stat().st_mtime < age:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def _move(file: Path, path: Path) -> None:
    """Move a file to where nothing is, not even since somebody looked."""
    try:
        os.link(file, path)
        file.unlink()
    except FileExistsError:
        raise _there(path) from None
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        if os.path.lexists(path):
            raise _there(path) from None
        os.rename(file, path)


def _there(path: Path) -> GanlabError:
    return GanlabError(f"{path} already exists.", "Choose another --out.")


def png_bytes(image: Image.Image) -> bytes:
    """A picture as PNG: the same pixels give the same bytes. Keeps the resolution, drops other remarks."""
    from PIL import Image

    clean = Image.frombytes(image.mode, image.size, image.tobytes())
    resolution = {"dpi": image.info["dpi"]} if "dpi" in image.info else {}
    buffer = io.BytesIO()
    clean.save(buffer, "PNG", compress_level=6, **resolution)
    return buffer.getvalue()


def arrays_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """An ``.npz`` without the time of writing."""
    import numpy as np

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in sorted(arrays.items()):
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system, member.external_attr = 3, 0o644 << 16  # as written on Unix, everywhere
            with archive.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.array(array, order="C"), allow_pickle=False)
    return buffer.getvalue()


def _publish(temporary: Path, folder: Path, fill: bool) -> None:
    if fill:
        if any(entry.name != temporary.name for entry in folder.iterdir()):
            raise _taken(folder)
        _fill(temporary, folder)
        return
    try:
        os.rename(temporary, folder)
    except OSError:
        if folder.exists():
            raise _taken(folder) from None
        raise


def _fill(temporary: Path, folder: Path) -> None:
    """Move all that is in one folder into another, or nothing."""
    entries = sorted(temporary.iterdir(), key=lambda entry: entry.name in LAST)
    try:
        for entry in entries:
            os.rename(entry, folder / entry.name)
        temporary.rmdir()
    except BaseException:
        for entry in entries:
            if not os.path.lexists(entry):
                os.rename(folder / entry.name, entry)
        raise


def _exchange(temporary: Path, folder: Path) -> None:
    aside = _unfinished(folder.absolute().parent)
    os.rename(folder, aside)
    try:
        os.rename(temporary, folder)
    except BaseException:
        os.rename(aside, folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def missing_parents(path: Path) -> list[Path]:
    """The folders above ``path`` that are not there yet, the innermost first."""
    return [parent for parent in path.absolute().parents if not parent.exists()]


def remove_if_empty(folders: list[Path]) -> None:
    """Remove folders, in this order, up to the first that holds something."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _taken(folder: Path) -> FolderTaken:
    hint = "Name a folder that does not exist yet, or remove this one."
    return FolderTaken(f"{folder} already holds something.", hint)


@contextmanager
def _explained(
    path: Path, hint: str = "Free some space or name another folder; nothing was left behind."
) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotWritten(f"{path} could not be written: {error.strerror or error}.", hint) from error


def _unfinished(parent: Path) -> Path:
    return parent / f"{UNFINISHED}{os.getpid()}-{secrets.token_hex(4)}"
