"""Classes inside a network, as in the paper's appendix: beside z, and as constant maps beside every layer's input."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn import functional as F

from ganlab.architectures.settings import NetworkSettings
from ganlab.errors import GanlabError
from ganlab.networks.devices import enough_memory, made_on_cpu
from ganlab.networks.weights import check_seed

EMBEDDED = 16  # numbers that a learnt embedding has for a class


class ClassCode(nn.Module):
    """Classes (n,) -> the numbers that stand for each, (n, dims).

    Args:
        classes: how many there are.
        dims: numbers that stand for a class.
        one_hot: 1 for the class and 0 for all others, instead of an embedding that is learnt.
    """

    def __init__(self, classes: int, dims: int, one_hot: bool = False) -> None:
        super().__init__()
        self.classes = classes
        self.dims = classes if one_hot else dims
        self.embedding = None if one_hot else nn.Embedding(classes, dims)

    def forward(self, labels: torch.Tensor) -> torch.Tensor:
        return F.one_hot(labels, self.classes).float() if self.embedding is None else self.embedding(labels)


class Joined(nn.Module):
    """Features (n, c, ...) and a code (n, dims) -> (n, c + dims, ...): the code behind them, the same everywhere."""

    only_appends = True  # what goes in keeps its places, which surgery relies on

    def forward(self, features: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
        maps = code.to(features.dtype).reshape(*code.shape, *[1] * (features.ndim - 2))
        return torch.cat([features, maps.expand(-1, -1, *features.shape[2:])], 1)


class Block(nn.Sequential):
    """Layers one after the other; a :class:`Joined` among them gets the code of the class, too."""

    def __init__(self, *layers: tuple[str, nn.Module]) -> None:
        super().__init__(OrderedDict(layers))

    def forward(self, features: torch.Tensor, code: torch.Tensor | None = None) -> torch.Tensor:
        for layer in self:
            features = layer(features, code) if isinstance(layer, Joined) else layer(features)
        return features


class Network(nn.Sequential):
    """Blocks one after the other; in a conditional network each is told the class.

    Attributes:
        conditional: whether it takes classes (n,) beside its input.
    """

    def __init__(self, blocks: Iterable[tuple[str, Block]], settings: NetworkSettings) -> None:
        self.conditional = settings.classes > 0
        code = [("classes", _code_of(settings))] if self.conditional else []
        super().__init__(OrderedDict[str, nn.Module]([*code, *blocks]))

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        blocks = iter(self)
        code = None
        if self.conditional:
            if labels is None:
                raise GanlabError("This network has to be told the class of every picture.", "Choose one with --label.")
            code = next(blocks)(labels)
        elif labels is not None:
            raise GanlabError("This network knows no classes.", "Leave them out.")
        features = inputs
        for block in blocks:
            features = block(features, code)
        return features


def code_width(settings: NetworkSettings) -> int:
    """How many numbers join the input of a layer."""
    if not settings.classes:
        return 0
    return settings.classes if settings.classes_as == "one-hot" else EMBEDDED


@contextmanager
def fresh_networks(seed: int, too_large: str) -> Iterator[None]:
    """Where networks of a seed are made: the global random state, which torch's own initialisation draws from, stays.

    Raises:
        GanlabError: a seed outside 0 to 2**63 - 1; networks that do not fit into memory, in these words.
    """
    check_seed(seed)
    enough = enough_memory(too_large, "Choose a smaller --width.")
    with enough, torch.random.fork_rng(devices=[]), made_on_cpu():
        yield


def joined(settings: NetworkSettings) -> list[tuple[str, nn.Module]]:
    """What stands before a layer with weights: nothing where there are no classes."""
    return [("joined", Joined())] if settings.classes else []


def _code_of(settings: NetworkSettings) -> ClassCode:
    return ClassCode(settings.classes, EMBEDDED, settings.classes_as == "one-hot")
