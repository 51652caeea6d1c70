"""BatchNorm as the witness: what a layer saw in training, against what a candidate network lets it see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ganlab.errors import GanlabError
from ganlab.recovery.stored import Part

MOMENTUM = 0.1  # torch's: how much of the newest batch a running statistic takes in
FEW_BATCHES = 1000  # up to so many a norm's statistics lag behind weights that still change fast
SETTLED = 0.05  # an error that the right candidate has even where they do not lag
LAG = 2.0  # what is beyond that, so many times, is by how much candidates may stand in the wrong order
FRESH_BATCHES = 80  # up to so many the statistics' start (mean 0, variance 1) has not yet faded
FLOOR = 1e-8
CLEAR_T = 4.0  # two candidates differ when their errors, channel by channel, differ by so many standard errors
CLEAR_DIFFERENCE = 0.01  # and by so much on average, or by CLEAR_PART of the smaller error, if that is less
CLEAR_PART = 0.3
CLOSE = 1.5  # a runner-up whose error is within this factor may as well be right
MISFIT = 0.5  # an error of a norm that no candidate may have
DISTRUSTED = 1.0  # an error of the first norm from which on what norms remember is not believed


@dataclass(frozen=True)
class Testimony:
    """How far a candidate is from what one BatchNorm remembers.

    Attributes:
        errors: (channels,) |log of the ratio of variances| + |difference of means| / standard deviation.
        lagging: the norm counts so few batches that the right candidate differs, too.
    """

    errors: torch.Tensor
    lagging: bool = False

    @property
    def error(self) -> float:
        """Mean over the channels."""
        return float(self.errors.mean())


def testify(norm: Part, features: torch.Tensor) -> Testimony:
    """Compare what a norm is about to be given with what it was given in training.

    Args:
        norm: with stored mean and variance.
        features: (n, channels) or (n, channels, h, w).
    """
    mean, variance = remembered(norm)
    axes = [0, *range(2, features.ndim)]
    seen_variance, seen_mean = torch.var_mean(features, axes, correction=0)
    # a channel that hardly varied in training tells nothing but its own rounding
    seen_variance, seen_mean = seen_variance.double(), seen_mean.double()
    floor = FLOOR + 1e-6 * float(variance.median())
    ratio = torch.log((seen_variance + floor) / (variance + floor)).abs()
    shift = (seen_mean - mean).abs() / torch.sqrt(variance + floor)
    lagging = 0 < norm.settings.get("batches", 0) < FEW_BATCHES
    return Testimony((ratio + shift.clamp(max=10.0)).nan_to_num(20.0), lagging)


def remembered(norm: Part) -> tuple[torch.Tensor, torch.Tensor]:
    """The running mean and variance, float64, freed from the values they started with where these have not faded."""
    mean, variance = norm.tensors["mean"].double(), norm.tensors["variance"].double()
    batches = norm.settings.get("batches", 0)
    if 0 < batches < FRESH_BATCHES:
        left = (1 - MOMENTUM) ** batches
        mean, variance = mean / (1 - left), (variance - left) / (1 - left)
    return mean, variance.clamp(min=0.0)


def can_testify(norm: Part) -> bool:
    """Whether it stores what it saw, and saw anything."""
    return "mean" in norm.tensors and "variance" in norm.tensors and not untouched(norm)


def untouched(norm: Part) -> bool:
    """Whether its statistics still are what a norm begins with: mean 0 and variance 1 everywhere."""
    mean, variance = norm.tensors.get("mean"), norm.tensors.get("variance")
    return mean is not None and variance is not None and not mean.any() and bool((variance == 1).all())


def clearly_better(good: Sequence[Testimony], bad: Sequence[Testimony]) -> bool:
    """Whether one candidate fits better than another beyond chance, channel by channel, over all witnesses of both.

    Where statistics lag behind the weights, the right candidate may be off by more than the best: what the best is off
    beyond SETTLED says how far they lag. Norms mislead each in its own way, so that several tell more than one.
    """
    pairs = list(zip(good, bad, strict=False))
    if not pairs:
        return False
    gain = torch.cat([two.errors - one.errors for one, two in pairs])
    mean = float(gain.mean())
    needed = min(CLEAR_DIFFERENCE, CLEAR_PART * sum(one.error for one, _ in pairs) / len(pairs))
    told = [one.error for one, two in pairs if one.lagging and not torch.equal(one.errors, two.errors)]
    if told:
        needed += LAG * max(sum(told) / len(told) - SETTLED, 0.0) / len(pairs)
    if len(gain) < 2:
        return mean > needed
    standard_error = float(gain.std()) / len(gain) ** 0.5
    return mean > needed and mean > CLEAR_T * standard_error


def misfit(name: str, error: float) -> GanlabError:
    """What to raise where every candidate lets a norm see something else than it remembers."""
    return GanlabError(
        f"no network known here lets {name} see what it remembers (the best differs by {error:.2f}).",
        "State what you know: --activation, --image-size, --z or a --card; or --gan MODULE:FACTORY with its code.",
    )
