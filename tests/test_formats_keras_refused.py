"""Files of Keras that hold what no chain has, or that are damaged or hostile, end in a sentence."""

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

from ganlab import GanlabError, Stored
from ganlab_formats import keras_files
from ganlab_formats.keras_config import read_model
from ganlab_formats.keras_layers import translate
from tests.kit import read_or_refused

FIXTURES = Path(__file__).parent / "fixtures" / "keras"


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


# damage


def refused_or_read(path: Path) -> bool:
    """Whether a file that recognises() takes is refused in a sentence; anything but that or a network is a failure."""
    with read_or_refused():
        assert isinstance(keras_files.load(path), Stored)
        return False
    return True


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
