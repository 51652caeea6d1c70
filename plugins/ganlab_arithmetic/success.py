"""How often the result shows all it should, over random draws of exemplars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ganlab import Metric, progress, random_bits

from .dependence import worth
from .meaning import Meaning
from .passing import Passing
from .points import Space, combined_pixels
from .pool import Pool

COUNTS = (1, 2, 3, 5)  # exemplars of a draw
STREAM_DRAWS = 711
SHOWN = 10  # draws whose pictures are kept for the figure


@dataclass(frozen=True)
class Success:
    """What the labeler said of every draw.

    Attributes:
        counts: how many exemplars a term had, smallest first.
        rows: (draws, terms, largest count), the exemplars by their rows in the pool.
        sizes: (terms,) among how many each was drawn.
        hits: bool (counts, draws), all wanted attributes right in G(Y).
        pixel_hits: bool (counts, draws), the same for the arithmetic on pixels.
        passes, pixel_passes: bool (counts, draws), right and a picture that passes for a sample
            (:class:`.passing.Passing`); None where the GAN has no discriminator.
        pictures, pixel_pictures: (counts, draws shown, c, h, w).
    """

    counts: tuple[int, ...]
    rows: np.ndarray
    sizes: tuple[int, ...]
    hits: np.ndarray
    pixel_hits: np.ndarray
    passes: np.ndarray | None
    pixel_passes: np.ndarray | None
    pictures: torch.Tensor
    pixel_pictures: torch.Tensor

    def shares(self, hits: np.ndarray) -> list[Metric]:
        """Of ``hits`` (counts, draws), one for each count; the intervals are those over pools."""
        return [self.share(row, count) for count, row in zip(self.counts, hits, strict=True)]

    def share(self, hits: np.ndarray, count: int) -> Metric:
        """Of ``hits`` (draws,) with so many exemplars; the interval is that over pools."""
        return Metric.of_share(hits, worth=worth(hits, self.rows[:, :, :count], self.sizes))


def draw_rows(candidates: Sequence[np.ndarray], draws: int, each: int, seed: int) -> np.ndarray:
    """Rows (draws, terms, each) of random exemplars, none twice in a term of a draw; terms draw independently."""
    drawn = np.empty((draws, len(candidates), each), np.int64)
    for term, rows in enumerate(candidates):
        bits = random_bits(seed, np.arange(draws) * len(candidates) + term, len(rows), STREAM_DRAWS)
        drawn[:, term] = rows[np.argsort(bits, axis=1, kind="stable")[:, :each]]
    return drawn


def count_successes(
    space: Space,
    pool: Pool,
    signs: torch.Tensor,
    meaning: Meaning,
    candidates: Sequence[np.ndarray],
    counts: tuple[int, ...],
    draws: int,
    seed: int,
) -> Success:
    """Draw exemplars at random among the pool's rows that each term may take, and judge every result.

    A draw with fewer exemplars uses the first of those with more, so that the counts are compared on the same pictures.
    """
    gan, labeler = space.gan, pool.labeler
    columns = [labeler.column(concept) for concept in meaning.wanted]
    wanted = list(meaning.wanted.values())
    rows = draw_rows(candidates, draws, max(counts), seed)
    hits, pixel_hits = (np.empty((len(counts), draws), bool) for _ in range(2))
    passing = Passing.of(space, pool)
    passes, pixel_passes = (np.empty((len(counts), draws), bool) for _ in range(2))
    shown: list[list[torch.Tensor]] = [[] for _ in counts]
    pixels_shown: list[list[torch.Tensor]] = [[] for _ in counts]

    def right(images: torch.Tensor) -> np.ndarray:
        return (labeler.shows(images, gan.image)[:, columns] == wanted).all(1)

    for part in progress(gan.image.chunks(draws, each=rows[0].size), "drawing and judging results"):
        z = pool.latents.z[torch.from_numpy(rows[part])]  # (draws, terms, exemplars, dim)
        pictures = pool.pictures(rows[part].ravel()).unflatten(0, rows[part].shape)
        for number, count in enumerate(counts):
            drawn = space.generate(_result(space, signs, z[:, :, :count]))
            mixed = combined_pixels(gan, signs, pictures[:, :, :count].mean(2).transpose(0, 1))
            for images, verdicts, passed, kept in (
                (drawn, hits, passes, shown),
                (mixed, pixel_hits, pixel_passes, pixels_shown),
            ):
                verdicts[number, part] = right(images)
                if passing is not None:
                    passed[number, part] = passing(images) & verdicts[number, part]
                kept[number].append(images[: max(0, SHOWN - part.start)])
    return Success(
        counts,
        rows,
        tuple(len(fitting) for fitting in candidates),
        hits,
        pixel_hits,
        None if passing is None else passes,
        None if passing is None else pixel_passes,
        torch.stack([torch.cat(kept) for kept in shown]),
        torch.stack([torch.cat(kept) for kept in pixels_shown]),
    )


def _result(space: Space, signs: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """Y (draws, dim) of exemplars (draws, terms, k, dim)."""
    means = z.mean(2)
    scaled = space.scaled(means.flatten(0, 1)).reshape(means.shape)
    return space.summed(signs, scaled.transpose(0, 1))
