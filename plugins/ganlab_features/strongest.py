"""The pictures that each filter of a layer responds to most, found in one pass that keeps only those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ganlab import Gan, GanlabError, progress

from .pictures import AT_ONCE, Pictures


@dataclass(frozen=True)
class Strongest:
    """For every filter of a layer, the pictures of its largest responses, strongest first.

    Attributes:
        pictures: (filters, top) int, which pictures.
        places: (filters, top, 2) int, row and column of the unit that responds.
        responses: (filters, top) float32, what it puts out.
    """

    pictures: np.ndarray
    places: np.ndarray
    responses: np.ndarray

    def units(self, filters: np.ndarray) -> np.ndarray:
        """(len(filters) * top, 3) int: filter, row and column of every response of these filters."""
        top = self.pictures.shape[1]
        return np.concatenate([filters.repeat(top)[:, None], self.places[filters].reshape(-1, 2)], axis=1)


def strongest(gans: Sequence[Gan], layer: str, pictures: Pictures, top: int) -> list[Strongest]:
    """Look at every picture once, with all GANs' discriminators.

    Raises:
        GanlabError: there are fewer pictures than ``top``, or one cannot be read.
    """
    if len(pictures) < top:
        raise GanlabError(
            f"{len(pictures)} pictures are fewer than the {top} that are shown of each filter.",
            "Give more pictures, or a smaller --top.",
        )
    rankings = [_Ranking(gan, layer, top) for gan in gans]
    batches = -(-len(pictures) // AT_ONCE)
    for _, images in zip(progress(batches, "looking at pictures"), pictures.batches(), strict=True):
        for ranking in rankings:
            ranking.add(images)
    return [ranking.result() for ranking in rankings]


class _Ranking:
    """The strongest pictures so far."""

    def __init__(self, gan: Gan, layer: str, top: int) -> None:
        self._gan = gan
        self._layer = layer
        self._top = top
        self._seen = 0
        self._columns = 1
        self._best = np.empty(0)  # (3, filters, up to top): response, picture, place

    def add(self, images: torch.Tensor) -> None:
        """Take the next pictures (n, c, h, w) into account."""
        peaks, places = self._peaks(images)
        names = np.broadcast_to(np.arange(self._seen, self._seen + len(images)), peaks.shape)
        new = np.stack([peaks, names, places])
        both = new if not self._seen else np.concatenate([self._best, new], axis=2)
        # stable, so that of equal responses the earlier picture goes first
        order = np.argsort(-both[0], axis=1, kind="stable")[:, : self._top]
        self._best = np.take_along_axis(both, order[None], axis=2)
        self._seen += len(images)

    def result(self) -> Strongest:
        """What was found."""
        responses, pictures, places = (self._best[part] for part in range(3))
        rows_and_columns = np.stack(np.divmod(places.astype(int), self._columns), -1)
        return Strongest(pictures.astype(int), rows_and_columns, responses.astype(np.float32))

    def _peaks(self, images: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """The largest response of every filter in every picture, (filters, n) float64, and its place."""
        values: dict[int, np.ndarray] = {}
        places: dict[int, np.ndarray] = {}

        def look(features: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
            self._columns = features.shape[3]
            found = features.flatten(2).max(2)
            values.update(zip(rows.tolist(), found.values.cpu().double().numpy(), strict=True))
            places.update(zip(rows.tolist(), found.indices.cpu().numpy(), strict=True))
            return features

        with self._gan.edit({self._layer: look}, side="discriminator"):
            self._gan.score(images)
        every = range(len(images))
        return np.stack([values[row] for row in every], 1), np.stack([places[row] for row in every], 1)
