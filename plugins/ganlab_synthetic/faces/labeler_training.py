"""Train the labeler of faces: draw, change, learn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch.nn import functional as F

from ganlab import progress

from ..labeler_common import ahead, moving_average
from .labeler import CONCEPTS, MEASURES
from .labeler_augmentation import FaceAugmentation
from .labeler_network import FaceNet
from .portrait import draw_face

ANSWERS = CONCEPTS + MEASURES
# weight of a squared error beside the cross-entropies: a turn spreads over 2, a lightness over less than 1
YAW_WEIGHT, COLOUR_WEIGHT = 2.0, 4.0


@dataclass(frozen=True)
class FaceLabelerSettings:
    """What the training follows from.

    Attributes:
        faces: drawn faces.
        steps: steps of the optimiser.
        batch: faces in a step.
        lr: peak learning rate of AdamW.
        decay: weight decay.
        seed: of weights, order and augmentation.
        face_seed: series of faces; the data set of the GANs is series 0, so this must be another.
    """

    faces: int = 20_000
    steps: int = 3_000
    batch: int = 64
    lr: float = 2e-3
    decay: float = 0.02
    seed: int = 0
    face_seed: int = 77


@dataclass(frozen=True)
class Faces:
    """Drawn faces in memory: images (n, 64, 64, 3) uint8, truth (n, concepts + measures) float32."""

    images: np.ndarray
    truth: np.ndarray

    def batch(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures (n, 3, 64, 64) float32 in [0, 1] and the right answers (n, concepts + measures)."""
        images = torch.from_numpy(np.ascontiguousarray(self.images[rows])).permute(0, 3, 1, 2).float() / 255
        return images, torch.from_numpy(self.truth[rows])


def draw_faces(count: int, face_seed: int) -> Faces:
    """The first faces of a series, with their attributes in the order of ``ANSWERS``."""
    images, truth = np.empty((count, 64, 64, 3), np.uint8), np.empty((count, len(ANSWERS)), np.float32)
    for place in progress(count, "drawing faces"):
        face = draw_face(face_seed, place)
        images[place] = face.image
        truth[place] = [float(getattr(face.attributes, name)) for name in ANSWERS]
    return Faces(images, truth)


def train_labeler(settings: FaceLabelerSettings, faces: Faces, losses: list[float] | None = None) -> FaceNet:
    """A network trained on drawn faces: the moving average of its weights, in eval mode.

    ``losses`` is filled step by step.  Convolutions run in bfloat16; one thread changes pictures while another learns,
    and the order of everything random follows from the seed.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = FaceNet(len(ANSWERS))
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        average = torch.optim.swa_utils.AveragedModel(network, avg_fn=moving_average, use_buffers=True)
        optimizer = torch.optim.AdamW(network.parameters(), settings.lr, weight_decay=settings.decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.lr, settings.steps, pct_start=0.1)
        batches = ahead(_batches(settings, faces))
        for _ in progress(settings.steps, "training"):
            pictures, truth, true_colours = next(batches)
            with torch.autocast("cpu", torch.bfloat16):
                answers = network(pictures).float()
            loss = loss_of(answers, truth, true_colours)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(network)
            if losses is not None:
                losses.append(loss.item())
    return cast(FaceNet, average.module.eval())


def loss_of(answers: torch.Tensor, truth: torch.Tensor, true_colours: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the concepts and squared errors of the measures; colours count where they are still true."""
    first = len(CONCEPTS)
    concepts = F.binary_cross_entropy_with_logits(answers[:, :first], truth[:, :first])
    error = (answers[:, first:] - truth[:, first:]).square()
    colours = error[true_colours, 1:].sum() / (len(answers) * (len(MEASURES) - 1))
    return concepts + YAW_WEIGHT * error[:, 0].mean() + COLOUR_WEIGHT * colours


def _batches(settings: FaceLabelerSettings, faces: Faces) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Pictures in [-1, 1], the right answers, and whose colours are still true."""
    order = np.random.default_rng(settings.seed)
    augment = FaceAugmentation(torch.Generator().manual_seed(settings.seed))
    yaw = ANSWERS.index("yaw")
    for _ in range(settings.steps):
        pictures, truth = faces.batch(order.integers(len(faces.images), size=settings.batch))
        pictures, truth[:, yaw], true_colours = augment(pictures, truth[:, yaw])
        yield (2 * pictures - 1).contiguous(memory_format=torch.channels_last), truth, true_colours
