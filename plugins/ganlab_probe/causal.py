"""Each filter's own effect: drop it alone and count the concept's pixels that go with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from ganlab import Gan, Labeler, Latents, Metric, Result, Table, progress

from . import figures
from .bench import pictures_without

PICTURES = 48  # marked pictures the effects are measured on; the drop is judged on fresh ones


@dataclass(frozen=True)
class Effects:
    """The part of the concept's pixels (maps,) that goes when one filter alone is dropped; negative: more of it."""

    removed: np.ndarray

    def ranked(self) -> np.ndarray:
        """Filters by own effect, largest first."""
        return np.argsort(-self.removed, kind="stable")

    @property
    def harmful(self) -> int:
        """How many filters take some of the concept with them."""
        return int((self.removed > 0).sum())

    def report(self, result: Result, weights: np.ndarray) -> None:
        """Add table, figure and the agreement with the regression's weights."""
        moved = np.roll(self.removed, len(weights) // 2)
        result.metrics |= {
            "effect_agrees_with_weight": Metric(
                rank_correlation(self.removed, weights),
                n=len(weights),
                control="effect_agrees_with_moved_weight",
                about="rank correlation of a filter's own effect with its weight",
            ),
            "effect_agrees_with_moved_weight": Metric(
                rank_correlation(moved, weights),
                n=len(weights),
                no_control="it is the control",
                about="the same with the effects of other filters",
            ),
        }
        result.tables["effects"] = Table(
            ["filter", "own effect", "weight"],
            [[int(which), float(self.removed[which]), float(weights[which])] for which in self.ranked()[:20]],
            "The 20 filters with the largest own effect: the part of the concept's pixels that goes with each alone.",
        )
        result.figures["effects"] = figures.effects(self.removed)
        result.arrays["effects"] = self.removed


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's: equal values, as those of dead maps, share the mean of their ranks; 0 where one is constant."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def own_effects(gan: Gan, layer: str, latents: Latents, labeler: Labeler, concept: str) -> Effects:
    """Measure every filter of a layer by dropping it alone in marked pictures."""
    column = labeler.column(concept)
    latents = latents[:PICTURES]
    maps = next(known.shape[0] for known in gan.layers() if known.name == layer)

    def pixels(filters: np.ndarray) -> float:
        images = pictures_without(gan, layer, latents, filters)
        return float(labeler.masks(images, gan.image)[:, column].sum())

    before = max(pixels(np.array([], dtype=int)), 1.0)
    after = [pixels(np.array([which])) for which in progress(range(maps), "dropping each filter alone")]
    return Effects(1 - np.array(after) / before)
