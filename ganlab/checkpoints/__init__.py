"""The one door to pretrained GANs: ``load_gan(spec)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganlab.checkpoints.names import named_checkpoints as named_checkpoints
from ganlab.checkpoints.names import shipped_folder as shipped_folder
from ganlab.checkpoints.names import shipped_gans as shipped_gans
from ganlab.checkpoints.names import ships as ships
from ganlab.checkpoints.names import store_folder as store_folder
from ganlab.hookspecs import hookimpl

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ganlab.gan import Gan
    from ganlab.recovery.stored import Stored


@dataclass(frozen=True)
class CheckpointFormat:
    """A way of reading checkpoints, and perhaps of writing edited ones back, that a plugin brings.

    Attributes:
        name: as in ``--gan NAME:PATH``, and what it says in errors.
        summary: one line.
        recognises: whether a file or folder is of this format, told by its name and first bytes, cheaply. One that
            raises is passed over with a warning.
        load: the GAN in it, or where the file does not say how its networks are built, the networks as stored: ganlab
            works out the rest. Raises GanlabError for whatever a user can mend.
        rewrite: ``rewrite(path, name, change)`` gives a copy of the checkpoint at ``path`` that is called ``name``: the
            contents of its files by their names, last the one that speaks of the others. Every array of floating point
            numbers in it goes through ``change(key, array)``, in the same order each time; what comes back, of the same
            shape, stands in its place, in the file's own precision, and nothing else differs. With it ``ganlab
            checkpoints export`` writes edited GANs back; None where it cannot.
    """

    name: str
    summary: str
    recognises: Callable[[Path], bool]
    load: Callable[[Path], Gan | Stored]
    rewrite: Callable[[Path, str, Callable[[str, np.ndarray], np.ndarray]], Mapping[str, bytes]] | None = None


def load_gan(spec: str | Path, **hints: Any) -> Gan:
    """Load a GAN by what a person would type.

    A file of bare weights says neither how its layers follow each other nor what z it expects: that is worked out, with
    the statistics of its BatchNorms as the witness, and the GAN's card says how each decision was made.

    Args:
        spec: a shipped or saved checkpoint's name (``rooms-64``), a folder, a file, ``FORMAT:PATH``, an address
            (``https:``, ``hf:``) or ``MODULE:FACTORY``; ``GENERATOR+DISCRIMINATOR`` joins two files, ``FILE#NAME``
            chooses one of several generators; with ``trust=True`` also ``hub:OWNER/REPO:ENTRY`` and
            ``MODULE:CLASS+FILE`` of a pickled module.
        hints: what you know better: see :class:`ganlab.Hints`.

    Raises:
        GanlabError: no such checkpoint, or one that cannot be read or worked out; unless ``trust`` was
            given, nothing in it has been executed.
    """
    from ganlab.checkpoints.opening import open_gan
    from ganlab.networks.devices import full_float32
    from ganlab.recovery.hints import Hints

    with full_float32():
        return open_gan(str(spec), Hints(**hints))


def save_gan(gan: Gan, folder: str | Path, *, dtype: torch.dtype | None = None) -> None:
    """Write a GAN as a checkpoint folder that every command accepts (``card.toml`` and ``weights.safetensors``).

    Args:
        gan: what to save; its card must say how to build the networks.
        folder: a new folder; written beside and renamed, so that it is whole or not there.
        dtype: how to store floating point weights (``torch.bfloat16`` halves the file); None keeps them.
    """
    from ganlab.checkpoints import native

    native.save(gan, Path(folder), dtype)


@hookimpl
def register_checkpoint_formats() -> list[CheckpointFormat]:
    """The core's own formats come through the same hook as everybody's; a reader is imported when it is asked."""
    native, pytorch, safetensors = (partial(_late, reader) for reader in ("native", "pytorch", "safetensors"))
    return [
        CheckpointFormat(
            "ganlab", "a folder with card.toml and weights.safetensors", native("recognises"), native("load")
        ),
        CheckpointFormat("pytorch", "a file of torch.save", pytorch("recognises"), pytorch("load"), pytorch("rewrite")),
        CheckpointFormat(
            "safetensors",
            "a state dict as safetensors",
            safetensors("recognises"),
            safetensors("load"),
            safetensors("rewrite"),
        ),
    ]


def _late(reader: str, function: str) -> Callable[..., Any]:
    """A reader's function, whose module is imported when it is called: it needs torch, and names alone do not."""

    def called(*arguments: Any) -> Any:
        return getattr(import_module(f"ganlab.checkpoints.{reader}"), function)(*arguments)

    return called
