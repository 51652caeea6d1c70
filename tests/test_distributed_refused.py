"""What several processes that train together are refused, and what each of them takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganlab.cli import explaining
from ganlab.errors import GanlabError
from ganlab.training.distributed import Group
from ganlab.training.processes import Place
from ganlab.training.state import load_state, save_state
from ganlab.training.trainer import Trainer
from tests.kit import command, tiny_settings


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "2 processes, and RANK is not set"),
        ({"RANK": "0"}, "2 processes, and MASTER_ADDR is not set"),
        ({"RANK": "0", "MASTER_ADDR": "localhost"}, "2 processes, and MASTER_PORT is not set"),
        ({"RANK": "x", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}, "RANK is 'x'"),
        ({"RANK": "5", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}, "no process 5 of 2"),
        ({"WORLD_SIZE": "many"}, "WORLD_SIZE is 'many'"),
        ({"RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "99999"}, "have not met at localhost:99999"),
    ],
)
def test_an_environment_that_announces_too_little_is_told(
    environment: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"WORLD_SIZE": "2", **environment}.items():
        monkeypatch.setenv(name, value)
    ended = command(capsys, "train", "rooms")
    assert ended.code == 2
    assert words in ended.err
    assert ended.err.count("Error") == ended.err.count("Hint") == 1


def test_of_processes_with_a_wrong_option_the_first_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    said = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        ended = command(capsys, "train", "rooms", "--sise", "64")
        assert ended.code == explaining.USER_MISTAKE
        said.append(ended.err.count("Error"))
    assert said == [1, 0]


def test_a_batch_is_divided_or_refused() -> None:
    group = Group(Place(rank=2, count=4, local_rank=0, local_count=2))
    assert group.share(tiny_settings(batch=12)) == slice(6, 9)
    with pytest.raises(GanlabError, match="cannot be divided among 4") as refused:
        group.share(tiny_settings(batch=6))
    assert refused.value.hint == "Try --batch 8."
    assert group.share(tiny_settings(batch=4)) == slice(2, 3)
    with pytest.raises(GanlabError, match="two pictures"):
        group.share(tiny_settings(batch=4, sync_batch_norm=False))


@pytest.mark.parametrize(
    ("batch", "local", "counts"), [(6, False, "1, 2, 3, 6"), (6, True, "1, 2, 3"), (4, True, "1, 2")]
)
def test_a_resumed_run_is_told_how_many_processes_divide_its_batch(
    tmp_path: Path, batch: int, local: bool, counts: str
) -> None:
    save_state(Trainer(tiny_settings(batch=batch, sync_batch_norm=not local), "cpu"), tmp_path)
    with pytest.raises(GanlabError) as refused:
        load_state(tmp_path, "cpu", processes=Group(Place(rank=0, count=4)))
    assert refused.value.hint == f"Go on with as many processes as divide its batch: {counts}."


def test_a_machine_that_takes_its_cpu_for_want_of_a_driver_trains_with_no_gpu() -> None:
    trainer = Trainer(tiny_settings(), "cpu")
    here = trainer.identity()
    trainer.device = "cuda:0"
    first = trainer.identity()
    trainer.device = "cuda:1"
    assert trainer.identity() == first != here


def test_each_process_takes_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[int] = []
    monkeypatch.setattr(
        "ganlab.training.distributed.choose_device", lambda wanted: {"auto": "cuda"}.get(wanted, wanted)
    )
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(torch.distributed, "is_nccl_available", lambda: True)
    group = Group(Place(rank=3, count=4, local_rank=1, local_count=2))
    assert [group.device(wanted) for wanted in ("auto", "cuda", "cpu")] == ["cuda:1", "cuda:1", "cpu"]
    assert chosen == [1, 1]
    for wanted in ("cuda:1", "mps"):
        with pytest.raises(GanlabError, match=f"cannot train on {wanted}"):
            group.device(wanted)
    with pytest.raises(GanlabError, match="3 processes on this machine and 2 GPUs") as refused:
        Group(Place(rank=2, count=3, local_rank=2, local_count=3)).device("auto")
    assert "--nproc-per-node 2" in refused.value.hint
