"""The pairs, closest first, and how close samples are beside left-out training pictures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ganlab import Figure
from ganlab import figures as draw

from .found import ratio

WIDE = 96  # pixels that a picture should be shown with, at least
COLUMNS = 8


def pairs(title: str, unit: str, rows: Mapping[str, np.ndarray], near: np.ndarray, far: np.ndarray) -> Figure:
    """Samples above their nearest pictures of both sets.

    Args:
        title: the space, in words.
        unit: of the distances.
        rows: caption -> (k, h, w, c) uint8.
        near, far: (k,) distances to the training and the held-out picture.
    """
    size = next(iter(rows.values())).shape[1]
    below = [f"{t:.3g} : {h:.3g}\nratio {r:.2f}" for t, h, r in zip(near, far, ratio(near, far), strict=True)]
    image = draw.labelled_rows(rows, scale=max(1, -(-WIDE // size)), columns=COLUMNS, below=below)
    return Figure(
        image,
        f"Samples whose nearest training picture is nearest, compared with their nearest held-out one, in {title}. "
        f"Below: distance to the training picture : to the held-out one, in {unit}, and their ratio. A copy has a "
        "ratio near 0, any other sample one near 1.",
    )


def spread(title: str, samples: np.ndarray, left_out: np.ndarray) -> Figure:
    """How close samples are to the training set, beside pictures that cannot be copies."""
    plot = draw.histogram(
        {"samples": samples, "left-out training pictures": left_out},
        xlabel="nearer to a held-out picture < 0 < nearer to a training picture;  1 is a copy",
        marks={"equally near": 0.0},
    )
    return Figure(
        plot,
        f"(h - t) / (h + t) of the distances to the nearest training picture t and the nearest held-out picture h, of "
        f"equally large sets, in {title}. Without copies both lie around 0, to one side "
        "only where many share a neighbour, which the test knows.",
    )
