"""What the network may learn before masks: to tell kinds of rooms in photographs that are sorted, but not marked.

A thousand photographs with masks are few to learn from what edges, light and furniture look like. Tens of thousands in
folders called bedroom, kitchen and so on may teach that much; not a window is named in them. How much it gains by
itself has not been measured.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ganlab import Images, classes_of, labels_of, progress

from ..labelers.learning import learn
from ..labelers.pixels import as_batch
from ..rooms import CONCEPTS
from ..rooms.labeler_network import RoomUnet
from .augmentation import SIDE, PhotoAugmentation
from .settings import PhotoSettings


class SceneNet(nn.Module):
    """Pictures (n, 3, 64, 64) in [-1, 1] -> logits (n, kinds), by the half of a :class:`RoomUnet` that looks."""

    def __init__(self, kinds: int) -> None:
        super().__init__()
        self.rooms = RoomUnet(len(CONCEPTS))
        self.tell = nn.Linear(96, kinds)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        rooms = self.rooms
        return self.tell(rooms.at8(rooms.at16(rooms.at32(rooms.at64(images)))).mean((2, 3)))


def learn_scenes(settings: PhotoSettings, images: Images) -> RoomUnet:
    """A network that can tell the classes of ``images`` from each other, its last layer for that taken away again.

    Raises:
        GanlabError: a picture has no class or cannot be read.
    """
    kinds = classes_of(images)
    labels = torch.from_numpy(labels_of(images, kinds))
    rows = progress(len(images), "reading scenes")
    pictures = np.stack([images.array(row, SIDE, 3) for row in rows])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = SceneNet(len(kinds))
    batches = _batches(settings, pictures, labels)
    return learn(network, batches, F.cross_entropy, settings.for_scenes()).rooms


def _batches(
    settings: PhotoSettings, pictures: np.ndarray, labels: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Pictures in [-1, 1] and their classes."""
    order = np.random.default_rng(settings.seed)
    augment = PhotoAugmentation(torch.Generator().manual_seed(settings.seed), len(CONCEPTS))
    nothing = torch.zeros(settings.batch, SIDE, SIDE, dtype=torch.long)
    for _ in range(settings.scene_steps):
        rows = order.integers(len(pictures), size=settings.batch)
        seen = augment.light(augment.crop(as_batch(pictures[rows]), nothing)[0])
        flawed = augment.some(len(seen), 0.3)
        seen[flawed] = augment.degrade(seen[flawed])
        yield (2 * seen - 1).contiguous(memory_format=torch.channels_last), labels[rows]
