"""Samples of GANs, labelled by eye: what does each face show, and where does it turn?

Drawn faces cannot show what half-formed glasses or a cap that melts into hair look like. ``seen.jpg`` holds such
samples side by side, ``seen.json`` one text a question, one character a sample: 1 yes, 0 no, ``?`` where observers
differ or could not say; for ``facing`` l, c or r. ``benchmarks/judge/collect_faces.py`` draws the samples and joins
several labellings. None of them is among the samples that the judge is tested on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from ..labelers.pixels import as_batch
from ..labelers.sheets import LABELS, SHEET, read_sheet, tiled
from .labeler import CONCEPTS, MEASURES, SHIPPED

FACING = "facing"
QUESTIONS = (*CONCEPTS, FACING)
UNSURE = "?"
VALUES = {"1": 1.0, "0": 0.0, "l": -1.0, "c": 0.0, "r": 1.0, UNSURE: float("nan")}
TURNED = 0.3  # a face that observers call turned measures at least this, and one that they call straight at most this


@dataclass(frozen=True)
class SeenFaces:
    """Pictures (n, 64, 64, 3) uint8 and for each question its n characters."""

    images: np.ndarray
    texts: Mapping[str, str]

    @cached_property
    def answers(self) -> np.ndarray:
        """(n, questions) float32: 1 yes, 0 no; -1 left, 0 straight, 1 right; NaN unsure."""
        return np.array([[VALUES[sign] for sign in self.texts[question]] for question in QUESTIONS], np.float32).T

    def batch(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures (n, 3, 64, 64) float32 in [0, 1] and answers (n, questions)."""
        return as_batch(self.images[rows]), torch.from_numpy(self.answers[rows])


def read_seen(folder: Path = SHIPPED) -> SeenFaces:
    """What was seen.

    Raises:
        GanlabError: it is not there.
    """
    images, texts = read_sheet(folder)
    return SeenFaces(images[: len(texts[FACING])], texts)


def write_seen(seen: SeenFaces, folder: Path = SHIPPED) -> None:
    """Write both files."""
    tiled(seen.images).save(folder / SHEET, quality=85, subsampling=0)
    (folder / LABELS).write_text(json.dumps(dict(seen.texts), indent=1) + "\n")


def seen_loss(answers: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the concepts, and how far the measured turn lies from where the eye puts it; mean of the batch.

    Args:
        answers: (n, concepts + measures) of the network.
        seen: (n, questions), NaN where nobody can say.
    """
    known = ~seen.isnan()
    targets, count = seen.nan_to_num(), len(CONCEPTS)
    concepts = F.binary_cross_entropy_with_logits(answers[:, :count], targets[:, :count], known[:, :count].float())
    yaw, side = answers[:, count + MEASURES.index("yaw")], targets[:, count]
    outside = torch.where(side == 0, yaw.abs() - TURNED, TURNED - side * yaw).clamp(min=0)
    return concepts + (outside.square() * known[:, count]).mean()
