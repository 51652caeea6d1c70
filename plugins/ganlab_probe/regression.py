"""Which feature maps tell where a concept is: logistic regression on single cells (section 6.3.1).

Positives are the cells whose centre lies inside a box; as many negatives are drawn at random from the cells outside
the boxes of the same pictures: anywhere, as the paper says no more, or beside the boxes, at their height, or both.
Beside a window is the wall that would be there instead: what tells these two apart is what makes the window. From
anywhere come floor, ceiling and beds: maps that draw those as well get less weight, and are spared.

Features are standardised and the weights so strongly regularised that each is close to the map's own correlation with
the concept, instead of being traded against its neighbours': it is the maps that are dropped, not the prediction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from ganlab import random_bits, shuffled

NegativesFrom = Literal["both", "beside", "anywhere"]
FOLDS = 5
BESIDE = 0.6  # of the negatives, where they come from both: three beside the concept for two from anywhere
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
    features: torch.Tensor,
    inside: np.ndarray,
    *,
    c: float,
    negatives: float,
    seed: int,
    negatives_from: NegativesFrom = "both",
) -> Fit:
    """Probe one layer.

    Args:
        features: (n, maps, side, side).
        inside: (n, side, side) bool, the cells on the concept; :func:`enough` of them.
        c: scikit-learn's C; smaller is stronger regularisation.
        negatives: negatives for each positive.
        seed: of the negatives and folds.
        negatives_from: "beside" the concept, "anywhere" outside it, or "both", three for two.
    """
    cells = draw_cells(features, inside, negatives, seed, negatives_from)
    accuracy, auc = _cross_validate(cells, c, seed)
    moved = draw_cells(features, inside[_moved(len(inside), seed)], negatives, seed, negatives_from)
    moved_accuracy, moved_auc = _cross_validate(moved, c, seed)
    return Fit(weights_of(cells, c), accuracy, auc, moved_accuracy, moved_auc, len(cells.positive))


def with_both_kinds(inside: np.ndarray) -> np.ndarray:
    """(n,) bool: which pictures have cells (n, side, side) on the concept and others."""
    return np.logical_and(inside.any((1, 2)), ~inside.all((1, 2)))


def enough(inside: np.ndarray) -> bool:
    """Whether there are such pictures for every fold."""
    return int(with_both_kinds(inside).sum()) >= FOLDS


def draw_cells(
    features: torch.Tensor, inside: np.ndarray, negatives: float, seed: int, negatives_from: NegativesFrom
) -> Cells:
    """All cells inside, and ``negatives`` times as many drawn at random outside, of every picture that has both."""
    rows = features.permute(0, 2, 3, 1).reshape(len(features), -1, features.shape[1]).numpy()
    pictures = np.flatnonzero(with_both_kinds(inside))
    beside = (~inside & at_its_height(inside)).reshape(len(inside), -1)
    inside = inside.reshape(len(inside), -1)
    count = inside.shape[1]
    bits = random_bits(seed, np.arange(len(inside)), 2 * count, STREAM["negatives"])
    chosen: list[tuple[int, np.ndarray, bool]] = []
    for picture in pictures.tolist():
        marked = inside[picture]
        # two orders: the halves are drawn independently, and a cell that is in both counts twice
        order, other = (np.argsort(half, kind="stable") for half in (bits[picture, :count], bits[picture, count:]))
        near, outside = order[beside[picture, order]], other[~marked[other]]
        wanted = max(1, round(negatives * int(marked.sum())))
        by_its_side = {"both": round(BESIDE * wanted), "beside": wanted, "anywhere": 0}[negatives_from]
        drawn = np.concatenate([near[:by_its_side], outside[: wanted - by_its_side]])
        chosen += [(picture, np.flatnonzero(marked), True), (picture, drawn, False)]
    return Cells(
        np.concatenate([rows[picture, cells] for picture, cells, _ in chosen]),
        np.concatenate([np.full(len(cells), positive) for _, cells, positive in chosen]),
        np.concatenate([np.full(len(cells), picture) for picture, cells, _ in chosen]),
    )


def at_its_height(inside: np.ndarray) -> np.ndarray:
    """The rows of cells (n, side, side) bool that the concept crosses, and one more above and below."""
    padded = np.pad(inside.any(axis=2), ((0, 0), (1, 1)))
    wider = padded[:, :-2] | padded[:, 1:-1] | padded[:, 2:]
    return np.broadcast_to(wider[:, :, None], inside.shape)


def _cross_validate(cells: Cells, c: float, seed: int) -> tuple[float, float]:
    """Balanced accuracy (0.5 is chance) and area under the ROC curve on pictures left out of the fit."""
    count = int(cells.picture.max()) + 1
    order = shuffled(count, seed, STREAM["folds"])
    groups = order[cells.picture]
    scores = np.zeros(len(groups))
    for train, test in GroupKFold(min(FOLDS, count)).split(cells.features, cells.positive, groups):
        scaler = StandardScaler().fit(cells.features[train])
        learnt, told = scaler.transform(cells.features[train]), cells.positive[train]
        model = LogisticRegression(C=c, solver="newton-cholesky").fit(learnt, told)
        seen = model.decision_function(learnt)
        # so strongly regularised a fit leans towards the commoner kind: it is cut half-way between both kinds instead
        half_way = (seen[told].mean() + seen[~told].mean()) / 2
        scores[test] = model.decision_function(scaler.transform(cells.features[test])) - half_way
    return float(balanced_accuracy_score(cells.positive, scores > 0)), float(roc_auc_score(cells.positive, scores))


def weights_of(cells: Cells, c: float) -> np.ndarray:
    """The regression's weights (maps,), per standard deviation of a map."""
    scaled = StandardScaler().fit_transform(cells.features)
    return LogisticRegression(C=c, solver="newton-cholesky").fit(scaled, cells.positive).coef_[0]


def _moved(count: int, seed: int) -> np.ndarray:
    """A permutation of the pictures that leaves none in its place."""
    order = shuffled(count, seed, STREAM["moved"])
    moved = np.empty(count, dtype=int)
    moved[order] = np.roll(order, 1)
    return moved
