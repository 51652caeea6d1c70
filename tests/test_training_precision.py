"""In which precision steps are computed, whether torch compiles them, and what is said of either."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ganlab.checkpoints import load_gan
from ganlab.errors import GanlabError
from ganlab.networks.devices import fast_bfloat16
from ganlab.training import loop, starting
from ganlab.training.state import load_state, save_state
from ganlab.training.trainer import Trainer
from tests.kit import Pictures, command, tiny_settings


@pytest.mark.parametrize(
    ("device", "said", "fast"),
    [
        ("cpu", {"architecture": "x86_64", "avx512_bf16": False, "amx_bf16": False}, False),
        ("cpu", {"architecture": "x86_64", "avx512_bf16": True, "amx_bf16": False}, True),
        ("cpu", "AVX2", False),  # a version of torch that says no more
        ("cpu", "AVX512", True),
        ("cpu", "SVE256", True),
    ],
)
def test_bfloat16_is_worth_while_but_where_the_processor_emulates_it(
    device: str, said: str | dict[str, object], fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = said if isinstance(said, dict) else {}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: said)
    assert fast_bfloat16(device) is fast


def test_who_asks_for_emulated_bfloat16_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(starting, "fast_bfloat16", lambda device: False)
    with pytest.raises(GanlabError, match="fewer than a batch"):
        starting.start(tiny_settings("rooms:2", precision="bf16"), starting.Reading(1, False), "cpu", tmp_path / "run")
    assert "--precision fp32 is many times faster" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "fast", "said"),
    [
        ("auto", True, ["Precision: fp32. This processor has bfloat16: --precision bf16 is about twice as fast."]),
        ("auto", False, ["Precision: fp32."]),
        ("fp32", True, []),
    ],
)
def test_who_chose_no_precision_is_told_it(
    asked: str,
    fast: bool,
    said: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(starting, "fast_bfloat16", lambda device: fast)
    words = f"train rooms:2 --batch 2 --size 16 --width 2 --epochs 1 --precision {asked} --out"
    ended = command(capsys, *words.split(), tmp_path / "run")
    assert ended.code == 0
    assert [line for line in ended.err.splitlines() if "Precision" in line] == said


@pytest.mark.parametrize(
    ("device", "precision", "fast", "said"),
    [
        ("cuda:1", "tf32", True, "Precision: tf32. --precision fp32 keeps all bits; there is bf16, too."),
        ("cuda", "tf32", False, "Precision: tf32. --precision fp32 keeps all bits."),
        ("mps", "fp32", True, "Precision: fp32. There is also --precision bf16."),
    ],
)
def test_what_else_there_is_on_a_gpu(
    device: str, precision: str, fast: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "fast_bfloat16", lambda device: fast)
    assert starting._about_precision(precision, device) == said


def test_tf32_is_for_gpus(tmp_path: Path) -> None:
    with pytest.raises(GanlabError, match="this run would train on cpu"):
        starting.start(tiny_settings("rooms:20", precision="tf32"), starting.Reading(1, False), "cpu", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_gpus_run_that_goes_on_on_a_cpu_says_that_it_keeps_all_bits(tmp_path: Path) -> None:
    for precision, told in (("tf32", "fp32"), ("fp32", "fp32"), ("bf16", "bf16")):
        trainer = Trainer(tiny_settings(precision=precision, epochs=1), "cpu")
        loop.train(Pictures(8), tmp_path / precision, trainer)
        assert load_gan(str(tmp_path / precision)).card.facts["training"]["precision"] == told
        assert load_state(tmp_path / precision, "cpu").settings.precision == precision  # a GPU may have it back
        trainer.device = "cuda:0"
        assert trainer.precision == precision


@pytest.mark.slow
def test_compiled_networks_take_the_same_steps() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    logs = []
    for compiled in (False, True):
        trainer = Trainer(tiny_settings(compile=compiled, noise=0.1, average=0.9), "cpu")
        logs.append([list(trainer.advance(pictures).numbers().values()) for _ in range(3)])
        assert type(trainer.generator).__name__ == "Generator", "checkpoints would name weights otherwise"
    np.testing.assert_allclose(*logs, rtol=1e-4)


def test_compiling_needs_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GanlabError, match="C\\+\\+ compiler, and there is none"):
        starting.start(tiny_settings("rooms:20", compile=True), starting.Reading(1, False), "cpu", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_compiled_run_goes_on_where_there_is_a_compiler_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_state(Trainer(tiny_settings("rooms:20", compile=True), "cpu"), tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GanlabError, match="C\\+\\+ compiler, and there is none"):
        starting.resume(tmp_path, None, {}, starting.Reading(1, False), "cpu")


def test_compiling_cannot_begin_on_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = command(capsys, "train", "--resume", tmp_path, "--compile")
    assert ended.code == 2
    assert "--compile cannot change while a run goes on" in ended.err


def test_nothing_is_said_before_data_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(starting, "fast_bfloat16", lambda device: True)
    said, hint = command(capsys, "train", "nowhere").err.splitlines()
    assert "neither a file" in said
    assert hint.startswith("Hint: ")
