"""Vectors that lie far out and close together, where float32 alone would lose true neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganlab import Directions, Nearest

DIM, DIRECTIONS, CLUSTERS, EACH, K = 96, 8, 12, 150, 3


def clusters() -> tuple[torch.Tensor, torch.Tensor]:
    """Queries (CLUSTERS, DIM), and candidates around each, nearer to it than a float32 product of both can tell."""
    random = np.random.default_rng(0)
    inside = np.linalg.qr(random.normal(size=(DIM, DIRECTIONS)))[0]  # all of it lies along so many directions
    middles = random.normal(0, 1000, (CLUSTERS, DIRECTIONS)) @ inside.T
    candidates = middles[:, None] + random.normal(0, 0.05, (CLUSTERS, EACH, DIRECTIONS)) @ inside.T
    order = random.permutation(CLUSTERS * EACH)
    return torch.from_numpy(middles).float(), torch.from_numpy(candidates.reshape(-1, DIM)[order]).float()


def found(**slack: float) -> np.ndarray:
    queries, candidates = clusters()
    directions = Directions(candidates[::7], DIRECTIONS)
    for name, value in slack.items():
        assert getattr(directions, name) > value
        setattr(directions, name, value)
    nearest = Nearest(queries, K, directions)
    for first in range(0, len(candidates), 100):
        nearest.update(candidates[first : first + 100], np.arange(first, min(first + 100, len(candidates))))
    return nearest.ids


def brute() -> np.ndarray:
    queries, candidates = (vectors.double().numpy() for vectors in clusters())
    squared = ((queries[:, None] - candidates[None]) ** 2).sum(2)
    return np.argsort(squared, axis=1, kind="stable")[:, :K]


def test_no_neighbour_is_lost_to_rounding() -> None:
    assert np.array_equal(found(), brute())


@pytest.mark.parametrize("without", [["rough_error"], ["bound_error", "residue_error"]])
def test_without_what_rounding_is_allowed_neighbours_are_lost(without: list[str]) -> None:
    """These vectors would show it if an allowance were missing. (Of the bound's two either is enough for these.)"""
    assert not np.array_equal(found(**dict.fromkeys(without, 0.0)), brute())
