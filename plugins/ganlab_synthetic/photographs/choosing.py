"""From which probability on a pixel counts, and from how many pixels on a picture shows a concept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ganlab import GanlabError

from ..labelers.augmentation import IGNORED
from ..rooms import CONCEPTS
from .reading import Photographs

# Pixels of 64x64 from which on a person sees the thing; of pictures with fewer, though some, nobody is held to a word.
VISIBLE = {"window": 40, "picture": 20, "bed": 60, "lamp": 12, "door": 60}
MUCH_CURTAIN = 0.01  # share of a picture: where so much hangs and no window shows, one may be behind it
PROBABILITIES = tuple(round(0.2 + 0.05 * step, 2) for step in range(11))
PIXELS = np.unique(np.geomspace(5, 600, 60).round().astype(int))


@dataclass(frozen=True)
class Truth:
    """What photographs show at 64x64, by the people who marked them.

    Attributes:
        masks: bool (n, concepts, 64, 64).
        known: bool (n, 64, 64): pixels that have a label.
        shown: bool (n, concepts): pictures that show enough of a concept.
        decided: bool (n, concepts): those where that is beyond doubt, so that they count.
    """

    masks: np.ndarray
    known: np.ndarray
    shown: np.ndarray
    decided: np.ndarray


def truth_of(photographs: Photographs) -> Truth:
    """The truth of some photographs.

    Raises:
        GanlabError: a concept is in all of them or in none, so that nothing can be chosen or measured.
    """
    labels = photographs.at64().labels
    masks = np.stack([labels == place for place in range(1, len(CONCEPTS) + 1)], 1)
    counts = masks.sum((2, 3))
    shown = counts >= [VISIBLE[concept] for concept in CONCEPTS]
    decided = shown | (counts == 0)
    window = CONCEPTS.index("window")
    decided[:, window] &= shown[:, window] | (photographs.curtains < MUCH_CURTAIN)
    for place, concept in enumerate(CONCEPTS):
        kinds = set(shown[decided[:, place], place].tolist())
        if len(kinds) < 2:
            how_many = "all" if True in kinds else "none"
            raise GanlabError(
                f"Of {len(labels)} photographs to choose or to measure on, {how_many} show a {concept}.",
                "Give a folder of more photographs, of many rooms.",
            )
    return Truth(masks, labels != IGNORED, shown, decided)


def overlap_of_known(masks: np.ndarray, truth: Truth) -> np.ndarray:
    """Intersection over union of all pixels with a label together, (concepts,)."""
    known = truth.known[:, None]
    both, either = masks & truth.masks, (masks | truth.masks) & known
    return both.sum((0, 2, 3)) / either.sum((0, 2, 3)).clip(1)


def found_and_imagined(
    found: np.ndarray, truth: Truth, times: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Of the pictures that show a concept the share in which it is found, of the others in which it is imagined.

    Args:
        found: bool (n, concepts).
        times: (n,) how often each picture counts, once by default.

    Returns:
        Two of (concepts,) in [0, 1].
    """
    there, absent = truth.shown & truth.decided, ~truth.shown & truth.decided
    weights = np.ones(len(found), int) if times is None else times
    return weights @ (found & there) / (weights @ there), weights @ (found & absent) / (weights @ absent)


def choose_threshold(probabilities: np.ndarray, truth: Truth) -> float:
    """The probability at which the mean overlap of the concepts is largest.

    Args:
        probabilities: (n, concepts, 64, 64) in [0, 1].
    """
    overlaps = [overlap_of_known(probabilities > cut, truth).mean() for cut in PROBABILITIES]
    return PROBABILITIES[int(np.argmax(overlaps))]


def choose_min_pixels(masks: np.ndarray, truth: Truth) -> dict[str, int]:
    """For each concept the number of pixels that tells best, by balanced accuracy, the pictures that show it.

    Of numbers that tell equally well, nearly, the middle one: the best of few pictures would be luck.
    """
    counts = masks.sum((2, 3))
    scores = []
    for pixels in PIXELS:
        found, imagined = found_and_imagined(counts >= pixels, truth)
        scores.append((found + 1 - imagined) / 2)
    good = np.array(scores) >= np.max(scores, 0) - 0.005
    return {concept: int(np.median(PIXELS[good[:, place]])) for place, concept in enumerate(CONCEPTS)}
