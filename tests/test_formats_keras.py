"""Files of Keras, read without it: networks that draw what Keras draws, and damage that ends in a sentence."""

from __future__ import annotations

import json
import shutil
import struct
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from ganlab import GanlabError, Stored, StoredNetwork
from ganlab.architectures.chain import build_layers
from ganlab_formats import hdf5_state, keras_files
from ganlab_formats.bare_layers import Variable
from ganlab_formats.keras_config import KerasLayer, read_model
from ganlab_formats.keras_layers import translate

FIXTURES = Path(__file__).parent / "fixtures" / "keras"
BUFFERS = {"mean": "running_mean", "variance": "running_var"}


def built(network: StoredNetwork) -> nn.Module:
    """The network of a chain's tables, with the weights of its parts and no others."""
    module = build_layers(network.layers)
    weights = {
        f"{part.name}.{BUFFERS.get(role, role)}": tensor
        for part in network.parts
        for role, tensor in part.tensors.items()
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


# what no chain has


def sequential(*layers: dict[str, Any]) -> dict[str, Any]:
    first = {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [None, 4, 4, 3]}}
    return {"class_name": "Sequential", "config": {"name": "model", "layers": [first, *layers]}}


def of(kind: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": f"my_{kind}", **config}}


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (of("Lambda", function="..."), "Lambda"),
        (of("SeparableConv2D"), "SeparableConv2D"),
        (of("Activation", activation="hard_sigmoid"), "hard_sigmoid"),
        (of("ReLU", max_value=6.0), "bound"),
        (of("UpSampling2D", size=[2, 3]), "size"),
        (of("UpSampling2D", size=[2, 2], interpolation="bicubic"), "bicubic"),
        (of("MaxPooling2D", pool_size=[3, 3], strides=[2, 2], padding="same"), "pool_size"),
        (of("AveragePooling2D", pool_size=[3, 3], strides=[1, 1], padding="same"), "pool_size"),
        (of("Reshape", target_shape=[5, 5]), "target_shape"),
        (of("Reshape", target_shape=[-1, 0, 3]), "target_shape"),
        (of("Reshape", target_shape=[4, 3, 4]), "order"),
        (of("Cropping2D", cropping=[[3, 3], [0, 0]]), "cropping"),
        (of("BatchNormalization", axis=[1], scale=False, center=False), "moving_mean"),
        (of("Dense", units=3, use_bias=False), "kernel"),
    ],
    ids=lambda value: value["class_name"] if isinstance(value, dict) else "",
)
def test_a_layer_that_no_chain_has_is_named(layer: dict[str, Any], says: str) -> None:
    model = read_model(sequential(layer))
    with pytest.raises(GanlabError) as caught:
        translate("model", model.shape, [(one, {}) for _, one in model.layers()])
    assert f"my_{layer['class_name']}" in caught.value.message
    assert says in caught.value.message
    assert caught.value.hint


def test_forks_are_named() -> None:
    nodes = {"a": [], "b": [[["a", 0, 0, {}]]], "c": [[["a", 0, 0, {}]]], "d": [[["b", 0, 0, {}], ["c", 0, 0, {}]]]}
    layers = [
        {"class_name": "InputLayer" if name == "a" else "Add", "config": {"name": name}, "inbound_nodes": node}
        for name, node in nodes.items()
    ]
    config = {"name": "m", "layers": layers, "output_layers": [["d", 0, 0]]}
    with pytest.raises(GanlabError, match="'d'"):
        read_model({"class_name": "Functional", "config": config})


def test_a_class_of_ones_own_is_named() -> None:
    with pytest.raises(GanlabError, match="WGAN"):
        read_model({"class_name": "WGAN", "config": {}})


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


# damage


def refused_or_read(path: Path) -> bool:
    """Whether a file that recognises() takes is refused in a sentence; anything but that or a network is a failure."""
    try:
        found = keras_files.load(path)
    except GanlabError as error:
        return error.message.endswith(".") and bool(error.hint)
    assert isinstance(found, Stored)
    return False


@pytest.mark.parametrize("name", ["keras2-generator.h5", "keras3-valid.keras", "keras3-alone.weights.h5"])
@pytest.mark.parametrize("part", [0.0, 0.001, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_truncated(name: str, part: float, tmp_path: Path) -> None:
    content = (FIXTURES / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: int(len(content) * part)])
    assert refused_or_read(path)


@pytest.mark.parametrize("name", ["keras2-generator.h5", "keras3-valid.keras", "keras3-alone.weights.h5"])
def test_flipped_bytes(name: str, tmp_path: Path) -> None:
    """Flipped weights are weights; all else is refused or makes no difference."""
    content = bytearray((FIXTURES / name).read_bytes())
    random = np.random.default_rng(0)
    path = tmp_path / name
    for place in [*random.integers(0, len(content), 100), *random.integers(0, 4096, 100)]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(random.integers(8))
        path.write_bytes(flipped)
        refused_or_read(path)


@pytest.mark.parametrize("number", [10**6, 10**12, 10**400, -1, 0, 1.5, "2", None, [], [[]], {}, True])
@pytest.mark.parametrize("setting", ["units", "kernel_size", "strides", "target_shape", "filters", "name", "layers"])
def test_absurd_configurations(setting: str, number: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(FIXTURES / "keras3-generator.keras") as archive, zipfile.ZipFile(path, "w") as out:
        config = json.loads(archive.read("config.json"))
        assert mutated(config, setting, number)
        out.writestr("config.json", json.dumps(config))
        out.writestr("model.weights.h5", archive.read("model.weights.h5"))
    refused_or_read(path)


def mutated(entry: Any, setting: str, value: Any) -> bool:
    """Set the first such setting at whatever depth; whether there was one."""
    if isinstance(entry, dict):
        if setting in entry:
            entry[setting] = value
            return True
        return any(mutated(inside, setting, value) for inside in entry.values())
    return isinstance(entry, list) and any(mutated(inside, setting, value) for inside in entry)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("config.json", json.dumps(sequential()))
        out.writestr("model.weights.h5", bytes(1 << 26))
    with pytest.raises(GanlabError, match="far more"):
        keras_files.load(path)


def test_absent_numbers_are_not_allocated(tmp_path: Path) -> None:
    """A data set of 4 TB of which the file holds nothing."""
    path = tmp_path / "a.h5"
    shutil.copy(FIXTURES / "keras2-alone.h5", path)
    with h5py.File(path, "r+") as file:
        layer = file["dense_6"]["dense_6"]
        del layer["kernel:0"]
        layer.create_dataset("kernel:0", shape=(1 << 20, 1 << 20), chunks=(1024, 1024), dtype="f4")
    with pytest.raises(GanlabError, match="far more than a file of its size can hold"):
        keras_files.load(path)


@pytest.mark.parametrize("link", [h5py.ExternalLink("/etc/hostname", "/"), h5py.SoftLink("/dense")])
def test_links_are_not_followed(link: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    shutil.copy(FIXTURES / "keras3-alone.weights.h5", path)
    with h5py.File(path, "r+") as file:
        file["layers"]["more"] = link
    parts = keras_files.load(path).networks[0].parts
    assert len(parts) == len(keras_files.load(FIXTURES / "keras3-alone.weights.h5").networks[0].parts)
    with h5py.File(path, "r+") as file:
        del file["layers"]
        file["layers"] = link
    with pytest.raises(GanlabError):
        keras_files.load(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [("<Q", 0), ("<Q", 5), ("<Q", 1 << 40)],
    ids=["endless", "without a length", "outside"],
)
def test_heaps_of_texts_that_h5py_would_not_survive(field: str, value: int, tmp_path: Path) -> None:
    """The free space at a heap's end says how long it is; h5py goes round for ever if that is nothing."""
    content = bytearray((FIXTURES / "keras2-alone.h5").read_bytes())
    place = content.index(b"GCOL") + 16
    while struct.unpack_from("<H", content, place)[0]:
        place += 16 + -(-struct.unpack_from("<Q", content, place + 8)[0] // 8) * 8
    struct.pack_into(field, content, place + 8, value)
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(GanlabError, match="heap"):
        keras_files.load(tmp_path / "a.h5")


def test_a_text_of_four_gigabytes_is_not_allocated(tmp_path: Path) -> None:
    content = bytearray((FIXTURES / "keras2-alone.h5").read_bytes())
    heap = content.index(b"GCOL")
    place = content.index(struct.pack("<QI", heap, 1))
    struct.pack_into("<I", content, place - 4, (1 << 32) - 1)
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(GanlabError, match="longer than it is"):
        keras_files.load(tmp_path / "a.h5")


def test_groups_in_themselves_end(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    shutil.copy(FIXTURES / "keras3-alone.weights.h5", path)
    with h5py.File(path, "r+") as file:
        file["layers"]["again"] = file["layers"]
    with pytest.raises(GanlabError, match="two places"):
        keras_files.load(path)


def test_other_hdf5_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["pictures"] = np.zeros((2, 3))
    with pytest.raises(GanlabError, match="no weights of Keras"):
        keras_files.load(path)


# PyTorch's tensors in HDF5


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
            torch.testing.assert_close(tensor, module.state_dict()[f"{part.place}.{BUFFERS.get(role, role)}"])


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


def test_real_pytorch_state(shared_data: Path) -> None:
    path = shared_data / "checkpoints" / "mnist32-torch-in-hdf5" / "generator.h5"
    (network,) = hdf5_state.load(path).networks
    assert [part.place for part in network.parts] == [0, 1, 3, 4, 6, 7, 9]
