"""Residual blocks whose shortcuts have weights: what the channels alone would take for one long chain."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ganlab.errors import GanlabError
from ganlab.recovery.stored import Part

CALLED = re.compile(r"(^|[._])(c_?sc|conv_?sc|sc|short_?cut|skip|proj|projection|bypass|residual)\d*$", re.IGNORECASE)
SEVERAL = 2  # such blocks are no chance, whatever their kernels are called


def refuse_shortcuts(parts: Iterable[Part]) -> None:
    """That no kernels of one pixel lead past larger ones.

    A block, by the names, of two larger kernels or more and one of a single pixel, all of equal width: in a chain it
    would only mix channels, where a shortcut has to be added.

    Raises:
        GanlabError: several blocks are so, or one whose kernel is called a shortcut.
    """
    blocks: dict[str, list[Part]] = {}
    for part in parts:
        if part.tensors["weight"].ndim == 4 and "." in part.name:
            blocks.setdefault(part.name.rpartition(".")[0], []).append(part)
    found = [single for block in blocks.values() if (single := _past(block)) is not None]
    if len(found) >= SEVERAL or any(CALLED.search(part.name) for part in found):
        raise GanlabError(
            f"{found[0].name!r} seems to lead past the layers beside it, as the shortcut of a residual block does.",
            "Networks with branches need their own code: --gan MODULE:FACTORY; chains, a --card that spells them out.",
        )


def _past(block: list[Part]) -> Part | None:
    """The one kernel of a single pixel in a block, where two larger ones or more are of its width."""
    shapes = [tuple(part.tensors["weight"].shape) for part in block]
    single = [part for part, shape in zip(block, shapes, strict=True) if shape[2:] == (1, 1)]
    widths = {number for shape in shapes for number in shape[:2]}
    if len(single) != 1 or len(block) - 1 < 2 or len(widths) != 1:
        return None
    return single[0]
