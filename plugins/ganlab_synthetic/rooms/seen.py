"""Samples of GANs, whole and edited, labelled by eye: does one show a window or not?

Drawn rooms cannot show what is left of a window when feature maps are missing. ``seen.jpg`` holds such samples side by
side, ``seen.json`` the share of three or four observers who saw a window in each: they differ on one sample in six, and
a labeler that is told so learns more than from one word. ``benchmarks/judge/collect.py`` draws the samples and joins
what was seen. None of them is among those that the judge is tested on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from ..labelers.pixels import as_batch
from ..labelers.sheets import LABELS, SHEET, read_sheet, tiled
from .labeler import SHIPPED
from .room import CONCEPTS

MOST_LIKELY = 100  # pixels that should say whether a picture shows a window
DECISIVE = slice(40, 80)  # of them: about as many as the labeler asks for (``min_pixels`` of its card)


@dataclass(frozen=True)
class Seen:
    """Pictures (n, 64, 64, 3) uint8 and the share of observers who saw a window in each, (n,) float64 in [0, 1]."""

    images: np.ndarray
    window: np.ndarray

    def batch(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures (n, 3, 64, 64) float32 in [0, 1] and the shares (n,) float32."""
        return as_batch(self.images[rows]), torch.from_numpy(self.window[rows]).float()


def read_seen(folder: Path = SHIPPED) -> Seen:
    """What was seen.

    Raises:
        GanlabError: it is not there.
    """
    images, labels = read_sheet(folder)
    window = np.array(labels["window"], float)
    return Seen(images[: len(window)], window)


def write_seen(seen: Seen, folder: Path = SHIPPED) -> None:
    """Write both files."""
    tiled(seen.images).save(folder / SHEET, quality=85, subsampling=0)
    (folder / LABELS).write_text(json.dumps({"window": seen.window.round(3).tolist()}) + "\n")


def window_loss(logits: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """Cross entropy of "window or not" over the pixels that look most like one, mean of the batch.

    Nobody marked where the window is, so a picture with one must have some pixels that say so, and one without, none.
    Half of the loss asks this of every pixel by itself, half of those that the verdict hangs on, together.

    Args:
        logits: (n, 1 + concepts, h, w).
        window: (n,) the share of observers who saw a window.
    """
    place = 1 + CONCEPTS.index("window")
    others = torch.cat([logits[:, :place], logits[:, place + 1 :]], 1).logsumexp(1)
    margin = (logits[:, place] - others).flatten(1).topk(MOST_LIKELY, 1).values
    each = F.binary_cross_entropy_with_logits(margin, window[:, None].expand_as(margin))
    verdict = F.binary_cross_entropy_with_logits(margin[:, DECISIVE].mean(1), window)
    return (each + verdict) / 2
