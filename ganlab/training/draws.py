"""What a training run draws at random: each belongs to its seed and the step's number, whatever was drawn before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from ganlab.latents import (
    STREAM_TRAINING_DROPOUT,
    STREAM_TRAINING_FLIPS,
    STREAM_TRAINING_LABELS,
    STREAM_TRAINING_LATENTS,
    STREAM_TRAINING_NOISE,
    STREAM_TRAINING_ORDER,
    random_bits,
)
from ganlab.networks.devices import memory_format
from ganlab.training.feeding import sent
from ganlab.training.settings import TrainSettings


class Draws:
    """The draws of a run; there is no random generator whose state would have to be kept.

    Args:
        settings: of the run.
        share: which rows of a batch this process trains on.
        rank: this process's, as each drops others.
    """

    def __init__(self, settings: TrainSettings, device: str, share: slice, rank: int) -> None:
        self.settings, self.device, self.share, self.rank = settings, device, share, rank

    def order(self, epoch: int, count: int) -> np.ndarray:
        """The order (count,) in which an epoch shows the pictures."""
        bits = random_bits(self.settings.seed, np.array([epoch]), 2 * count, STREAM_TRAINING_ORDER)[0]
        return np.argsort(bits.view(np.uint64), kind="stable")

    def latents(self, step: int) -> torch.Tensor:
        """z (batch, dim) of a step."""
        batch = self.settings.batch
        prior = self.settings.prior
        return prior.sample(batch, self.settings.seed, step * batch, stream=STREAM_TRAINING_LATENTS).z

    def labels(self, step: int) -> torch.Tensor | None:
        """The classes (batch,) that a step draws, as often as the pictures have them; None where there are none."""
        if not self.settings.classes:
            return None
        batch, ends = self.settings.batch, np.cumsum(self.settings.class_counts)
        index = np.arange(step * batch, (step + 1) * batch)
        bits = random_bits(self.settings.seed, index, 1, STREAM_TRAINING_LABELS)[:, 0]
        picture = (bits.astype(np.uint64) * np.uint64(ends[-1])) >> np.uint64(32)
        return torch.from_numpy(np.searchsorted(ends, picture.astype(np.int64), side="right"))

    def flipped(self, real: torch.Tensor, step: int) -> torch.Tensor:
        """Every picture of a step as it is or mirrored, by the toss of a coin; as they are by default."""
        if not self.settings.flip:
            return real
        batch = self.settings.batch
        index = np.arange(step * batch, (step + 1) * batch)[self.share]
        tossed = random_bits(self.settings.seed, index, 1, STREAM_TRAINING_FLIPS) >> np.uint32(31)
        mirrored = sent(torch.from_numpy(tossed.astype(bool)), self.device)[:, :, None, None]
        return torch.where(mirrored, real.flip(-1), real)

    def noise(self, like: torch.Tensor, step: int) -> Callable[[torch.Tensor], torch.Tensor]:
        """What the discriminator's inputs of a step go through: new noise at every call, none by default."""
        if not self.settings.noise:
            return lambda images: images
        random = torch.Generator(self.device).manual_seed(self._drawn_seed(step, STREAM_TRAINING_NOISE))
        shape = (self.settings.batch, *like.shape[1:])
        return lambda images: (
            images
            + self.settings.noise
            * torch.randn(shape, generator=random, device=self.device)[self.share].contiguous(
                memory_format=memory_format(self.device)
            )
        )

    @contextmanager
    def dropout(self, step: int) -> Iterator[None]:
        """Inside, torch's own random numbers, which dropout draws, belong to the seed and the step."""
        kind = torch.device(self.device).type
        devices = [self.device] if kind == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(self._drawn_seed(step, STREAM_TRAINING_DROPOUT, self.rank))
            yield

    def _drawn_seed(self, step: int, stream: int, place: int = 0) -> int:
        """64 random bits of a step for a generator of torch, which takes the lower half of them on the CPU."""
        bits = random_bits(self.settings.seed, np.array([step]), 2 * (place + 1), stream)
        low, high = bits[0, -2:].tolist()
        return int(low + (high << 32))
