"""Pictures of one GAN, drawn again and again without some maps of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property

import numpy as np
import torch

from ganlab import Gan, Labeler, Latents, random_bits, zeroed

MOST_KEPT = 1 << 30  # bytes: at the finest layer of rooms-64 that is 3,000 pictures
STREAM_RANDOM_FILTERS, STREAM_TRIAL = 104, 105  # what chooses the layer is drawn apart from the control that follows


class Bench:
    """Fresh pictures of one GAN, drawn again and again with other maps of one layer at zero.

    What comes before the layer is the same every time, so it is computed once, and kept until :meth:`end`: where it is
    more than ``MOST_KEPT``, as of many pictures or large ones, it is computed every time instead.
    """

    def __init__(self, gan: Gan, layer: str, latents: Latents, labeler: Labeler) -> None:
        self.gan = gan
        self.layer = layer
        self.latents = latents
        self.labeler = labeler
        before = gan.layers_until(layer)
        with gan.record(*before) as one:
            gan.generate(latents[:1])
        kept = len(latents) * sum(features.nbytes for features in one.values()) <= MOST_KEPT
        with gan.record(*(before if kept else ())) as recording:
            self.pictures = gan.generate(latents)
        self._recording = recording if kept else None

    def end(self) -> None:
        """Let go of what was recorded, nearly all that a bench takes: nothing is dropped on it any more."""
        self._recording = None

    @cached_property
    def before(self) -> np.ndarray:
        """What the pictures show as they are: (n, concepts) bool."""
        return self.labeler.shows(self.pictures, self.gan.image)

    def shows(self, filters: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """What the pictures, or these rows of them, show without these maps: (n, concepts) bool."""
        rows = np.arange(len(self.latents)) if rows is None else rows
        with self._from_layer(rows):
            pictures = pictures_without(self.gan, self.layer, self.latents[rows], filters)
        return self.labeler.shows(pictures, self.gan.image)

    def shows_each(self, ranking: np.ndarray, ks: Sequence[int], rows: np.ndarray) -> np.ndarray:
        """What these rows show without the first ``k`` maps, for several k drawn at once: (ks, rows, concepts) bool."""
        repeated, dropped = np.tile(rows, len(ks)), torch.tensor(ks).repeat_interleave(len(rows))

        def edit(features: torch.Tensor, running: torch.Tensor) -> torch.Tensor:
            place = torch.full((features.shape[1],), len(ranking))
            place[ranking] = torch.arange(len(ranking))
            features[place < dropped[running, None]] = 0
            return features

        with self._from_layer(repeated), self.gan.edit({self.layer: edit}):
            pictures = self.gan.generate(self.latents[repeated])
        return self.labeler.shows(pictures, self.gan.image).reshape(len(ks), len(rows), -1)

    def _from_layer(self, rows: np.ndarray) -> AbstractContextManager[None]:
        """Inside, drawing these rows begins at the layer, where what lies before was kept."""
        return nullcontext() if self._recording is None else self.gan.replay(self._recording, rows)


def pictures_without(gan: Gan, layer: str, latents: Latents, filters: np.ndarray) -> torch.Tensor:
    """Pictures (n, c, h, w) with these maps of a layer at zero."""
    if not len(filters):
        return gan.generate(latents)
    with gan.edit({layer: zeroed(filters)}):
        return gan.generate(latents)


def random_filters(
    maps: int, count: int, draws: int, seed: int, stream: int = STREAM_RANDOM_FILTERS
) -> list[np.ndarray]:
    """``draws`` times ``count`` maps at random out of all, whatever their weight."""
    bits = random_bits(seed, np.arange(draws), maps, stream)
    return [np.argsort(row, kind="stable")[:count] for row in bits]
