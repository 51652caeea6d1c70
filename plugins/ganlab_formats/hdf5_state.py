"""A PyTorch state dict written as HDF5 data sets: ``model.0.weight``, ``model.1.running_mean``, ..."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganlab import GanlabError, Part, Stored, StoredNetwork

from . import hdf5
from .bare_layers import side
from .hdf5 import rewrite as rewrite

if TYPE_CHECKING:
    import torch

ROLES = {"weight": "weight", "bias": "bias", "running_mean": "mean", "running_var": "variance"}
LEFT_OUT = ("num_batches_tracked",)
KEY = re.compile(r"(?:(?P<layer>.+)[./])?(?P<role>weight|bias|running_mean|running_var|num_batches_tracked)")


def recognises(path: Path) -> bool:
    """An HDF5 file whose data sets are called as PyTorch's tensors are."""
    if not hdf5.is_hdf5(path):
        return False
    try:
        with hdf5.open_hdf5(path) as root:
            return any(re.search(r"(^|[./])(weight|running_mean)$", name) for name, _ in _data_sets(root))
    except GanlabError:
        return False


def load(path: Path) -> Stored:
    """The network in the file; its tensors are laid out as torch has them.

    Raises:
        GanlabError: it is damaged, or holds other data sets than PyTorch's layers have.
    """
    reader = hdf5.Reader(path)
    layers: dict[str, dict[str, torch.Tensor]] = {}
    keys: dict[str, dict[str, str]] = {}
    import torch

    with hdf5.open_hdf5(path) as root:
        found = sorted(_data_sets(root), key=lambda pair: _natural(pair[0]))
        for name, data_set in found:
            match = KEY.fullmatch(name)
            if match is None:
                raise GanlabError(f"{path} holds {name!r}, which is no tensor of a layer known here.", f"{_KNOWN}.")
            if match["role"] in LEFT_OUT:
                continue
            layer, role = (match["layer"] or "").replace("/", "."), ROLES[match["role"]]
            layers.setdefault(layer, {})[role] = torch.from_numpy(reader.floats(data_set))
            keys.setdefault(layer, {})[role] = name
    if not layers:
        raise GanlabError(f"{path} holds no tensors.", "Is it HDF5 of another program?")
    parts = tuple(_part(name, tensors, keys[name]) for name, tensors in layers.items())
    return Stored((StoredNetwork("", parts, side=side(path.stem)),), "torch-hdf5", keeps_statistics=True)


def _data_sets(root: Any) -> list[tuple[str, Any]]:
    return [(name, thing) for name, thing in hdf5.data_sets(root) if hdf5.is_data(thing)]


_KNOWN = f"Tensors are called LAYER.{', LAYER.'.join(ROLES)}"


def _part(name: str, tensors: dict[str, torch.Tensor], keys: dict[str, str]) -> Part:
    container, _, last = name.rpartition(".")
    numbered = last.isdecimal() and len(last) < 6
    return Part(
        _kind(name, tensors),
        name,
        tensors,
        keys,
        container if numbered else "",
        int(last) if numbered else None,
    )


def _kind(name: str, tensors: dict[str, torch.Tensor]) -> Any:
    axes = tensors["weight"].ndim if "weight" in tensors else 1
    kind = {1: "norm", 2: "linear", 4: "convolution"}.get(axes)
    if kind is None:
        raise GanlabError(f"The layer {name!r} has a weight of {axes} axes.", "Of pictures it would have 1, 2 or 4.")
    return "prelu" if kind == "norm" and set(tensors) == {"weight"} else kind


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Numbers inside a name by their size: model.9 before model.10."""
    return [(0, int(one), "") if one.isdecimal() else (1, 0, one) for one in re.split(r"(\d{1,18})", name)]
