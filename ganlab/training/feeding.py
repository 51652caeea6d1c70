"""Bring pictures to where they are trained on: a GPU must not wait for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

import numpy as np
import torch

HELD = 0.5  # of a GPU's free memory, that pictures may take
CHUNK = 1 << 28  # bytes that are brought to it at a time
T = TypeVar("T")
U = TypeVar("U")


class Pictures(Protocol):
    """What training needs of a packed data set; ``labels`` (n,) where the networks are told classes."""

    labels: np.ndarray | None

    def __len__(self) -> int: ...
    def batch(self, indices: np.ndarray) -> np.ndarray | torch.Tensor: ...  # (n,) -> (n, h, w, c) uint8


class Held:
    """All pictures of a set in the memory of a device, as uint8: a batch is picked there."""

    def __init__(self, pictures: Pictures, device: str) -> None:
        self.labels = pictures.labels
        self.device = device
        first = as_tensor(pictures.batch(np.arange(1)))
        self._pictures = torch.empty((len(pictures), *first.shape[1:]), dtype=torch.uint8, device=device)
        step = max(1, CHUNK // first[0].numel())
        for start in range(0, len(pictures), step):
            rows = np.arange(start, min(start + step, len(pictures)))
            self._pictures[start : start + step] = as_tensor(pictures.batch(rows)).to(device)

    def __len__(self) -> int:
        return len(self._pictures)

    def batch(self, indices: np.ndarray) -> torch.Tensor:
        """The pictures at ``indices``, uint8 (len(indices), h, w, c), on the device."""
        return self._pictures[sent(torch.from_numpy(indices), self.device)]


def brought(pictures: Pictures, device: str) -> Pictures:
    """The pictures as training on this device takes them fastest: held there, where it is a GPU with room for all."""
    if torch.device(device).type != "cuda":
        return pictures
    size = len(pictures) * as_tensor(pictures.batch(np.arange(1))).numel()
    free, _ = torch.cuda.mem_get_info(device)
    return Held(pictures, device) if size < HELD * free else pictures


def batches(pictures: Pictures, rows: Iterable[np.ndarray], device: str) -> Iterator[np.ndarray | torch.Tensor]:
    """The batch of each of these rows, uint8 (n, h, w, c).

    For a GPU a thread reads the next one while it computes, into memory from which it is copied without waiting.
    """
    if torch.device(device).type != "cuda" or isinstance(pictures, Held):
        yield from map(pictures.batch, rows)
        return
    yield from one_ahead(lambda chosen: as_tensor(pictures.batch(chosen)).pin_memory(), rows)


def one_ahead(work: Callable[[T], U], items: Iterable[T]) -> Iterator[U]:
    """``work`` of each item in turn, that of the next one begun by a thread before this one is asked for."""
    with ThreadPoolExecutor(1, thread_name_prefix="feed") as pool:
        coming: Future[U] | None = None
        for item in items:
            ready, coming = coming, pool.submit(work, item)
            if ready is not None:
                yield ready.result()
        if coming is not None:
            yield coming.result()


def sent(part: torch.Tensor, device: str) -> torch.Tensor:
    """A tensor on the device, where it may be already.

    To a GPU it goes from pinned memory: from other memory torch copies only when all work before it is done, and a step
    that begins with such a copy leaves the GPU idle while its first kernels are still to be launched.
    """
    if torch.device(device).type != "cuda" or part.is_cuda:
        return part.to(device)
    return part.pin_memory().to(device, non_blocking=True)


def as_tensor(pictures: np.ndarray | torch.Tensor) -> torch.Tensor:
    """Pictures as a tensor over the same memory where that is possible, where they are."""
    return pictures if isinstance(pictures, torch.Tensor) else torch.from_numpy(np.ascontiguousarray(pictures))
