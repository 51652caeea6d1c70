"""The classifier's SVM against liblinear, and what its bounds promise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC

from ganlab_classify import svm

pytestmark = pytest.mark.usefixtures("one_thread")


def problem(n: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Four overlapping classes; features of very unequal size, so that the fit is no easy one."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n)
    features = rng.normal(size=(n, d)) * np.exp(-np.arange(d) / 20) + 0.1
    features[:, :4] += np.eye(4)[labels]
    return features.astype(np.float32), labels


def objective(weights: np.ndarray, features: np.ndarray, signs: np.ndarray, c: float) -> float:
    """The sum that is minimised, written out in float64."""
    scores = np.c_[features, np.ones(len(features))].astype(np.float64) @ weights
    return 0.5 * weights @ weights + c * (np.maximum(0, 1 - signs * scores) ** 2).sum()


def liblinear(features: np.ndarray, positive: np.ndarray, c: float) -> np.ndarray:
    model = LinearSVC(C=c, tol=1e-8, max_iter=1_000_000, random_state=0).fit(features.astype(np.float64), positive)
    return np.r_[model.coef_[0], model.intercept_]


@pytest.mark.parametrize(("n", "d"), [(200, 60), (120, 300)])
def test_the_optimum_is_liblinears(n: int, d: int) -> None:
    features, labels = problem(n, d)
    for fit in svm.fit_path(features, np.arange(n), labels, 4, [0.01, 1.0]):
        for label in range(4):
            signs = np.where(labels == label, 1.0, -1.0)
            best = objective(liblinear(features, labels == label, fit.c), features, signs, fit.c)
            ours = objective(fit.weights[:, label].double().numpy(), features, signs, fit.c)
            assert ours == pytest.approx(best, rel=1e-4)
            assert ours == pytest.approx(float(fit.objective[label]), rel=1e-5)
            assert ours - best <= float(fit.gap[label]) + 1e-5 * best, "the gap bounds what is left"


def test_a_fit_that_stops_early_says_so_by_its_gap() -> None:
    features, labels = problem(200, 60)
    loose, tight = (next(svm.fit_path(features, np.arange(200), labels, 4, [1.0], t)) for t in (0.2, 1e-6))
    assert (loose.objective > tight.objective * 1.0001).any()
    assert (loose.objective - tight.objective <= loose.gap + 1e-4).all()
    assert loose.passes < tight.passes


def test_pictures_that_are_there_twice_do_not_break_the_factor() -> None:
    features, labels = problem(60, 400)
    twice, both = np.r_[features, features], np.r_[labels, labels]
    _, fit = svm.fit_path(twice, np.arange(120), both, 4, [0.1, 0.5], 1e-5)
    single = next(svm.fit_path(features, np.arange(60), labels, 4, [1.0], 1e-5))
    torch.testing.assert_close(fit.weights, single.weights, atol=5e-3, rtol=0)
    assert (fit.gap <= 1e-5 * fit.objective).all()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = problem(150, 40)
    half, rows = features.astype(np.float16), np.arange(3, 143)
    whole = next(svm.fit_path(half, rows, labels[rows], 4, [0.1]))
    gram = svm.Rows(half, rows).gram()
    monkeypatch.setattr(svm, "BLOCK", 41 * 16)
    monkeypatch.setattr(svm, "GRAM_BLOCK", 140 * 7)
    split = next(svm.fit_path(half, rows, labels[rows], 4, [0.1]))
    torch.testing.assert_close(split.weights, whole.weights, atol=1e-4, rtol=1e-3)
    chosen = np.c_[half[rows].astype(np.float64), np.ones(140)]
    for one in (gram, svm.Rows(half, rows).gram()):
        np.testing.assert_allclose(np.tril(one.numpy()), np.tril(chosen @ chosen.T), rtol=1e-4, atol=1e-4)
    told = svm.predict(half, rows, [whole.weights, torch.zeros_like(whole.weights)])
    np.testing.assert_array_equal(told[0], (chosen @ whole.weights.double().numpy()).argmax(1))
    assert (told[1] == 0).all()
