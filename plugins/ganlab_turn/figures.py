"""The turn's pictures and plots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

from ganlab import Figure, Gan, Latents, Metric, counted
from ganlab import figures as draw

from .chance import Whose, shares
from .turning import Way, moved

if TYPE_CHECKING:
    from .investigation import Target

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


def attribute_curve(way: Way, random: Way, whose: Whose, target: Target) -> Figure:
    """The attribute over the coefficient along the turn, and along random directions that are turned to go its way.

    Args:
        random: along random directions, each as it was drawn. By itself a direction has no sense: of as many that rise
            as fall the mean is level, however far each of them leads.
    """
    column, attribute = target.column, target.name
    random = random.turned(column, target.sign, whose.random)
    curves = along, aside = way.values[:, :, column], random.values[:, :, column]
    is_measure = target.judge.is_measure(column)
    bands = (
        [np.quantile(curve, [0.05, 0.95], axis=0) for curve in curves]
        if is_measure
        else _intervals(along, aside, whose)
    )
    names = ("the turn", f"random directions, turned so that it {target.goes}")
    plot = draw.curve(
        way.t,
        {name: (curve.mean(0), *band) for name, curve, band in zip(names, curves, bands, strict=True)},
        xlabel="part of the direction added to z",
        ylabel=attribute if is_measure else f"share of samples with {attribute}",
        behind=along if is_measure else None,
        from_zero=not is_measure,
    )
    drawn = counted(len(np.unique(whose.random)), "random direction")
    what = f"mean {attribute} of" if is_measure else f"share with {attribute} among"
    bands_are = "bands hold the middle 90% of the samples, thin lines are single samples along the turn"
    return Figure(
        plot,
        f"Thick lines: {what} {counted(len(way.values), 'sample')} at each step, along the turn and along {drawn} as "
        f"long, each for its share of the samples and turned so that {attribute} {target.goes} from end to end; "
        f"{bands_are if is_measure else 'bands are 95% intervals'}.",
    )


def _intervals(along: np.ndarray, aside: np.ndarray, whose: Whose) -> list[np.ndarray]:
    """Of the shares at each step, (2, steps) along the turn and the same along random directions."""
    steps = [shares("", hits > 0.5, others > 0.5, whose, "") for hits, others in zip(along.T, aside.T, strict=True)]
    return [np.array([(one[name].low, one[name].high) for one in steps]).T for name in ("", "_random")]


def kept(kept_by: Mapping[str, Mapping[str, Metric]]) -> Figure:
    """What stays as it is from end to end, along the turn and along random directions."""
    groups = {
        name: {
            attribute: (100 * share.value, 100 * (share.low or 0.0), 100 * (share.high or 0.0))
            for attribute, share in one.items()
        }
        for name, one in kept_by.items()
    }
    plot = draw.bars(groups, xlabel="samples that keep it at every step (%)")
    n = counted(max(share.n or 0 for one in kept_by.values() for share in one.values()), "sample")
    return Figure(plot, f"What else changes: the share of {n} that keep it. The black lines are 95% intervals.")


def _row(gan: Gan, latents: Latents, vector: torch.Tensor, t: np.ndarray) -> np.ndarray:
    return gan.image.shown(gan.generate(moved(latents, vector[None], t)))


def _signed(number: float) -> str:
    text = f"{abs(number):.3g}"
    return f"+{text}" if number > 0 else f"-{text}"
