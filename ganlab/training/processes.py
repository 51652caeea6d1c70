"""The processes that train one GAN together: this one alone, unless the environment announces more.

``torchrun`` sets WORLD_SIZE, RANK, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT for every process that it
starts. Without them nothing here but plain arithmetic runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ganlab.errors import GanlabError
from ganlab.networks.devices import choose_device

if TYPE_CHECKING:
    import torch
    from torch import nn

    from ganlab.training.settings import TrainSettings

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """Which process this is, counted from 0, and of how many: in all, and on this machine."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1


class Processes:
    """One process alone; what each method means where there are more, :mod:`ganlab.training.distributed` does.

    Whatever returns something for all, or waits, is a collective: every process calls it, in the same order.
    """

    place = Place()

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.place.rank == 0

    @property
    def count(self) -> int:
        return self.place.count

    def device(self, wanted: str) -> str:
        """The device of this process; see :func:`ganlab.networks.devices.choose_device`."""
        return choose_device(wanted)

    def share(self, settings: TrainSettings, resumed: bool = False) -> slice:
        """Which rows of a joined batch are this process's; a run that is resumed cannot take another batch.

        Raises:
            GanlabError: the batch cannot be divided among the processes.
        """
        return slice(0, settings.batch)

    def synchronise_batch_norm(self, network: nn.Module) -> None:
        """Let every BatchNorm take its statistics over the joined batch, in place."""

    def average_gradients(self, network: nn.Module) -> None:
        """Make of each process's gradients those of the joined batch."""

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """The mean of what each process has."""
        return values

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """The sum of what each process has."""
        return values

    def std(self, rows: torch.Tensor) -> torch.Tensor:
        """The standard deviation over the rows of all processes, (n, ...) -> (...)."""
        return rows.std(dim=0)

    def any(self, wish: bool) -> bool:
        """Whether one of the processes wishes it."""
        return wish

    def in_turn(self, work: Callable[[], T]) -> T:
        """Work that fills a cache: the first process does it, then one on every other machine, then the others."""
        return work()

    def check_alike(self, facts: Callable[[], str]) -> None:
        """Refuse processes that were told different things.

        Raises:
            GanlabError: the facts of this process are not those of the first.
        """


ALONE = Processes()


def announced_alone() -> bool:
    """Whether the environment announces no further process."""
    return os.environ.get("WORLD_SIZE", "") in ("", "1")


def speaks_first() -> bool:
    """Whether this process speaks as long as the processes that were started alike have not met."""
    rank, count = (os.environ.get(name, "") for name in ("RANK", "WORLD_SIZE"))
    return not (rank.isdecimal() and count.isdecimal() and 0 < int(rank) < int(count))


def announced() -> Place:
    """This process's place, as the environment announces it.

    Raises:
        GanlabError: a number is missing or is none, or nothing says where the processes meet.
    """
    count = _number("WORLD_SIZE")
    hint = "Start the processes with torchrun, which sets it, or unset WORLD_SIZE to train with one."
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        if not os.environ.get(name):
            raise GanlabError(f"WORLD_SIZE announces {count} processes, and {name} is not set.", hint)
    rank = _number("RANK")
    place = Place(rank, count, _number("LOCAL_RANK", rank), _number("LOCAL_WORLD_SIZE", count))
    if not (0 <= place.rank < place.count and 0 <= place.local_rank < place.local_count <= place.count):
        raise GanlabError(f"There is no process {place.rank} of {place.count}, counted from 0.", hint)
    return place


def _number(name: str, otherwise: int = 0) -> int:
    text = os.environ.get(name, str(otherwise))
    try:
        return int(text)
    except ValueError:
        raise GanlabError(f"{name} is {text!r}, which is no whole number.", "torchrun sets it, or unset it.") from None
