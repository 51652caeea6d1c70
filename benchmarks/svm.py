"""The SVM of `ganlab classify` against scikit-learn's LinearSVC on the same standardised features, in turn.

    python benchmarks/svm.py                       5,000 x 28,672, ten classes: time, accuracy, objective
    python benchmarks/svm.py --rows 50000 --alone  what liblinear has no memory for: time and peak memory

The features are drawn: 200 directions of falling strength, ten of which shift with the class, in noise.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.svm import LinearSVC

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from ganlab_classify.svm import fit_path, predict

CLASSES, DIRECTIONS, TESTED, BLOCK = 10, 200, 2_000, 1_000


def draw(file: Path, rows: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (rows, width) float16, mapped from a file, and labels (rows,)."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, rows)
    strength = np.exp(-np.arange(DIRECTIONS) / 60)
    ways = (rng.normal(size=(DIRECTIONS, width)) * (strength / np.linalg.norm(strength))[:, None]).astype(np.float32)
    features = np.memmap(file, np.float16, "w+", shape=(rows, width))
    for start in range(0, rows, BLOCK):
        part = slice(start, start + BLOCK)
        hidden = rng.normal(size=(len(labels[part]), DIRECTIONS)).astype(np.float32)
        hidden[np.arange(len(hidden)), labels[part]] += 1.5
        features[part] = hidden @ ways + 0.5 * rng.standard_normal((len(hidden), width), np.float32)
    return features, labels


def objective(weights: np.ndarray, features: np.ndarray, labels: np.ndarray, c: float) -> float:
    """The minimised sum over all classes, in float64 but for the products."""
    scores = features @ weights[:-1].astype(np.float32) + weights[-1]
    signs = np.where(labels[:, None] == np.arange(CLASSES), 1, -1)
    return float(0.5 * (weights**2).sum() + c * (np.maximum(0, 1 - signs * scores.astype(np.float64)) ** 2).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--width", type=int, default=28_672)
    parser.add_argument("--c", type=float, default=0.1, help="for pictures of length 1")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--alone", action="store_true", help="without LinearSVC")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        features, labels = draw(Path(folder, "features"), options.rows + TESTED, options.width)
        learn, test = np.arange(options.rows), np.arange(options.rows, len(labels))
        c = options.c / options.width
        for _ in range(options.times):
            began, busy = time.perf_counter(), time.process_time()
            fit = next(fit_path(features, learn, labels[learn], CLASSES, [c]))
            ours, used = time.perf_counter() - began, time.process_time() - busy
            right = float((predict(features, test, [fit.weights])[0] == labels[test]).mean())
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(f"ours       {ours:8.1f} s  {used:8.1f} s of CPU  accuracy {right:.4f}  gap {fit.relative_gap:.1e}")
            print(f"peak of memory {memory:.1f} GiB")
            if options.alone:
                continue
            dense = features[learn].astype(np.float32)
            began, busy = time.perf_counter(), time.process_time()
            model = LinearSVC(C=c, random_state=0).fit(dense, labels[learn])
            theirs, spent = time.perf_counter() - began, time.process_time() - busy
            right = float((model.predict(features[test].astype(np.float32)) == labels[test]).mean())
            print(f"LinearSVC  {theirs:8.1f} s  {spent:8.1f} s of CPU  accuracy {right:.4f}")
            other = np.r_[model.coef_.T, model.intercept_[None]]
            sums = [objective(w, dense, labels[learn], c) for w in (fit.weights.double().numpy(), other)]
            print(f"{theirs / ours:.1f} times faster, {spent / used:.1f} by CPU")
            print(f"objective {sums[0]:.6f} against {sums[1]:.6f}")


if __name__ == "__main__":
    main()
