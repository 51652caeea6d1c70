"""Are samples nearer to the training set than to the held-out set than chance would have it?

If a generator copies nothing, a training picture is no nearer to its samples than a held-out picture of the same kind:
which of the two sets a picture belongs to could be exchanged. So memberships are exchanged at random, many times over,
and the closeness to "training" computed anew each time. This is exact whatever the samples look like (soft, noisy, all
of one kind) and however many of them share a neighbour; it needs the two sets to be alike, which the control tells:
left-out training pictures must be neither nearer to training nor farther from it than chance has it.

Sets that differ less than that control can tell would still bring honest samples nearer to training, and the more
samples the surer. They bring left-out training pictures nearer by as much. So copies are also to be nearer than these:
how much nearer than left-out ones samples are is compared with what the same exchanges make of it.

The same exchanges are judged in all spaces, and the largest standardised closeness of each exchange is what the
observed ones are compared with: one level for all spaces together (Westfall and Young's max-T).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

ALPHA = 0.01
EXCHANGES = 1999
BATCH = 1 << 24  # memberships in memory at once
LEFT_OUT = "left out"  # the group that the others are held against

Rows = slice | np.ndarray


@dataclass(frozen=True)
class Pool:
    """The nearest of both sets together, for each sample.

    Attributes:
        distances: (n, k) in ascending order.
        members: (n, k) who they are: a training picture's row, or -1 - row of a held-out one.
        training, heldout: how many pictures each set has.
    """

    distances: np.ndarray
    members: np.ndarray
    training: int
    heldout: int

    @classmethod
    def of(cls, training: tuple[np.ndarray, np.ndarray, int], heldout: tuple[np.ndarray, np.ndarray, int]) -> Pool:
        """Join what the search of each set found: distances (n, k), rows (n, k), pictures in the set.

        Of equally near ones both sets' come in turn, so that none of them is cut off for the set that it is in.
        """
        (near, own, many), (far, held, more) = training, heldout
        distances = np.concatenate([near, far], axis=1)
        rank = np.tile(np.arange(near.shape[1]), (len(near), 2))
        order = np.lexsort((rank, distances))[:, : near.shape[1]]
        members = np.concatenate([own, -1 - held], axis=1)
        return cls(np.take_along_axis(distances, order, 1), np.take_along_axis(members, order, 1), many, more)

    @property
    def labels(self) -> np.ndarray:
        """(n, k) bool: training pictures."""
        return self.members >= 0

    @property
    def nearer(self) -> np.ndarray:
        """(n,) 1 where the nearest is a training picture, 0 where a held-out one, a half where both are as near."""
        nearest = self.distances == self.distances[:, :1]
        own, held = (nearest & self.labels).any(1), (nearest & ~self.labels).any(1)
        return (own + 1.0 - held) / 2


@dataclass(frozen=True)
class Answer:
    """What the test says of some of the pictures that were looked up.

    All p are between 1 / (EXCHANGES + 1) and 1; those of a space are corrected for the number of spaces.

    Attributes:
        p_of: space -> p; small where they are nearer to training than chance has it.
        p_against_of: space -> p; small where they are nearer to training than left-out training pictures are; 1 for
            these themselves.
        p_farther: of all spaces together; small where they are farther from training than chance has it.
        closeness: space -> (n,), see :func:`closeness`.
        nearer: space -> share whose nearest picture is a training picture; a half where both are as near.
    """

    p_of: dict[str, float]
    p_against_of: dict[str, float]
    p_farther: float
    closeness: dict[str, np.ndarray]
    nearer: dict[str, float]

    @property
    def p(self) -> float:
        return min(self.p_of.values())

    @property
    def p_against(self) -> float:
        return min(self.p_against_of.values())

    @property
    def p_both(self) -> dict[str, float]:
        """Space -> the larger of its two p: copies are nearer than chance has it and than left-out ones are."""
        return {name: max(p, self.p_against_of[name]) for name, p in self.p_of.items()}

    @property
    def p_copies(self) -> float:
        """What the alarm is judged by: one space must show both."""
        return min(self.p_both.values())

    @property
    def alarm(self) -> bool:
        return self.p_copies < ALPHA

    @property
    def unlike(self) -> bool:
        """Of left-out training pictures: the two sets are of different kinds. Half the level for either direction."""
        return min(self.p, self.p_farther) < ALPHA / 2


def closeness(distances: np.ndarray, training: np.ndarray) -> np.ndarray:
    """How much nearer the training set is: (h - t) / (h + t) of the nearest held-out and training picture.

    1 for an exact copy, 0 for equally near, -1 for a copy of a held-out picture. Where all k neighbours are of one set,
    the last of them stands for the other's nearest, which is at least as far.

    Args:
        distances: (n, k), ascending.
        training: (..., n, k) bool.

    Returns:
        (..., n).
    """
    rows = np.arange(len(distances))
    first = training[..., 0]
    other = np.argmax(training != first[..., None], axis=-1)
    other = np.where((training == first[..., None]).all(-1), distances.shape[1] - 1, other)
    near, far = distances[:, 0], distances[rows, other]
    total = near + far
    gap = np.divide(far - near, total, out=np.zeros_like(total), where=total > 0)
    return np.where(first, gap, -gap)


def compare(pools: Mapping[str, Pool], groups: Mapping[str, Rows], seed: int) -> dict[str, Answer]:
    """Test groups of pictures under the same exchanges, all spaces together; the same arguments give the same answers.

    Args:
        pools: space -> the nearest there of everything that was looked up; of the same two sets.
        groups: name -> rows of the pools; ``LEFT_OUT`` are training pictures that are in neither set.
        seed: of the exchanges.
    """
    found = {name: closeness(pool.distances, pool.labels) for name, pool in pools.items()}
    observed = np.stack([[values[rows].mean() for values in found.values()] for rows in groups.values()])
    drawn = [_exchanged(pools, groups, labels) for labels in _memberships(pools, seed)]
    means = np.concatenate([observed[None], *drawn])  # the observed memberships are one of those that could be
    by_group = dict(zip(groups, means.transpose(1, 0, 2), strict=True))
    return {
        name: Answer(
            dict(zip(pools, _at_least_as_large(mine), strict=True)),
            dict(zip(pools, _at_least_as_large(mine - by_group[LEFT_OUT]), strict=True)),
            min(_at_least_as_large(-mine)),
            {space: values[groups[name]] for space, values in found.items()},
            {space: float(pool.nearer[groups[name]].mean()) for space, pool in pools.items()},
        )
        for name, mine in by_group.items()
    }


def _at_least_as_large(means: np.ndarray) -> list[float]:
    """For each space the share of rows whose largest standardised mean of all spaces reaches that of the first row.

    Args:
        means: (exchanges, spaces), the observed ones first.
    """
    scores = (means - means.mean(axis=0)) / np.maximum(means.std(axis=0), 1e-12)
    largest = scores.max(axis=1)
    return [float((largest >= score - 1e-9).mean()) for score in scores[0]]


def _memberships(pools: Mapping[str, Pool], seed: int) -> Iterator[np.ndarray]:
    """Random memberships (batch, u) bool of the u pictures that are anybody's neighbour, as exchanging all would."""
    pool = next(iter(pools.values()))
    involved = len(_involved(pools))
    rng = np.random.default_rng([seed, 801])
    most = max(1, BATCH // max(involved, sum(p.members.size for p in pools.values())))
    for first in range(0, EXCHANGES, most):
        batch = min(most, EXCHANGES - first)
        counts = rng.hypergeometric(pool.training, pool.heldout, involved, size=batch)
        yield rng.permuted(np.arange(involved) < counts[:, None], axis=1)


def _exchanged(pools: Mapping[str, Pool], groups: Mapping[str, Rows], labels: np.ndarray) -> np.ndarray:
    """Mean closeness (batch, groups, spaces) under memberships (batch, u)."""
    involved = _involved(pools)
    means = []
    for pool in pools.values():
        values = closeness(pool.distances, labels[:, np.searchsorted(involved, pool.members)])
        means.append(np.stack([values[:, rows].mean(-1) for rows in groups.values()], axis=1))
    return np.stack(means, axis=2)


def _involved(pools: Mapping[str, Pool]) -> np.ndarray:
    return np.unique(np.concatenate([pool.members.ravel() for pool in pools.values()]))
