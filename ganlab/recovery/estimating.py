"""Estimate the statistics of BatchNorms that no file holds, once, over many samples."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import nn

from ganlab.gan import Gan
from ganlab.recovery.building import Named

SAMPLES, BATCH = 4096, 512


def lacks_statistics(layers: Sequence[Named]) -> bool:
    """Whether a BatchNorm of these layers came without mean and variance."""
    return any(
        table["kind"] == "batch_norm" and part is not None and "mean" not in part.tensors for table, part in layers
    )


def estimate_statistics(gan: Gan) -> Gan:
    """The same GAN with BatchNorm statistics as its own samples make them, in both networks.

    The discriminator's are those over generated pictures: what its real ones were is not known.
    """
    with torch.no_grad():
        generator = _estimated(gan._network("generator"), _latents(gan))
        changed = gan._with(generator, copy.deepcopy(gan.discriminator))
        if gan.discriminator is None:
            return changed
        judge = _estimated(gan.discriminator, ((pictures,) for pictures in _pictures(changed)))
    return gan._with(copy.deepcopy(generator), judge)


def _latents(gan: Gan) -> Iterator[tuple[torch.Tensor, ...]]:
    for start in range(0, SAMPLES, BATCH):
        z = gan.prior.sample(BATCH, seed=1, first=start).z
        if gan.classes is None:
            yield (z,)
        else:
            yield z, torch.arange(BATCH) % gan.classes


def _pictures(gan: Gan) -> Iterator[torch.Tensor]:
    label = None if gan.classes is None else 0
    for start in range(0, SAMPLES // 4, BATCH // 4):
        yield gan.generate(gan.latents(BATCH // 4, seed=1, first=start, label=label))


def _estimated(network: nn.Module, inputs: Iterable[tuple[torch.Tensor, ...]]) -> nn.Module:
    """A copy whose norms hold the plain mean over all batches of what they were given."""
    network = copy.deepcopy(network)
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for batch in inputs:
        network(*batch)
    for norm in norms:
        norm.momentum = 0.1
        norm.eval()
    return network
