"""What the trainings of all labelers must do."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def repeats_itself(train: Callable[[], nn.Module]) -> bool:
    """Whether a training gives the same weights twice; torch's own random numbers are left as they were."""
    before = torch.random.get_rng_state()
    first, second = (train().state_dict() for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    return all(torch.equal(first[name], second[name]) for name in first)
