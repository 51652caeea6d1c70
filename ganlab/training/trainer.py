"""One step of the paper's game, and the whole state that the next step depends on."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ganlab.gan import Gan
from ganlab.imagespec import ImageSpec
from ganlab.latents import (
    STREAM_TRAINING_DROPOUT,
    STREAM_TRAINING_FLIPS,
    STREAM_TRAINING_LABELS,
    STREAM_TRAINING_LATENTS,
    STREAM_TRAINING_NOISE,
    STREAM_TRAINING_ORDER,
    random_bits,
)
from ganlab.networks.devices import set_gpu_arithmetic
from ganlab.networks.weights import gather_statistics, weights_digest
from ganlab.training.feeding import as_tensor, sent
from ganlab.training.processes import ALONE, Processes
from ganlab.training.settings import TrainSettings

BETA2 = 0.999
MEASURED = 50  # batches that the averaged generator's BatchNorm statistics are taken over


@dataclass(frozen=True)
class StepLog:
    """What one step saw, still on the device: losses (nats), mean D(x) and D(G(z)), spread of one class's samples."""

    values: torch.Tensor

    NAMES = ("loss_d", "loss_g", "d_real", "d_fake", "spread")

    def numbers(self) -> dict[str, float]:
        return dict(zip(self.NAMES, self.values.tolist(), strict=True))


class Trainer:
    """Both networks, both optimisers and the count of steps done; where several processes train, each has its own.

    Nothing else carries over from step to step: the order of the pictures, which of them are mirrored, every z and its
    class, the noise and what dropout leaves out are computed from the seed and the step's number, so there is no random
    generator whose state would have to be kept.
    """

    def __init__(self, settings: TrainSettings, device: str, processes: Processes = ALONE) -> None:
        self.settings = settings
        self.device = device
        self.processes = processes
        self.share = processes.share(settings)  # which rows of a batch this process trains on
        self.step = 0
        if torch.device(device).type == "cuda":
            set_gpu_arithmetic(settings.precision, settings.deterministic)
        generator, discriminator = settings.network.build(settings.seed)
        # (torch's types know no memory_format)
        self.generator = generator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.discriminator = discriminator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizers = {
            "generator": self._adam(self.generator),
            "discriminator": self._adam(self.discriminator),
        }
        self.average = copy.deepcopy(self.generator).requires_grad_(False) if settings.average else None
        if settings.sync_batch_norm:
            for network in self.networks().values():
                processes.synchronise_batch_norm(network)
        # what steps call; samples of other shapes are drawn by the networks themselves, which costs no second compiling
        self._generates, self._discriminates = (self._compiled(network) for network in self.networks().values())
        self._spec = ImageSpec(settings.network.size, settings.network.channels)

    def _adam(self, network: nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(
            network.parameters(), lr=self.settings.lr, betas=(self.settings.beta1, BETA2), fused=True
        )

    def _compiled(self, network: nn.Module) -> Callable[..., torch.Tensor]:
        return torch.compile(network, dynamic=False) if self.settings.compile else network

    @property
    def precision(self) -> str:
        """In which the device computes: one that has no tf32 keeps all bits, as where a GPU's run goes on on a CPU."""
        wanted, kind = self.settings.precision, torch.device(self.device).type
        return "fp32" if wanted == "tf32" and kind != "cuda" else wanted

    def begin_with(self, gan: Gan) -> None:
        """Take over both networks' weights from a GAN of the same shape; the optimisers begin anew."""
        assert gan.generator is not None
        assert gan.discriminator is not None
        self.generator.load_state_dict(gan.generator.state_dict())
        self.discriminator.load_state_dict(gan.discriminator.state_dict())
        if self.average is not None:
            self.average.load_state_dict(gan.generator.state_dict())

    def identity(self) -> str:
        """What all processes must have alike: choices, kind of device, step and weights."""
        elsewhere = replace(self.settings, data="", keep=None, threads=0)  # which may differ from machine to machine
        digests = [weights_digest(network.state_dict()) for network in self.networks().values()]
        kind = torch.device(self.device).type  # without its driver a machine takes its CPU, and the others would wait
        return "\n".join([elsewhere.to_json(), kind, str(self.step), *digests])

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

    def advance(self, pictures: np.ndarray | torch.Tensor, labels: np.ndarray | None = None) -> StepLog:
        """One step on real pictures: the discriminator's, then the generator's.

        Real and generated pictures go through the discriminator as separate batches, each with its own BatchNorm
        statistics; the generator's loss is the non-saturating one (section 4, and Goodfellow et al. 2014).

        Args:
            pictures: (batch, h, w, c) uint8, of the batch this process's share, on the device or not.
            labels: (batch,) their classes, where the networks are told them.
        """
        with self._dropout():
            return self._advance(pictures, labels)

    def _advance(self, pictures: np.ndarray | torch.Tensor, labels: np.ndarray | None) -> StepLog:
        real = self._flipped(self._real(pictures))
        z = sent(self.latents(self.step)[self.share], self.device)
        real_classes = self._told(None if labels is None else torch.from_numpy(labels.astype(np.int64)))
        fake_labels = self.labels(self.step)
        fake_classes = self._told(None if fake_labels is None else fake_labels[self.share])

        self._zero_gradients("discriminator")
        noise = self._noise(real)
        real_logits = self._logits(noise(real), *real_classes)
        real_loss = F.softplus(-real_logits).mean()
        real_loss.backward()
        with self._autocast():
            fake = self._generates(z, *fake_classes)
        fake_logits = self._logits(noise(fake.detach()), *fake_classes)
        fake_loss = F.softplus(fake_logits).mean()
        fake_loss.backward()
        self.processes.average_gradients(self.discriminator)
        self.optimizers["discriminator"].step()

        self._zero_gradients("generator")
        # the generator's step needs the discriminator's gradients by its input only
        self.discriminator.requires_grad_(False)
        generator_loss = F.softplus(-self._logits(noise(fake), *fake_classes)).mean()
        generator_loss.backward()
        self.discriminator.requires_grad_(True)
        self.processes.average_gradients(self.generator)
        self.optimizers["generator"].step()

        self._follow()
        self.step += 1
        with torch.no_grad():
            log = (
                real_loss + fake_loss,
                generator_loss,
                real_logits.sigmoid().mean(),
                fake_logits.sigmoid().mean(),
                self._spread(fake.float(), fake_labels),
            )
            return StepLog(self.processes.mean(torch.stack([value.detach().float() for value in log])))

    def _spread(self, samples: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        """How much samples depend on z: the standard deviation of a pixel over the joined batch, the mean of them all.

        Where there are classes, within them, or a generator that draws one picture of each would be called lively. A
        batch in which every class occurs once tells no more than how much the samples of all of them differ.

        Args:
            samples: (share, c, h, w), of the joined batch this process's.
            labels: (batch,) classes of the joined batch, on the CPU.
        """
        freedom = 1.0
        if labels is not None:
            _, kinds, sizes = np.unique(labels.numpy(), return_inverse=True, return_counts=True)
            if len(sizes) < len(labels):
                samples = samples - self._class_means(samples, torch.from_numpy(kinds), torch.from_numpy(sizes))
                freedom = (len(labels) - 1) / (len(labels) - len(sizes))  # each class's mean is one of its own samples'
        return self.processes.std(samples).mean() * freedom**0.5

    def _class_means(self, samples: torch.Tensor, kinds: torch.Tensor, sizes: torch.Tensor) -> torch.Tensor:
        """For every sample of this process the mean of its class over the joined batch."""
        mine = sent(kinds[self.share], self.device)
        shares = samples / sent(sizes.float(), self.device)[mine].view(-1, *[1] * (samples.ndim - 1))
        means = torch.zeros(len(sizes), *samples.shape[1:], device=samples.device).index_add_(0, mine, shares)
        return self.processes.sum(means)[mine]

    def networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}

    def kept(self) -> dict[str, nn.Module]:
        """The networks that samples are drawn from and checkpoints hold."""
        if self.average is None:
            return self.networks()
        return {"generator": self._measured(copy.deepcopy(self.average)), "discriminator": self.discriminator}

    @torch.no_grad()
    def _measured(self, generator: nn.Module) -> nn.Module:
        """The generator with BatchNorm statistics of its own: averaged weights see features that none of theirs saw."""

        def draw() -> None:
            for batch in range(MEASURED):
                generator(sent(self.latents(batch), self.device), *self._told(self.labels(batch)))

        gather_statistics(generator.eval(), draw)
        return generator

    @contextmanager
    def _dropout(self) -> Iterator[None]:
        """Inside, torch's own random numbers, which dropout draws, belong to the seed and the step."""
        rank = self.processes.place.rank  # each process drops others
        kind = torch.device(self.device).type
        devices = [self.device] if kind == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(self._drawn_seed(STREAM_TRAINING_DROPOUT, rank))
            yield

    def _drawn_seed(self, stream: int, place: int = 0) -> int:
        """64 random bits of this step for a generator of torch, which takes the lower half of them on the CPU."""
        bits = random_bits(self.settings.seed, np.array([self.step]), 2 * (place + 1), stream)
        low, high = bits[0, -2:].tolist()
        return int(low + (high << 32))

    def _told(self, labels: torch.Tensor | None) -> list[torch.Tensor]:
        """What a network is called with beside its input: the classes, or nothing."""
        return [] if labels is None else [sent(labels, self.device)]

    def _real(self, pictures: np.ndarray | torch.Tensor) -> torch.Tensor:
        """Pictures as the discriminator takes them; they reach the device as uint8, a quarter of the bytes."""
        levels = sent(as_tensor(pictures), self.device)
        return self._spec.from_uint8(levels).to(memory_format=torch.channels_last)

    def _flipped(self, real: torch.Tensor) -> torch.Tensor:
        """Every picture of this step as it is or mirrored, by the toss of a coin; as they are by default."""
        if not self.settings.flip:
            return real
        batch = self.settings.batch
        index = np.arange(self.step * batch, (self.step + 1) * batch)[self.share]
        tossed = random_bits(self.settings.seed, index, 1, STREAM_TRAINING_FLIPS) >> np.uint32(31)
        mirrored = sent(torch.from_numpy(tossed.astype(bool)), self.device)[:, :, None, None]
        return torch.where(mirrored, real.flip(-1), real)

    def _noise(self, like: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        """What the discriminator's inputs of this step go through: new noise at every call, none by default."""
        if not self.settings.noise:
            return lambda images: images
        random = torch.Generator(self.device).manual_seed(self._drawn_seed(STREAM_TRAINING_NOISE))
        shape = (self.settings.batch, *like.shape[1:])
        return lambda images: (
            images
            + self.settings.noise
            * torch.randn(shape, generator=random, device=self.device)[self.share].contiguous(
                memory_format=torch.channels_last
            )
        )

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the generator's weights: at first far, or a short run would keep its random ones."""
        if self.average is not None:
            kept, new = ([*network.parameters()] for network in (self.average, self.generator))
            decay = min(self.settings.average, (1 + self.step) / (10 + self.step))
            torch._foreach_lerp_(kept, new, 1 - decay)  # one kernel instead of one for each weight

    def _logits(self, images: torch.Tensor, *labels: torch.Tensor) -> torch.Tensor:
        with self._autocast():
            return self._discriminates(images, *labels).float()

    def _zero_gradients(self, side: str) -> None:
        self.optimizers[side].zero_grad(set_to_none=True)

    def _autocast(self) -> torch.autocast:
        kind = torch.device(self.device).type
        return torch.autocast(kind, dtype=torch.bfloat16, enabled=self.settings.precision == "bf16")
