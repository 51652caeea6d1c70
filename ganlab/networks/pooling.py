"""A discriminator's feature maps as a description of pictures (section 5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from ganlab.gan import Gan

GRID = 4  # cells a side


def pooled_features(gan: Gan, layers: Sequence[str], images: torch.Tensor) -> list[torch.Tensor]:
    """The discriminator's feature maps of pictures, max-pooled to 4x4 cells and flattened (section 5.1).

    Args:
        gan: with a discriminator.
        layers: names of its layers; :meth:`Gan.feature_layers` has those of the paper.
        images: (n, c, h, w) in the GAN's range.

    Returns:
        For each layer float32 (n, d), maps by rows by columns; maps of at most 4x4 cells as they are.

    Raises:
        GanlabError: no discriminator, or a layer that it does not have.
    """
    from ganlab.networks import activations

    # pooled as they lie while the network runs: whole maps would be copied to the CPU, in another layout
    with activations.record(gan.network("discriminator"), *layers, kept=pooled) as recording:
        gan.score(images)
    return [recording[name] for name in layers]


def pooled(features: torch.Tensor) -> torch.Tensor:
    """Feature maps (n, maps, h, w), max-pooled to 4x4 or left as they are where they are no larger, as (n, d)."""
    from torch.nn import functional

    if features.ndim == 4:
        if features.device.type == "mps":  # which pools only what it can divide into equal cells
            features = features.cpu()
        features = functional.adaptive_max_pool2d(features, [min(GRID, side) for side in features.shape[2:]])
    return features.flatten(1)
