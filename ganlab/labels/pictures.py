"""A picture's name: as a file's, which survives any annotation tool, as a person types it, and the latent it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from ganlab.classes import listed
from ganlab.errors import GanlabError

if TYPE_CHECKING:
    from ganlab.gan import Gan
    from ganlab.latents import Latents

# no number has more digits than the largest seed: more would take Python long, or be refused by it
_FILE = re.compile(
    r"(?<![0-9a-z])([0-9a-f]{12})[-_]s(\d{1,20})[-_]i(\d{5,20})(?!\d)(?:[-_]c(\d{1,20})(?![0-9a-z]))?", re.IGNORECASE
)
_TYPED = re.compile(r"(\d{1,20}):(\d{1,20})(?::(\d{1,20}))?")


class PictureName(NamedTuple):
    """What a picture of a GAN is called: it can be drawn again from this alone.

    Attributes:
        checkpoint: the GAN's ``hash``, 12 hexadecimal digits.
        seed, index: which latent.
        label: the class, for a conditional GAN.
    """

    checkpoint: str
    seed: int
    index: int  # type: ignore[assignment]
    label: int | None = None


def picture_file(name: PictureName, extension: str = ".png") -> str:
    """``3fa9c1d2e4b0-s0-i00012.png``; with ``-c3`` at the end for class 3 of a conditional GAN."""
    label = "" if name.label is None else f"-c{name.label}"
    return f"{name.checkpoint}-s{name.seed}-i{name.index:05d}{label}{extension}"


def parse_picture_file(text: str) -> PictureName | None:
    """The name in a file name or address, whatever a tool put before and after it; None where none is."""
    found = _FILE.findall(unquote(text).replace("\\", "/").rpartition("/")[2])
    if not found:
        return None
    checkpoint, seed, index, label = found[-1]
    return PictureName(checkpoint.lower(), int(seed), int(index), int(label) if label else None)


def picture_text(picture: PictureName) -> str:
    """``0:12``: seed and index, and the class if there is one."""
    return ":".join(str(part) for part in picture[1:] if part is not None)


def read_picture(text: str, checkpoint: str) -> PictureName | None:
    """The picture that ``0:12`` names; None where it names none."""
    found = _TYPED.fullmatch(text)
    if found is None:
        return None
    seed, index, label = found.groups()
    return PictureName(checkpoint, int(seed), int(index), None if label is None else int(label))


def latents_of(gan: Gan, pictures: Sequence[PictureName]) -> Latents:
    """The latents that these pictures of one GAN were drawn from, in their order.

    Returns:
        (n, dim) of them; ``seed`` is None where they come from several seeds, ``labels`` where any has no class. A
        picture that is named without its class has the one that the GAN draws, if it draws just one.

    Raises:
        GanlabError: a seed or an index that no latent can have, or a class that the GAN does not draw.
    """
    import numpy as np
    import torch

    from ganlab.latents import Latents

    for picture in pictures:
        if max(picture.index, picture.label or 0) >= 2**63:
            raise GanlabError(
                f"No picture is called {picture_file(picture)}.", "An index or a class goes up to 2**63 - 1."
            )
        if picture.label is not None and picture.label >= (gan.classes or 0):
            plain = picture_text(picture._replace(label=None))
            known = f"the classes {listed(gan.class_names)}" if gan.classes else "no classes"
            raise GanlabError(
                f"The picture {picture_text(picture)} is of class {picture.label}, but {gan.name!r} draws {known}.",
                f"Name it {plain}:CLASS with one of them." if gan.classes else f"Name it {plain}.",
            )
    seeds = [picture.seed for picture in pictures]
    index = np.array([picture.index for picture in pictures], dtype=np.int64)
    z = torch.empty(len(index), gan.prior.dim)
    for seed in set(seeds):
        rows = np.flatnonzero([seed == other for other in seeds])
        z[torch.from_numpy(rows)] = gan.prior.at(index[rows], seed).z
    drawn = [gan.label if picture.label is None else picture.label for picture in pictures]
    given = [label for label in drawn if label is not None]
    labels = torch.tensor(given) if len(given) == len(index) else None
    return Latents(z, seeds[0] if len(set(seeds)) == 1 else None, index, labels)
