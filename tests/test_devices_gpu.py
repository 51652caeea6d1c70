"""What is set for a GPU is set as asked, on machines without one too; what a GPU makes of it is not tested here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ganlab import Result, analysis
from ganlab.networks.devices import (
    fast_bfloat16,
    full_float32,
    is_out_of_memory,
    memory_format,
    set_gpu_arithmetic,
    usual_precision,
)
from ganlab.training.trainer import Trainer
from tests.kit import Pictures, tiny_settings

CUDNN: Any = torch.backends.cudnn
PARENTS: tuple[Any, ...] = (torch.backends, CUDNN)
needs_newer_switches = pytest.mark.skipif(not hasattr(CUDNN, "conv"), reason="this torch has the older switches only")


def newer() -> list[Any]:
    return [CUDNN.conv, CUDNN.rnn, torch.backends.cuda.matmul]


def precisions() -> list[str]:
    return [switch.fp32_precision for switch in newer()]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """As torch begins; what is said by parents is undone first."""
    benchmark, deterministic = CUDNN.benchmark, torch.are_deterministic_algorithms_enabled()
    filling = torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.utils.deterministic.fill_uninitialized_memory = filling
    if hasattr(CUDNN, "conv"):
        for switch in (*PARENTS, *newer()):
            switch.fp32_precision = "none"
    CUDNN.allow_tf32, CUDNN.benchmark = True, benchmark
    torch.use_deterministic_algorithms(deterministic)
    torch.set_float32_matmul_precision("highest")
    if hasattr(CUDNN, "conv"):
        torch.backends.cuda.matmul.fp32_precision = torch.backends.mkldnn.matmul.fp32_precision = "none"


@pytest.mark.parametrize(("precision", "tf32"), [("fp32", False), ("tf32", True), ("bf16", True)])
def test_full_float32_is_asked_for_by_its_name_only(precision: str, tf32: bool) -> None:
    set_gpu_arithmetic(precision, deterministic=False)
    assert torch.backends.cudnn.allow_tf32 is torch.backends.cuda.matmul.allow_tf32 is tf32
    assert torch.backends.cudnn.benchmark


def test_the_same_bits_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    set_gpu_arithmetic("fp32", deterministic=True)
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark
    assert not torch.utils.deterministic.fill_uninitialized_memory, "every new tensor would be filled first"


def test_the_same_bits_are_asked_for_by_those_only_who_want_them() -> None:
    for deterministic in (True, False):
        set_gpu_arithmetic("fp32", deterministic)
        assert torch.are_deterministic_algorithms_enabled() is deterministic
        assert torch.utils.deterministic.fill_uninitialized_memory is not deterministic


@needs_newer_switches
@pytest.mark.parametrize("parent", PARENTS, ids=["torch.backends", "torch.backends.cudnn"])
def test_full_float32_is_full_whatever_the_parents_of_torchs_switches_say(parent: Any) -> None:
    parent.fp32_precision = "tf32"
    inherited = precisions()
    with full_float32():
        assert precisions() == ["ieee"] * 3
    assert precisions() == inherited
    parent.fp32_precision = "none"
    assert precisions() == ["tf32", "tf32", "none"], "as torch begins: products inherit still"
    parent.fp32_precision = "tf32"
    set_gpu_arithmetic("fp32", deterministic=False)
    assert precisions() == ["ieee"] * 3


@pytest.mark.parametrize("asked", ["highest", "high", "medium"])
def test_products_keep_all_bits_inside_and_what_was_asked_for_them_outside(asked: str) -> None:
    torch.set_float32_matmul_precision(asked)
    with full_float32():
        assert torch.get_float32_matmul_precision() == "highest"
        assert not torch.backends.cuda.matmul.allow_tf32
    assert torch.get_float32_matmul_precision() == asked
    assert torch.backends.cuda.matmul.allow_tf32 is (asked != "highest")


def test_auto_is_full_precision_on_a_cpu_only() -> None:
    assert [usual_precision(device) for device in ("cpu", "cuda:1", "mps")] == ["fp32", "tf32", "fp32"]


@pytest.mark.parametrize("supported", [False, True])
def test_bfloat16_is_worth_while_on_a_gpu_that_has_it(supported: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def is_supported(including_emulation: bool = True) -> bool:
        asked.append(including_emulation)
        return supported or including_emulation

    monkeypatch.setattr(torch.cuda, "device", lambda device: asked.append(device) or nullcontext())
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_supported)
    assert fast_bfloat16("cuda:1") is supported
    assert asked == ["cuda:1", False], "of another GPU, or also of one that emulates it"


@pytest.mark.parametrize(
    ("said", "out"),
    [
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", True),
        ("cuDNN error: CUDNN_STATUS_ALLOC_FAILED", True),
        ("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(...)`", False),
        ("cuDNN error: CUDNN_STATUS_BAD_PARAM", False),
    ],
)
def test_libraries_without_room_for_their_workspace_are_out_of_memory(said: str, out: bool) -> None:
    assert is_out_of_memory(RuntimeError(said)) is out


@pytest.mark.parametrize("asked", [True, False])
def test_an_analysis_keeps_all_bits_of_float32_and_leaves_the_switch_as_it_was(asked: bool) -> None:
    seen = []

    @analysis
    def look() -> Result:
        """See what convolutions keep."""
        seen.append(torch.backends.cudnn.allow_tf32)
        return Result("seen")

    torch.backends.cudnn.allow_tf32 = asked
    look()
    assert seen == [False]
    assert torch.backends.cudnn.allow_tf32 is asked


@needs_newer_switches
def test_who_uses_the_newer_switches_keeps_them() -> None:
    CUDNN.conv.fp32_precision = "ieee"  # the older switch cannot be read now: it stands for recurrent layers too
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    with full_float32():
        assert precisions() == ["ieee"] * 3
    assert precisions() == ["ieee", "tf32", "tf32"]


def test_maps_lie_channels_last_in_training_but_on_mps() -> None:
    last, plain = torch.channels_last, torch.contiguous_format
    assert [memory_format(device) for device in ("cpu", "cuda:1", "mps")] == [last, last, plain]


def test_no_map_of_a_step_lies_otherwise_than_its_device_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("trainer", "draws"):  # as on mps
        monkeypatch.setattr(f"ganlab.training.{module}.memory_format", lambda device: torch.contiguous_format)
    trainer = Trainer(tiny_settings(noise=0.1, flip=True), "cpu")
    seen: list[bool] = []

    def look(module: nn.Module, tensors: tuple[torch.Tensor, ...]) -> None:
        seen.extend(tensor.is_contiguous() for tensor in tensors)

    trainer.discriminator.register_forward_pre_hook(look)
    for network in trainer.networks().values():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.register_forward_pre_hook(look)
                module.register_full_backward_pre_hook(look)
    trainer.advance(Pictures(8, 16).batch(np.arange(8)))
    assert seen
    assert all(seen)
