"""The turn's pictures and plots."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from ganlab import Figure, Gan, Latents, Metric
from ganlab import figures as draw

from .turning import Way, moved

SHOWN, SHOWN_RANDOM = 6, 3  # samples in the figure


def turned(
    gan: Gan, latents: Latents, vector: torch.Tensor, random: torch.Tensor, t: np.ndarray, ends: tuple[str, str]
) -> Figure:
    """Figure 8: each row a sample, from one end to the other; below, the first ones along a random direction.

    Args:
        vector: (dim,), the direction.
        random: (dim,), of equal length.
    """
    rows: dict[str, np.ndarray] = {}
    for number in range(min(SHOWN, len(latents))):
        rows[f"sample {number + 1}"] = _row(gan, latents[[number]], vector, t)
    for number in range(min(SHOWN_RANDOM, len(latents))):
        rows[f"sample {number + 1}, random direction"] = _row(gan, latents[[number]], random, t)
    heads = [_signed(one) for one in t]
    heads[0], heads[-1] = f"{draw.in_words(ends[0])} {heads[0]}", f"{draw.in_words(ends[1])} {heads[-1]}"
    heads[len(t) // 2] = "0"
    scale = max(1, 96 // gan.image.size)
    return Figure(
        draw.labelled_rows(rows, scale=scale, heads=heads),
        f"Random samples from {ends[0]} to {ends[1]}; the number is the part of the direction that is added to z. The "
        f"last {min(SHOWN_RANDOM, len(latents))} rows go as far in a random direction.",
    )


def attribute_curve(way: Way, random: Way, column: int, attribute: str, is_measure: bool) -> Figure:
    """The attribute over the coefficient: mean, middle 90% of the samples and all of them, beside random directions."""
    series: dict[str, tuple[np.ndarray, np.ndarray | None, np.ndarray | None]] = {}
    for name, one in (("the turn", way), ("random directions", random)):
        curve = one.values[:, :, column]
        band = np.quantile(curve, [0.05, 0.95], axis=0) if is_measure else (None, None)
        series[name] = (curve.mean(0), band[0], band[1])
    plot = draw.curve(
        way.t,
        series,
        xlabel="part of the direction added to z",
        ylabel=attribute if is_measure else f"share of samples with {attribute}",
        behind=way.values[:, :, column] if is_measure else None,
        from_zero=not is_measure,
    )
    detail = "; bands hold 90% of them, thin lines are single samples along the turn" if is_measure else ""
    return Figure(plot, f"Mean over {len(way.values)} samples{detail}.")


def kept(shares: Mapping[str, Mapping[str, Metric]]) -> Figure:
    """What stays as it is from end to end, along the turn and along random directions."""
    groups = {
        name: {
            attribute: (100 * share.value, 100 * (share.low or 0.0), 100 * (share.high or 0.0))
            for attribute, share in one.items()
        }
        for name, one in shares.items()
    }
    plot = draw.bars(groups, xlabel="samples that keep it at every step (%)")
    return Figure(plot, "What else changes; the black lines are 95% intervals.")


def _row(gan: Gan, latents: Latents, vector: torch.Tensor, t: np.ndarray) -> np.ndarray:
    return gan.image.shown(gan.generate(moved(latents, vector[None], t)))


def _signed(number: float) -> str:
    text = f"{abs(number):.3g}"
    return f"+{text}" if number > 0 else f"-{text}"
