"""What was asked and what was found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .membership import LEFT_OUT, Pool, Rows
from .spaces import Space


@dataclass(frozen=True)
class Asked:
    """Pictures that are looked up (q, h, w, c): samples, then left-out training pictures, then planted copies.

    Attributes:
        left_out: rows of the left-out pictures, less those that DATA holds once more.
    """

    pictures: np.ndarray
    samples: slice
    left_out: np.ndarray
    copies: slice

    @property
    def groups(self) -> dict[str, Rows]:
        """What is tested. The copier has made the samples, but for one in ten, which its copies take the place of."""
        copies = np.arange(self.copies.start, self.copies.stop)
        copier = np.concatenate([copies, np.arange(self.samples.start + len(copies), self.samples.stop)])
        return {"samples": self.samples, LEFT_OUT: self.left_out, "copier": copier}


@dataclass(frozen=True)
class Found:
    """What was found in one space for everything that was asked.

    Attributes:
        near, far: (q,) distances to the nearest of all training pictures and of the held-out ones, in the space's unit.
        training, heldout: (q,) their rows.
        pool: the nearest of the test's two equally large sets.
    """

    space: Space
    near: np.ndarray
    far: np.ndarray
    training: np.ndarray
    heldout: np.ndarray
    pool: Pool

    def order(self, asked: Rows) -> np.ndarray:
        """The rows of this kind, closest ratio first."""
        return np.argsort(self.ratio(asked), kind="stable")

    def ratio(self, asked: Rows) -> np.ndarray:
        return ratio(self.near[asked], self.far[asked])


def ratio(near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Distance to the training set : distance to the held-out set; 1 where both are 0, at most a million."""
    copied = np.where(near > 0, 1e6, 1.0)  # a sample that equals a held-out picture
    return np.minimum(np.divide(near, far, out=copied, where=far > 0), 1e6)
