"""Which feature maps tell where a concept is: logistic regression on single cells (section 6.3.1).

Positives are the cells whose centre lies inside a box; as many negatives are drawn at random from the cells outside
the boxes of the same pictures: anywhere, as the paper says no more, or only beside the boxes, in rows of cells that a
box crosses. A window differs from floor and ceiling in much that does not make it a window; beside it is the wall that
would be there instead, and the maps that tell the two apart are those whose drop leaves wall.

Features are standardised and the weights strongly regularised: each is then close to the map's own correlation with the
concept instead of being traded against its neighbours', and it is the maps that are dropped, not the prediction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from ganlab import random_bits

FOLDS = 5
STREAM = {"negatives": 101, "folds": 102, "moved": 103}  # keeps draws for different purposes apart


@dataclass(frozen=True)
class Cells:
    """Single cells of feature maps: features (cells, maps), on the concept or not, and of which picture each is."""

    features: np.ndarray
    positive: np.ndarray
    picture: np.ndarray


@dataclass(frozen=True)
class Fit:
    """A probe of one layer.

    Attributes:
        weights: (maps,) of the fit on all pictures, per standard deviation of a map.
        accuracy, auc: on pictures the fit had not seen (five folds by picture).
        moved_accuracy, moved_auc: the same with each picture's boxes taken from another one: the control, which keeps
            where the concept usually lies and takes away that it lies there.
        cells: positives and negatives together.
    """

    weights: np.ndarray
    accuracy: float
    auc: float
    moved_accuracy: float
    moved_auc: float
    cells: int

    def ranked(self) -> np.ndarray:
        """Maps by weight, largest first."""
        return np.argsort(-self.weights, kind="stable")

    @property
    def above_zero(self) -> int:
        """How many maps have positive weight: those that the paper drops."""
        return int((self.weights > 0).sum())


def fit(
    features: torch.Tensor, inside: np.ndarray, *, c: float, negatives: float, seed: int, beside: bool = True
) -> Fit:
    """Probe one layer.

    Args:
        features: (n, maps, side, side).
        inside: (n, side, side) bool, the cells on the concept.
        c: scikit-learn's C; smaller is stronger regularisation.
        negatives: negatives for each positive.
        seed: of the negatives and folds.
        beside: take negatives only from rows of cells that the concept crosses.
    """
    cells = draw_cells(features, inside, negatives, seed, beside)
    accuracy, auc = _cross_validate(cells, c, seed)
    moved = draw_cells(features, inside[_moved(len(inside), seed)], negatives, seed, beside)
    moved_accuracy, moved_auc = _cross_validate(moved, c, seed)
    return Fit(weights_of(cells, c), accuracy, auc, moved_accuracy, moved_auc, len(cells.positive))


def draw_cells(features: torch.Tensor, inside: np.ndarray, negatives: float, seed: int, beside: bool) -> Cells:
    """All cells inside, and ``negatives`` times as many drawn at random outside, picture by picture."""
    outside = ~inside & inside.any(2, keepdims=True) if beside else ~inside
    rows = features.permute(0, 2, 3, 1).reshape(len(features), -1, features.shape[1]).numpy()
    inside, outside = (cells.reshape(len(cells), -1) for cells in (inside, outside))
    bits = random_bits(seed, np.arange(len(inside)), inside.shape[1], STREAM["negatives"])
    chosen: list[tuple[int, np.ndarray, bool]] = []
    for picture, marked in enumerate(inside):
        free = np.flatnonzero(outside[picture])
        wanted = min(len(free), round(negatives * int(marked.sum())))
        drawn = free[np.argsort(bits[picture, free], kind="stable")[:wanted]]
        chosen += [(picture, np.flatnonzero(marked), True), (picture, drawn, False)]
    return Cells(
        np.concatenate([rows[picture, cells] for picture, cells, _ in chosen]),
        np.concatenate([np.full(len(cells), positive) for _, cells, positive in chosen]),
        np.concatenate([np.full(len(cells), picture) for picture, cells, _ in chosen]),
    )


def _cross_validate(cells: Cells, c: float, seed: int) -> tuple[float, float]:
    """Accuracy and area under the ROC curve on pictures left out of the fit."""
    count = int(cells.picture.max()) + 1
    order = np.argsort(random_bits(seed, np.arange(count), 1, STREAM["folds"])[:, 0], kind="stable")
    groups = order[cells.picture]
    scores = np.zeros(len(groups))
    for train, test in GroupKFold(min(FOLDS, count)).split(cells.features, cells.positive, groups):
        scaler = StandardScaler().fit(cells.features[train])
        model = LogisticRegression(C=c, max_iter=1000).fit(
            scaler.transform(cells.features[train]), cells.positive[train]
        )
        scores[test] = model.decision_function(scaler.transform(cells.features[test]))
    return float(((scores > 0) == cells.positive).mean()), float(roc_auc_score(cells.positive, scores))


def weights_of(cells: Cells, c: float) -> np.ndarray:
    """The regression's weights (maps,), per standard deviation of a map."""
    scaled = StandardScaler().fit_transform(cells.features)
    return LogisticRegression(C=c, max_iter=1000).fit(scaled, cells.positive).coef_[0]


def _moved(count: int, seed: int) -> np.ndarray:
    """A permutation of the pictures that leaves none in its place."""
    order = np.argsort(random_bits(seed, np.arange(count), 1, STREAM["moved"])[:, 0], kind="stable")
    moved = np.empty(count, dtype=int)
    moved[order] = np.roll(order, 1)
    return moved
