"""How far two pictures are apart: in pixels, and in what the discriminator makes of them."""

from __future__ import annotations

import torch

from ganlab import Gan, ImageSpec

LEVELS = 255.0  # of grey between the darkest and the brightest value of a picture's range


def in_pixels(first: torch.Tensor, second: torch.Tensor, image: ImageSpec) -> torch.Tensor:
    """Root mean square difference of pictures (n, c, h, w), pair by pair, in levels of 255: (n,) float64."""
    scale = LEVELS / (image.high - image.low)
    return (second.double() - first.double()).pow(2).flatten(1).mean(1).sqrt() * scale


class Features:
    """Relative distances in the hidden feature maps of a discriminator.

    In each layer the length of the difference of two pictures' features over the root mean square of their own
    lengths: 0 for the same features, 1.41 for features that have nothing in common. The mean over the layers.

    Attributes:
        layers: the names of the layers; none where the GAN has no discriminator, or one without a layer to look into.
    """

    def __init__(self, gan: Gan) -> None:
        self._gan = gan
        self.layers = [] if gan.discriminator is None else [layer.name for layer in gan.feature_layers()]

    def __bool__(self) -> bool:
        return bool(self.layers)

    def steps(self, images: torch.Tensor) -> torch.Tensor:
        """Distance of each picture (n, c, h, w) to the next: (n - 1,) float64."""
        with self._gan.record(*self.layers, side="discriminator") as recording:
            self._gan.score(images)
        distances = torch.zeros(len(images) - 1, dtype=torch.float64)
        for name in self.layers:
            features = recording[name].flatten(1).double()
            lengths = features.pow(2).sum(1)
            apart = (features[1:] - features[:-1]).pow(2).sum(1)
            own = (lengths[1:] + lengths[:-1]) / 2
            distances += torch.where(own > 0, apart / own.clamp(min=1e-300), 0.0).sqrt()
        return distances / len(self.layers)
