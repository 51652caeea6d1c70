"""The nearest-neighbour classifier, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ganlab import Directions, Nearest

from .sets import Labelled

SAMPLE = 1024  # of the pictures asked about, from which the search takes its directions


@dataclass(frozen=True)
class Questions:
    """Pictures of known classes that classifiers are asked about.

    Attributes:
        pictures: the set.
        vectors: (m, values) all of it, from 0 to 1.
    """

    pictures: Labelled
    vectors: torch.Tensor

    @classmethod
    def of(cls, pictures: Labelled) -> Questions:
        """Read or draw them, once for all classifiers."""
        return cls(pictures, torch.cat(list(pictures.blocks())))

    @property
    def truth(self) -> np.ndarray:
        """(m,) the class of each."""
        return self.pictures.labels(np.arange(len(self.vectors)))


@dataclass(frozen=True)
class Answers:
    """What the classifier answers after it has learnt from one set.

    Attributes:
        learnt: the set.
        asked: what it is asked about.
        told: (m,) the class that each is taken for.
        nearest: (m,) the row of the set that each is nearest to.
        distances: (m,) how far, in the space of pixels from 0 to 1.
    """

    learnt: Labelled
    asked: Questions
    told: np.ndarray
    nearest: np.ndarray
    distances: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        """(m,) bool: taken for another class."""
        return self.told != self.asked.truth


def nearest_neighbour(learnt: Labelled, asked: Sequence[Questions]) -> list[Answers]:
    """A 1-nearest-neighbour classifier that has learnt from a set, asked about several others in one pass over it.

    Of equally near ones the first counts.
    """
    searches = [_search(one.vectors) for one in asked]
    seen = 0
    for block in learnt.blocks():
        for search in searches:
            search.update(block, np.arange(seen, seen + len(block)))
        seen += len(block)
    return [
        Answers(learnt, one, learnt.labels(search.ids[:, 0]), search.ids[:, 0], search.distances()[:, 0])
        for one, search in zip(asked, searches, strict=True)
    ]


def _search(queries: torch.Tensor) -> Nearest:
    return Nearest(queries, 1, Directions(queries[:: max(1, len(queries) // SAMPLE)]))
