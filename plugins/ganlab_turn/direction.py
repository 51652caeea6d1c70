"""A direction of Z from two sets of exemplars, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from ganlab import Gan, GanlabError, Latents, Metric, Prior, random_bits

from .judging import Judge

# far from the core's streams and those of other analyses
STREAM_HALVES, STREAM_DIRECTIONS, STREAM_SHUFFLES = 720, 721, 722
HALVINGS, FEWER = 100, 50  # of the exemplars; of each mixture of them, whose own spread is much larger
SHUFFLES = 200  # mixtures of both ends
ENOUGH = 5  # samples for each dimension of z, from which a fit leaves in less than a tenth of the other attributes


@dataclass(frozen=True)
class Direction:
    """Where a turn leads.

    Attributes:
        name: how its exemplars were chosen, for tables: "groups", "64 + 64".
        first, second: z of the exemplars, (k, dim) and (m, dim).
        vector: (dim,), what is added to z.
        removed: (dim, removed) orthonormal float64 columns that were taken out of it; none unless it was cleaned.
    """

    name: str
    first: torch.Tensor
    second: torch.Tensor
    vector: torch.Tensor
    removed: np.ndarray

    @classmethod
    def between(cls, name: str, first: torch.Tensor, second: torch.Tensor) -> Direction:
        """Mean z of the second exemplars less mean z of the first."""
        return cls(name, first, second, second.mean(0) - first.mean(0), np.empty((first.shape[1], 0)))

    def cleaned(self, pool: Latents, values: np.ndarray, column: int) -> Direction:
        """Without its part in the space along which the other attributes change, by least squares over the pool.

        Args:
            pool: samples (n, dim); :func:`fit_notes` says whether they are enough.
            values: (n, attributes) what the judge says of them.
            column: the attribute that is followed, which stays.
        """
        others = np.delete(values, column, axis=1).astype(np.float64)
        z = pool.z.numpy().astype(np.float64)
        others = others[:, np.ptp(others, axis=0) > 0]
        slopes = np.linalg.lstsq(z - z.mean(0), others - others.mean(0), rcond=None)[0]
        basis, sizes, _ = np.linalg.svd(slopes / np.linalg.norm(slopes, axis=0), full_matrices=False)
        removed = basis[:, sizes > 1e-6 * sizes.max(initial=0)]  # attributes that say the same count once
        cleaned = replace(self, name=f"{self.name}, cleaned", removed=removed)
        return replace(cleaned, vector=torch.from_numpy(cleaned.left_of(self.vector.double().numpy())).float())

    def left_of(self, z: np.ndarray) -> np.ndarray:
        """What is left of z (..., dim) without what was removed."""
        return z - z @ self.removed @ self.removed.T

    @property
    def length(self) -> float:
        return float(self.vector.norm())


def by_attribute(
    judge: Judge, pool: Latents, values: np.ndarray, column: int, sign: int, each: int, choices: int = 1
) -> list[Direction]:
    """From the samples with the smallest values to those with the largest, or back where ``sign`` is -1.

    Args:
        choices: of ``each`` + ``each`` that have no exemplar in common, or fewer where the pool holds fewer; the
            samples with the smallest and largest values are dealt out among them.

    Raises:
        GanlabError: the pool is too small, or a concept is shown by too few or too many of it.
    """
    ordered = np.argsort(values[:, column], kind="stable")
    shown = len(pool) // 2 if judge.is_measure(column) else int(values[:, column].sum())
    choices = max(1, min(choices, min(shown, len(pool) - shown) // each))
    low, high = ordered[: choices * each], ordered[::-1][: choices * each]
    attribute = judge.attributes[column]
    if 2 * each > len(pool):
        raise GanlabError(f"{len(pool)} samples hold no {each} + {each} exemplars.", "Raise --pool, or lower --each.")
    if not judge.is_measure(column) and not values[high, column].min() > values[low, column].max():
        raise GanlabError(
            f"{shown} of {len(pool)} samples show {attribute!r}, too few or too many for {each} + {each} exemplars.",
            "Raise --pool, or lower --each.",
        )
    first, second = (low, high) if sign > 0 else (high, low)
    return [
        Direction.between(f"{each} + {each}", *(pool.z[torch.from_numpy(rows)] for rows in hands))
        for hands in zip(_dealt(first, choices), _dealt(second, choices), strict=True)
    ]


def _dealt(rows: np.ndarray, hands: int) -> np.ndarray:
    """Rows (hands * each,) one by one to each hand and back again, so that none has the best of all: (hands, each)."""
    rounds = rows.reshape(-1, hands).copy()
    rounds[1::2] = rounds[1::2, ::-1]
    return np.ascontiguousarray(rounds.T)


def fit_notes(pool: Latents) -> list[str]:
    """Whether a cleaned direction may still hold much of the other attributes, since its pool was small."""
    n, dim = pool.z.shape
    if n >= ENOUGH * dim:
        return []
    return [
        f"--clean fits {dim} dimensions to {n} samples, so that much of what else changes may be left in; from "
        f"--pool {ENOUGH * dim} on little is."
    ]


def random_directions(gan: Gan, count: int, length: float, seed: int) -> torch.Tensor:
    """Vectors (count, dim) of this length, no direction likelier than another, whatever the law of z."""
    z = Prior(gan.prior.dim, "normal").at(np.arange(count), seed, stream=STREAM_DIRECTIONS).z
    return z * (length / z.norm(dim=1, keepdim=True))


def halves_agree(direction: Direction, seed: int) -> dict[str, Metric]:
    """Cosine between the directions from two random halves of the exemplars; with memberships shuffled as control.

    It needs no labeler: directions that rest on what the exemplars share agree, directions of chance do not. Empty
    where a group has fewer than two.
    """
    k, m = len(direction.first), len(direction.second)
    if min(k, m) < 2:
        return {}
    z = torch.cat([direction.first, direction.second]).numpy().astype(np.float64)
    one, other = _halves(k, m, _orders(k + m, HALVINGS, seed, STREAM_HALVES))
    found = _agreement(direction, z, one, other)
    mixtures = _orders(k + m, SHUFFLES, seed, STREAM_SHUFFLES)
    shuffled = np.array([_agreement(direction, z[order], one[:FEWER], other[:FEWER]) for order in mixtures])
    low, high = np.quantile(shuffled, [0.025, 0.975])
    return {
        "halves_agree": Metric(
            found,
            n=k + m,
            control="halves_agree_shuffled",
            about=f"cosine between the directions from two halves of the exemplars, mean of {HALVINGS} halvings",
        ),
        "halves_agree_shuffled": Metric(
            float(shuffled.mean()),
            low,
            high,
            k + m,
            no_control="it is the control",
            about=f"the same with exemplars of both ends mixed: mean of {SHUFFLES} mixtures; 95% of them lie there",
        ),
    }


def _orders(count: int, times: int, seed: int, stream: int) -> np.ndarray:
    """So many random orders of ``count`` things, (times, count)."""
    return np.argsort(random_bits(seed, np.arange(times), count, stream), axis=1, kind="stable")


def _halves(k: int, m: int, orders: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What two halves of each end weigh in a direction: twice (orders, k + m), of which the first k are the first end.

    An order of all of them is one of each end's own.
    """
    one, other = np.zeros(orders.shape), np.zeros(orders.shape)
    for inside, size, sign in ((orders < k, k, -1), (orders >= k, m, 1)):
        rows, half = orders[inside].reshape(len(orders), size), size // 2
        np.put_along_axis(one, rows[:, :half], sign / half, axis=1)
        np.put_along_axis(other, rows[:, half:], sign / (size - half), axis=1)
    return one, other


def _agreement(direction: Direction, z: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    """The mean cosine between directions in which z (n, dim) weighs so much, each (times, n)."""
    first, second = direction.left_of(one @ z), direction.left_of(other @ z)
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(((first * second).sum(1) / np.maximum(norms, 1e-12)).mean())
