"""How labelers learn: one thread prepares batches while another learns from them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar, cast

import torch

from ganlab import fast_bfloat16, progress

from .blocks import Net

Batch = TypeVar("Batch")


class Settings(Protocol):
    """What :func:`learn` asks of the settings of a training."""

    @property
    def steps(self) -> int: ...
    @property
    def lr(self) -> float: ...
    @property
    def decay(self) -> float: ...


def learn(
    network: Net,
    batches: Iterator[tuple[torch.Tensor, ...]],
    loss_of: Callable[..., torch.Tensor],
    settings: Settings,
) -> Net:
    """The network after all steps, its weights averaged over the last hundreds of them, in eval mode.

    Convolutions run in bfloat16 where the processor has it; one thread prepares batches while another learns.

    Args:
        network: freshly initialised.
        batches: pictures as the network sees them, then what ``loss_of`` needs beside its answers.
        loss_of: (answers in float32, *others of the batch) -> the loss.
        settings: steps, lr (the peak of AdamW's) and decay.
    """
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = torch.optim.swa_utils.AveragedModel(network, avg_fn=_moving_average, use_buffers=True)
    optimizer = torch.optim.AdamW(network.parameters(), settings.lr, weight_decay=settings.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.lr, settings.steps, pct_start=0.1)
    ready = _ahead(batches)
    for _ in progress(settings.steps, "training"):
        pictures, *others = next(ready)
        with torch.autocast("cpu", torch.bfloat16, enabled=fast_bfloat16("cpu")):
            answers = network(pictures).float()
        loss = loss_of(answers, *others)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
    return cast(Net, average.module.eval())


def _moving_average(mean: torch.Tensor, new: torch.Tensor, count: torch.Tensor | int) -> torch.Tensor:
    """Exponential, over the last 400 steps, and over fewer while there are few."""
    return mean + (new - mean) / min(400, 1 + int(count) // 4)


def _ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, prepared by another thread a few ahead."""
    ready: queue.Queue[object] = queue.Queue(4)

    def prepare() -> None:
        try:
            for batch in batches:
                ready.put(batch)
            ready.put(None)
        except BaseException as error:  # raised again where somebody can see it
            ready.put(error)

    threading.Thread(target=prepare, daemon=True).start()
    while (item := ready.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        yield item  # type: ignore[misc]
