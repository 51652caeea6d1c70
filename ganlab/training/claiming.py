"""A run's folder belongs to one training at a time, from before its pictures are read until it ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganlab.errors import GanlabError
from ganlab.runs.folders import new_run_folder
from ganlab.training.state import STATE
from ganlab.writing import check_new_folder, missing_parents, remove_if_empty, to_disk

KEEP = "keep.txt"  # a run's copy of the list that named its pictures


@contextmanager
def new_run(out: Path | None, name: str) -> Iterator[Path]:
    """A folder for a new run, held as long as the block lasts; a run that wrote no state leaves nothing.

    Args:
        out: the folder, which must not exist yet or be empty; None for the next free ``train/NAME-0001``.
        name: what runs on these data are called.

    Raises:
        GanlabError: the folder holds something, cannot be made, or another process trains in it.
    """
    run, made = _made(out, name)
    try:  # from here on: it may be stopped before the folder is held
        to_disk(*(folder.parent for folder in made))
        with held(run):
            check_new_folder(run)
            try:
                yield run
            finally:
                if not (run / STATE).exists():
                    (run / KEEP).unlink(missing_ok=True)
    finally:
        remove_if_empty(made)


@contextmanager
def held(run: Path) -> Iterator[None]:
    """Keep other processes from training in a run's folder; a process that is killed holds nothing any more.

    Raises:
        GanlabError: another process trains in it.
    """
    folder = _locked(run)
    try:
        yield
    finally:
        if folder is not None:
            os.close(folder)


def _made(out: Path | None, name: str) -> tuple[Path, list[Path]]:
    """The folder, and which folders had to be made for it, the innermost first."""
    while True:
        run = out or new_run_folder("train", name)
        made = [] if run.exists() else [run.absolute(), *missing_parents(run)]
        if out is not None:
            check_new_folder(out)
        try:
            run.mkdir(parents=True, exist_ok=out is not None)
            return run, made
        except OSError as error:
            if isinstance(error, FileExistsError) and run.is_dir():
                continue  # another training took the number meanwhile
            hint = "Name another folder with --out."
            raise GanlabError(f"{run} cannot be written: {error.strerror}.", hint) from error


def _locked(run: Path) -> int | None:
    """The folder, opened and locked; None where it cannot be, as on Windows and some network disks."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        folder = os.open(run, os.O_RDONLY)
    except OSError:  # whoever looks for its state says what is wrong
        return None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(folder)
        hint = "Let it end, or stop it, before you go on with it."
        raise GanlabError(f"Another process is training in {run}.", hint) from None
    except OSError:  # a disk that knows no locks
        pass
    return folder
