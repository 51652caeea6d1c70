"""How much of a picture's structure a gradient shows, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ganlab import Metric

PART = 10  # the strongest tenth of the pixels


@dataclass(frozen=True)
class Structure:
    """Of some gradients, each inside its receptive field; NaN where a gradient is zero everywhere.

    Attributes:
        on_edges: (n,) correlation over pixels between the gradient's strength and the picture's own edges, -1 to 1.
        in_tenth: (n,) share of the squared gradient in the strongest tenth of the pixels; 0.1 if it is even.
    """

    on_edges: np.ndarray
    in_tenth: np.ndarray


def structure(gradients: np.ndarray, images: np.ndarray, boxes: list[tuple[int, int, int, int]]) -> Structure:
    """Measure gradients (n, c, h, w) of images (n, c, h, w) inside boxes (top, bottom, left, right)."""
    found = [
        _of_one(gradient[:, top:bottom, left:right], image[:, top:bottom, left:right])
        for gradient, image, (top, bottom, left, right) in zip(gradients, images, boxes, strict=True)
    ]
    return Structure(*np.array(found).T)


def _of_one(gradient: np.ndarray, image: np.ndarray) -> tuple[float, float]:
    energy = (gradient.astype(np.float64) ** 2).sum(0)
    if not energy.any():
        return np.nan, np.nan
    strongest = np.sort(energy, axis=None)[::-1]
    in_tenth = strongest[: max(1, len(strongest) // PART)].sum() / strongest.sum()
    edges = _edges(image.astype(np.float64))
    strength = np.sqrt(energy)
    if not (edges.std() and strength.std()):
        return np.nan, float(in_tenth)
    return float(np.corrcoef(strength.ravel(), edges.ravel())[0, 1]), float(in_tenth)


def _edges(image: np.ndarray) -> np.ndarray:
    """How fast the brightness of a picture (c, h, w) changes at each pixel."""
    if min(image.shape[1:]) < 2:
        return np.zeros(image.shape[1:])
    down, across = np.gradient(image.mean(0))
    return np.hypot(down, across)


def metrics(trained: Structure, untrained: Structure, filters: int) -> dict[str, Metric]:
    """The means over filters with their 95% intervals, trained beside untrained; without what cannot be measured."""
    about = {
        "on_edges": (
            -1.0,
            "correlation of the gradient's strength with the picture's own edges, over the pixels of the "
            "receptive field",
        ),
        "in_tenth": (
            0.0,
            "share of the squared gradient in the strongest tenth of the receptive field; 0.1 if it is even",
        ),
    }
    found: dict[str, Metric] = {}
    for name, (lowest, words) in about.items():
        per_filter = [_by_filter(getattr(one, name), filters) for one in (trained, untrained)]
        if all(len(values) for values in per_filter):
            control = f"gradient_{name}_untrained"
            ours, theirs = per_filter
            found[f"gradient_{name}"] = Metric.of_mean(ours, lowest=lowest, control=control, about=words)
            found[control] = Metric.of_mean(
                theirs, lowest=lowest, no_control="it is the control", about="the same before training"
            )
    return found


def _by_filter(values: np.ndarray, filters: int) -> np.ndarray:
    """Mean over the pictures of each filter that has any value."""
    rows = [row[np.isfinite(row)] for row in values.reshape(filters, -1)]
    return np.array([row.mean() for row in rows if len(row)])
