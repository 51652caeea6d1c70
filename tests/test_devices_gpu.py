"""What is set for a GPU is set as asked, on machines without one too; what a GPU makes of it is not tested here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest
import torch

from ganlab import Result, analysis
from ganlab.networks.devices import fast_bfloat16, full_float32, is_out_of_memory, set_gpu_arithmetic, usual_precision


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = (
        torch.backends.cudnn.allow_tf32,
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.benchmark,
        torch.are_deterministic_algorithms_enabled(),
    )
    filling = torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.utils.deterministic.fill_uninitialized_memory = filling
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.benchmark = before[:3]
    torch.use_deterministic_algorithms(before[3])


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


def test_who_uses_the_newer_switches_keeps_them() -> None:
    convolutions = getattr(torch.backends.cudnn, "conv", None)
    if convolutions is None:
        pytest.skip("this torch has the older switch only")
    before = convolutions.fp32_precision
    try:
        convolutions.fp32_precision = "ieee"  # the older switch cannot be read now: it stands for recurrent layers too
        with full_float32():
            assert convolutions.fp32_precision == "ieee"
        assert convolutions.fp32_precision == "ieee"
    finally:
        convolutions.fp32_precision = before
