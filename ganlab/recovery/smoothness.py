"""The pictures themselves as a witness of the last stride, after which no norm comes.

Pictures change less from a pixel to the next than to the one after it. Kernels trained for stride 1 and run with
stride 2 draw chequers instead, which change most from a pixel to the next.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ganlab.recovery.hypotheses import Hypothesis, Ruling
from ganlab.recovery.simulate import run

# Nine trained GANs have a roughness of 0.55 to 0.70, one of tiles 0.82; with a wrong last stride 0.79 and 0.93. There
# the right one brings it down to 0.73 and 0.80 of that, elsewhere a wrong one never below 0.91.
ROUGH = 0.75  # above it a rival is heard
CLEARLY = 0.85  # what the rival's must be at most, as a part of the usual one's
# Eight trained GANs have pictures 0.81 to 0.91 times as rough as the smoothest of their rivals' of any other size.
SMOOTHER = 0.95  # what makes the usual one certain
WITNESS = "the roughness of its pictures"
SAMPLES, FEWEST = 64, 8  # pictures of 64x64 that are drawn for it; larger ones are fewer, and take no longer
RANKS = 2  # geometries up to so much rarer than the usual one are heard


def roughness(pictures: torch.Tensor) -> float:
    """Mean step from a pixel to the next over the mean step to the one after it, mean of rows and columns.

    Args:
        pictures: (n, c, h, w), before the last activation.
    """
    ratios = []
    for axis in (2, 3):
        side = pictures.shape[axis] - 2
        if side < 1:
            return 0.0
        one = pictures.diff(dim=axis).abs().mean()
        two = (pictures.narrow(axis, 2, side) - pictures.narrow(axis, 0, side)).abs().mean()
        ratios.append(float(one / two.clamp(min=1e-12)))
    return sum(ratios) / 2


def smoothed(best: Hypothesis, others: Sequence[Hypothesis], variable: str) -> tuple[Hypothesis, Ruling | None]:
    """The hypothesis whose pictures are smooth where the best one's are not, and what was heard; None without rivals.

    Args:
        best: whose last layer has the usual geometry.
        others: hypotheses; those that differ from it in ``variable`` alone are heard.
        variable: the last layer's.
    """
    usual = _heard(best)
    rivals = [(_heard(other), other) for other in others if _alike(best, other, variable)]
    if not rivals:
        return best, None
    error, closest = min(rivals, key=lambda one: one[0])
    near = [one for one in rivals if one[1].rank <= best.rank + RANKS]
    smoother, rival = min(near, key=lambda one: one[0], default=(usual, best))
    if usual > ROUGH and smoother <= CLEARLY * usual:
        chosen = rival.choices[variable]
        return rival, Ruling(variable, chosen, WITNESS, smoother, best.choices[variable], usual, True)
    runner_up = _words(closest, variable)
    # where it stays open, the most usual of those that are not clearly rougher is told beside the smoothest
    open_ = [one for one in rivals if usual > SMOOTHER * one[0]]
    likely, other = min(open_, key=lambda one: (one[1].rank, one[0]), default=(error, closest))
    if other is not closest:
        runner_up = f"{_words(other, variable)}: {likely:.3f}; {runner_up}"
    return best, Ruling(variable, best.choices[variable], WITNESS, usual, runner_up, error, usual <= SMOOTHER * error)


def _words(one: Hypothesis, variable: str) -> str:
    return f"{one.choices[variable]}, for pictures of {one.side}x{one.side}"


def _alike(one: Hypothesis, other: Hypothesis, variable: str) -> bool:
    """Whether two hypotheses differ in this variable and in no other."""
    differing = {name for name, value in one.choices.items() if other.choices.get(name) != value}
    return differing == {variable}


def _heard(one: Hypothesis) -> float:
    samples = max(FEWEST, SAMPLES * 64**2 // max(one.side, 64) ** 2)
    pictures = run(one.elements[one.done :], one.features[:samples])
    return roughness(pictures) if pictures.ndim == 4 else 0.0
