"""Checkpoints of Chainer: the links of one network, or of the networks in a trainer's snapshot.

A link's arrays are laid out as torch has them. What follows what is not stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganlab import GanlabError, Part, Stored, StoredNetwork
from ganlab_formats import archives, hdf5, numpy_files
from ganlab_formats.chainer_arrays import SUFFIX, paths_in, read_arrays

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ganlab import Kind, Side

EPS = 2e-5  # of L.BatchNormalization
NORM = {"gamma": "weight", "beta": "bias", "avg_mean": "mean", "avg_var": "variance"}
WEIGHTED = {"W": "weight", "b": "bias"}
ARRAYS = {*NORM, *WEIGHTED, "u"}  # u: of spectral normalisation
SIDES: dict[Side, re.Pattern[str]] = {
    "generator": re.compile(r"g|gen|generator|netg", re.I),
    "discriminator": re.compile(r"d|dis|disc|discriminator|netd|critic", re.I),
}
TRANSPOSED, ORDINARY = re.compile(r"dc|deconv|tconv|conv_?t", re.I), re.compile(r"c\d|conv", re.I)
MODEL = "model:"
NONE = "Chainer's save_npz writes arrays such as l0/W and bn0/gamma."

Place = tuple[str, ...]  # of a link: the names that lead to it
Links = dict[Place, dict[str, str]]  # a link's place -> name of an array in it -> path of the array


def recognises(path: Path) -> bool:
    """An .npz or HDF5 file that holds a link's W."""
    try:
        return path.is_file() and any(name.endswith("/W") for name in paths_in(path))
    except GanlabError:
        return False


def load(path: Path) -> Stored:
    """The networks of a file, each as its links.

    Raises:
        GanlabError: a file that cannot be read, or links that are none of a GAN's.
    """
    links = _links(paths_in(path))
    if not links:
        raise GanlabError(f"{path} is damaged or holds no network of Chainer's.", NONE)
    arrays = read_arrays(path, [name for link in links.values() for name in link.values()])
    try:
        networks = tuple(_network(home, inside, arrays) for home, inside in _by_network(links).items())
    except ValueError as error:
        raise GanlabError(f"{path}: {error}.", NONE) from error
    return Stored(networks, "chainer", eps=EPS)


def rewrite(path: Path, name: str, change: Callable[[str, np.ndarray], np.ndarray]) -> dict[str, bytes]:
    """A copy of a file; see :class:`ganlab.CheckpointFormat`."""
    if hdf5.is_hdf5(path):
        return hdf5.rewrite(path, name, change)

    def with_numbers(member: str, content: bytes) -> bytes:
        if not member.endswith(SUFFIX):
            return content
        return numpy_files.rewritten(content, member.removesuffix(SUFFIX), change)

    return {name: archives.rewritten(path, with_numbers)}


def _links(paths: Sequence[str]) -> Links:
    """The links of the networks, without what optimisers keep of each."""
    links: Links = {}
    for path in paths:
        *place, array = path.split("/")
        if array in ARRAYS and not any(name.startswith("optimizer:") for name in place):
            links.setdefault(tuple(place), {})[array] = path
    return links


def _by_network(links: Links) -> dict[Place, Links]:
    """Each network's links, by where it lies: a snapshot's below ``model:NAME``, a chain's below names such as gen."""
    shared = _shared(links)
    below = {place[shared] for place in links if len(place) > shared}
    are_networks = len(below) > 1 and all(_side(name) for name in below)
    networks: dict[Place, Links] = {}
    for place, arrays in links.items():
        model = next((number for number, name in enumerate(place) if name.startswith(MODEL)), None)
        home = place[: model + 1] if model is not None else place[: shared + 1] if are_networks else ()
        networks.setdefault(home, {})[place] = arrays
    return networks


def _network(home: Place, links: Links, arrays: Mapping[str, np.ndarray]) -> StoredNetwork:
    shared = _shared(links)
    above = next(iter(links))[:shared] or home
    side = next((side for name in reversed(above) if (side := _side(name.removeprefix(MODEL)))), None)
    parts = tuple(
        _part("/".join(place[shared:]), {name: arrays[key] for name, key in keys.items()}, keys, side)
        for place, keys in links.items()
    )
    return StoredNetwork("/".join(above), parts, side=side)


def _shared(links: Links) -> int:
    """How many first names all links share, their last ones left out."""
    shortest = min(len(place) for place in links)
    return next((n for n in range(shortest - 1) if len({place[: n + 1] for place in links}) > 1), max(shortest - 1, 0))


def _side(name: str) -> Side | None:
    return next((side for side, names in SIDES.items() if names.fullmatch(name)), None)


def _part(name: str, arrays: Mapping[str, np.ndarray], keys: Mapping[str, str], side: Side | None) -> Part:
    """A link with its arrays in their roles.

    Raises:
        ValueError: arrays that make up no link.
    """
    from torch import from_numpy

    if "u" in arrays:
        raise ValueError(f"{name} is spectrally normalised, which is not read")
    kind, roles = (_kind(name, arrays, side), WEIGHTED) if "W" in arrays else ("norm", NORM)
    tensors = {role: from_numpy(arrays[array]) for array, role in roles.items() if array in arrays}
    if kind == "norm":
        _complete(tensors, name)
    return Part(kind, name, tensors, {role: keys[array] for array, role in roles.items() if array in keys})


def _complete(tensors: dict[str, torch.Tensor], name: str) -> None:
    """A normalisation learnt without scale or without shift gets the one that changes nothing."""
    from torch import ones, zeros

    shapes = {tensor.shape for tensor in tensors.values()}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 1:
        raise ValueError(f"the arrays of {name} do not fit each other")
    if "weight" in tensors or "bias" in tensors:
        tensors.setdefault("weight", ones(shape))
        tensors.setdefault("bias", zeros(shape))


def _kind(name: str, arrays: Mapping[str, np.ndarray], side: Side | None) -> Kind:
    """What a link with a W is; a bias tells a convolution's outputs, else its name may."""
    shape, bias = arrays["W"].shape, arrays.get("b")
    last = name.rpartition("/")[2]
    if len(shape) == 2:
        return "embedding" if bias is None and "embed" in last.lower() else "linear"
    if len(shape) < 2 and bias is None:
        return "prelu"
    if len(shape) != 4:
        raise ValueError(f"{name} has a W with {len(shape)} axes, which is no layer known here")
    outputs, inputs = shape[:2]
    if bias is not None and bias.shape not in ((outputs,), (inputs,)):
        raise ValueError(f"{name} has a bias that does not fit its W")
    if bias is not None and outputs != inputs:
        return "conv" if bias.shape == (outputs,) else "conv_transpose"
    if TRANSPOSED.match(last) and side != "discriminator":  # dc1 may also be a discriminator's first convolution
        return "conv_transpose"
    return "conv" if ORDINARY.match(last) and side == "discriminator" else "convolution"
