"""Small whole checkpoints of every format that ganlab opens, for tests that damage them."""

from __future__ import annotations

import io
import pickle
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import nn

from ganlab.checkpoints import save_gan
from ganlab.testing import tiny_gan
from tests import theano_writer as theano
from tests import torch7_writer as torch7
from tests.stored_kit import with_statistics

FIXTURES = Path(__file__).parent / "fixtures"
Z, SIDE = 8, 16


@dataclass(frozen=True)
class Seed:
    """A checkpoint as it was written: its files by name, and which of them is opened ("" for their folder)."""

    format: str
    files: dict[str, bytes]
    opened: str


def generator() -> nn.Module:
    """z (n, 8, 1, 1) -> pictures (n, 3, 16, 16), with a norm that remembers it; as few layers as can be."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.ConvTranspose2d(Z, 6, 4, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.ConvTranspose2d(6, 3, 4, 4),
        nn.Tanh(),
    )
    return with_statistics(network, torch.randn(256, Z, 1, 1))


def discriminator() -> nn.Module:
    """Pictures (n, 3, 16, 16) -> logits (n, 1, 1, 1)."""
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(8, 6, 4, 2, 1),
        nn.BatchNorm2d(6),
        nn.LeakyReLU(0.2),
        nn.Conv2d(6, 1, 4),
    )
    return with_statistics(network, torch.rand(64, 3, SIDE, SIDE) * 2 - 1)


def torch_saved(document: Any, legacy: bool = False) -> bytes:
    """The bytes of ``torch.save``."""
    buffer = io.BytesIO()
    torch.save(document, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


@cache
def state() -> dict[str, torch.Tensor]:
    """The generator's."""
    return generator().state_dict()


def training_state() -> dict[str, Any]:
    """What training scripts keep: both networks, an optimizer, numbers of all kinds."""
    network = generator()
    optimizer = torch.optim.Adam(network.parameters())
    sum(parameter.sum() for parameter in network.parameters()).backward()
    optimizer.step()
    numbers = {"epoch": 3, "losses": [0.5, np.float64(0.25)], "seen": np.arange(3), "args": {"lr": 2e-4, "cuda": True}}
    return {"netG": state(), "netD": discriminator().state_dict(), "optimizerG": optimizer.state_dict(), **numbers}


@cache
def seeds() -> tuple[Seed, ...]:
    """One of every format; the commoner a format, the more of them."""
    in_hdf5 = _hdf5({f"model.{key}": array for key, array in _arrays().items()})
    found = [
        Seed("torch zip", {"generator.pth": torch_saved(state())}, "generator.pth"),
        Seed("torch legacy", {"generator.pth": torch_saved(state(), legacy=True)}, "generator.pth"),
        Seed("training state", {"latest.pt": torch_saved(training_state())}, "latest.pt"),
        Seed("plain pickle", {"generator.pkl": pickle.dumps(_arrays())}, "generator.pkl"),
        Seed("torch hdf5", {"generator.h5": in_hdf5}, "generator.h5"),
        Seed("chainer npz", {"generator.npz": _npz(_chainers())}, "generator.npz"),
        Seed("chainer hdf5", {"generator.h5": _hdf5(_chainers())}, "generator.h5"),
    ]
    found += [
        Seed(name, made, opened)
        for name, make, opened in (
            ("ganlab", _ganlab, ""),
            ("theano", _theano, "9_gen_params.jl"),
            ("torch7", _torch7, "net_G.t7"),
        )
        for made in [_written(make)]
    ]
    for name, file in (
        ("keras hdf5", "keras/keras2-generator.h5"),
        ("keras hdf5", "keras/keras3-alone.weights.h5"),
        ("keras archive", "keras/keras3-generator.keras"),
    ):
        path = FIXTURES / file
        found.append(Seed(name, {path.name: path.read_bytes()}, path.name))
    parts = {path.name: path.read_bytes() for path in (FIXTURES / "keras").glob("keras2-alone.[id]*")}
    return (*found, Seed("tensorflow", parts, "keras2-alone.index"))


def _arrays() -> OrderedDict[str, np.ndarray]:
    return OrderedDict((key, value.numpy()) for key, value in state().items())


def _chainers() -> dict[str, np.ndarray]:
    """The same generator's arrays as Chainer calls them."""
    names = {"0.weight": "dc0/W", "3.weight": "dc1/W", "3.bias": "dc1/b", "1.weight": "bn0/gamma", "1.bias": "bn0/beta"}
    names |= {"1.running_mean": "bn0/avg_mean", "1.running_var": "bn0/avg_var"}
    return {names[key]: array for key, array in _arrays().items() if key in names}


def _npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))  # type: ignore[arg-type]
    return buffer.getvalue()


def _hdf5(arrays: Mapping[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for key, array in arrays.items():
            file[key] = array
    return buffer.getvalue()


def _written(make: Callable[[Path], None]) -> dict[str, bytes]:
    """The files that something writes into a folder."""
    with tempfile.TemporaryDirectory() as name:
        make(Path(name))
        return {path.name: path.read_bytes() for path in sorted(Path(name).rglob("*")) if path.is_file()}


def _ganlab(folder: Path) -> None:
    save_gan(tiny_gan(), folder / "gan")


def _theano(folder: Path) -> None:
    theano.write(folder / "9_gen_params.jl", theano.generator())


def _torch7(folder: Path) -> None:
    torch7.save(folder / "net_G.t7", torch7.lua_generator())
