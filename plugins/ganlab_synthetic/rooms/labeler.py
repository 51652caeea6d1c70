"""The judges of rooms: which pixels belong to windows, pictures, beds, lamps and doors.

``rooms`` learnt from drawn rooms, ``rooms-real`` from photographs (:mod:`ganlab_synthetic.photographs`). The first was
trained to look at structure: a window recoloured, dimmed or blurred is a window as long as its panes can be
seen, and what is left when they are gone (bare wall, a smudge, a framed blank) is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganlab import Labeler

from ..labelers.folder import InFolder

if TYPE_CHECKING:
    import torch

    from ganlab import ImageSpec

    from .labeler_network import RoomUnet

SHIPPED = Path(__file__).parents[1] / "rooms-labeler"
SHIPPED_REAL = Path(__file__).parents[1] / "rooms-real-labeler"
BATCH = 32  # pictures at once: more no longer fit into a core's cache


class RoomLabeler(InFolder, Labeler):  # type: ignore[override]
    """A small network with its card; both are read when first needed.

    Args:
        folder: where ``card.toml`` and ``weights.safetensors`` lie.
    """

    def __init__(self, folder: Path = SHIPPED) -> None:
        super().__init__(folder)

    @property
    def name(self) -> str:  # type: ignore[override]
        """As the card says."""
        return str(self.card["name"])

    @property
    def concepts(self) -> tuple[str, ...]:  # type: ignore[override]
        """What it knows, in the order of the masks."""
        return tuple(self.card["concepts"])

    @cached_property
    def network(self) -> RoomUnet:
        """The network, its BatchNorms folded into the convolutions."""
        from .labeler_network import RoomUnet

        return self.with_weights(lambda: RoomUnet(len(self.concepts), batch_norm=False))

    def probabilities(self, images: torch.Tensor, image: ImageSpec) -> torch.Tensor:
        """How likely each pixel belongs to each concept.

        Args:
            images: (n, c, h, w) in ``image``'s range, of any size (the network sees 64x64) and 1, 3 or 4 channels.

        Returns:
            float32 (n, len(concepts), h, w) in [0, 1]; over the concepts they sum to at most 1.
        """
        import torch

        if not len(images):
            return torch.empty(0, len(self.concepts), *images.shape[2:])
        with torch.inference_mode():
            return torch.cat(list(self._looks(images, image)))

    def masks(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        """Pixels whose probability exceeds the card's ``threshold``: bool (n, len(concepts), h, w)."""
        return (self.probabilities(images, image) > self.card["threshold"]).numpy()

    def count_pixels(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        """Those of the masks, counted batch by batch: all masks together would be written and read once more."""
        import torch

        with torch.inference_mode():
            counts = [(found > self.card["threshold"]).sum((2, 3)) for found in self._looks(images, image)]
        if not counts:
            return np.empty((0, len(self.concepts)), np.int64)
        return torch.cat(counts).numpy()

    def _looks(self, images: torch.Tensor, image: ImageSpec) -> Iterator[torch.Tensor]:
        """The probabilities, batch by batch."""
        from torch.nn import functional as F

        from ..labelers.pixels import as_seen

        size = images.shape[2:]
        for rows in images.split(BATCH) if len(images) else ():
            found = self.network(as_seen(rows, image)).float().softmax(1)[:, 1:]
            yield found if size == (64, 64) else F.interpolate(found, size=size, mode="bilinear", antialias=True)
