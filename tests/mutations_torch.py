"""State dicts that torch itself writes and that are no GAN's: other types, absurd shapes, many and nested ones."""

from __future__ import annotations

import random
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from tests.mutation_seeds import discriminator, state, torch_saved

Lot = random.Random
State = dict[str, torch.Tensor]
HUGE = 10**6


def saved(what: str, lot: Lot, legacy: bool) -> bytes:
    """The bytes of one of these states, alone or inside a training state."""
    with warnings.catch_warnings(action="ignore"):
        document = STATES[what](state(), lot)
        if lot.random() < 0.2:
            document = {"epoch": 3, "netG": document, "netD": discriminator().state_dict()}
        return torch_saved(document, legacy)


class Claiming:
    """A tensor whose pickle claims a place, shape and strides that its storage does not have."""

    def __init__(self, shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> None:
        self.claims = (torch.zeros(16).storage(), offset, shape, strides, False, OrderedDict[str, Any]())

    def __reduce__(self) -> tuple[Any, ...]:
        return torch._utils._rebuild_tensor_v2, self.claims


def _claiming(weights: State, lot: Lot) -> Any:
    sizes = [0, 1, 4, 16, 17, 2**31, 2**40, 2**62, -1]
    axes = lot.choice([1, 2, 4])
    shape, strides = (tuple(lot.choice(sizes) for _ in range(axes)) for _ in range(2))
    return {**weights, lot.choice(list(weights)): Claiming(shape, strides, lot.choice(sizes))}


def _replaced(weights: State, lot: Lot, change: Callable[[torch.Tensor], Any]) -> Any:
    """One tensor, or all floating point ones, changed."""
    floats = [key for key, value in weights.items() if value.is_floating_point()]
    chosen = floats if lot.random() < 0.4 else [lot.choice(floats)]
    return {key: change(value) if key in chosen else value for key, value in weights.items()}


def _typed(weights: State, lot: Lot) -> Any:
    others = [torch.complex64, torch.bfloat16, torch.half, torch.double, torch.int8, torch.bool, torch.float8_e4m3fn]
    dtype = lot.choice(others)
    return _replaced(weights, lot, lambda value: value.to(dtype))


def _laid_out(weights: State, lot: Lot) -> Any:
    changes: list[Callable[[torch.Tensor], Any]] = [
        torch.Tensor.to_sparse,
        lambda value: torch.quantize_per_tensor(value, 0.1, 0, torch.qint8),
        lambda value: value.to("meta"),
        nn.Parameter,
        lambda value: value.to(memory_format=torch.channels_last) if value.ndim == 4 else value,
        lambda value: torch.sparse_coo_tensor(torch.zeros(1, 1, dtype=torch.long), torch.ones(1), (2**40,)),
    ]
    return _replaced(weights, lot, lot.choice(changes))


def _valued(weights: State, lot: Lot) -> Any:
    number = lot.choice([float("nan"), float("inf"), 0.0, 1e38, -1e38, 1e-45, -1.0])

    def change(value: torch.Tensor) -> torch.Tensor:
        value = value.clone()
        value.view(-1)[: lot.choice([1, value.numel()])] = number
        return value

    return _replaced(weights, lot, change)


def _expanded(weights: State, lot: Lot) -> Any:
    """Shapes of millions on a storage of one number."""
    sizes = lot.choice([(HUGE, HUGE), (HUGE, 8), (8, HUGE), (8, 6, 5000, 5000), (HUGE, 6, 4, 4), (8, 6, HUGE, 1)])
    sizes = lot.choice([sizes, (HUGE**2,), (2**14, 2**14), (4096, 4096, 4, 4), (100, 1, 1024, 1024)])
    return _replaced(weights, lot, lambda value: torch.full((1,), 0.01).expand(sizes))


def _shaped(weights: State, lot: Lot) -> Any:
    shapes = [(), (0,), (1,), (0, 8, 4, 4), (8, 6, 4), (8, 6, 4, 4, 4), (8, 6, 4, 3), (8, 6, 1, 7), (8, 6, 65, 65)]
    shape = lot.choice(shapes)
    return _replaced(weights, lot, lambda value: torch.randn(shape))


def _many(weights: State, lot: Lot) -> Any:
    """Thousands of layers that all fit each other, with or without norms."""
    count = lot.choice([300, 3000, 100_000])
    kind = lot.choice(["vectors", "matrices", "kernels", "norms"])
    one = {"vectors": torch.ones(4), "matrices": torch.randn(8, 8), "kernels": torch.randn(8, 8, 3, 3)}.get(kind)
    if one is not None:
        return weights | {f"more.{number}.weight": one for number in range(count)}
    norms = {
        f"more.{number}.{role}": torch.ones(8)
        for number in range(count // 4)
        for role in ("weight", "bias", "running_mean", "running_var")
    }
    return weights | norms


def _ambiguous(weights: State, lot: Lot) -> Any:
    """Kernels that fit each other in every order, under names that say nothing of it."""
    count, width, side = lot.choice([10, 20, 40]), lot.choice([3, 8]), lot.choice([1, 3, 4])
    layers = {f"{lot.random()}.weight": torch.randn(width, width, side, side) for _ in range(count)}
    return {"first.weight": torch.randn(Z, width, 4, 4), **layers, "last.weight": torch.randn(width, 3, 4, 4)}


def _wide(weights: State, lot: Lot) -> Any:
    """Layers that draw pictures so wide that a batch of them would take gigabytes; their weights are few."""
    width, first = lot.choice([(2048, 4), (512, 16), (64, 64), (16, 96)])
    expanded = torch.full((1,), 0.01).expand(1, width, first, first) if lot.random() < 0.3 else None
    found = {"0.weight": torch.randn(1, width, first, first) * 0.01 if expanded is None else expanded}
    for number in range(1, lot.choice([2, 3, 4])):
        found[f"{number}.weight"] = torch.full((1, 1, 1, 1), 0.01).expand(width, width, 4, 4)
    return found | {"9.weight": torch.randn(width, 3, 4, 4)}


def _keyed(weights: State, lot: Lot) -> Any:
    """Keys that are no texts, or long, empty, alike or of another alphabet."""
    names: list[Callable[[int, str], Any]] = [
        lambda number, key: number,
        lambda number, key: (key, number),
        lambda number, key: key.encode(),
        lambda number, key: None if not number else key,
        lambda number, key: key + "x" * 100_000,
        lambda number, key: "." * number,
        lambda number, key: f"{'a.' * 5000}{number}.weight",
        lambda number, key: f"{'9' * 5000}.{number}{key}",
        lambda number, key: f"²³{number}.{key}",
        lambda number, key: f"\x1b[31m\n{key}\0",
    ]
    name = lot.choice(names)
    return {name(number, key): value for number, (key, value) in enumerate(weights.items())}


def _nested(weights: State, lot: Lot) -> Any:
    """Containers in containers, or in themselves."""
    kind = lot.choice(["deep", "itself", "many", "lists", "shared"])
    if kind == "deep":
        document: Any = weights
        for _ in range(lot.choice([5, 50, 200])):
            document = {"a": document}
        return document
    if kind == "itself":
        looping: dict[str, Any] = {**weights}
        looping["self"] = looping
        return {"netG": looping, "again": looping} if lot.random() < 0.5 else looping
    if kind == "many":
        return {f"net{number}": weights for number in range(lot.choice([30, 300]))}
    if kind == "lists":
        return [list(weights.values()), tuple(weights.items())]
    shared: Any = weights
    for _ in range(30):
        shared = {"a": shared, "b": shared}
    return shared


def _missing(weights: State, lot: Lot) -> Any:
    kept = [key for key in weights if lot.random() < 0.7]
    if lot.random() < 0.3:
        lot.shuffle(kept)
    return {key: weights[key] for key in kept}


def _counted(weights: State, lot: Lot) -> Any:
    """Counts of batches that no training has."""
    wrong = [torch.tensor(-5), torch.tensor(2**62), torch.tensor(float("nan")), torch.tensor(1e300), torch.ones(3)]
    wrong += [torch.tensor(True), torch.tensor(1j)]
    return {key: lot.choice(wrong) if key.endswith("tracked") else value for key, value in weights.items()}


def _normalised(weights: State, lot: Lot) -> Any:
    """What spectral and weight normalisation store, of sizes that do not fit."""
    shapes: list[tuple[int, ...]] = [(1,), (8,), (6,), (3,), (0,), (6, 1, 1, 1), (48,), ()]
    names = ["weight_u", "weight_v", "weight_g", "parametrizations.weight.0._u", "parametrizations.weight.original1"]
    found = {key.replace("3.weight", lot.choice(["3.weight_orig", "3.weight_v"])): one for key, one in weights.items()}
    return found | {f"3.{name}": torch.randn(lot.choice(shapes)) for name in lot.sample(names, 2)}


Z = 8
STATES: dict[str, Callable[[State, Lot], Any]] = {
    "ambiguous": _ambiguous,
    "claiming": _claiming,
    "counted": _counted,
    "expanded": _expanded,
    "keyed": _keyed,
    "laid out": _laid_out,
    "many": _many,
    "missing": _missing,
    "nested": _nested,
    "normalised": _normalised,
    "shaped": _shaped,
    "typed": _typed,
    "valued": _valued,
    "wide": _wide,
}
