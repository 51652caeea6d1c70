"""Models of torch.hub: ``hub:OWNER/REPO:ENTRY``. Opening one runs its author's code, so it takes trust."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ganlab.errors import GanlabError
from ganlab.locations import on_a_drive

if TYPE_CHECKING:
    from torch import nn

PREFIX = "hub:"


def load_hub(spec: str, trust: bool) -> nn.Module:
    """The module that a repository's ``hubconf.py`` makes.

    Args:
        spec: ``hub:OWNER/REPO:ENTRY``, ``hub:OWNER/REPO@BRANCH:ENTRY``, or ``hub:FOLDER:ENTRY`` with a folder that
            begins with ``.`` or ``/`` or ``~``, or on Windows with a drive.
        trust: whether its code may run, with all the rights of the user.

    Raises:
        GanlabError: it is not trusted, cannot be had, breaks, or makes no module.
    """
    where, entry, local = _read(spec)
    if not trust:
        raise refusal(spec)
    import torch

    try:
        made = _make(where, entry, "local" if local else "github")
    except Exception as error:
        said = str(error).partition("\n")[0]
        raise GanlabError(
            f"{spec} could not be opened: {type(error).__name__}: {said}.",
            "Look at its hubconf.py: does it need packages, or has the entry another name?",
        ) from error
    if not isinstance(made, torch.nn.Module):
        raise GanlabError(f"{spec} makes a {type(made).__name__}, not a network.", "Name an entry that makes one.")
    return made


def refusal(spec: str) -> GanlabError:
    """Why it is not opened just so, and what to do."""
    where, entry, local = _read(spec)
    place = where if local else f"github.com/{where.replace(':', ', branch ')}"
    return GanlabError(
        f"{spec} would run code: the function {entry} in hubconf.py of {place}.",
        "Read that file; if you trust its authors as much as yourself, add --trust.",
    )


def _make(where: str, entry: str, source: str) -> Any:
    import torch

    try:  # most entries make untrained networks unless they are asked
        return torch.hub.load(where, entry, source=source, trust_repo=True, verbose=False, pretrained=True)
    except TypeError as error:
        if "pretrained" not in str(error):
            raise
    return torch.hub.load(where, entry, source=source, trust_repo=True, verbose=False)


def _read(spec: str) -> tuple[str, str, bool]:
    """Where, in torch.hub's words; the entry; and whether it is a folder here."""
    where, _, entry = spec.removeprefix(PREFIX).rpartition(":")
    local = where.startswith((".", "/", "~")) or on_a_drive(where)
    if not entry.isidentifier() or not where or (not local and where.count("/") != 1):
        raise GanlabError(f"{spec} names no model of torch.hub.", "Write hub:OWNER/REPO:ENTRY or hub:./FOLDER:ENTRY.")
    return (os.path.expanduser(where), entry, True) if local else (where.replace("@", ":"), entry, False)
