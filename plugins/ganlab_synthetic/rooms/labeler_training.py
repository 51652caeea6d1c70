"""Train the labeler on drawn rooms: draw, change, learn, measure on rooms it has never seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from ganlab import progress

from ..labelers.augmentation import IGNORED, Augmentation
from ..labelers.learning import learn
from ..labelers.pixels import as_batch
from .decoys import draw_decoy_room
from .labeler_network import RoomUnet
from .room import CONCEPTS, Room, draw_room
from .seen import Seen, read_seen, window_loss

# weight of a pixel of: nothing, window, picture, bed, lamp, door; small things count more
CLASS_WEIGHTS = (1.0, 1.5, 1.5, 1.0, 2.5, 1.5)
SEEN_WEIGHT = 1.0  # of the loss on samples labelled by eye


@dataclass(frozen=True)
class LabelerSettings:
    """What the training follows from.

    Attributes:
        rooms: drawn rooms; half as many with decoys are added.
        steps: steps of the optimiser.
        batch: drawn pictures in a step.
        seen_batch: samples labelled by eye in a step.
        lr: peak learning rate of AdamW.
        decay: weight decay.
        seed: of weights, order and augmentation.
        room_seed: series of rooms; the data set of the GANs is series 0, so this must be another.
    """

    rooms: int = 20_000
    steps: int = 3_600
    batch: int = 48
    seen_batch: int = 48
    lr: float = 2e-3
    decay: float = 0.02
    seed: int = 0
    room_seed: int = 77


@dataclass(frozen=True)
class Rooms:
    """Drawn rooms in memory: images (n, h, w, 3) uint8, labels (n, h, w) uint8, 0 for none of the concepts."""

    images: np.ndarray
    labels: np.ndarray

    def batch(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures (n, 3, h, w) float32 in [0, 1] and labels (n, h, w) int64."""
        return as_batch(self.images[rows]), torch.from_numpy(self.labels[rows]).long()


def draw_rooms(settings: LabelerSettings) -> Rooms:
    """Plain rooms, then half as many rooms with decoys."""
    total = settings.rooms + settings.rooms // 2
    images, labels = np.empty((total, 64, 64, 3), np.uint8), np.empty((total, 64, 64), np.uint8)
    for place in progress(total, "drawing rooms"):
        decoys = place >= settings.rooms
        room = (draw_decoy_room if decoys else draw_room)(settings.room_seed, place)
        images[place], labels[place] = room.image, class_map(room)
    return Rooms(images, labels)


def class_map(room: Room) -> np.ndarray:
    """Masks as one number a pixel: 0 for none, else 1 + the concept's place. (h, w) uint8."""
    numbers = np.arange(1, len(CONCEPTS) + 1, dtype=np.uint8)[:, None, None]
    return (room.masks * numbers).max(0)


def train_labeler(settings: LabelerSettings, rooms: Rooms) -> RoomUnet:
    """A network trained on rooms and samples by :func:`learn`; the order of everything random follows from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = RoomUnet(len(CONCEPTS))
    weights = torch.tensor(CLASS_WEIGHTS)

    def loss_of(logits: torch.Tensor, labels: torch.Tensor, windows: torch.Tensor) -> torch.Tensor:
        drawn, sampled = logits[: len(labels)], logits[len(labels) :]
        loss = F.cross_entropy(drawn, labels, weights, ignore_index=IGNORED)
        return loss + SEEN_WEIGHT * window_loss(sampled, windows)

    return learn(network, _batches(settings, rooms, read_seen()), loss_of, settings)


Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def _batches(settings: LabelerSettings, rooms: Rooms, seen: Seen) -> Iterator[Batch]:
    """Pictures in [-1, 1], drawn ones first; labels of the pixels of the drawn, shares of observers of the others."""
    order = np.random.default_rng(settings.seed)
    augment = Augmentation(torch.Generator().manual_seed(settings.seed), len(CONCEPTS))
    for _ in range(settings.steps):
        rows = order.integers(len(rooms.images), size=settings.batch)
        pictures, labels = augment(*rooms.batch(rows))
        samples, windows = seen.batch(order.integers(len(seen.window), size=settings.seen_batch))
        both = torch.cat([pictures, augment.gently(samples)])
        yield (2 * both - 1).contiguous(memory_format=torch.channels_last), labels, windows
