"""The nearest-neighbour classifier, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ganlab import Directions, Nearest

from .sets import TrainingSet

SAMPLE = 1024  # test pictures that the search takes its directions from


@dataclass(frozen=True)
class Answers:
    """What the classifier answers after it has learnt from one set.

    Attributes:
        learnt: the set.
        told: (m,) the class that each test picture is taken for.
        nearest: (m,) the row of the set that it was nearest to.
        distances: (m,) how far, in the space of pixels from 0 to 1.
    """

    learnt: TrainingSet
    told: np.ndarray
    nearest: np.ndarray
    distances: np.ndarray


def nearest_neighbour(learnt: TrainingSet, queries: torch.Tensor) -> Answers:
    """A 1-nearest-neighbour classifier that has learnt from a set, asked about pictures (m, values).

    Of equally near ones the first counts.
    """
    search = Nearest(queries, 1, Directions(queries[:: max(1, len(queries) // SAMPLE)]))
    seen = 0
    for vectors in learnt.blocks():
        search.update(vectors, np.arange(seen, seen + len(vectors)))
        seen += len(vectors)
    nearest = search.ids[:, 0]
    return Answers(learnt, learnt.labels(nearest), nearest, search.distances()[:, 0])
