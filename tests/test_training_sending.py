"""What a step sends to a GPU: all of it from pinned memory, or the GPU would wait at the start of every step.

There is no GPU here: what is sent to one is written down, and stays.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode

from ganlab.architectures.dcgan import DcganSettings
from ganlab.training.feeding import Held, sent
from ganlab.training.trainer import Trainer
from tests.kit import Pictures, tiny_settings

pytestmark = pytest.mark.usefixtures("one_thread")


class PretendedGpu(TorchFunctionMode):
    """Writes down, of every tensor that is sent to a GPU, its shape and whether the GPU goes on meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[tuple[int, ...], bool]] = []
        self._pinned: list[torch.Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = dict(kwargs or {})
        if func is torch.Tensor.pin_memory:
            self._pinned.append(args[0].clone())
            return self._pinned[-1]
        if func in (torch.Tensor.to, torch.Tensor.cuda) and self._names_a_gpu(args[1:], given):
            pinned = any(args[0] is one for one in self._pinned)
            self.sent.append((tuple(args[0].shape), pinned and given.get("non_blocking", False)))
            return args[0]
        return func(*args, **given)

    @staticmethod
    def _names_a_gpu(args: tuple[Any, ...], given: dict[str, Any]) -> bool:
        return any(isinstance(one, (str, torch.device)) and "cuda" in str(one) for one in (*args, given.get("device")))


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> Callable[[Trainer], PretendedGpu]:
    """Makes a trainer believe that it trains on a GPU."""

    def pretend(trainer: Trainer) -> PretendedGpu:
        monkeypatch.setattr(trainer, "device", "cuda")
        monkeypatch.setattr(trainer.draws, "device", "cuda")
        # which torch has for a GPU only where there is one
        monkeypatch.setattr(trainer, "_autocast", nullcontext)
        monkeypatch.setattr(trainer.draws, "dropout", nullcontext)
        return PretendedGpu()

    return pretend


TOLD = {
    "network": DcganSettings(16, 3, 4, 10, classes=2),
    "classes": ("a", "b"),
    "class_counts": (12, 12),
    "flip": True,
}


def test_a_step_sends_all_from_pinned_memory(pretended: Callable[[Trainer], PretendedGpu]) -> None:
    trainer, plain = (Trainer(tiny_settings(**TOLD), "cpu") for _ in range(2))
    pictures, rows = Pictures(24), np.arange(8)
    gpu = pretended(trainer)
    with gpu:
        log = trainer.advance(pictures.batch(rows), rows % 2).numbers()
    assert {shape for shape, _ in gpu.sent} == {(8, 16, 16, 3), (8, 10), (8,), (8, 1), (2,)}
    assert len(gpu.sent) == 7  # pictures, z, the classes of both, who is mirrored, each one's class and their sizes
    assert all(without_waiting for _, without_waiting in gpu.sent), gpu.sent
    assert log == plain.advance(pictures.batch(rows), rows % 2).numbers()


def test_the_rows_of_held_pictures_go_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    held, rows = Held(Pictures(24), "cpu"), np.array([23, 0, 7])
    monkeypatch.setattr(held, "device", "cuda")
    gpu = PretendedGpu()
    with gpu:
        batch = held.batch(rows)
    assert gpu.sent == [((3,), True)]
    assert np.array_equal(batch, Pictures(24).batch(rows))


def test_on_a_cpu_nothing_is_copied() -> None:
    part = torch.arange(3)
    assert sent(part, "cpu") is part
