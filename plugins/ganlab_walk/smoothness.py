"""Whether the largest step shrinks as steps double: everywhere at first, then around the sharpest step alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from ganlab import progress

from .distance import Features, in_pixels
from .path import Path

EVERYWHERE = 3  # doublings in which every step is measured: 8 times as many steps
ALONE = 7  # further ones in which each leg's sharpest step is halved: 1,024 times as many
FINEST = 2 ** (EVERYWHERE + ALONE)
# At 8 times as many steps even ones are an eighth as large, so that a jump of a quarter of the largest step or more
# is the sharpest there, and is followed.
JUMP = 0.25
# A smooth curve's largest step halves with each doubling once steps are fine, so that 1 / FINEST is left of it, times
# how much faster the picture changes at its fastest than on average over that step. On 120 legs of three GANs that was
# at most 2 with nine steps a leg, and at most 6 with a single one; z rounded to 1/128 before one of them drew kept 17.
SMOOTH = 10 / FINEST

_BLOCK = 8  # steps measured at once, with eight parts each: 65 pictures

Answer = Callable[[torch.Tensor], torch.Tensor]  # pictures of the walk -> what is shown instead
Images = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Smoothness:
    """What was measured on the legs of a walk, all distances in pixels as RMS levels of 255.

    Attributes:
        distance: (legs, steps) from each picture to the next.
        features: the same in the discriminator's features, or None.
        largest: (legs, 11) each leg's largest step with 1, 2, 4, ... 1,024 times as many steps.
        place: (legs, 2) where the sharpest step begins and ends on each leg after the last halving, from 0 to 1.
    """

    distance: np.ndarray
    features: np.ndarray | None
    largest: np.ndarray
    place: np.ndarray

    @property
    def kept(self) -> np.ndarray:
        """(legs,) what is left of each leg's largest step with 1,024 times as many; 0 where nothing ever changes."""
        most = self.largest.max(1)  # nearly always the first; but what flashes up between two steps shows later
        return self.largest[:, -1] / np.where(most > 0, most, 1.0)

    @property
    def jumps(self) -> np.ndarray:
        """(legs,) bool."""
        return self.kept > JUMP

    @property
    def small_jumps(self) -> np.ndarray:
        """(legs,) bool: not jumps, but more is kept than a smooth curve leaves."""
        return (self.kept > SMOOTH) & ~self.jumps

    @property
    def per_doubling(self) -> float:
        """By how much the largest step of all shrinks when steps double, from once to 8 times: 0.5 smooth, 1 a jump."""
        most = self.largest[:, : EVERYWHERE + 1].max(0)
        return float((most[-1] / most[0]) ** (1 / EVERYWHERE)) if most[0] > 0 else 1.0


def measure(path: Path, steps: int, answers: Mapping[str, Answer], features: Features) -> dict[str, Smoothness]:
    """Walk once, and measure what each answer makes of the pictures.

    Args:
        steps: on each leg.
        answers: name -> what it shows for the walk's pictures.
    """
    parts = 2**EVERYWHERE
    pixels = {name: [np.zeros((len(path), steps * 2**k)) for k in range(EVERYWHERE + 1)] for name in answers}
    seen = {name: np.zeros((len(path), steps)) for name in answers}
    blocks = [(leg, start) for leg in range(len(path)) for start in range(0, steps, _BLOCK)]
    for leg, start in progress(blocks, "walking"):
        stop = min(start + _BLOCK, steps)
        t = np.arange(start * parts, stop * parts + 1) / (steps * parts)
        images = path.draw(np.full(len(t), leg), t)
        for name, answer in answers.items():
            shown = answer(images)
            for k, found in enumerate(pixels[name]):
                coarse = shown[:: parts >> k]
                found[leg, start << k : stop << k] = in_pixels(coarse[:-1], coarse[1:], path.gan.image).numpy()
            if features:
                seen[name][leg, start:stop] = features.steps(shown[::parts]).numpy()
    followed = {name: _follow(path, pixels[name][-1], answer) for name, answer in answers.items()}
    return {
        name: Smoothness(
            pixels[name][0],
            seen[name] if features else None,
            np.concatenate([np.stack([found.max(1) for found in pixels[name]], axis=1), followed[name][0]], axis=1),
            followed[name][1],
        )
        for name in answers
    }


def _follow(path: Path, distance: np.ndarray, answer: Answer) -> tuple[np.ndarray, np.ndarray]:
    """Halve each leg's largest step again and again, going on with the half that changes more.

    Args:
        distance: (legs, parts) of the finest steps measured everywhere.

    Returns:
        (legs, ALONE) the larger half after each halving; (legs, 2) where the last one lies.
    """
    largest = np.zeros((len(path), ALONE))
    place = distance.argmax(1)[:, None] + np.array([0.0, 1.0])
    place /= distance.shape[1]
    for start in progress(range(0, len(path), _BLOCK), "following the sharpest steps"):
        legs = np.arange(start, min(start + _BLOCK, len(path)))
        low, high = (answer(path.draw(legs, place[legs, end])) for end in (0, 1))
        for number in range(ALONE):
            middle = place[legs].mean(1)
            between = answer(path.draw(legs, middle))
            before, after = in_pixels(low, between, path.gan.image), in_pixels(between, high, path.gan.image)
            early = before >= after
            largest[legs, number] = torch.maximum(before, after).numpy()
            keep = early[:, None, None, None]
            low, high = torch.where(keep, low, between), torch.where(keep, between, high)
            place[legs, 0] = np.where(early, place[legs, 0], middle)
            place[legs, 1] = np.where(early, middle, place[legs, 1])
    return largest, place
