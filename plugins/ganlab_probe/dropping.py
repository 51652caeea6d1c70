"""Drop feature maps, draw again, and let a labeler count what is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from ganlab import Gan, Labeler, Latents, random_bits

STREAM_RANDOM_FILTERS = 104
GONE = 0.9  # the removal that ``filters_for_90`` asks for


class Bench:
    """Fresh pictures of one GAN, drawn again and again with other maps of one layer at zero.

    Args:
        gan: the GAN.
        layer: whose maps are dropped.
        latents: the pictures.
        labeler: who says what they show.
    """

    def __init__(self, gan: Gan, layer: str, latents: Latents, labeler: Labeler) -> None:
        self.gan = gan
        self.layer = layer
        self.latents = latents
        self.labeler = labeler

    def draw(self, filters: np.ndarray) -> torch.Tensor:
        """The pictures (n, c, h, w) without these maps."""
        if not len(filters):
            return self.gan.generate(self.latents)
        with self.gan.edit({self.layer: zero(filters)}):
            return self.gan.generate(self.latents)

    def shows(self, filters: np.ndarray) -> np.ndarray:
        """What the pictures show without these maps: (n, concepts) bool."""
        return self.labeler.shows(self.draw(filters), self.gan.image)

    def shares(self, filters: np.ndarray) -> np.ndarray:
        """The share (concepts,) of pictures that show each concept without these maps."""
        return self.shows(filters).mean(0)


@dataclass(frozen=True)
class Curve:
    """Share of pictures with the concept after dropping the first ``k`` maps of a ranking."""

    k: np.ndarray
    share: np.ndarray
    before: float

    def filters_for(self, removed: float) -> int | None:
        """The smallest k that removes so large a part of the pictures with the concept, or None."""
        enough = np.flatnonzero(self.share <= (1 - removed) * self.before + 1e-12)
        return int(self.k[enough[0]]) if len(enough) else None


def zero(filters: np.ndarray) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The edit that sets these maps to zero at all positions (section 6.3.1)."""

    def edit(features: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        features[:, filters] = 0
        return features

    return edit


def random_filters(maps: int, count: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """``draws`` times ``count`` maps at random out of all, with or without weight."""
    bits = random_bits(seed, np.arange(draws), maps, STREAM_RANDOM_FILTERS)
    for row in bits:
        yield np.argsort(row, kind="stable")[:count]


def drop_curve(bench: Bench, ranking: np.ndarray, column: int, before: float) -> Curve:
    """Drop one map after the other until 90% of the pictures with the concept are gone, then in wider steps."""
    ks, shares = [0], [before]
    for k in range(1, len(ranking) + 1):
        found = Curve(np.array(ks), np.array(shares), before).filters_for(GONE)
        if found is not None and k - ks[-1] < max(1, len(ranking) // 16) and k < len(ranking):
            continue
        ks.append(k)
        shares.append(float(bench.shares(ranking[:k])[column]))
    return Curve(np.array(ks), np.array(shares), before)
