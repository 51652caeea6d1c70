"""PyTorch's tensors in HDF5."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from ganlab import GanlabError
from ganlab_formats import hdf5_state, keras_files
from tests.stored_kit import KEYS


def test_a_pytorch_state_in_hdf5(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(4, 8), nn.Unflatten(1, (2, 2, 2)), nn.ConvTranspose2d(2, 3, 4), nn.BatchNorm2d(3))
    module.append(nn.PReLU(3))
    path = tmp_path / "generator.h5"
    with h5py.File(path, "w") as file:
        for key, value in module.state_dict().items():
            file[f"model.{key}"] = value.numpy()
    assert hdf5_state.recognises(path)
    assert not keras_files.recognises(path)
    stored = hdf5_state.load(path)
    (network,) = stored.networks
    assert [(part.kind, part.container, part.place) for part in network.parts] == [
        ("linear", "model", 0),
        ("convolution", "model", 2),
        ("norm", "model", 3),
        ("prelu", "model", 4),
    ]
    assert (stored.eps, network.side) == (1e-5, "generator")
    for part in network.parts:
        for role, tensor in part.tensors.items():
            torch.testing.assert_close(tensor, module.state_dict()[f"{part.place}.{KEYS.get(role, role)}"])


def test_tens_come_after_nines(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for number in (10, 9, 2):
            file[f"{number}.weight"] = np.zeros((2, 2), np.float32)
    assert [part.place for part in hdf5_state.load(path).networks[0].parts] == [2, 9, 10]


@pytest.mark.parametrize("part", [0.3, 0.6, 0.99])
def test_truncated_states(part: float, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["0.weight"] = np.zeros((64, 64), np.float32)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(GanlabError):
        hdf5_state.load(path)


def test_real_pytorch_state(shared_data: Path) -> None:
    path = shared_data / "checkpoints" / "mnist32-torch-in-hdf5" / "generator.h5"
    (network,) = hdf5_state.load(path).networks
    assert [part.place for part in network.parts] == [0, 1, 3, 4, 6, 7, 9]
