"""Residual blocks of one width are told from chains by the kernel of a single pixel in each."""

from __future__ import annotations

import pytest
from torch import nn

from ganlab import GanlabError
from ganlab.recovery.parts import parts_of
from ganlab.recovery.shortcuts import refuse_shortcuts
from tests.stripped_kit import recovered


class Block(nn.Module):
    def __init__(self, past: str, kernel: int = 1) -> None:
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.add_module(past, nn.Conv2d(8, 8, kernel))


def blocks(number: int, past: str, kernel: int = 1) -> nn.Sequential:
    first = nn.Linear(16, 8 * 16)
    return nn.Sequential(first, *(Block(past, kernel) for _ in range(number)), nn.Conv2d(8, 3, 3, padding=1))


def weights(network: nn.Module) -> list:  # type: ignore[type-arg]
    return [part for part in parts_of(network.state_dict()) if part.kind != "norm"]


@pytest.mark.parametrize(("number", "past"), [(2, "c3"), (1, "c_sc"), (1, "shortcut"), (3, "conv_sc")])
def test_shortcuts_are_refused_at_once(number: int, past: str) -> None:
    with pytest.raises(GanlabError, match="lead past the layers beside it"):
        recovered(blocks(number, past), scramble=False)


@pytest.mark.parametrize(("number", "past", "kernel"), [(1, "c3", 1), (3, "c3", 3), (3, "shortcut", 3)])
def test_chains_are_not(number: int, past: str, kernel: int) -> None:
    refuse_shortcuts(weights(blocks(number, past, kernel)))
