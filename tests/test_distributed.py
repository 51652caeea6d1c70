"""Several processes train as one with the joined batch, write once, speak once, and end together."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file
from torch import nn

from ganlab.architectures.mlp import MlpSettings
from ganlab.checkpoints import load_gan
from ganlab.errors import GanlabError
from ganlab.training import meeting, processes
from ganlab.training.distributed import JoinedBatchNorm
from ganlab.training.joining import joined
from ganlab.training.settings import TrainSettings
from ganlab.training.state import STATE
from tests import children
from tests.children import Child
from tests.conditional_kit import DCGAN, labelled
from tests.kit import smooth_pictures, tiny_settings, tree

TINY = ("--size", "16", "--width", "4", "--z-dim", "10", "--batch", "8")


@pytest.fixture
def data(tmp_path: Path) -> str:
    np.save(tmp_path / "pictures.npy", smooth_pictures(64))
    return str(tmp_path / "pictures.npy")


def together(folder: Path, count: int, function: Callable[..., None], *arguments: Any) -> list[Child]:
    """Processes that have ended well."""
    started = children.alike(folder, count, function, *arguments)
    assert [child.wait() for child in started] == [0] * count, [child.output for child in started]
    return started


def trained(folder: Path, name: str, count: int, settings: TrainSettings, conditional: bool = False) -> Path:
    """The folder of a run by so many processes."""
    together(folder, count, children.train, folder / name, settings, 1e9, 1, conditional)
    return folder / name


def weights(run: Path, epoch: int) -> dict[str, torch.Tensor]:
    return load_file(run / f"epochs/{epoch:04d}/weights.safetensors")


def distance(run: Path, other: Path) -> float:
    """How far the weights of two runs of an epoch are apart, in steps of Adam: the mean over all of them."""
    mine, theirs = weights(run, 1), weights(other, 1)
    assert mine.keys() == theirs.keys()
    apart = [(mine[key] - theirs[key]).abs().flatten() for key in mine if "running" not in key and "num" not in key]
    return torch.cat(apart).mean().item() / 2e-4


# BatchNorm


def test_batch_norm_over_shares_is_that_of_the_joined_batch(tmp_path: Path) -> None:
    random = torch.Generator().manual_seed(0)
    cases: list[tuple[nn.Module, torch.Tensor, torch.Tensor]] = []
    for plain, shape in (
        (nn.BatchNorm2d(5), (8, 5, 3, 4)),
        (nn.BatchNorm2d(5, affine=False), (6, 5, 2, 2)),
        (nn.BatchNorm2d(2, momentum=None, eps=1e-3), (4, 2, 5, 5)),
        (nn.BatchNorm1d(7, track_running_stats=False), (10, 7)),
    ):
        rows, wanted = (torch.randn(shape, generator=random, dtype=torch.float64) for _ in range(2))
        cases.append((plain.double(), rows * 3 + 50, wanted))
    together(tmp_path, 2, children.normalise_a_share, tmp_path, cases)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    for (plain, rows, wanted), one, other in zip(cases, first, second, strict=True):
        rows.requires_grad_()
        for _ in range(2):
            plain(rows)
        out = plain(rows)
        (out * wanted).sum().backward()
        close = {"rtol": 0, "atol": 1e-10}
        torch.testing.assert_close(torch.cat([one[0], other[0]]), out, **close)
        torch.testing.assert_close(torch.cat([one[1], other[1]]), rows.grad, **close)
        for mine, theirs, parameter in zip(one[2], other[2], plain.parameters(), strict=True):
            torch.testing.assert_close(mine * 2, parameter.grad, **close)  # averaged, where the joined loss sums
            assert torch.equal(mine, theirs)
        assert one[3].keys() == {f"0.{key}" for key in plain.state_dict()}
        for key, value in plain.state_dict().items():
            torch.testing.assert_close(one[3][f"0.{key}"], value, **close)
            assert torch.equal(one[3][f"0.{key}"], other[3][f"0.{key}"])


def test_outside_training_it_is_plain_batch_norm() -> None:
    plain = nn.BatchNorm2d(3).eval()
    plain.running_mean.copy_(torch.tensor([1.0, 2.0, 3.0]))  # type: ignore[union-attr]
    features = torch.randn(2, 3, 4, 4)
    assert torch.equal(JoinedBatchNorm(plain, 2)(features), plain(features))


# the same run


@pytest.mark.parametrize(
    ("changes", "conditional"),
    [
        ({"network": dataclasses.replace(DCGAN, classes=0), "noise": 0.1, "average": 0.9, "decay_epochs": 1}, True),
        pytest.param({"law": "normal"}, False, marks=pytest.mark.slow),
    ],
    ids=["conditional with noise, average and a falling rate", "plain"],
)
def test_two_processes_train_as_one_with_the_joined_batch(
    tmp_path: Path, changes: dict[str, Any], conditional: bool
) -> None:
    settings = tiny_settings(labelled(tmp_path, 64), epochs=1, **changes)
    one = trained(tmp_path, "one", 1, settings, conditional)
    two = trained(tmp_path, "two", 2, settings, conditional)
    local = trained(tmp_path, "local", 2, dataclasses.replace(settings, sync_batch_norm=False), conditional)
    assert tree(one) == tree(two)
    told = [load_gan(str(run)).card.facts["training"] for run in (one, two, local)]
    assert [(facts["processes"], facts.get("sync_batch_norm")) for facts in told] == [(1, None), (2, True), (2, False)]
    assert distance(one, two) < 1e-4
    assert distance(one, local) > 0.1
    for key, value in weights(one, 1).items():
        torch.testing.assert_close(weights(two, 1)[key], value, rtol=1e-3, atol=1e-5)
    history = [np.genfromtxt(run / "history.csv", delimiter=",", skip_header=1) for run in (one, two)]
    np.testing.assert_allclose(history[1], history[0], atol=1e-3)
    np.testing.assert_allclose(history[1][:, -1], history[0][:, -1], rtol=1e-3)  # the spread is small


@pytest.mark.slow
def test_in_bfloat16_they_differ_less_than_it_does_from_float32(tmp_path: Path) -> None:
    """Each share's gradients are rounded by themselves."""
    settings = tiny_settings(labelled(tmp_path, 64), epochs=1, law="normal", precision="bf16")
    one, two = (trained(tmp_path, str(count), count, settings) for count in (1, 2))
    exact = trained(tmp_path, "exact", 1, dataclasses.replace(settings, precision="fp32"))
    assert distance(one, two) < distance(one, exact)


def test_one_process_alone_imports_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ganlab.training.meeting", None)
    monkeypatch.setenv("WORLD_SIZE", "1")
    with joined() as alone:
        assert alone is processes.ALONE
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ImportError), joined():
        pass


@pytest.mark.slow
def test_dropout_differs_between_processes_and_is_the_same_again(tmp_path: Path) -> None:
    settings = tiny_settings(labelled(tmp_path, 64), epochs=1, network=MlpSettings(16, 3, 6, 10))
    runs = [trained(tmp_path, name, count, settings) for name, count in (("a", 2), ("b", 2), ("one", 1))]
    assert (runs[0] / STATE).read_bytes() == (runs[1] / STATE).read_bytes()
    assert distance(runs[0], runs[2]) > 0.01


# stopping and going on


@pytest.mark.slow
def test_stopped_in_one_process_all_stop_and_any_number_goes_on(tmp_path: Path, data: str) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    started = children.alike(
        tmp_path, 2, children.command_line, "train", data, *TINY, "--epochs", "1000", "--out", str(run)
    )
    history = run / "history.csv"
    assert started[1].wait_for(lambda: history.exists() and history.read_text().count("\n") > 3)
    assert started[1].signal(signal.SIGTERM) == 143
    assert started[0].wait() == 130
    assert started[0].output.count("ganlab train --resume") == 1
    assert started[1].output == ""

    epochs = (history.read_text().count("\n") - 1) // 8 + 1
    resume = (children.command_line, "train", "--resume", str(run), "--epochs")
    ended = together(tmp_path, 2, *resume, str(epochs))
    assert [child.output.count("Trained") for child in ended] == [1, 0]
    together(tmp_path, 2, children.command_line, "train", data, *TINY, "--epochs", str(epochs), "--out", str(whole))
    assert (run / STATE).read_bytes() == (whole / STATE).read_bytes()
    assert tree(run) == tree(whole)

    together(tmp_path, 1, *resume, str(epochs + 1))
    together(tmp_path, 2, *resume, str(epochs + 2))
    rows = np.genfromtxt(history, delimiter=",", skip_header=1)
    assert rows[:, 0].tolist() == list(range(1, 8 * (epochs + 2) + 1))


def test_an_error_in_one_process_ends_all_with_one_message(tmp_path: Path, data: str) -> None:
    settings = tiny_settings(data, epochs=30, lr=1e9)
    started = children.alike(tmp_path, 2, children.train, tmp_path / "nan", settings, 1e9)
    assert [child.wait() for child in started] == [2, 2]
    assert "diverged" in started[0].output
    assert started[1].output == ""
    assert (tmp_path / "nan" / STATE).is_file()


@pytest.mark.slow
def test_a_killed_process_ends_all_with_one_message(tmp_path: Path, data: str) -> None:
    settings = tiny_settings(data, epochs=1000, batch=9)
    started = children.alike(tmp_path, 3, children.train, tmp_path / "run", settings, 1e9)
    history = tmp_path / "run" / "history.csv"
    assert started[2].wait_for(lambda: history.exists() and history.read_text().count("\n") > 1)
    assert started[2].signal(signal.SIGKILL) == -signal.SIGKILL
    assert [child.wait() for child in started[:2]] == [2, 2]
    assert sorted(child.output.partition(".")[0] for child in started) == [
        "",
        "",
        "Another process of this run has ended",
    ]


NCCL = "NCCL error in: NCCLUtils.cpp:77, {}, NCCL version 2.27.7\n{}\nLast error:\n{}"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            NCCL.format(
                "unhandled system error", "ncclSystemError: System call failed.", "No room in /dev/shm/nccl-8Xb"
            ),
            "failed: No room in /dev/shm/nccl-8Xb",
        ),
        (NCCL.format("remote process exited or there was a network error", "ncclRemoteError:", ""), "Another process"),
        ("NCCL communicator was aborted on rank 1.", "Another process"),
        ("[1] is setting up NCCL communicator and retrieving ncclUniqueId from [0] via c10d", "Another process"),
        ("", "it says nothing"),
    ],
)
def test_nccl_tells_what_ails_itself_and_that_another_has_gone(
    said: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(children.free_port())}
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    try:
        with pytest.raises(GanlabError, match=told), meeting.join():
            raise dist.DistBackendError(said)
    finally:
        dist.destroy_process_group()


def test_processes_that_were_told_different_things_do_not_train(tmp_path: Path, data: str) -> None:
    port, run = children.free_port(), tmp_path / "run"
    settings = [tiny_settings(data, epochs=1, seed=seed) for seed in range(2)]
    started = [
        Child(tmp_path, children.one_of, rank, 2, port, children.train, run, settings[rank], 1e9) for rank in range(2)
    ]
    assert [child.wait() for child in started] == [2, 2]
    assert "".join(child.output for child in started).count("Not all processes would train the same") == 1
    assert not run.exists()


def test_a_cache_is_filled_by_one_process_then_by_one_on_every_machine(tmp_path: Path) -> None:
    together(tmp_path, 4, children.take_turns, tmp_path, 2)
    turns = (tmp_path / "turns").read_text().split()
    assert turns[:2] == ["0", "1"]
    assert sorted(turns[2:]) == ["2", "3"]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_no_thread_of_the_group_is_left_to_abort_the_interpreter(tmp_path: Path) -> None:
    script = """
        from pathlib import Path
        import torch
        from ganlab.training.meeting import join

        def threads():
            names = [task.joinpath("comm").read_text() for task in Path("/proc/self/task").iterdir()]
            return sum("gloo" in name for name in names)

        with join():
            parameter = torch.nn.Parameter(torch.ones(1))
            parameter.grad = torch.ones(1)
            torch.optim.Adam([parameter]).step()
            print(threads(), end=" ")
        print(threads())
    """
    names = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(children.free_port())}
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], env=os.environ | names, capture_output=True, text=True
    )
    inside, after = map(int, ended.stdout.split())
    assert inside > 0
    assert after == 0


@pytest.mark.slow
def test_torchrun_starts_it(tmp_path: Path, data: str) -> None:
    words = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "ganlab",
        "train",
        data,
        *TINY,
    ]
    run = tmp_path / "run"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, *words, "--epochs", "1", "--out", str(run)], env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("Trained") == 1
    assert (run / "epochs/0001/card.toml").is_file()
