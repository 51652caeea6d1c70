"""What the labelers of rooms and of faces share: pictures at 64x64, training in two threads, a folder on disk."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import tomli_w
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from ganlab import fast_bfloat16, progress

from .labeler_folder import CARD, WEIGHTS
from .labeler_network import Net

if TYPE_CHECKING:
    from ganlab import ImageSpec

Batch = TypeVar("Batch")


class Settings(Protocol):
    """What :func:`learn` asks of the settings of a training."""

    @property
    def steps(self) -> int: ...
    @property
    def lr(self) -> float: ...
    @property
    def decay(self) -> float: ...


def as_seen(images: torch.Tensor, image: ImageSpec) -> torch.Tensor:
    """Pictures as the networks see them: float32 (n, 3, 64, 64) in [-1, 1], channels last.

    Args:
        images: (n, c, h, w) in ``image``'s range, of any size and 1, 3 or 4 channels; a fourth is left out.
    """
    seen = (images.float().cpu() - image.low) * (2 / (image.high - image.low)) - 1
    seen = seen.clamp(-1, 1)[:, :3].expand(-1, 3, -1, -1)
    if images.shape[2:] != (64, 64):
        seen = F.interpolate(seen, size=(64, 64), mode="bilinear", antialias=True)
    return seen.contiguous(memory_format=torch.channels_last)


def learn(
    network: Net,
    batches: Iterator[tuple[torch.Tensor, ...]],
    loss_of: Callable[..., torch.Tensor],
    settings: Settings,
    losses: list[float] | None = None,
) -> Net:
    """The network after all steps, its weights averaged over the last hundreds of them, in eval mode.

    Convolutions run in bfloat16 where the processor has it; one thread prepares batches while another learns.

    Args:
        network: freshly initialised.
        batches: pictures as the network sees them, then what ``loss_of`` needs beside its answers.
        loss_of: (answers in float32, *others of the batch) -> the loss.
        settings: steps, lr (the peak of AdamW's) and decay.
        losses: filled step by step.
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
        if losses is not None:
            losses.append(loss.item())
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


def write_weights(weights: Mapping[str, torch.Tensor], folder: Path) -> None:
    """Weights in bfloat16, for everybody to read."""
    save_file({name: value.to(torch.bfloat16).contiguous() for name, value in weights.items()}, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)  # safetensors lets nobody else read


def write_card(card: Mapping[str, Any], folder: Path) -> None:
    """The card as TOML."""
    (folder / CARD).write_text(tomli_w.dumps(dict(card), multiline_strings=True), encoding="utf-8")
