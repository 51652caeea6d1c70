"""The one door to pretrained GANs: ``load_gan(spec)``."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from ganlab import fetching
from ganlab.errors import GanlabError
from ganlab.hookspecs import hookimpl

if TYPE_CHECKING:
    import torch

    from ganlab.gan import Gan
    from ganlab.recovery.stored import Stored


@dataclass(frozen=True)
class CheckpointFormat:
    """A way of reading checkpoints that a plugin brings.

    Attributes:
        name: as in ``--gan NAME:PATH``, and what it says in errors.
        summary: one line.
        recognises: whether a file or folder is of this format, told by its name and first bytes, cheaply.
        load: the GAN in it, or where the file does not say how its networks are built, the networks as stored: ganlab
            works out the rest. Raises GanlabError for whatever a user can mend.
    """

    name: str
    summary: str
    recognises: Callable[[Path], bool]
    load: Callable[[Path], Gan | Stored]


def load_gan(spec: str) -> Gan:
    """Load a GAN by what a person would type.

    Args:
        spec: a shipped or saved checkpoint's name (``rooms-64``), a folder, a file, ``FORMAT:PATH``, or what
            :func:`ganlab.fetching.fetch` brings into the cache.

    Raises:
        GanlabError: no such checkpoint, or one that cannot be read; nothing in it has been executed.
    """
    from ganlab.plugins import host  # late: the host needs this module's CheckpointFormat

    named = named_checkpoints()
    if spec in named:
        return _load(named[spec], spec)
    formats = {known.name: known for known in host().checkpoint_formats()}
    prefix, colon, rest = spec.partition(":")
    if colon and prefix in formats:
        return formats[prefix].load(_located(rest, spec))
    return _load(_located(spec, spec), spec)


def save_gan(gan: Gan, folder: str | Path, *, dtype: torch.dtype | None = None) -> None:
    """Write a GAN as a checkpoint folder that every command accepts (``card.toml`` and ``weights.safetensors``).

    Args:
        gan: what to save; its card must say how to build the networks.
        folder: a new folder; written beside and renamed, so that it is whole or not there.
        dtype: how to store floating point weights (``torch.bfloat16`` halves the file); None keeps them.
    """
    from ganlab.checkpoints import native

    native.save(gan, Path(folder), dtype)


def named_checkpoints() -> dict[str, Path]:
    """Checkpoints that ``--gan NAME`` finds: those that ship, then those saved by ``--save``; a shipped name wins."""
    found: dict[str, Path] = {}
    for root in (shipped_folder(), store_folder()):
        if root.is_dir():
            for folder in sorted(root.iterdir()):
                if (folder / "card.toml").is_file():
                    found.setdefault(folder.name, folder)
    return found


def shipped_folder() -> Path:
    """Where the checkpoints lie that come with ganlab: inside the wheel, or at the top of a source tree."""
    inside = Path(__file__).parent / "shipped"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "checkpoints"


def store_folder() -> Path:
    """Where ``--save NAME`` puts GANs: ``checkpoints`` below the folder of runs (GANLAB_RUNS, else ``runs``)."""
    return Path(os.environ.get("GANLAB_RUNS", "runs")) / "checkpoints"


@hookimpl
def register_checkpoint_formats() -> list[CheckpointFormat]:
    """The core's own formats come through the same hook as everybody's."""
    from ganlab.checkpoints import native, pytorch

    return [
        CheckpointFormat("ganlab", "a folder with card.toml and weights.safetensors", native.recognises, native.load),
        CheckpointFormat(
            "pytorch", "a file of torch.save (refused with the reason, for now)", pytorch.recognises, pytorch.load
        ),
    ]


def _load(path: Path, spec: str) -> Gan:
    from ganlab.plugins import host

    try:
        for known in host().checkpoint_formats():
            if known.recognises(path):
                return known.load(path)
    except OSError as error:
        raise GanlabError(
            f"{spec} cannot be read: {error.strerror}.", "Look at the permissions of its files."
        ) from error
    what = "folder holds no checkpoint" if path.is_dir() else "file is of no format known here"
    readable = "; ".join(f"{known.name}: {known.summary}" for known in host().checkpoint_formats())
    raise GanlabError(f"{spec}: this {what}.", f"Formats: {readable}.")


def _located(where: str, spec: str) -> Path:
    """Where a checkpoint lies on this machine, once it is fetched."""
    path = Path(where)
    if not path.exists() and fetching.knows(where):
        return fetching.fetch(where)
    _check_exists(path, spec)
    return path


def _check_exists(path: Path, spec: str) -> None:
    if path.exists():
        return
    names = [*named_checkpoints(), *fetching.entries()]
    near = get_close_matches(spec, names, n=3) or names
    there = f"Checkpoints known by name: {', '.join(near)}." if near else "Give a folder or a file."
    raise GanlabError(f"There is no checkpoint {spec!r}.", there)
