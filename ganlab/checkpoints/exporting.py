"""Write a GAN back into the file format it came from, under the names that its makers' code knows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ganlab.checkpoints.origins import STATISTICS, Origin
from ganlab.checkpoints.tracing import NOWHERE, Change, Files, Tensors, replacing, trace, unchanged
from ganlab.errors import GanlabError
from ganlab.formats import recognising
from ganlab.gan import Gan, Side
from ganlab.wording import quoted
from ganlab.writing import write_new_files

if TYPE_CHECKING:
    from ganlab.checkpoints import CheckpointFormat

PRECISIONS = (torch.float32, torch.float16, torch.bfloat16)  # in which a file may hold a tensor
CONVERT = "checkpoints convert writes it all the same, as ganlab's own checkpoint."


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        files: their names.
        changed: how many tensors differ from those in the file it came from.
        not_stored: statistics of norms that such a file does not hold: whoever opens it takes or estimates them anew.
        left_out: the GAN's networks that were not written, as they came from another file.
    """

    files: tuple[str, ...]
    changed: int
    not_stored: tuple[str, ...]
    left_out: tuple[Side, ...]


def export_gan(gan: Gan, like: Path, out: Path) -> Exported:
    """Write ``out`` as ``like`` with this GAN's weights in the places where they once came from.

    Only numbers that differ are written, so that the others keep the file's own precision. Before it is put in its
    place the copy is read, and has to be this GAN.

    Args:
        gan: read from ``like`` once, or made from such a GAN; its card knows the format and the keys.
        like: a file of a format that can be written back; of several files one, or what their names begin with. It
            stays as it is. Where the GAN's networks came from two files, the network that this one holds is written.
        out: must not exist.

    Raises:
        GanlabError: a card without keys, a file of another format or shape or with several networks that could be
            meant, a change of what was computed from the file's numbers, or a file that cannot be written.
    """
    format = format_of(gan)
    if os.path.lexists(out):
        raise GanlabError(f"{out} already exists.", "Choose another --out.")
    if like.is_dir() or not (like.is_file() or any(recognising([format], like))):
        raise GanlabError(
            f"There is no file {quoted(like)}.",
            "Give --like the file that the GAN came from; of a TensorFlow checkpoint its .index.",
        )
    origin = Origin(gan, format, like)
    wanted, before = origin.wanted(), origin.weights()
    not_stored = _not_stored(gan, wanted, before)
    differing = {name: wanted[name] != values for name, values in before.items()}
    differing = {name: differs for name, differs in differing.items() if differs.any()}
    files = origin.copy(_change(origin, wanted, differing) if differing else unchanged, out.name)
    _prove(origin, wanted, files, out.name)
    write_new_files(out.parent, files)
    return Exported(tuple(files), len(differing), not_stored, origin.left_out)


def format_of(gan: Gan) -> CheckpointFormat:
    """The format of the file that a GAN came from.

    Raises:
        GanlabError: it came from none, or its format cannot be written back.
    """
    from ganlab.plugins import host

    formats = {known.name: known for known in host().checkpoint_formats() if known.rewrite is not None}
    source = gan.card.facts.get("source")
    name = source.get("format") if isinstance(source, dict) else None
    if name not in formats or gan.card.architecture.get("name") != "chain":
        raise GanlabError(
            f"{gan.name} does not come from a file that can be written back.",
            f"Formats that can: {', '.join(formats)}; others: checkpoints convert.",
        )
    return formats[name]


def _not_stored(gan: Gan, wanted: Tensors, before: Tensors) -> tuple[str, ...]:
    """The statistics that the file does not hold.

    Raises:
        GanlabError: it does not hold a weight either, as far as the card knows.
    """
    lacking = {name: values for (side, name), values in wanted.items() if (side, name) not in before}
    statistics = tuple(name for name in lacking if name.endswith(STATISTICS))
    weights = [name for name in lacking if name not in statistics and not _changes_nothing(name, lacking[name])]
    if weights:
        raise GanlabError(
            f"The card of {gan.name} does not say what {weights[0]!r} was called in its file.",
            "A norm that has no scale or shift there gets none; else open that file again and repeat the edit.",
        )
    return statistics


def _changes_nothing(name: str, values: torch.Tensor) -> bool:
    """Whether it may be the scale or the shift of a norm that has the other alone in its file: a reader fills it in."""
    return values.ndim == 1 and bool((values == float(name.endswith(".weight"))).all())


def _change(origin: Origin, wanted: Tensors, differing: Mapping[tuple[str, str], torch.Tensor]) -> Change:
    """What puts the numbers that differ into the file.

    Raises:
        GanlabError: one of them is no number of the file.
    """
    places = trace(origin.copy, origin.weights_of)
    for name, differs in differing.items():
        if (places[name][differs] == NOWHERE).any():
            raise GanlabError(
                f"{origin.key(*name)!r} was computed from what the file holds, so its change cannot be written back.",
                f"So it is with spectral and weight normalisation, for example; {CONVERT}",
            )
    return replacing(
        torch.cat([places[name][differs] for name, differs in differing.items()]),
        torch.cat([wanted[name][differs] for name, differs in differing.items()]),
    )


def _prove(origin: Origin, wanted: Tensors, files: Files, name: str) -> None:
    """That a copy is read as what it should hold, but for rounding.

    Raises:
        GanlabError: it is not.
    """
    hint = f"Are its numbers of half precision, or does it use one tensor twice? {CONVERT}"
    try:
        back = origin.weights_of(files, name)
    except GanlabError as error:
        raise GanlabError(f"{origin.path} cannot hold what has changed: {error.message}", hint) from error
    for parameter, values in back.items():
        if not any(torch.equal(values, rounded) for rounded in _rounded(wanted[parameter])):
            raise GanlabError(f"{origin.path} cannot hold what {origin.key(*parameter)!r} has become.", hint)


def _rounded(wanted: torch.Tensor) -> Iterator[torch.Tensor]:
    """What a tensor is in each precision that can hold it."""
    for precision in PRECISIONS:
        rounded = wanted.to(precision).float()
        if rounded.isfinite().all():
            yield rounded
