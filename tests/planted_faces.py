"""A GAN that is linear in its attributes, a judge that reads them exactly, and exemplars with known truth.

A "face" is a bright anchor at a place of its own with a mark beside it for every attribute that z has; the yaw is the
level of a channel. Because faces stand at different places, arithmetic on pixels mixes them up, as it does real ones.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import torch
from torch import nn

from ganlab import Card, Exemplars, Gan, ImageSpec, Labeler, PictureName, Prior

SIZE, DIM = 24, 100
CONCEPTS = ("smile", "glasses", "woman")
WORDS = {
    "smiling": {"smile": True},
    "neutral": {"smile": False},
    "with_glasses": {"glasses": True},
    "woman": {"woman": True},
    "man": {"woman": False},
    "left": {"yaw": -1},
    "right": {"yaw": 1},
}
MARKS = ((4, 0), (4, 2), (4, 4))  # of the concepts, right of and below the anchor's corner


def axes() -> torch.Tensor:
    """Orthonormal directions (6, DIM): one for each concept, the yaw, and the place across and down."""
    random = torch.from_numpy(np.random.default_rng(3).standard_normal((DIM, 6))).float()
    return torch.linalg.qr(random)[0].T.contiguous()


def truth(z: torch.Tensor) -> np.ndarray:
    """The attributes of z (n, DIM) as numbers (n, 4), each with variance 1: shown above zero; the yaw last."""
    return (z @ axes()[:4].T).numpy() * 3**0.5


class Faces(nn.Module):
    """z (n, DIM) -> pictures (n, 3, SIZE, SIZE) in [-1, 1]: marks, yaw, anchor."""

    def __init__(self) -> None:
        super().__init__()
        self.axes = nn.Parameter(axes())

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        level = z @ self.axes.T * 3**0.5
        places = (torch.special.ndtr(level[:, 4:]) * (SIZE - 8)).long().clamp(0, SIZE - 9)
        pictures = torch.full((len(z), 3, SIZE, SIZE), -1.0, device=z.device)
        pictures[:, 1] = torch.tanh(level[:, 3] / 2)[:, None, None]
        x, y = places.T
        pictures[:, 2][square(x, y, 3)] = 1.0
        for (right, down), shown in zip(MARKS, (level[:, :3] > 0).T, strict=True):
            pictures[:, 0][square(x + right, y + down, 2) & shown[:, None, None]] = 1.0
        return pictures


class ToldFaces(Faces):
    """The same faces whatever the class; ``told`` holds the classes that were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.told: set[int] = set()

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        self.told |= set(labels.tolist())
        return super().forward(z)


def square(x: torch.Tensor, y: torch.Tensor, side: int) -> torch.Tensor:
    """bool (n, SIZE, SIZE): a square with its upper left corner at x, y (n,)."""
    cells = torch.arange(SIZE, device=x.device)
    across, down = ((cells >= corner[:, None]) & (cells < corner[:, None] + side) for corner in (x, y))
    return down[:, :, None] & across[:, None, :]


class Reader(Labeler):
    """Finds the anchor and reads the marks beside it; without a whole anchor there is no face."""

    name = "reader"
    concepts = CONCEPTS
    measures = ("yaw",)
    domain = "planted faces"
    card = MappingProxyType({"words": WORDS, "unsaid": {"glasses": False}})

    def shows(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        found = nn.functional.avg_pool2d(images[:, 2:], 3, stride=1)[:, 0]
        best, where = found.flatten(1).max(1)
        y, x = where // found.shape[2], where % found.shape[2]
        marks = nn.functional.avg_pool2d(images[:, :1], 2, stride=1)[:, 0]
        last, rows = marks.shape[2] - 1, torch.arange(len(images))
        seen = [marks[rows, (y + down).clamp(max=last), (x + right).clamp(max=last)] > 0 for right, down in MARKS]
        return (torch.stack(seen, 1) & (best > 0.9)[:, None]).numpy()

    def measure(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        return 2 * np.arctanh(np.clip(images[:, 1].mean((1, 2)).numpy(), -0.9999, 0.9999))[:, None]


def planted_faces(law: str = "uniform") -> Gan:
    return Gan(Faces(), prior=Prior(DIM, law), image=ImageSpec(SIZE, 3), card=Card("planted-faces"))


def chosen(gan: Gan, each: int = 6) -> Exemplars:
    """Groups of the first samples that truly have what the name says; "left" and "right" clearly so."""
    level = truth(gan.latents(300, seed=0).z)
    smile, glasses, woman = (level[:, :3] > 0).T
    rows = {
        "smiling_woman": smile & woman,
        "neutral_woman": ~smile & woman,
        "neutral_man": ~smile & ~woman,
        "man_with_glasses": glasses & ~woman,
        "man": ~glasses & ~woman,
        "woman": ~glasses & woman,
        "left": level[:, 3] < -1,
        "right": level[:, 3] > 1,
    }
    groups = {
        name: [PictureName(gan.hash, 0, int(index)) for index in np.flatnonzero(one)[:each]]
        for name, one in rows.items()
    }
    return Exemplars(gan.hash, {**groups, "nobody": []}, "by-hand.json")
