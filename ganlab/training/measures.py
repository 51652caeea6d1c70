"""What a step of training saw, measured on the device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ganlab.training.feeding import sent
from ganlab.training.processes import Processes


@dataclass(frozen=True)
class StepLog:
    """What one step saw, still on the device: losses (nats), mean D(x) and D(G(z)), spread of one class's samples."""

    values: torch.Tensor

    NAMES = ("loss_d", "loss_g", "d_real", "d_fake", "spread")

    def numbers(self) -> dict[str, float]:
        return dict(zip(self.NAMES, self.values.tolist(), strict=True))


def spread_of(
    samples: torch.Tensor, labels: torch.Tensor | None, share: slice, processes: Processes, device: str
) -> torch.Tensor:
    """How much samples depend on z: the standard deviation of a pixel over the joined batch, the mean of them all.

    Where there are classes, within them, or a generator that draws one picture of each would be called lively. A
    batch in which every class occurs once tells no more than how much the samples of all of them differ.

    Args:
        samples: (share, c, h, w), of the joined batch this process's.
        labels: (batch,) classes of the joined batch, on the CPU.
        share: this process's rows of it.
    """
    freedom = 1.0
    if labels is not None:
        _, kinds, sizes = np.unique(labels.numpy(), return_inverse=True, return_counts=True)
        if len(sizes) < len(labels):
            means = _class_means(samples, torch.from_numpy(kinds), torch.from_numpy(sizes), share, processes, device)
            samples = samples - means
            freedom = (len(labels) - 1) / (len(labels) - len(sizes))  # each class's mean is one of its own samples'
    return processes.std(samples).mean() * freedom**0.5


def _class_means(
    samples: torch.Tensor, kinds: torch.Tensor, sizes: torch.Tensor, share: slice, processes: Processes, device: str
) -> torch.Tensor:
    """For every sample of this process the mean of its class over the joined batch."""
    mine = sent(kinds[share], device)
    shares = samples / sent(sizes.float(), device)[mine].view(-1, *[1] * (samples.ndim - 1))
    means = torch.zeros(len(sizes), *samples.shape[1:], device=samples.device).index_add_(0, mine, shares)
    return processes.sum(means)[mine]
