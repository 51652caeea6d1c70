"""The probe's pictures and plots."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from PIL import Image

from ganlab import Figure, Gan, Metric, counted
from ganlab import figures as draw

from .marks import Marks
from .regression import Fit

SHOWN = 12  # samples in a row
SCALE = 2


def rows(gan: Gan, pictures: Mapping[str, torch.Tensor]) -> Image.Image:
    """Captioned rows of pictures, a column being one z."""
    return draw.labelled_rows({name: gan.image.shown(images) for name, images in pictures.items()}, scale=SCALE)


def weights(values: np.ndarray, layer: str, concept: str) -> Figure:
    """All weights, largest first."""
    plot = draw.ranked(values, xlabel=f"rank of the filter of {layer}, by weight", ylabel="weight")
    return Figure(plot, f"The regression's weight of every filter; those above zero speak for {concept!r}.")


def effects(removed: np.ndarray) -> Figure:
    """All own effects, largest first."""
    words = "pixels of the concept removed (%)"
    plot = draw.ranked(100 * removed, xlabel="rank of the filter, by own effect", ylabel=words)
    return Figure(plot, "What dropping each filter alone removes of the concept; below zero it leaves more of it.")


def where(gan: Gan, layer: str, marks: Marks, fit: Fit) -> Figure:
    """Marked pictures, and where the probe sees the concept in them."""
    latents = marks.latents[:SHOWN]
    with gan.record(layer) as recording:
        images = gan.image.shown(gan.generate(latents))
    features = recording[layer].permute(0, 2, 3, 1).numpy()
    spread = features.std(axis=(0, 1, 2)) + 1e-8
    score = ((features - features.mean(axis=(0, 1, 2))) / spread) @ fit.weights
    strength = np.clip(score / max(np.quantile(score, 0.995), 1e-8), 0, 1)
    tiles = {
        "pictures": images,
        "marked": _laid_over(images, marks.inside(score.shape[1])[: len(images)]),
        "seen": _laid_over(images, strength),
    }
    return Figure(
        draw.labelled_rows(tiles, scale=SCALE),
        f"Marked pictures; the cells of {layer} marked as positive; where the probe's score is above its mean.",
    )


def curve(k: np.ndarray, share: np.ndarray, controls: Mapping[str, Metric], few: int | None, concept: str) -> Figure:
    """Share of pictures with the concept against how many filters are dropped, beside the controls."""
    plot = draw.curve(
        k,
        {"filters by rank": (share, None, None)},
        levels={name: (metric.value, metric.low, metric.high) for name, metric in controls.items()},
        xlabel="filters dropped",
        ylabel=f"share of samples that show {concept!r}",
        marks={} if few is None else {f"90% gone: {few}": few},
        from_zero=True,
    )
    return Figure(
        plot,
        f"How few filters do it. The bands: where one more drop of {counted(int(k[-1]), 'filter')} would lie with 95%, "
        "of random ones and of those that follow brightness most by other samples.",
    )


def _laid_over(images: np.ndarray, strength: np.ndarray) -> np.ndarray:
    return np.stack(
        [np.asarray(draw.heat(image, np.asarray(one, float))) for image, one in zip(images, strength, strict=True)]
    )
