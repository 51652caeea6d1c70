"""The linear L2-SVM (section 5.1), one class against the rest, all classes at once, however many pictures.

For each class it minimises over w, with y = 1 for the class and -1 for the rest,

    |w|^2 / 2  +  C * sum of max(0, 1 - y w.x)^2,      every x with a constant feature 1 at its end (the bias)

which is what liblinear and scikit-learn's LinearSVC call the squared hinge. Newton's method with an exact line search
along conjugate-gradient directions (Keerthi and DeCoste 2005) needs a few passes over the features, and one pass serves
all classes. For w, the dual point a = 2 C y max(0, 1 - y w.x) lies |gradient|^2 / 2 below it: that gap is measured, and
it proves how far from the optimum the fit can be.

For several C and no more pictures than features, X is first replaced by the Cholesky factor of X X^T: a rotation, in
which every product that the fit asks for stays what it was, at the width n instead of d. X X^T costs as much as the
passes of one or two fits, so it pays where they share it. Each fit ends on the features themselves all the same, so
that rounding in the factor cannot hide in the gap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

TOLERANCE = 1e-4  # of the objective: the duality gap that ends a fit, as a part of the objective
LARGEST_GRAM = 10_000  # pictures; beyond, factoring n x n takes longer than passing over the features
BLOCK = 1 << 22  # numbers of a block of features: 16 MiB as float32, which stay near the processor in a pass
GRAM_BLOCK = 1 << 25  # numbers of a block of columns for X X^T
MOST_HELD = 1 << 29  # numbers that are held in memory as float32, 2 GiB; of more, each pass makes float32 again
JITTER = 1e-6  # of the mean diagonal: keeps the factor of a singular X X^T real
STEPS, INNER, HALVINGS = 60, 200, 30  # at most: Newton steps, conjugate gradients in each, halvings of the line search
FORCING = 0.1  # each Newton step shrinks the gradient of its quadratic model to this part

Respond = Callable[[torch.Tensor, slice], torch.Tensor]


class Rows:
    """Chosen rows of a feature matrix, read in blocks, each row with a constant 1 at its end.

    Args:
        features: (n, d) float16 or float32, perhaps mapped from disk.
        rows: (m,) which of them.
        again: whether they are read more than once, so that holding them pays where they fit.
    """

    def __init__(self, features: np.ndarray, rows: np.ndarray, again: bool = False) -> None:
        self.features, self.rows = features, rows
        self.shape = (len(rows), features.shape[1] + 1)
        self.held: torch.Tensor | None = None
        if again and self.shape[0] * self.shape[1] <= MOST_HELD:
            self.held = torch.empty(self.shape)
            for part in self._parts():
                self._fill(self.held[part], part)

    def blocks(self) -> Iterator[tuple[slice, torch.Tensor]]:
        """The features in float32, block by block: (rows of the block, (rows, d + 1))."""
        if self.held is not None:
            yield from ((part, self.held[part]) for part in self._parts())
            return
        block = torch.empty(min(self._step, len(self.rows)), self.shape[1])
        for part in self._parts():
            filled = block[: part.stop - part.start]
            self._fill(filled, part)
            yield part, filled

    @property
    def _step(self) -> int:
        return max(1, BLOCK // self.shape[1])

    def _parts(self) -> Iterator[slice]:
        for start in range(0, len(self.rows), self._step):
            yield slice(start, min(start + self._step, len(self.rows)))

    def _fill(self, block: torch.Tensor, part: slice) -> None:
        block[:, :-1] = torch.from_numpy(self.features[self.rows[part]])
        block[:, -1] = 1

    def gram(self) -> torch.Tensor:
        """X X^T (m, m) in float32; only its lower triangle is right."""
        count, step = len(self.rows), max(1, GRAM_BLOCK // max(1, len(self.rows)))
        gram = torch.ones(count, count)  # the constant feature's part
        bounds = np.linspace(0, count, min(count, 8) + 1).astype(int)
        for first in range(0, self.features.shape[1], step):
            part = self._columns(first, min(first + step, self.features.shape[1]))
            for low, high in pairwise(bounds):
                gram[low:high, :high].addmm_(part[low:high], part[:high].T)
        return gram

    def _columns(self, first: int, last: int) -> torch.Tensor:
        if self.held is not None:
            return self.held[:, first:last]
        return torch.from_numpy(self.features[self.rows, first:last]).float()


class Factor:
    """A square matrix with the same products of rows as X: L with L L^T = X X^T."""

    def __init__(self, gram: torch.Tensor) -> None:
        jitter = JITTER * float(gram.diagonal().mean())
        while True:
            gram.diagonal().add_(jitter)
            self.matrix, failed = torch.linalg.cholesky_ex(gram)
            if not failed:
                break
            jitter *= 10
        self.shape = tuple(self.matrix.shape)

    def blocks(self) -> Iterator[tuple[slice, torch.Tensor]]:
        yield slice(0, len(self.matrix)), self.matrix

    def solve(self, rotated: torch.Tensor) -> torch.Tensor:
        """The a (m, classes) with L^T a = rotated weights: X^T a are the same weights for the features."""
        return torch.linalg.solve_triangular(self.matrix.T, rotated, upper=True)


@dataclass(frozen=True)
class Fit:
    """A fit of every class.

    Attributes:
        c: its C.
        weights: (d + 1, classes), the bias last.
        objective, gap: (classes,) the minimised sum, and by how much at most it lies above the optimum.
        passes: over the features.
    """

    c: float
    weights: torch.Tensor
    objective: torch.Tensor
    gap: torch.Tensor
    passes: int

    @property
    def relative_gap(self) -> float:
        """The gap as a part of the objective, of the class where it is largest."""
        return float((self.gap / self.objective).max())


def fit_path(
    features: np.ndarray,
    rows: np.ndarray,
    labels: np.ndarray,
    classes: int,
    cs: Sequence[float],
    tolerance: float = TOLERANCE,
) -> Iterator[Fit]:
    """A fit for each C, in the order given; each begins where the one before ended, so let them rise.

    Args:
        features: (n, d) float16 or float32; standardised, so that one C suits all.
        rows: (m,) the pictures to learn from.
        labels: (m,) their classes, from 0 to ``classes`` - 1.
        tolerance: largest gap to the optimum, as a part of the objective.
    """
    given = Rows(features, rows, again=True)
    signs = torch.where(torch.from_numpy(labels)[:, None] == torch.arange(classes), 1.0, -1.0)
    shared = len(cs) > 1 and len(rows) <= min(features.shape[1], LARGEST_GRAM)
    factor = Factor(given.gram()) if shared else None
    weights = torch.zeros(given.shape[1], classes)
    rotated = torch.zeros(len(rows), classes)
    for c in cs:
        if factor is not None:
            rotated = minimise(factor, signs, c, rotated, tolerance).weights
            weights = _combine(given, factor.solve(rotated))
        found = minimise(given, signs, c, weights, tolerance)
        weights = found.weights
        yield found


@contextmanager
def _numpy_multiplies() -> Iterator[None]:
    """torch on one thread: its others would wait busily for work, on the cores that numpy's BLAS multiplies on."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@_numpy_multiplies()
def minimise(design: Rows | Factor, signs: torch.Tensor, c: float, weights: torch.Tensor, tolerance: float) -> Fit:
    """Newton's method from these weights (d + 1, classes); signs (m, classes) are the y."""
    passes = 0
    for step in range(STEPS + 1):
        scores, pulled = _pass(design, weights, lambda f, part: _pull(f, signs[part], c))
        passes += 1
        gradient = weights - pulled
        slack = (1 - signs * scores).clamp(min=0)
        objective = _squares(weights) / 2 + c * _squares(slack)
        gap = _squares(gradient) / 2
        limit = tolerance * objective
        if step == STEPS or bool((gap <= limit).all()):
            break
        goal = torch.maximum(FORCING**2 * 2 * gap, limit)
        direction, along, used = _newton_direction(design, slack > 0, c, gradient, goal)
        passes += used
        weights = weights + _line_search(weights, direction, scores, along, signs, c) * direction
    return Fit(c, weights, objective, gap, passes)


def predict(features: np.ndarray, rows: np.ndarray, weights: Sequence[torch.Tensor]) -> np.ndarray:
    """The class with the highest score (fits, rows), by each of several fits, in one pass over the features."""
    together = torch.cat(list(weights), 1)
    classes = weights[0].shape[1]
    told = np.empty((len(weights), len(rows)), np.int64)
    for part, block in Rows(features, rows).blocks():
        scores = (together.T @ block.T).view(len(weights), classes, len(block))
        told[:, part] = scores.argmax(1).numpy()
    return told


def _pass(design: Rows | Factor, weights: torch.Tensor, respond: Respond) -> tuple[torch.Tensor, torch.Tensor]:
    """X w (n, classes) and X^T respond(X w) (d, classes), reading the features once."""
    scores: list[torch.Tensor] = []
    pulled = torch.zeros(weights.shape[1], design.shape[1])
    for part, block in design.blocks():
        score = _product(block, weights)
        pulled += _product(respond(score, part).T, block)
        scores.append(score)
    return torch.cat(scores), pulled.T


@_numpy_multiplies()
def _combine(design: Rows, share: torch.Tensor) -> torch.Tensor:
    """X^T a (d, classes) of a (n, classes)."""
    total = torch.zeros(share.shape[1], design.shape[1])
    for part, block in design.blocks():
        total += _product(share[part].T, block)
    return total.T


def _product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """By numpy, whose BLAS takes about half the time that torch's takes where one side has a few columns."""
    return torch.from_numpy(left.numpy() @ right.numpy())


def _pull(scores: torch.Tensor, signs: torch.Tensor, c: float) -> torch.Tensor:
    """The dual point of scores: how hard every picture pulls at the weights."""
    return 2 * c * signs * (1 - signs * scores).clamp(min=0)


def _newton_direction(
    design: Rows | Factor, active: torch.Tensor, c: float, gradient: torch.Tensor, goal: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Solve (I + 2 C X_a^T X_a) p = -gradient for all classes by conjugate gradients, until |residual|^2 <= goal.

    Returns:
        p (d, classes), X p (n, classes), and how many passes it took.
    """
    weight = 2 * c * active.float()
    direction, along = torch.zeros_like(gradient), torch.zeros(active.shape)
    residual = -gradient
    search, size = residual.clone(), _squares(residual)
    for used in range(INNER):
        going = size > goal
        if not bool(going.any()):
            return direction, along, used
        seen, pushed = _pass(design, search, lambda u, part: weight[part] * u)
        pushed += search
        step = torch.where(going, size / (search * pushed).sum(0), 0.0)
        direction += step * search
        along += step * seen
        residual -= step * pushed
        before, size = size, _squares(residual)
        search = residual + torch.where(going, size / before, 0.0) * search
    return direction, along, INNER


def _line_search(
    weights: torch.Tensor,
    direction: torch.Tensor,
    scores: torch.Tensor,
    along: torch.Tensor,
    signs: torch.Tensor,
    c: float,
) -> torch.Tensor:
    """For each class the length of the step, up to 2, at which the objective is least (its slope rises steadily)."""
    slope, bend = (weights * direction).sum(0), _squares(direction)
    margin, change = 1 - signs * scores, -signs * along
    low, high = torch.zeros_like(slope), torch.full_like(slope, 2.0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        rises = slope + middle * bend + 2 * c * (change * (margin + middle * change).clamp(min=0)).sum(0) > 0
        low, high = torch.where(rises, low, middle), torch.where(rises, middle, high)
    return (low + high) / 2


def _squares(matrix: torch.Tensor) -> torch.Tensor:
    """Sum of squares of each column."""
    return (matrix * matrix).sum(0)
