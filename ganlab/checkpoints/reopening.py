"""Whether what was exported opens as the GAN that it holds: ganlab works a file out, and an edit may mislead it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tomli_w
import torch

from ganlab.checkpoints.exporting import Exported, format_of
from ganlab.checkpoints.native import CARD, card_of
from ganlab.checkpoints.opening import open_gan
from ganlab.checkpoints.origins import SIDES, Origin
from ganlab.errors import GanlabError
from ganlab.formats import recognising
from ganlab.recovery.choosing import choose
from ganlab.recovery.estimating import estimate_statistics
from ganlab.recovery.hints import Hints
from ganlab.shell import shell_word
from ganlab.writing import write_new_files

if TYPE_CHECKING:
    from ganlab.gan import Gan
    from ganlab.imagespec import ImageSpec

LOOKED_AT = 4  # pictures
NEAR = 1 / 255  # of the range, by which pictures may differ that are the same
NEAR_SCORES = 1e-3  # the same of scores, relative to the largest


@dataclass(frozen=True)
class Reopened:
    """How ganlab opens an exported file.

    Attributes:
        spec: what to give ``--gan``.
        otherwise: what it is taken for by itself, or why it is refused; empty where it opens as what it is.
        card: the card with which it opens as what it is; None where it needs none, or none helps.
        hidden: its name does not tell its format, which ``spec`` names.
    """

    spec: str
    otherwise: str
    card: Path | None = None
    hidden: bool = False

    @property
    def words(self) -> str:
        """All of it as one sentence with the way out; empty where there is nothing to say."""
        if not self.otherwise:
            return f"Its name hides its format: open it as --gan {shell_word(self.spec)}." if self.hidden else ""
        way = "no card helps, so open what was exported and not this file"
        if self.card is not None:
            way = f"give it the card too, --gan {shell_word(self.spec)} --card {shell_word(self.card)}"
        return f"From the file alone ganlab {self.otherwise}: {way}."


def reopen(gan: Gan, exported: Exported, folder: Path) -> Reopened:
    """Open what was exported, by itself; where that is not the GAN, leave a card beside it with which it is.

    Norms remember what they saw before an edit, and by them a file's strides, activations and prior are worked out.

    Args:
        gan: what was exported.
        exported: what was written of it.
        folder: where.

    Raises:
        GanlabError: the card cannot be written.
    """
    path = folder / exported.files[-1]
    origin = Origin(gan, format_of(gan), path)
    held = origin.held()
    if exported.not_stored and held.generator is not None:  # a discriminator alone draws nothing to take them from
        held = estimate_statistics(held)
    spec = _spec(origin)
    otherwise = _otherwise(held, spec, Hints())
    card = _card(gan, held, spec, path) if otherwise else None
    return Reopened(spec, otherwise, card, hidden=not any(recognising([origin.format], path)))


def _spec(origin: Origin) -> str:
    """What opens the network that was written, and no other of its file; with the format where its name hides that."""
    called = origin.called
    known = any(recognising([origin.format], origin.path))
    place = str(origin.path) if known else f"{origin.format.name}:{origin.path}"
    try:
        chosen = choose(origin.stored, str(origin.path), None, Hints())
        alone = called in {one.name for one in (chosen.generator, *chosen.discriminators) if one is not None}
    except GanlabError:
        alone = False
    return place if alone or not called else f"{place}#{called}"


def _card(gan: Gan, held: Gan, spec: str, path: Path) -> Path | None:
    """A card that says what the file does not: beside it, where it is written unless there is one; else the GAN's own.

    It is not called card.toml, which makes its folder a checkpoint of ganlab's.
    """
    beside = path.with_name(f"{path.stem}.{CARD}")
    if not os.path.lexists(beside):
        content = tomli_w.dumps(card_of(gan), multiline_strings=True).encode()
        with tempfile.TemporaryDirectory(prefix="ganlab-") as folder:
            (Path(folder) / CARD).write_bytes(content)
            helps = not _otherwise(held, spec, Hints(card=Path(folder) / CARD))
        if not helps:
            return None
        write_new_files(beside.parent, {beside.name: content})
        return beside
    own = [] if gan.folder is None else [gan.folder / CARD]
    there = (card for card in (beside, *own) if card.is_file())
    return next((card for card in there if not _otherwise(held, spec, Hints(card=card))), None)


def _otherwise(held: Gan, spec: str, hints: Hints) -> str:
    """What a file is taken for, in words, or why it is refused; empty where it opens as what it holds."""
    try:
        opened = open_gan(spec, hints)
    except GanlabError as error:
        return f'refuses it ("{error.message.removeprefix(f"{spec}: ")}")'
    difference = _difference(held, opened)
    return f"takes it for another network ({difference})" if difference else ""


def _difference(held: Gan, opened: Gan) -> str:
    """The first thing in which a GAN is not what it should be; a network that it has beside does not matter."""
    for side in SIDES:
        if getattr(held, side) is not None and getattr(opened, side) is None:
            return f"without its {side}"
    if held.image != opened.image:
        return f"{_pictures(opened)}, not {_pictures(held)}"
    if held.generator is None:
        pictures = _any_pictures(held.image)
    elif (held.prior, held.classes) != (opened.prior, opened.classes):
        return f"{_taken(opened)}, not {_taken(held)}"
    else:
        latents = held.latents(LOOKED_AT, label=0 if held.classes else None)
        pictures = held.generate(latents)
        apart = float((pictures - opened.generate(latents)).abs().max()) / (held.image.high - held.image.low)
        if apart > NEAR:
            return f"its pictures differ by up to {apart:.2f} of their range"
    if held.discriminator is None:
        return ""
    scores = held.score(pictures)
    apart = float((scores - opened.score(pictures)).abs().max() / scores.abs().max().clamp(min=1))
    return f"its scores differ by up to {apart:.2g} of the largest" if apart > NEAR_SCORES else ""


def _any_pictures(image: ImageSpec) -> torch.Tensor:
    """Noise (n, c, h, w) in the range of the pictures: what a discriminator alone is shown."""
    draw = torch.Generator().manual_seed(0)
    noise = torch.rand(LOOKED_AT, image.channels, image.size, image.size, generator=draw)
    return image.low + noise * (image.high - image.low)


def _pictures(gan: Gan) -> str:
    image = gan.image
    return f"pictures of {image.channels}x{image.size}x{image.size} from {image.low:g} to {image.high:g}"


def _taken(gan: Gan) -> str:
    classes = f" and {gan.classes} classes" if gan.classes else ""
    return f"z of {gan.prior.dim} numbers, {gan.prior.law}{classes}"
