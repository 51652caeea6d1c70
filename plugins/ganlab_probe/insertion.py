"""Write a concept's filters at a place: the opposite of dropping them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ganlab import Figure, Gan, GanlabError, Labeler, Latents, Metric, Result

from . import figures
from .bench import random_filters
from .marks import Marks

COVERED = 0.25  # the part of the place that the concept must cover to be there
ROUNDING = 1e-9  # in fractions of the picture


@dataclass(frozen=True)
class Spot:
    """A point of the picture, in its pixels."""

    x: float
    y: float

    @classmethod
    def typed(cls, at: str, side: int) -> Spot:
        """What a person typed as --at, for pictures with this side.

        Raises:
            GanlabError: it is no point, or lies outside.
        """
        try:
            x, y = (float(part) for part in at.split(","))
        except ValueError:
            raise GanlabError(f"--at must be x,y in pixels, not {at!r}.", "For example: --at 32,20") from None
        if not (0 <= x < side and 0 <= y < side):
            raise GanlabError(f"--at {at} lies outside the picture.", f"Both go from 0 to {side - 1}.")
        return cls(x, y)

    def __str__(self) -> str:
        return f"{self.x:g},{self.y:g}"


class Place:
    """A rectangle of the picture around a spot.

    Args:
        size: width and height in fractions of the picture.
        side: of the picture that the spot lies in, in pixels.
    """

    def __init__(self, spot: Spot, size: tuple[float, float], side: int) -> None:
        self._middle = (spot.x / side, spot.y / side)
        self._size = size

    def of(self, side: int) -> tuple[slice, slice]:
        """Rows and columns of a map with this side: the cells whose centre lies in it, at least those around the spot.

        A centre on an edge counts, on the left as on the right: mirrored places have mirrored cells.
        """
        centres = (np.arange(side) + 0.5) / side
        across, down = (
            np.flatnonzero(np.abs(centres - at) <= max(extent, 1 / side) / 2 + ROUNDING)
            for at, extent in zip(self._middle, self._size, strict=True)
        )
        return slice(down[0], down[-1] + 1), slice(across[0], across[-1] + 1)


def insert(
    gan: Gan,
    layer: str,
    filters: np.ndarray,
    marks: Marks,
    concept: str,
    labeler: Labeler,
    fresh: Latents,
    at: Spot,
    draws: int,
    seed: int,
    result: Result,
) -> None:
    """Give the filters, at one place, the values they have on the concept; and as many random filters theirs."""
    typical = _typical(gan, layer, marks)
    place = Place(at, tuple(np.median(marks.sizes, axis=0)), gan.image.size)
    column = labeler.column(concept)

    def there(images: torch.Tensor) -> np.ndarray:
        part = labeler.masks(images, gan.image)[:, column][(slice(None), *place.of(gan.image.size))]
        return part.mean(axis=(1, 2)) >= COVERED

    def written(latents: Latents, chosen: np.ndarray) -> torch.Tensor:
        with gan.edit({layer: _write(chosen, typical, place)}):
            return gan.generate(latents)

    by_chance = random_filters(len(typical), len(filters), draws, seed)
    before, after = there(gan.generate(fresh)), there(written(fresh, filters))
    at_random = np.array([there(written(fresh, chosen)).mean() for chosen in by_chance])
    result.metrics |= {
        "there_before": Metric.of_share(before, control="there_after", about=f"samples that show {concept!r} at {at}"),
        "there_after": Metric.of_share(
            after,
            control="there_after_random",
            about=f"after writing {len(filters)} {concept} filters there",
        ),
        "there_after_random": Metric.of_draws(
            at_random,
            n=len(after),
            no_control="it is the control",
            about=f"after writing as many random filters there: mean of {draws} draws; one more would lie there (95%)",
        ),
    }
    shown = fresh[: figures.SHOWN]
    rows = {
        "original": gan.generate(shown),
        f"{concept} filters written": written(shown, filters),
        "random filters written": written(shown, by_chance[0]),
    }
    result.figures["insert"] = Figure(
        figures.rows(gan, rows), f"The first fresh samples; a column is one z, the place is {at}."
    )
    result.summary = (
        f"With {len(filters)} {concept} filters of {layer} written at {at}, {after.mean():.1%} of samples show "
        f"{concept!r} there ({before.mean():.1%} before, {at_random.mean():.1%} with random filters)."
    )


def _typical(gan: Gan, layer: str, marks: Marks) -> torch.Tensor:
    """The mean (maps,) of every filter over the cells on the concept."""
    with gan.record(layer) as recording:
        gan.generate(marks.latents)
    features = recording[layer]
    inside = torch.from_numpy(marks.inside(features.shape[2]))
    return features.permute(0, 2, 3, 1)[inside].mean(0)


def _write(
    filters: np.ndarray, typical: torch.Tensor, place: Place
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    def edit(features: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        down, across = place.of(features.shape[2])
        for which in filters:
            features[:, which, down, across] = typical[which].to(features)
        return features

    return edit
