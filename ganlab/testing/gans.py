"""A GAN to test with: small, made in a moment, with pictures that differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganlab.card import Card
from ganlab.gan import Gan
from ganlab.imagespec import ImageSpec
from ganlab.latents import Prior

if TYPE_CHECKING:
    import torch
    from torch import nn


def tiny_gan(
    size: int = 16,
    width: int = 4,
    channels: int = 3,
    seed: int = 0,
    prior: str = "uniform",
    z_dim: int = 10,
    classes: int = 0,
) -> Gan:
    """An untrained DCGAN whose features and pictures vary as much as a trained one's.

    Its BatchNorm statistics are those of its own activations, and its last layer is scaled to use the
    picture's range.

    Args:
        size: side of the pictures, a power of two from 16 to 256.
        width: feature maps of the layer beside the picture.
        channels: 1, 3 or 4.
        seed: names the weights.
        prior: "uniform" or "normal".
        z_dim: dimensions of z.
        classes: how many both networks are told, or 0 for none.
    """
    import torch

    from ganlab.architectures import build
    from ganlab.architectures.dcgan import DcganSettings

    settings = DcganSettings(size=size, channels=channels, width=width, z_dim=z_dim, classes=classes)
    law = Prior(z_dim, prior)
    generator, discriminator = build(settings.to_card(), seed)
    with torch.no_grad():
        z = law.sample(128, seed).z
        told = [torch.arange(128, device="cpu") % classes] if classes else []
        features = _with_own_statistics(generator, z, *told).atanh()
        *_, last = generator.parameters()
        last.mul_(0.7 / features.std())
        _with_own_statistics(discriminator, generator.eval()(z, *told), *told)
    card = Card(name=f"tiny-{size}", summary="untrained, for tests", architecture=settings.to_card())
    image = ImageSpec(size, channels)
    return Gan(generator, discriminator, prior=law, image=image, card=card, classes=classes or None)


def _with_own_statistics(network: nn.Module, *inputs: torch.Tensor) -> torch.Tensor:
    """Run in train mode, so that every BatchNorm takes the statistics of what it sees; the outputs."""
    from torch import nn

    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # a plain mean, which is the batch's own after one run
    outputs = network.train()(*inputs)
    for norm in norms:
        norm.momentum = 0.1
    return outputs
