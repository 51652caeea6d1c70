"""Train the network of the judge of rooms on photographs."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional as F

from ..labelers.augmentation import IGNORED
from ..labelers.learning import learn
from ..rooms import CONCEPTS
from ..rooms.labeler_network import RoomUnet
from ..rooms.labeler_training import CLASS_WEIGHTS
from .augmentation import PhotoAugmentation
from .choosing import VISIBLE
from .reading import Photographs
from .settings import PhotoSettings

VERDICT_WEIGHT = 1.0  # of the loss on whole pictures beside that on pixels
NEVER = -20.0  # how little a pixel without a label looks like a concept


def train_network(
    settings: PhotoSettings,
    photographs: Photographs,
    begin: RoomUnet | None = None,
) -> RoomUnet:
    """A network trained by :func:`learn`; the order of everything random follows from the seed.

    Args:
        begin: what it starts from, left as it is; a fresh one by default.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = copy.deepcopy(begin).requires_grad_() if begin else RoomUnet(len(CONCEPTS))
    network.train()
    weights = torch.tensor(CLASS_WEIGHTS)

    def loss_of(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        pixels = F.cross_entropy(logits, labels, weights, ignore_index=IGNORED)
        return pixels + VERDICT_WEIGHT * verdict_loss(logits, labels)

    return learn(network, _batches(settings, photographs), loss_of, settings)


def verdict_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy of what whole pictures show, over the pixels that look most like it, mean of the concepts.

    A picture without a window must have no patch of pixels that says window, however small a part of it that is.
    Pictures that show a little of a concept, less than a person would name, count neither way.

    Args:
        logits: (n, 1 + concepts, h, w).
        labels: (n, h, w) int64, ``IGNORED`` where unknown.
    """
    losses = []
    for place, concept in enumerate(CONCEPTS, 1):
        needed = VISIBLE[concept]
        others = torch.cat([logits[:, :place], logits[:, place + 1 :]], 1).logsumexp(1)
        margin = (logits[:, place] - others).masked_fill(labels == IGNORED, NEVER).flatten(1)
        counts = (labels == place).sum((1, 2))
        shown = (counts >= needed).float()
        each = F.binary_cross_entropy_with_logits(margin.topk(needed, 1).values.mean(1), shown, reduction="none")
        losses.append((each * ((counts == 0) | (counts >= needed))).mean())
    return torch.stack(losses).mean()


def _batches(settings: PhotoSettings, photographs: Photographs) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Pictures in [-1, 1] and the labels of their pixels."""
    order = np.random.default_rng(settings.seed)
    augment = PhotoAugmentation(torch.Generator().manual_seed(settings.seed), len(CONCEPTS))
    for _ in range(settings.steps):
        rows = order.integers(len(photographs.images), size=settings.batch)
        pictures, labels = augment(*photographs.batch(rows))
        yield (2 * pictures - 1).contiguous(memory_format=torch.channels_last), labels
