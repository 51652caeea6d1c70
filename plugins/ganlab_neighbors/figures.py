"""The pairs, closest first, and how close samples are beside left-out training pictures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ganlab import Figure
from ganlab import figures as draw

from .found import ratio

WIDE = 128  # pixels that a picture should be shown with, at least
COLUMNS = 8
BINS = 60


def pairs(title: str, unit: str, rows: Mapping[str, np.ndarray], near: np.ndarray, far: np.ndarray) -> Figure:
    """Samples above their nearest pictures of both sets.

    Args:
        title: the space, in words.
        unit: of the distances.
        rows: caption -> (k, h, w, c) uint8.
        near, far: (k,) distances to the training and the held-out picture.
    """
    size = next(iter(rows.values())).shape[1]
    below = [
        f"{t:.3g} to training\n{h:.3g} to held-out\nratio {r:.2f}"
        for t, h, r in zip(near, far, ratio(near, far), strict=True)
    ]
    image = draw.labelled_rows(rows, scale=max(1, -(-WIDE // size)), columns=COLUMNS, below=below)
    return Figure(
        image,
        f"The samples that are nearest to a training picture, compared with their nearest held-out one, in {title}. "
        f"Below: both distances, in {unit}, and their ratio. A copy has a ratio near 0; of other "
        "samples it lies near 1, or below where there are more training than held-out pictures.",
    )


def spread(title: str, closeness: Mapping[str, np.ndarray]) -> Figure:
    """How close samples are to the training set, beside pictures that cannot be copies and some that are.

    Args:
        title: the space, in words.
        closeness: what is looked up -> (n,), as :func:`ganlab_neighbors.membership.closeness` has it.
    """
    plot = draw.histogram(
        closeness,
        xlabel="below 0: nearer to a held-out picture      above 0: nearer to a training picture      1: equal to it",
        bins=BINS,
        marks={"equally near": 0.0},
    )
    return Figure(
        plot,
        f"How much nearer the training pictures are, in {title}: (h - t) / (h + t), with t the distance to the nearest "
        "training picture and h that to the nearest of equally many held-out ones. Without copies samples lie around 0 "
        "like left-out training pictures; planted copies, where their original is in the test, stand out at the right. "
        "Samples off to one side of 0 may merely share a neighbour, which the test knows.",
    )
