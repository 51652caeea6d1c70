"""The regression against scikit-learn's, and the cells that it is fitted to."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from ganlab import Gan, Metric, shuffled
from ganlab.testing import tiny_gan
from ganlab_probe import probe
from ganlab_probe.regression import STREAM, Cells, _moved, draw_cells, fit

from .planted import Truth
from .probe_kit import known_gan  # noqa: F401 (a fixture)


def test_weights_are_scikit_learns(gan: Gan) -> None:
    """The fit against one written out here: cells picked by loops, standardised by hand."""
    latents = gan.latents(20, seed=1)
    with gan.record("1") as recording:
        masks = Truth().masks(gan.generate(latents), gan.image)[:, 0]
    features, inside = recording["1"], masks[:, 1::2, 1::2]
    rows, told = [], []
    cells = draw_cells(features, inside, 1.0, seed=4, negatives_from="anywhere")
    for picture, y, x in np.argwhere(inside):
        rows.append(features[picture, :, y, x].numpy())
        told.append(True)
    assert np.array_equal(cells.features[cells.positive], np.array(rows))
    outside = {tuple(features[p, :, y, x].numpy()) for p, y, x in np.argwhere(~inside)}
    assert all(tuple(row) in outside for row in cells.features[~cells.positive])
    scaled = (cells.features - cells.features.mean(0)) / np.where(cells.features.std(0) > 0, cells.features.std(0), 1)
    expected = LogisticRegression(C=0.01, max_iter=1000).fit(scaled, cells.positive).coef_[0]
    found = fit(features, inside, c=0.01, negatives=1.0, seed=4, negatives_from="anywhere")
    np.testing.assert_allclose(found.weights, expected, atol=1e-3)


def held_out(cells: Cells, c: float, seed: int) -> tuple[float, float]:
    """Accuracy and AUC on pictures left out, written out: mean, deviation, weights and cut are the others' alone."""
    groups = shuffled(int(cells.picture.max()) + 1, seed, STREAM["folds"])[cells.picture]
    scores = np.zeros(len(groups))
    for train, test in GroupKFold(5).split(cells.features, groups=groups):
        assert not set(cells.picture[train]) & set(cells.picture[test])
        mean, deviation = cells.features[train].mean(0), cells.features[train].std(0)
        learnt, asked = ((cells.features[rows] - mean) / deviation for rows in (train, test))
        told = cells.positive[train]
        model = LogisticRegression(C=c, max_iter=1000, tol=1e-8).fit(learnt, told)
        seen = model.decision_function(learnt)
        scores[test] = model.decision_function(asked) - (seen[told].mean() + seen[~told].mean()) / 2
    yes, no = scores[cells.positive], scores[~cells.positive]
    return ((yes > 0).mean() + (no <= 0).mean()) / 2, (yes[:, None] > no).mean()


def test_both_kinds_are_told_on_pictures_that_the_fit_has_not_seen() -> None:
    """Maps that differ from picture to picture, some of them wildly."""
    rng = np.random.default_rng(3)
    inside = np.zeros((12, 6, 6), bool)
    for picture in range(12):
        inside[picture, picture % 3 : picture % 3 + 3, picture % 4 : picture % 4 + 2] = True
    maps = rng.normal(size=(12, 5, 6, 6)) + 0.8 * inside[:, None]
    features = torch.from_numpy(maps * np.exp(rng.normal(0, 1.5, (12, 5, 1, 1)))).float()
    found = fit(features, inside, c=0.05, negatives=2.0, seed=4, negatives_from="anywhere")
    cells = draw_cells(features, inside, 2.0, 4, "anywhere")
    assert (found.accuracy, found.auc) == pytest.approx(held_out(cells, 0.05, 4), abs=1e-3)
    moved = draw_cells(features, inside[_moved(12, 4)], 2.0, 4, "anywhere")
    assert (found.moved_accuracy, found.moved_auc) == pytest.approx(held_out(moved, 0.05, 4), abs=1e-3)


def test_what_tells_one_picture_alone_tells_nothing() -> None:
    """Each picture has maps of its own on the concept and beside it, so that the others teach nothing of them."""
    inside = np.zeros((15, 4, 4), bool)
    inside[:, :2] = True
    features = torch.zeros(15, 30, 4, 4)
    for picture in range(15):
        features[picture, 2 * picture], features[picture, 2 * picture + 1] = torch.from_numpy(
            np.stack([inside[0], ~inside[0]])
        ).float()
    found = fit(features, inside, c=1.0, negatives=1.0, seed=0, negatives_from="anywhere")
    assert found.auc == pytest.approx(0.5, abs=0.05)


def test_negatives_come_from_the_same_pictures_in_the_ratio_asked() -> None:
    features = torch.arange(4 * 2 * 25, dtype=torch.float32).reshape(4, 2, 5, 5)
    inside = np.zeros((4, 5, 5), bool)
    inside[0, :2, :2], inside[2, 4, 4] = True, True
    cells = draw_cells(features, inside, 2.0, seed=0, negatives_from="anywhere")
    for picture, positives in ((0, 4), (1, 0), (2, 1), (3, 0)):
        here = cells.picture == picture
        assert (here & cells.positive).sum() == positives
        assert (here & ~cells.positive).sum() == 2 * positives


def test_negatives_beside_a_concept_lie_at_its_height(gan: Gan) -> None:
    features = torch.arange(6.0 * 8 * 8).reshape(6, 1, 8, 8)  # every cell is told by its value
    inside = np.zeros((6, 8, 8), bool)
    inside[:, 2:4, 3:5] = True
    cells = draw_cells(features, inside, negatives=1.0, seed=0, negatives_from="beside")
    height = cells.features[:, 0] % 64 // 8
    assert set(height[~cells.positive]) <= {1, 2, 3, 4}  # the rows it crosses, and one above and below
    anywhere = draw_cells(features, inside, negatives=1.0, seed=0, negatives_from="anywhere")
    assert set(anywhere.features[~anywhere.positive, 0] % 64 // 8) > {1, 2, 3, 4}
    for drawn in (cells, anywhere):
        values = drawn.features[:, 0]
        assert len(set(values)) == len(values)  # none twice, none on both sides
    both = draw_cells(features, inside, negatives=8.0, seed=0, negatives_from="both")
    near = np.isin(both.features[~both.positive, 0] % 64 // 8, [1, 2, 3, 4])
    assert near.mean() >= 0.5
    assert (~near).any()


def test_every_picture_with_cells_of_one_kind_only_is_left_to_itself() -> None:
    features = torch.arange(20 * 25, dtype=torch.float32).reshape(20, 1, 5, 5)
    inside = np.ones((20, 5, 5), bool)
    inside[:5, 1:] = False
    for negatives_from in ("both", "beside", "anywhere"):
        cells = draw_cells(features, inside, 0.1, seed=0, negatives_from=negatives_from)
        assert set(cells.picture[cells.positive]) == set(cells.picture[~cells.positive]) == set(range(5))
        assert np.isfinite(fit(features, inside, c=1.0, negatives=0.1, seed=0, negatives_from=negatives_from).auc)


def test_a_gan_that_knows_nothing_of_the_concept_shows_no_gap() -> None:
    """The whole experiment's control: noise has no window filters, and the probe must not find any."""
    gan = tiny_gan(size=32)

    class Chance(Truth):
        def masks(self, images, image):  # marks that have nothing to do with the pictures
            rows = np.random.default_rng(7).random((len(images), 2, 4, 4)) > 0.6
            return rows.repeat(8, axis=2).repeat(8, axis=3)

    result = probe(gan, "window", labeler=Chance(), n=60)
    assert abs(result.metrics["auc"].value - 0.5) < 0.12


def test_interval_is_wilsons() -> None:
    hits = np.arange(50) < 7
    expected = stats.binomtest(7, 50).proportion_ci(method="wilson")
    share = Metric.of_share(hits)
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high), abs=1e-6)
