"""A file of every format that GANs are written back into: how it comes about, is opened, and what others read in it."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ganlab import Gan
from ganlab.checkpoints import safetensors
from ganlab_formats import chainer_links, hdf5_state, keras_files, tf_checkpoint, theano_dcgan, torch7
from tests import theano_writer as theano
from tests import torch7_writer as lua
from tests.door_kit import Generator
from tests.export_kit import gan_of, with_layers_of

h5py = pytest.importorskip("h5py")
FIXTURES = Path(__file__).parent / "fixtures"
KERAS = FIXTURES / "keras"
Z = 16


def conv(kind: str, name: str, inputs: int, outputs: int, kernel: int, stride: int = 2, **more: Any) -> dict[str, Any]:
    table = {"kind": kind, "name": name, "inputs": inputs, "outputs": outputs, "kernel": [kernel, kernel]}
    return {**table, "stride": stride, "padding": 1, "bias": True, **more}


def norm(name: str, maps: int, **more: Any) -> dict[str, Any]:
    return {"kind": "batch_norm", "name": name, "maps": maps, "eps": 2e-5, **more}


def plain(kind: str, number: int = 0) -> dict[str, Any]:
    return {"kind": kind, "name": f"{kind}{number}"}


UP, DOWN = "conv_transpose", "conv"
CHAINER = (
    {"kind": "linear", "name": "l0", "inputs": 6, "outputs": 32, "bias": True},
    *(norm("bn0", 32, flat=True), plain("relu"), {"kind": "reshape", "name": "reshape", "shape": [8, 2, 2]}),
    *(conv(UP, "dc1", 8, 4, 4), norm("bn1", 4), plain("relu", 1)),
    *(conv(UP, "dc2", 4, 4, 4, bias=False), norm("bn2", 4), plain("relu", 2)),
    *(conv(UP, "dc3", 4, 3, 3, stride=1), plain("tanh")),
)
CHAINER_DISCRIMINATOR = (
    *(conv(DOWN, "c0", 3, 4, 4), plain("elu"), conv(DOWN, "c1", 4, 8, 4), norm("bn1", 8), plain("elu", 1)),
    *(plain("flatten"), {"kind": "linear", "name": "l2", "inputs": 32, "outputs": 1, "bias": True}),
)
STATE = (
    {"kind": "reshape", "name": "reshape", "shape": [Z, 1, 1]},
    *(conv(UP, "main.0", Z, 12, 4, 1, padding=0, bias=False), norm("main.1", 12), plain("relu")),
    *(conv(UP, "main.3", 12, 6, 4, bias=False), norm("main.4", 6), plain("relu", 1)),
    *(conv(UP, "main.6", 6, 3, 4, bias=False), plain("tanh")),
)


def chainer(path: Path) -> Gan:
    stored = chainer_links.load(path)
    return gan_of(stored, CHAINER, CHAINER_DISCRIMINATOR)


def keras(path: Path) -> Gan:
    return gan_of(keras_files.load(path))


def keras_alone(path: Path) -> Gan:
    return gan_of(with_layers_of(keras_files.load(path), keras_files.load(KERAS / "keras2-generator.h5")))


def tf(path: Path) -> Gan:
    return gan_of(with_layers_of(tf_checkpoint.load(path), keras_files.load(KERAS / "keras2-generator.h5")))


def torch_hdf5(path: Path) -> Gan:
    return gan_of(hdf5_state.load(path), STATE)


def flat(path: Path) -> Gan:
    return gan_of(safetensors.load(path), STATE)


def dumps(path: Path) -> Gan:
    return gan_of(theano_dcgan.load(path))


def t7(path: Path) -> Gan:
    return gan_of(torch7.load(path))


def fixture(name: str) -> Callable[[Path], Path]:
    def bring(folder: Path) -> Path:
        for file in (FIXTURES / name).parent.glob(f"{Path(name).name}*"):
            shutil.copy(file, folder)
        return folder / Path(name).name

    return bring


def write_state(folder: Path) -> Path:
    """PyTorch's tensors in HDF5, one of them in double precision, one packed."""
    torch.manual_seed(0)
    with h5py.File(folder / "generator.h5", "w") as file:
        for key, value in Generator().state_dict().items():
            packed = {"chunks": True, "compression": "gzip"} if key == "main.3.weight" else {}
            file.create_dataset(
                key, data=value.numpy().astype("f8" if key == "main.6.weight" else value.numpy().dtype), **packed
            )
        file["main.6.weight"][...] += 1e-12  # what no float32 can hold
    return folder / "generator.h5"


def write_flat(folder: Path) -> Path:
    torch.manual_seed(0)
    tensors = Generator().state_dict()
    save_file({**tensors, "main.6.weight": tensors["main.6.weight"].double()}, folder / "net.safetensors", {"a": "b"})
    return folder / "net.safetensors"


def write_dumps(folder: Path) -> Path:
    theano.write(folder / "9_discrim_params.jl", theano.discriminator())
    return theano.write(folder / "9_gen_params.jl", theano.generator())


def write_t7(folder: Path) -> Path:
    return lua.save(folder / "net_G.t7", lua.lua_generator())


Case = tuple[Callable[[Path], Path], Callable[[Path], Gan], str]
CASES: dict[str, Case] = {
    "keras 2 HDF5": (fixture("keras/keras2-generator.h5"), keras, "new.h5"),
    "keras 2 HDF5, a pair": (fixture("keras/keras2-gan.h5"), keras, "new.h5"),
    "keras 3 HDF5": (fixture("keras/keras3-generator.h5"), keras, "new.h5"),
    "keras 2 zip": (fixture("keras/keras2-generator.keras"), keras, "new.keras"),
    "keras 3 zip, a pair": (fixture("keras/keras3-gan.keras"), keras, "new.keras"),
    "keras weights": (fixture("keras/keras2-alone.h5"), keras_alone, "new.h5"),
    "tensorflow": (fixture("keras/keras2-alone"), tf, "new"),
    "tensorflow's index": (
        lambda folder: fixture("keras/keras3-trained")(folder).with_suffix(".index"),
        tf,
        "new.index",
    ),
    "chainer npz": (fixture("chainer-gen.npz"), chainer, "new.npz"),
    "chainer HDF5": (fixture("chainer-gen.h5"), chainer, "new.h5"),
    "chainer snapshot": (fixture("chainer-snapshot.npz"), chainer, "new.npz"),
    "torch in HDF5": (write_state, torch_hdf5, "new.h5"),
    "safetensors": (write_flat, flat, "new.safetensors"),
    "theano": (write_dumps, dumps, "9_gen_params.jl"),
    "torch7": (write_t7, t7, "new.t7"),
}
every_format = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def arrays_in(path: Path) -> dict[str, Any]:
    """All arrays and other members of a file, by libraries that have nothing to do with ganlab."""
    content = path.read_bytes()
    if content.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            inside = {name: archive.read(name) for name in archive.namelist()}
        if path.suffix == ".keras":
            return {**inside, **hdf5_arrays(io.BytesIO(inside.pop("model.weights.h5")))}
        with np.load(path) as arrays:
            return {name: arrays[name] for name in arrays}
    if content.startswith(b"\x89HDF"):
        return hdf5_arrays(path)
    if path.suffix == ".npy":
        return {"": np.load(path)}
    if path.suffix == ".safetensors":
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return {"": header.pop("__metadata__"), **{key: one["dtype"] for key, one in header.items()}}
    return {"": content}


def hdf5_arrays(source: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def note(name: str, thing: Any) -> None:
        found[name] = {key: str(value) for key, value in thing.attrs.items()}
        if isinstance(thing, h5py.Dataset):
            found[f"{name}:"] = thing[()]

    with h5py.File(source, "r") as file:
        file.visititems(note)
    return found


def renamed(name: str, path: Path) -> str:
    """What a new file's counterpart is called in the folder of ``path``."""
    return name.replace("new", path.name.partition(".")[0], 1)


def equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return list(one) == list(other) and all(np.array_equal(one[name], other[name]) for name in one)


def modules_of(module: lua.Lua) -> list[lua.Lua]:
    inside = module.fields.get("modules", {}).values()
    return [module, *(one for child in inside for one in modules_of(child))]
