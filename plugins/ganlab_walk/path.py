"""The way through Z: points, the legs between them, and the pictures at any place on a leg."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from ganlab import Gan, GanlabError, Latents, latents_of, one_class, picture_text, read_picture


class Path:
    """Legs between points of Z, each from one point to the next.

    Attributes:
        gan: whose pictures they are.
        latents: the points.
        names: ``SEED:INDEX`` of each point.
        ends: (legs, 2) the points each leg goes from and to.
    """

    def __init__(self, gan: Gan, latents: Latents, names: Sequence[str], *, loop: bool) -> None:
        self.gan, self.latents, self.names = gan, latents, list(names)
        first = np.arange(len(latents) if loop else len(latents) - 1)
        self.ends = np.stack([first, (first + 1) % len(latents)], axis=1)

    def __len__(self) -> int:
        return len(self.ends)

    def draw(self, legs: np.ndarray, t: np.ndarray) -> torch.Tensor:
        """The pictures at places of legs.

        Args:
            legs: (n,) which leg.
            t: (n,) float64, how far along it, from 0 to 1.

        Returns:
            (n, c, h, w) float32 in the GAN's range.

        Raises:
            GanlabError: a picture holds NaN or infinity.
        """
        first, last = self.latents[self.ends[legs, 0]], self.latents[self.ends[legs, 1]]
        z = torch.cat([
            self.gan.prior.between(a.double(), b.double(), torch.tensor([place], dtype=torch.float64))
            for a, b, place in zip(first.z, last.z, t.tolist(), strict=True)
        ])  # fmt: skip
        images = self.gan.generate(Latents(z.float(), None, np.arange(len(z)), first.labels))
        if not torch.isfinite(images).all():
            raise GanlabError(
                f"{self.gan.name!r} draws pictures that hold NaN or infinity.", "Its weights are damaged, or diverged."
            )
        return images

    @property
    def passed(self) -> list[str]:
        """The points' names in the order in which they are passed, one more than legs: a loop's first again at last."""
        return [self.names[point] for point in (*self.ends[:, 0], self.ends[-1, 1])]

    def text(self, leg: int) -> str:
        """A leg by its points: ``0:3 to 0:4``."""
        a, b = self.ends[leg]
        return f"{self.names[a]} to {self.names[b]}"


def random_path(gan: Gan, points: int, seed: int, *, loop: bool) -> Path:
    """Through the first points of a seed."""
    latents = gan.latents(points, seed=seed)
    return Path(gan, latents, [f"{seed}:{index}" for index in latents.index], loop=loop)


def chosen_path(gan: Gan, through: Sequence[str], *, loop: bool) -> Path:
    """Through samples that somebody named.

    Raises:
        GanlabError: a name that is none, fewer than two, the same one twice in a row, or not all of one class that
            the GAN draws.
    """
    pictures = [read_picture(text, gan.hash) for text in through]
    for text, picture in zip(through, pictures, strict=True):
        if picture is None:
            raise GanlabError(f"{text!r} names no picture.", "Seed and index name one: --through 0:12.")
    known = [picture for picture in pictures if picture is not None]
    if len(known) < 2:
        raise GanlabError("A walk goes through two pictures or more.", "Try --through 0:12 --through 0:40.")
    if gan.label is not None:
        known = [picture if picture.label is not None else picture._replace(label=gan.label) for picture in known]
    for picture, following in pairwise([*known, known[0]] if loop else known):
        if picture == following:
            raise GanlabError(f"The walk goes from {picture_text(picture)} to itself.", "Name another picture between.")
    one_class(gan, [latents_of(gan, [picture]) for picture in known])
    return Path(gan, latents_of(gan, known), [picture_text(picture) for picture in known], loop=loop)
