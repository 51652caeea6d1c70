"""Several processes train as one with the joined batch, write once, speak once, and end together."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from ganlab import cli
from ganlab.architectures.mlp import MlpSettings
from ganlab.errors import GanlabError
from ganlab.training import processes
from ganlab.training.distributed import Group, JoinedBatchNorm
from ganlab.training.processes import Place
from ganlab.training.settings import TrainSettings
from ganlab.training.state import STATE
from tests import children
from tests.children import Child
from tests.conditional_kit import DCGAN, labelled
from tests.kit import command, smooth_pictures, tiny_settings, tree

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
        ({}, False),
        ({"noise": 0.1, "average": 0.9, "law": "normal"}, False),
        ({"network": dataclasses.replace(DCGAN, classes=0)}, True),
    ],
    ids=["plain", "noise and average", "conditional"],
)
def test_two_processes_train_as_one_with_the_joined_batch(
    tmp_path: Path, changes: dict[str, Any], conditional: bool
) -> None:
    settings = tiny_settings(labelled(tmp_path, 64), epochs=1, **changes)
    one = trained(tmp_path, "one", 1, settings, conditional)
    two = trained(tmp_path, "two", 2, settings, conditional)
    local = trained(tmp_path, "local", 2, dataclasses.replace(settings, sync_batch_norm=False), conditional)
    assert tree(one) == tree(two)
    print(distance(one, two), distance(one, local))
    assert distance(one, two) < 0.01
    assert distance(one, local) > 0.1
    for key, value in weights(one, 1).items():
        torch.testing.assert_close(weights(two, 1)[key], value, rtol=1e-2, atol=4 * 2e-4)
    history = [np.genfromtxt(run / "history.csv", delimiter=",", skip_header=1) for run in (one, two)]
    np.testing.assert_allclose(history[1], history[0], atol=1e-3)
