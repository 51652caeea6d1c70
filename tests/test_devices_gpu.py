"""What is set for a GPU is set as asked, on machines without one too; what a GPU makes of it is not tested here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from ganlab.devices import set_gpu_arithmetic, usual_precision


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = (
        torch.backends.cudnn.allow_tf32,
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.benchmark,
        torch.are_deterministic_algorithms_enabled(),
    )
    yield
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


def test_auto_is_full_precision_on_a_cpu_only() -> None:
    assert [usual_precision(device) for device in ("cpu", "cuda:1", "mps")] == ["fp32", "tf32", "fp32"]
