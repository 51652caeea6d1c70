"""Which feature maps tell where a concept is: logistic regression on single cells (section 6.3.1).

Positives are the cells whose centre lies inside a box; as many negatives are drawn at random from the cells outside
the boxes of the same pictures. Features are standardised and the weights strongly regularised: each is then close to
the map's own correlation with the concept instead of being traded against its neighbours', and it is the maps that are
dropped, not the prediction.
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


def fit(features: torch.Tensor, inside: np.ndarray, *, c: float, negatives: float, seed: int) -> Fit:
    """Probe one layer.

    Args:
        features: (n, maps, side, side).
        inside: (n, side, side) bool, the cells on the concept.
        c: scikit-learn's C; smaller is stronger regularisation.
        negatives: negatives for each positive.
        seed: of the negatives and folds.
    """
    cells = draw_cells(features, inside, negatives, seed)
    accuracy, auc = _cross_validate(cells, c, seed)
    moved = draw_cells(features, inside[_moved(len(inside), seed)], negatives, seed)
    moved_accuracy, moved_auc = _cross_validate(moved, c, seed)
    weights = _weights(cells.features, cells.positive, c)
    return Fit(weights, accuracy, auc, moved_accuracy, moved_auc, len(cells.positive))


def draw_cells(features: torch.Tensor, inside: np.ndarray, negatives: float, seed: int) -> Cells:
    """All cells inside, and ``negatives`` times as many drawn at random outside, picture by picture."""
    rows = features.permute(0, 2, 3, 1).reshape(len(features), -1, features.shape[1]).numpy()
    inside = inside.reshape(len(inside), -1)
    bits = random_bits(seed, np.arange(len(inside)), inside.shape[1], STREAM["negatives"])
    chosen: list[tuple[int, np.ndarray, bool]] = []
    for picture, marked in enumerate(inside):
        outside = np.flatnonzero(~marked)
        wanted = min(len(outside), round(negatives * int(marked.sum())))
        drawn = outside[np.argsort(bits[picture, outside], kind="stable")[:wanted]]
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


def _weights(features: np.ndarray, positive: np.ndarray, c: float) -> np.ndarray:
    scaled = StandardScaler().fit_transform(features)
    return LogisticRegression(C=c, max_iter=1000).fit(scaled, positive).coef_[0]


def _moved(count: int, seed: int) -> np.ndarray:
    """A permutation of the pictures that leaves none in its place."""
    order = np.argsort(random_bits(seed, np.arange(count), 1, STREAM["moved"])[:, 0], kind="stable")
    moved = np.empty(count, dtype=int)
    moved[order] = np.roll(order, 1)
    return moved
