"""Files of Keras, read without it: networks that draw what Keras draws."""

from __future__ import annotations

import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from ganlab import StoredNetwork
from ganlab.architectures.chain import build_layers
from ganlab_formats import keras_files
from ganlab_formats.bare_layers import Variable
from ganlab_formats.keras_config import KerasLayer
from ganlab_formats.keras_layers import translate
from tests.stored_kit import KEYS

FIXTURES = Path(__file__).parent / "fixtures" / "keras"


def built(network: StoredNetwork) -> nn.Module:
    """The network of a chain's tables, with the weights of its parts and no others."""
    module = build_layers(network.layers)
    weights = {
        f"{part.name}.{KEYS.get(role, role)}": tensor for part in network.parts for role, tensor in part.tensors.items()
    }
    wanted = {key for key in module.state_dict() if not key.endswith("num_batches_tracked")}
    assert set(weights) == wanted
    module.load_state_dict(weights, strict=False)
    return module.eval()


def drawn(networks: tuple[StoredNetwork, ...], inputs: np.ndarray) -> np.ndarray:
    """What networks one after the other make of Keras's inputs, in Keras's layout."""
    features = torch.from_numpy(inputs)
    features = features.permute(0, 3, 1, 2) if features.ndim == 4 else features
    with torch.no_grad():
        for network in networks:
            features = built(network)(features)
    return (features.permute(0, 2, 3, 1) if features.ndim == 4 else features).numpy()


@pytest.mark.parametrize(
    "path",
    sorted(path for path in FIXTURES.glob("keras*") if path.suffix in (".h5", ".keras") and "alone" not in path.name),
    ids=lambda path: path.name,
)
def test_draws_what_keras_draws(path: Path) -> None:
    made = np.load(FIXTURES / f"{path.name.split('.')[0]}.npz")
    stored = keras_files.load(path)
    np.testing.assert_allclose(drawn(stored.networks, made["inputs"]), made["outputs"], atol=1e-5, rtol=1e-5)


def test_a_gan_in_one_model_is_two_networks() -> None:
    networks = keras_files.load(FIXTURES / "keras2-gan.h5").networks
    assert [(network.name, network.side) for network in networks] == [
        ("generator", "generator"),
        ("discriminator", "discriminator"),
    ]


def test_parts_are_named_as_their_layers() -> None:
    (network,) = keras_files.load(FIXTURES / "keras3-generator.keras").networks
    tables = {table["name"]: table for table in network.layers}
    assert [part.kind for part in network.parts] == [
        "linear",
        "norm",
        "conv_transpose",
        "norm",
        *["conv_transpose"] * 2,
        "conv",
    ]
    assert all(part.name in tables for part in network.parts)
    assert tables[network.parts[3].name]["eps"] == 0.02
    with zipfile.ZipFile(FIXTURES / "keras3-generator.keras") as archive, archive.open("model.weights.h5") as file:
        root = h5py.File(file)
        part = network.parts[-1]
        np.testing.assert_array_equal(root[part.keys["weight"]][()].transpose(3, 2, 0, 1), part.tensors["weight"])


@pytest.mark.parametrize("name", [key for key in np.load(FIXTURES / "sweep.npz") if "-" in key])
def test_padding_is_tensorflows(name: str) -> None:
    sweep = np.load(FIXTURES / "sweep.npz")
    kind, *numbers, padding = name.split("-")
    kernel, stride, side = map(int, numbers)
    config = {"filters": 1, "kernel_size": [kernel] * 2, "strides": [stride] * 2, "padding": padding, "use_bias": False}
    layer = KerasLayer(kind, "one", config)
    variables = {"kernel": Variable(sweep["kernels"][:kernel, :kernel, None, None], "")}
    network, shape = translate("", (side, side, 1), [(layer, variables)])
    made = drawn((network,), sweep["images"][None, :side, :side, None])
    assert shape[1:] == sweep[name].shape
    np.testing.assert_allclose(made[0, :, :, 0], sweep[name], atol=1e-5)


@pytest.mark.parametrize("name", ["keras2-alone.h5", "keras3-alone.weights.h5"])
def test_weights_alone_are_parts_in_order(name: str) -> None:
    stored = keras_files.load(FIXTURES / name)
    (network,) = stored.networks
    kinds = ["linear", "norm", "conv_transpose", "norm", "conv_transpose", "conv_transpose", "conv"]
    assert [part.kind for part in network.parts] == kinds
    assert network.layers == ()
    assert stored.eps == 1e-3
    assert network.parts[0].settings == {"order": "hwc"}
    assert "rows, columns, maps" in stored.notes[0]
    assert network.parts[2].tensors["weight"].shape == (4, 6, 5, 5)


def test_weights_alone_are_the_same_in_both_layouts() -> None:
    old, new = (
        keras_files.load(FIXTURES / name).networks[0] for name in ("keras2-alone.h5", "keras3-alone.weights.h5")
    )
    for one, other in zip(old.parts, new.parts, strict=True):
        for role in one.tensors:
            torch.testing.assert_close(one.tensors[role], other.tensors[role], rtol=0, atol=0)


def test_channels_first() -> None:
    """The same numbers with maps in front: no features move."""
    random = np.random.default_rng(0)
    dense, kernel = (random.normal(size=shape).astype(np.float32) for shape in [(5, 24), (3, 3, 2, 4)])
    layers = [
        (KerasLayer("Dense", "a", {"units": 24, "use_bias": False}), {"kernel": Variable(dense, "")}),
        (KerasLayer("Reshape", "b", {"target_shape": [4, 2, 3]}), {}),
        (
            KerasLayer(
                "Conv2DTranspose",
                "c",
                {"filters": 2, "kernel_size": 3, "use_bias": False, "data_format": "channels_first"},
            ),
            {"kernel": Variable(kernel, "")},
        ),
        (KerasLayer("Flatten", "d", {"data_format": "channels_first"}), {}),
    ]
    network, shape = translate("", (5,), layers)
    assert shape == (40,)
    torch.testing.assert_close(network.parts[0].tensors["weight"], torch.from_numpy(dense.T))


# real files


def test_real_files_draw(shared_data: Path) -> None:
    folder = shared_data / "checkpoints"
    stored = keras_files.load(folder / "anime64-keras-and-tf" / "generator.h5")
    pictures = drawn(stored.networks, np.random.default_rng(0).normal(size=(8, 128)).astype(np.float32))
    assert pictures.shape == (8, 64, 64, 3)
    steps = np.abs(np.diff(pictures, axis=1)).mean(), np.abs(pictures - pictures[::-1]).mean()
    assert steps[0] < 0.5 * steps[1]  # neighbours in a picture are alike, pictures are not
    digits = keras_files.load(folder / "mnist28-keras-zip" / "generator.keras")
    judge = keras_files.load(folder / "mnist28-keras-zip" / "descriminator.keras")
    assert [network.side for network in (*digits.networks, *judge.networks)] == ["generator", "discriminator"]
    assert drawn((*digits.networks, *judge.networks), np.zeros((2, 50), np.float32)).shape == (2, 1)
