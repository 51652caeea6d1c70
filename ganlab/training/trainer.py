"""One step of the paper's game, and the whole state that the next step depends on."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ganlab.architectures.promises import check_networks, pair_of
from ganlab.gan import Gan
from ganlab.imagespec import ImageSpec
from ganlab.networks.devices import memory_format, set_gpu_arithmetic
from ganlab.networks.weights import gather_statistics, weights_digest
from ganlab.training.draws import Draws
from ganlab.training.feeding import as_tensor, sent
from ganlab.training.measures import StepLog, spread_of
from ganlab.training.processes import ALONE, Processes
from ganlab.training.settings import TrainSettings

BETA2 = 0.999
MEASURED = 50  # batches that the averaged generator's BatchNorm statistics are taken over


class Trainer:
    """Both networks, both optimisers and the count of steps done; where several processes train, each has its own.

    Nothing else carries over from step to step: the order of the pictures, which of them are mirrored, every z and its
    class, the noise and what dropout leaves out are computed from the seed and the step's number (``draws``).
    """

    def __init__(self, settings: TrainSettings, device: str, processes: Processes = ALONE) -> None:
        self.settings = settings
        self.device = device
        self.processes = processes
        self.share = processes.share(settings)  # which rows of a batch this process trains on
        self.draws = Draws(settings, device, self.share, processes.place.rank)
        self.step = 0
        if torch.device(device).type == "cuda":
            set_gpu_arithmetic(settings.precision, settings.deterministic)
        generator, discriminator = networks = pair_of(settings.network, settings.network.build(settings.seed))
        check_networks(settings.network, networks)
        lie = memory_format(device)
        self.generator = generator.to(device, memory_format=lie)  # type: ignore[call-overload]  # torch's know none
        self.discriminator = discriminator.to(device, memory_format=lie)  # type: ignore[call-overload]
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
        settings = self.settings
        return torch.optim.Adam(
            network.parameters(),
            lr=settings.lr,
            betas=(settings.beta1, BETA2),
            weight_decay=settings.weight_decay,
            fused=True,
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

    def advance(
        self, pictures: np.ndarray | torch.Tensor, labels: np.ndarray | None = None, lr: float | None = None
    ) -> StepLog:
        """One step on real pictures: the discriminator's, then the generator's.

        Real and generated pictures go through the discriminator as separate batches, each with its own BatchNorm
        statistics; the generator's loss is the non-saturating one (section 4, and Goodfellow et al. 2014).

        Args:
            pictures: (batch, h, w, c) uint8, of the batch this process's share, on the device or not.
            labels: (batch,) their classes, where the networks are told them.
            lr: of both optimisers in this step; None for the settings' own.
        """
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = self.settings.lr if lr is None else lr
        with self.draws.dropout(self.step):
            return self._advance(pictures, labels)

    def _advance(self, pictures: np.ndarray | torch.Tensor, labels: np.ndarray | None) -> StepLog:
        real = self.draws.flipped(self._real(pictures), self.step)
        z = sent(self.draws.latents(self.step)[self.share], self.device)
        real_classes = self._told(None if labels is None else torch.from_numpy(labels.astype(np.int64)))
        fake_labels = self.draws.labels(self.step)
        fake_classes = self._told(None if fake_labels is None else fake_labels[self.share])

        self._zero_gradients("discriminator")
        noise = self.draws.noise(real, self.step)
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
                spread_of(fake.float(), fake_labels, self.share, self.processes, self.device),
            )
            return StepLog(self.processes.mean(torch.stack([value.detach().float() for value in log])))

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
                generator(sent(self.draws.latents(batch), self.device), *self._told(self.draws.labels(batch)))

        gather_statistics(generator.eval(), draw)
        return generator

    def _told(self, labels: torch.Tensor | None) -> list[torch.Tensor]:
        """What a network is called with beside its input: the classes, or nothing."""
        return [] if labels is None else [sent(labels, self.device)]

    def _real(self, pictures: np.ndarray | torch.Tensor) -> torch.Tensor:
        """Pictures as the discriminator takes them; they reach the device as uint8, a quarter of the bytes."""
        levels = sent(as_tensor(pictures), self.device)
        return self._spec.from_uint8(levels).to(memory_format=memory_format(self.device))

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
