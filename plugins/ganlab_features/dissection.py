"""On which concept each filter fires: the overlap of its strongest activations with a labeler's masks.

As in network dissection (Bau et al., 2017): a filter fires where its activation, enlarged to the picture, lies above
its own quantile over all pictures, the same share of cells for every filter. The intersection over union with a concept
is taken over all pictures together. Concepts have their usual places, and a filter that fires in the lower half of
every picture overlaps with beds. So the same is counted with the masks of the next picture, which keep where a concept
usually lies and take away that it lies there; what counts is what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from ganlab import Gan, GanlabError, Labeler, progress

from .pictures import AT_ONCE, Pictures

PLACES = 32  # along a side: where activations and masks are compared, or more where the layer has more units
ELEMENTS = 1 << 21  # enlarged activations at once: few enough to stay near the processor


@dataclass(frozen=True)
class Overlap:
    """How well the activations of one discriminator's filters fit each concept.

    Attributes:
        iou: (filters, concepts) intersection over union, 0 to 1.
        moved: (filters, concepts) the same with the masks of the next picture.
    """

    iou: np.ndarray
    moved: np.ndarray

    @property
    def beyond_place(self) -> np.ndarray:
        """(filters, concepts) what the right picture's masks add."""
        return self.iou - self.moved


@dataclass(frozen=True)
class Dissection:
    """A layer of several discriminators, seen on the same pictures.

    Attributes:
        concepts: those that any picture shows, in the labeler's order.
        columns: (concepts,) which of the labeler's each is.
        area: (concepts,) share of all pixels.
        overlaps: one for each discriminator.
        thresholds: for each discriminator (filters,), above which a filter fires.
    """

    concepts: list[str]
    columns: np.ndarray
    area: np.ndarray
    overlaps: list[Overlap]
    thresholds: list[np.ndarray]


def dissect(gans: Sequence[Gan], layer: str, pictures: Pictures, labeler: Labeler, share: float) -> Dissection:
    """Compare every filter of a layer with every concept.

    Args:
        share: of its cells at which each filter fires, above 0 and below 1.

    Raises:
        GanlabError: the labeler sees none of its concepts.
    """
    batches = -(-len(pictures) // AT_ONCE)
    tops = [_Top(share, len(pictures)) for _ in gans]
    for _, images in zip(progress(batches, "finding thresholds"), pictures.batches(), strict=True):
        for gan, top in zip(gans, tops, strict=True):
            top.add(activations(gan, layer, images))
    counts = [_Counts(top.threshold()) for top in tops]
    for _, images in zip(progress(batches, "comparing filters with masks"), pictures.batches(), strict=True):
        masks = torch.from_numpy(labeler.masks(images, gans[0].image))
        for gan, count in zip(gans, counts, strict=True):
            count.add(activations(gan, layer, images), masks)
    area = counts[0].area()
    columns = np.flatnonzero(area)
    if not len(columns):
        known = ", ".join(labeler.concepts)
        raise GanlabError(
            f"The labeler {labeler.name!r} sees none of its concepts in these pictures: {known}.",
            f"It was made for {labeler.domain}.",
        )
    return Dissection(
        [labeler.concepts[column] for column in columns],
        columns,
        area[columns],
        [count.overlap(columns) for count in counts],
        [count.threshold.numpy() for count in counts],
    )


def fires(features: torch.Tensor, threshold: torch.Tensor, places: tuple[int, int]) -> torch.Tensor:
    """Where each filter fires: features (n, filters, rows, columns) -> bool (n, filters, *places)."""
    features = features.contiguous(memory_format=torch.channels_last)  # interpolates to the same, faster
    return F.interpolate(features, size=places, mode="bilinear", align_corners=False) > threshold[:, None, None]


def activations(gan: Gan, layer: str, images: torch.Tensor) -> torch.Tensor:
    """What a layer of the discriminator puts out, (n, filters, rows, columns) on the CPU."""
    with gan.record(layer, side="discriminator") as recording:
        gan.score(images)
    return recording[layer].float()


class _Top:
    """The largest activations of every filter so far: what its quantile needs, and no more."""

    def __init__(self, share: float, pictures: int) -> None:
        self._kept = share * pictures
        self._largest: torch.Tensor | None = None

    def add(self, features: torch.Tensor) -> None:
        """Take activations (n, filters, rows, columns) into account."""
        kept = max(1, round(self._kept * features.shape[2] * features.shape[3]))
        cells = features.transpose(0, 1).flatten(1)
        cells = cells if self._largest is None else torch.cat([self._largest, cells], 1)
        self._largest = cells.topk(min(kept, cells.shape[1]), 1).values

    def threshold(self) -> torch.Tensor:
        """(filters,) the smallest of the share that are largest."""
        assert self._largest is not None
        return self._largest[:, -1]


class _Counts:
    """On how many places filters fire, concepts lie, and both."""

    def __init__(self, threshold: torch.Tensor) -> None:
        self.threshold = threshold
        self._places = 0
        self._fired = self._both = self._moved = self._shown = torch.zeros((), dtype=torch.float64)

    def add(self, features: torch.Tensor, masks: torch.Tensor) -> None:
        """Take activations (n, filters, rows, columns) and masks (n, concepts, h, w) into account."""
        n, concepts, *size = masks.shape
        sides = [min(pixels, max(PLACES, units)) for pixels, units in zip(size, features.shape[2:], strict=True)]
        down, across = ((torch.arange(side) + 0.5) * pixels / side for side, pixels in zip(sides, size, strict=True))
        shown = masks[:, :, down.long()[:, None], across.long()].flatten(2).float()
        of_all = torch.cat([shown, shown.roll(1, 0), torch.ones_like(shown[:, :1])], 1)
        self._places += shown[:, 0].numel()
        self._shown = self._shown + shown.sum((0, 2)).double()
        for rows in torch.arange(n).split(max(1, ELEMENTS // (features.shape[1] * shown.shape[2]))):
            fired = fires(features[rows], self.threshold, (sides[0], sides[1])).float()
            met = (of_all[rows] @ fired.permute(0, 2, 3, 1).flatten(1, 2)).sum(0).double().T
            self._both = self._both + met[:, :concepts]
            self._moved = self._moved + met[:, concepts:-1]
            self._fired = self._fired + met[:, -1]

    def area(self) -> np.ndarray:
        """(concepts,) share of the places."""
        return (self._shown / self._places).numpy()

    def overlap(self, columns: np.ndarray) -> Overlap:
        """Of these concepts."""
        either = self._fired[:, None] + self._shown
        iou, moved = ((met / (either - met).clamp(min=1)).numpy()[:, columns] for met in (self._both, self._moved))
        return Overlap(iou, moved)
