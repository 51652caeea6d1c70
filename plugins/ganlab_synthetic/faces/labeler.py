"""The judge of drawn and generated faces: smile, glasses, woman, hat; the turn of the head; what colours are like."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganlab import Labeler

from ..labelers.folder import InFolder

if TYPE_CHECKING:
    import torch

    from ganlab import ImageSpec

    from .labeler_network import FaceNet

SHIPPED = Path(__file__).parents[1] / "faces-labeler"
CONCEPTS = ("smile", "glasses", "woman", "hat")
# By the names of a drawn face's attributes.  No hue: grey has none, and on its circle 0.99 is near to 0.01.
MEASURES = ("yaw", "skin_lightness", "hair_lightness", "hair_warmth", "background_lightness", "background_warmth")
BATCH = 128  # pictures at once


class FaceLabeler(InFolder, Labeler):  # type: ignore[override]
    """A small network with its card; both are read when first needed.

    It measures ``yaw`` (-1: turned to the picture's left, 1: to its right), lightness (0 black, 1 white) of skin, hair
    and background, and their warmth, red less blue (-1 to 1).

    Args:
        folder: where ``card.toml`` and ``weights.safetensors`` lie.
    """

    name = "faces"
    concepts = CONCEPTS
    measures = MEASURES

    def __init__(self, folder: Path = SHIPPED) -> None:
        super().__init__(folder)

    @cached_property
    def network(self) -> FaceNet:
        """The network, its BatchNorms folded into the convolutions."""
        from .labeler_network import FaceNet

        return self.with_weights(lambda: FaceNet(len(CONCEPTS) + len(MEASURES), batch_norm=False))

    def probabilities(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        """How likely each picture shows each concept: float32 (n, len(concepts)) in [0, 1]."""
        return self._look(images, image)[0]

    def shows(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        """Which pictures show each concept.

        Args:
            images: (n, c, h, w) in ``image``'s range, of any size (the network sees 64x64) and 1, 3 or 4 channels.

        Returns:
            bool (n, len(concepts)).
        """
        return self.probabilities(images, image) > 0.5

    def measure(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        """The turn and the colours of each picture's face: float32 (n, len(measures))."""
        return self._look(images, image)[1]

    def shows_and_measure(self, images: torch.Tensor, image: ImageSpec) -> tuple[np.ndarray, np.ndarray]:
        """Both, by one run of the network: bool (n, len(concepts)) and float32 (n, len(measures))."""
        likely, measures = self._look(images, image)
        return likely > 0.5, measures

    def _look(self, images: torch.Tensor, image: ImageSpec) -> tuple[np.ndarray, np.ndarray]:
        """What the network says: how likely each concept is, (n, concepts), and the measures, (n, measures)."""
        import torch

        from ..labelers.pixels import as_seen

        if not len(images):
            return np.empty((0, len(CONCEPTS)), np.float32), np.empty((0, len(MEASURES)), np.float32)
        with torch.inference_mode():
            seen = torch.cat([self.network(as_seen(rows, image)) for rows in images.split(BATCH)])
            return seen[:, : len(CONCEPTS)].sigmoid().numpy(), seen[:, len(CONCEPTS) :].numpy()
