"""Train the labeler of faces: draw, change, learn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from ganlab import progress

from ..labelers.learning import learn
from ..labelers.pixels import as_batch
from .labeler import CONCEPTS, MEASURES
from .labeler_augmentation import FaceAugmentation
from .labeler_network import FaceNet
from .portrait import draw_face
from .seen import FACING, QUESTIONS, SeenFaces, read_seen, seen_loss

ANSWERS = CONCEPTS + MEASURES
# weight of a squared error beside the cross-entropies: a turn spreads over 2, a lightness over less than 1
YAW_WEIGHT, COLOUR_WEIGHT = 2.0, 4.0
SEEN_WEIGHT = 1.0  # of the loss on samples labelled by eye


@dataclass(frozen=True)
class FaceLabelerSettings:
    """What the training follows from.

    Attributes:
        faces: drawn faces.
        steps: steps of the optimiser.
        batch: drawn faces in a step.
        seen_batch: samples labelled by eye in a step.
        lr: peak learning rate of AdamW.
        decay: weight decay.
        seed: of weights, order and augmentation.
        face_seed: series of faces; the data set of the GANs is series 0, so this must be another.
    """

    faces: int = 20_000
    steps: int = 3_000
    batch: int = 64
    seen_batch: int = 32
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
        return as_batch(self.images[rows]), torch.from_numpy(self.truth[rows])


def draw_faces(count: int, face_seed: int) -> Faces:
    """The first faces of a series, with their attributes in the order of ``ANSWERS``."""
    images, truth = np.empty((count, 64, 64, 3), np.uint8), np.empty((count, len(ANSWERS)), np.float32)
    for place in progress(count, "drawing faces"):
        face = draw_face(face_seed, place)
        images[place] = face.image
        truth[place] = [float(getattr(face.attributes, name)) for name in ANSWERS]
    return Faces(images, truth)


def train_labeler(settings: FaceLabelerSettings, faces: Faces) -> FaceNet:
    """A network trained on drawn faces and samples by :func:`learn`; all that is random follows from the seed."""
    with torch.random.fork_rng(devices=[]):  # dropout, too, draws from the global state
        torch.manual_seed(settings.seed)
        network = FaceNet(len(ANSWERS))
        return learn(network, _batches(settings, faces, read_seen()), loss_of, settings)


Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def loss_of(answers: torch.Tensor, truth: torch.Tensor, true_colours: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Of drawn faces, which come first, and of samples labelled by eye."""
    drawn, sampled = answers[: len(truth)], answers[len(truth) :]
    return drawn_loss(drawn, truth, true_colours) + SEEN_WEIGHT * seen_loss(sampled, seen)


def drawn_loss(answers: torch.Tensor, truth: torch.Tensor, true_colours: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the concepts and squared errors of the measures; colours count where they are still true."""
    first = len(CONCEPTS)
    concepts = F.binary_cross_entropy_with_logits(answers[:, :first], truth[:, :first])
    error = (answers[:, first:] - truth[:, first:]).square()
    colours = error[true_colours, 1:].sum() / (len(answers) * (len(MEASURES) - 1))
    return concepts + YAW_WEIGHT * error[:, 0].mean() + COLOUR_WEIGHT * colours


def _batches(settings: FaceLabelerSettings, faces: Faces, seen: SeenFaces) -> Iterator[Batch]:
    """Pictures in [-1, 1], drawn ones first; their right answers, whose colours are still true, and what was seen."""
    order = np.random.default_rng(settings.seed)
    augment = FaceAugmentation(torch.Generator().manual_seed(settings.seed))
    yaw, facing = ANSWERS.index("yaw"), QUESTIONS.index(FACING)
    for _ in range(settings.steps):
        pictures, truth = faces.batch(order.integers(len(faces.images), size=settings.batch))
        pictures, truth[:, yaw], true_colours = augment(pictures, truth[:, yaw])
        samples, answers = seen.batch(order.integers(len(seen.images), size=settings.seen_batch))
        samples, answers[:, facing] = augment.gently(samples, answers[:, facing])
        both = torch.cat([pictures, samples])
        yield (2 * both - 1).contiguous(memory_format=torch.channels_last), truth, true_colours, answers
