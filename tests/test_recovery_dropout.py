"""A discriminator that was trained with dropout, whose norms remember maps that no evaluation lets them see."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganlab import Hints, StoredNetwork
from ganlab.recovery.chaining import skeletons
from ganlab.recovery.decisions import Decision, of_discriminator
from ganlab.recovery.discriminators import Discriminator, discriminator_of
from ganlab.recovery.hypotheses import Known
from ganlab.recovery.parts import parts_of
from ganlab.recovery.witness import MISFIT
from tests.recovery_kit import blobs

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE, BATCH = 32, 32


def of_a_tutorial(dropout: float) -> nn.Sequential:
    """In a widely copied layout: activation, dropout and a norm of a large eps behind each convolution but one."""
    maps = (3, 16, 24, 32, 32)
    layers: list[nn.Module] = []
    for number, (inputs, outputs) in enumerate(pairwise(maps)):
        layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout2d(dropout)]
        layers += [nn.BatchNorm2d(outputs, 0.8)] if number else []
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * 4, 1))


def trained(judge: nn.Module, steps: int = 80) -> nn.Module:
    """The discriminator after it learnt to tell smooth pictures from their complements with one channel dimmed."""
    optimizer = torch.optim.Adam(judge.parameters(), 5e-4, betas=(0.5, 0.999))
    dimmed = torch.tensor([1, 0.8, 1]).reshape(1, 3, 1, 1)
    for _ in range(steps):
        real, fake = pictures(BATCH), pictures(BATCH) * dimmed
        loss = F.softplus(-judge(real)).mean() + F.softplus(judge(fake)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return judge.eval()


def pictures(n: int) -> torch.Tensor:
    return blobs(n, 3, SIZE) * 2 - 1


@pytest.fixture(scope="module")
def dropped() -> nn.Module:
    torch.manual_seed(3)
    return trained(of_a_tutorial(0.4))


def worked_out(state: dict[str, torch.Tensor], eps: tuple[float, ...] | None = None) -> Discriminator:
    torch.manual_seed(4)
    shown = pictures(96)
    skeleton = skeletons(StoredNetwork("d", parts_of(state)))[0]
    return discriminator_of(skeleton, {"tanh": shown, "sigmoid": shown / 2 + 0.5}, SIZE, Known(eps=eps))


def decisions(judgement: Discriminator) -> dict[str, Decision]:
    return {one.what: one for one in of_discriminator(judgement, judgement.range_name, None, Hints())}


def test_dropout_is_heard_where_the_numbers_leave_room_for_it(dropped: nn.Module) -> None:
    judgement = worked_out(dropped.state_dict())
    assert (judgement.activation, judgement.norm_eps, judgement.range_name) == ("leaky_relu 0.2", 0.8, "tanh")
    assert judgement.dropout == pytest.approx(0.4, abs=0.11)
    assert judgement.error < MISFIT
    assert "dropout" not in {table["kind"] for table, _ in judgement.elements}
    made = decisions(judgement)
    assert all(one.certain for one in made.values())
    assert "dropped" in made["activation of the discriminator"].evidence


def test_norms_that_fit_nothing_choose_no_activation_and_no_eps(dropped: nn.Module) -> None:
    numbers = {"0": 0, "3": 2, "6": 4, "7": 5, "10": 7, "11": 8, "14": 10, "16": 12}  # which leave no room for dropout
    state = {}
    for key, value in dropped.state_dict().items():
        number, _, role = key.partition(".")
        state[f"{numbers[number]}.{role}"] = value
    judgement = worked_out(state)
    assert judgement.error > MISFIT
    assert (judgement.activation, judgement.norm_eps, judgement.dropout) == ("leaky_relu 0.2", 1e-5, 0)
    made = decisions(judgement)
    for what in ("activation of the discriminator", "eps of the discriminator's norms"):
        assert not made[what].certain
        assert "does not tell" in made[what].evidence
        assert made[what].runner_up
    stated = worked_out(state, eps=(0.8,))
    assert MISFIT < min(stated.rivals.values()) < 0.7 * stated.error  # it would convince, if it fitted
    assert (stated.activation, stated.norm_eps) == ("leaky_relu 0.2", 0.8)
