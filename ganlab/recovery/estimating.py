"""Estimate the statistics of BatchNorms that no file holds, once, over many samples."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import nn

from ganlab.gan import Gan
from ganlab.networks.weights import gather_statistics
from ganlab.recovery.building import Named
from ganlab.recovery.simulate import MOST_NUMBERS

SAMPLES, BATCH = 4096, 512


def lacks_statistics(layers: Sequence[Named]) -> bool:
    """Whether a BatchNorm of these layers came without mean and variance."""
    return any(
        table["kind"] == "batch_norm" and part is not None and "mean" not in part.tensors for table, part in layers
    )


def estimate_statistics(gan: Gan, generator: bool = True) -> Gan:
    """The same GAN with BatchNorm statistics as its own samples make them, in both networks, or its discriminator.

    The discriminator's are those over generated pictures: what its real ones were is not known.
    """
    with torch.no_grad():
        network = gan.network("generator")
        drawing = _estimated(network, _latents(gan)) if generator else network
        changed = gan.with_networks(drawing, gan.discriminator)
        if gan.discriminator is None:
            return changed
        discriminator = _estimated(gan.discriminator, ((pictures,) for pictures in _pictures(changed)))
    return gan.with_networks(drawing, discriminator)


def _latents(gan: Gan) -> Iterator[tuple[torch.Tensor, ...]]:
    for start in range(0, SAMPLES, BATCH):
        z = gan.prior.sample(BATCH, seed=1, first=start).z
        if gan.classes is None:
            yield (z,)
        else:
            yield z, torch.arange(BATCH) % gan.classes


def _pictures(gan: Gan) -> Iterator[torch.Tensor]:
    for start in range(0, SAMPLES // 4, BATCH // 4):
        yield gan.generate(gan.latents_in_turn(BATCH // 4, seed=1, first=start))


def _estimated(network: nn.Module, inputs: Iterable[tuple[torch.Tensor, ...]]) -> nn.Module:
    """A copy whose norms hold the plain mean over all batches of what they were given."""
    network = copy.deepcopy(network)
    inputs = iter(inputs)
    first = next(inputs)
    rows = _rows_at_once(network, first)

    def meet() -> None:
        for batch in itertools.chain([first], inputs):
            for start in range(0, len(batch[0]), rows):
                network(*(part[start : start + rows] for part in batch))

    gather_statistics(network, meet)
    return network


def _rows_at_once(network: nn.Module, batch: Sequence[torch.Tensor]) -> int:
    """How many rows of a batch a network is given together, a power of two: as many as memory is sure to hold."""
    numbers = [1]
    hooks = [
        module.register_forward_hook(lambda module, inputs, output: numbers.append(output[0].numel()))
        for module in network.modules()
    ]
    network(*(part[:1] for part in batch))
    for hook in hooks:
        hook.remove()
    return 1 << max(1, min(BATCH, MOST_NUMBERS // max(numbers)).bit_length() - 1)
