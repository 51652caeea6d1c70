"""Several processes that train one GAN: each takes its share of every batch, and all take the same step.

The gradients of a network are averaged by one plain all_reduce before its optimiser's step, and not by torch's
DistributedDataParallel. DDP's hooks expect one forward, one backward and parameters that stay the same: a step of this
game calls the discriminator three times, twice with a backward of its own and once with its parameters frozen. DDP
would send the gradients of the real and of the generated pictures one after the other, and forbids the freezing. One
sum of one vector for each network says the same in four lines, and wraps no module, so that checkpoints keep their
names.

What is decided among the processes (to stop, whose turn it is) goes through gloo, on the CPU; gradients and statistics
go where they lie: through gloo on the CPU, through NCCL on GPUs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ganlab.errors import GanlabError
from ganlab.networks.devices import choose_device
from ganlab.training.processes import Place, Processes
from ganlab.training.settings import TrainSettings
from ganlab.wording import few

T = TypeVar("T")


class Group(Processes):
    """The processes that have met; see :class:`Processes`."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def device(self, wanted: str) -> str:
        """Each process on a machine takes a GPU of its own, or all share the CPU."""
        kind = choose_device(wanted)
        if wanted in ("auto", "cpu") and kind != "cuda":
            return "cpu"
        if kind != "cuda":
            raise GanlabError(f"{self.count} processes cannot train on {wanted}.", "Give --device cuda or cpu.")
        there, here = torch.cuda.device_count(), self.place.local_count
        if here > there:
            raise GanlabError(
                f"There are {here} processes on this machine and {there} GPUs.",
                f"Start --nproc-per-node {there}, or add --device cpu.",
            )
        if not dist.is_nccl_available():
            raise GanlabError("This torch has no NCCL, through which GPUs exchange gradients.", "Add --device cpu.")
        torch.cuda.set_device(self.place.local_rank)
        return f"cuda:{self.place.local_rank}"

    def share(self, settings: TrainSettings, resumed: bool = False) -> slice:
        each, rest = divmod(settings.batch, self.count)
        least = 1 if settings.sync_batch_norm else 2
        counts = [str(count) for count in range(1, settings.batch // least + 1) if settings.batch % count == 0]
        fewer = (
            f"Go on with as many processes as divide its batch: {few(counts)}."  # a run that goes on keeps its batch
        )
        if rest:
            fitting = max(1, round(settings.batch / self.count)) * self.count
            raise GanlabError(
                f"A batch of {settings.batch} cannot be divided among {self.count} processes.",
                fewer if resumed else f"Try --batch {fitting}.",
            )
        if each < least:
            raise GanlabError(
                "A process's BatchNorm needs two pictures to have a variance.",
                fewer if resumed else f"Try --batch {2 * self.count}, or leave out --local-batch-norm.",
            )
        return slice(self.place.rank * each, (self.place.rank + 1) * each)

    def synchronise_batch_norm(self, network: nn.Module) -> None:
        if any(parameter.is_cuda for parameter in network.parameters()):
            nn.SyncBatchNorm.convert_sync_batchnorm(network)
            return
        for parent in list(network.modules()):
            for name, module in parent.named_children():
                if isinstance(module, _BatchNorm):
                    setattr(parent, name, JoinedBatchNorm(module, self.count))

    def average_gradients(self, network: nn.Module) -> None:
        gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        joined = self.mean(torch.cat([gradient.flatten() for gradient in gradients]))
        for gradient, part in zip(gradients, joined.split([one.numel() for one in gradients]), strict=True):
            gradient.copy_(part.view(gradient.shape))

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        return self.sum(values) / self.count

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        return Total.apply(values)

    def std(self, rows: torch.Tensor) -> torch.Tensor:
        count = len(rows) * self.count
        centred = rows - self.sum(rows.sum(dim=0)) / count
        return (self.sum((centred**2).sum(dim=0)) / (count - 1)).sqrt()

    def any(self, wish: bool) -> bool:
        wishes = torch.tensor([int(wish)])
        dist.all_reduce(wishes)
        return bool(wishes.item())

    def in_turn(self, work: Callable[[], T]) -> T:
        own = 0 if self.first else 1 if self.place.local_rank == 0 else 2
        for turn in range(3):
            if turn == own:
                done = work()
            self.wait()
        return done

    def check_alike(self, facts: Callable[[], str]) -> None:
        digest = hashlib.sha256(facts().encode()).digest()
        told = torch.tensor(list(digest), dtype=torch.uint8)
        dist.broadcast(told, 0)
        if self.any(bytes(told.tolist()) != digest):  # told to all, or the first would begin to write
            raise GanlabError(
                "Not all processes would train the same GAN.",
                "Give all machines the same command, pictures, run folder, versions of ganlab and torch, "
                "and either GPUs that torch finds or --device cpu.",
            )

    def wait(self) -> None:
        """Until all are here."""
        self.any(False)

    def leave(self) -> None:
        """Part when all are done: torchrun stops those that are left as soon as one has ended."""
        self.wait()
        dist.destroy_process_group()


class Total(torch.autograd.Function):
    """The sum over all processes, through which gradients flow back.

    Every process's loss depends on every process's term: the gradient is the sum of theirs.
    """

    @staticmethod
    def forward(context: Any, values: torch.Tensor) -> torch.Tensor:
        total = values.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return Total.apply(gradients[0])


class JoinedBatchNorm(_BatchNorm):
    """BatchNorm over the joined batch on the CPU, where torch's ``nn.SyncBatchNorm`` takes no tensor.

    Takes over the parameters and buffers of a plain one, under the same names. The mean is summed before the squares
    of what is left: sums of squares alone would lose the digits of a small variance beside a large mean.
    """

    def __init__(self, plain: _BatchNorm, processes: int) -> None:
        super().__init__(plain.num_features, plain.eps, plain.momentum, plain.affine, plain.track_running_stats)
        self.processes = processes
        for name, tensor in (*plain.named_parameters(), *plain.named_buffers()):
            setattr(self, name, tensor)
        self.train(plain.training)

    def _check_input_dim(self, features: torch.Tensor) -> None:
        """Any (n, maps, ...) will do."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(features)
        values = features.to(torch.promote_types(features.dtype, torch.float32))
        others = [axis for axis in range(values.ndim) if axis != 1]
        count = values.numel() // values.shape[1] * self.processes

        def spread_out(numbers: torch.Tensor) -> torch.Tensor:
            return numbers.view(-1, *[1] * (values.ndim - 2))

        mean = Total.apply(values.sum(others)) / count
        centred = values - spread_out(mean)
        variance = Total.apply((centred**2).sum(others)) / count
        self._track(mean.detach(), variance.detach() * (count / (count - 1)))
        scale = (variance + self.eps).rsqrt()
        if self.affine:
            normal = centred * spread_out(scale * self.weight) + spread_out(self.bias)
        else:
            normal = centred * spread_out(scale)
        return normal.to(features.dtype)

    def _track(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean), share)
        self.running_var.lerp_(variance.to(self.running_var), share)
