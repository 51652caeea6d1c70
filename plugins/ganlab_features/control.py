"""The control: the same discriminator before training."""

from __future__ import annotations

import copy

import torch

from ganlab import Card, Gan, GanlabError


def untrained(gan: Gan, seed: int) -> Gan:
    """The GAN with a discriminator of fresh weights: as its card builds it, else as its layers initialise themselves.

    Raises:
        GanlabError: the discriminator keeps weights that no layer knows how to draw anew.
    """
    if gan.card.architecture:
        return gan.untrained(seed)
    fresh = copy.deepcopy(gan.discriminator)
    assert fresh is not None
    fresh.cpu()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in fresh.modules():
            if callable(reset := getattr(module, "reset_parameters", None)):
                reset()
    assert gan.discriminator is not None
    before = dict(gan.discriminator.named_parameters())
    # the weights of convolutions and matrices; what has one dimension often begins as ones and zeros for good
    kept = [name for name, value in fresh.named_parameters() if value.ndim > 1 and value.equal(before[name].cpu())]
    if kept:
        raise GanlabError(
            f"There is no untrained {gan.name!r} to compare with: its {kept[0]} cannot be drawn anew.",
            "Give its card an [architecture], which builds the networks from a seed.",
        )
    card = Card(f"{gan.name}-untrained")
    prior = None if gan.generator is None else gan.prior
    return Gan(gan.generator, fresh, prior=prior, image=gan.image, card=card, device=gan.device)
