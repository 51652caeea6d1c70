"""Edited GANs written back into every format: the same networks when read again, and all else as it was."""

from __future__ import annotations

import copy
import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ganlab import Gan, GanlabError, load_gan, save_gan
from ganlab.checkpoints import safetensors, tracing
from ganlab.checkpoints.exporting import export_gan
from ganlab.plugins import host
from ganlab.writing import write_new_files
from ganlab_formats import chainer_links, hdf5_state, keras_files, tf_bundle, tf_checkpoint, theano_dcgan, torch7
from tests import test_formats_tensorflow as tensorflow
from tests import test_formats_theano as theano
from tests import test_formats_torch7 as lua
from tests.door_kit import Generator
from tests.export_kit import changed_everywhere, gan_of, same_networks, with_layers_of
from tests.kit import (
    command,
    one_thread,  # noqa: F401 (a fixture)
)

h5py = pytest.importorskip("h5py")
pytestmark = pytest.mark.usefixtures("one_thread")
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
CHAINER_JUDGE = (
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
    return gan_of(stored, CHAINER, CHAINER_JUDGE)


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


@every_format
def test_what_is_not_edited_is_written_as_it_was(case: Case, tmp_path: Path) -> None:
    bring, opened, name = case
    like = bring(tmp_path)
    exported = export_gan(opened(like), like, tmp_path / "out" / name)
    assert exported.changed == 0
    assert {file.name for file in (tmp_path / "out").iterdir()} == set(exported.files)
    for file in exported.files:
        old, new = tmp_path / renamed(file, like), tmp_path / "out" / file
        assert equal(arrays_in(old), arrays_in(new))
        if old.suffix not in (".keras", ".npz"):  # zips may be packed otherwise
            assert old.read_bytes() == new.read_bytes()


@every_format
def test_every_number_comes_back(case: Case, tmp_path: Path) -> None:
    bring, opened, name = case
    like = bring(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    gan = opened(like)
    if "snapshot" in like.name:  # what its discriminator's norm does without is no number of the file
        edited = changed_everywhere(gan, "conv.weight")
    elif "params" in like.name:  # it holds no statistics
        edited = changed_everywhere(changed_everywhere(gan, "weight"), "bias")
    else:
        edited = changed_everywhere(gan)
    assert not same_networks(gan, edited, 1e-3)
    exported = export_gan(edited, like, tmp_path / "out" / name)
    assert exported.changed > 2
    assert same_networks(opened(tmp_path / "out" / name), edited)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()} == before
    for file in exported.files:
        old, new = arrays_in(tmp_path / renamed(file, like)), arrays_in(tmp_path / "out" / file)
        assert list(old) == list(new)
        for array in old:
            assert getattr(old[array], "dtype", None) == getattr(new[array], "dtype", None)
            assert np.shape(old[array]) == np.shape(new[array])
            if "optimizer" in array:
                assert np.array_equal(old[array], new[array])


def test_removed_filters_stay_removed(tmp_path: Path) -> None:
    like = write_t7(tmp_path)
    gan = t7(like)
    edited = gan.without(gan.hidden_layers()[0].name, [1])
    exported = export_gan(edited, like, tmp_path / "new.t7")
    assert (exported.changed, exported.not_stored) == (1, ())
    latents = gan.latents(4)
    assert (t7(tmp_path / "new.t7").generate(latents) - edited.generate(latents)).abs().max() <= 1e-6


# against what the format's own writer makes of the same numbers


@pytest.mark.parametrize("element", ["Float", "Double"])
def test_torch7_as_it_would_have_written(tmp_path: Path, element: str) -> None:
    like = lua.save(tmp_path / "net.t7", lua.lua_generator(), element=element)
    edited = changed_everywhere(t7(like), "bias")
    export_gan(edited, like, tmp_path / "new.t7")
    modules = lua.lua_generator()
    expected = iter([value for name, value in edited.generator.state_dict().items() if name.endswith("bias")])
    for module in modules_of(modules):
        if module.fields.get("bias") is not None:
            module.fields["bias"] = next(expected).numpy()
    lua.save(tmp_path / "expected.t7", modules, element=element)
    assert (tmp_path / "new.t7").read_bytes() == (tmp_path / "expected.t7").read_bytes()


def modules_of(module: lua.Lua) -> list[lua.Lua]:
    inside = module.fields.get("modules", {}).values()
    return [module, *(one for child in inside for one in modules_of(child))]


@pytest.mark.parametrize(("dtype", "number"), [("<f4", 1), ("<f8", 2), ("<f2", 19)])
def test_tensorflow_as_it_would_have_written(tmp_path: Path, dtype: str, number: int, monkeypatch: Any) -> None:
    entry = tensorflow.entry
    monkeypatch.setattr(tensorflow, "entry", lambda values, *place: entry(values, *place, dtype=number))
    before = {f"layer{place}/kernel": values.astype(dtype) for place, values in enumerate(tensors())}
    after = {name: values * 2 if name != "layer1/kernel" else values for name, values in before.items()}
    prefix = tensorflow.write(tmp_path / "model", before, shards=2)
    tensorflow.write(tmp_path / "new", after, shards=2)
    files = tf_checkpoint.rewrite(prefix, "new", lambda name, values: after[name])
    assert files == {name: (tmp_path / name).read_bytes() for name in files}
    assert list(files)[-1] == "new.index"


def tensors() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.normal(size=size) for size in ((4, 4, 3, 9), (7,), (0,), (300, 5), (300,), (300,), (300,))]


def test_bfloat16_is_rounded_as_torch_rounds() -> None:
    values = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    ours = np.frombuffer(tf_bundle._packed(values.numpy(), tf_bundle.BFLOAT16), "<i2")
    assert np.array_equal(ours, values.bfloat16().view(torch.int16).numpy())


def test_theano_dumps_name_their_new_files(tmp_path: Path) -> None:
    like = write_dumps(tmp_path)
    exported = export_gan(dumps(like), like, tmp_path / "without windows é_gen_params.jl")
    assert len(exported.files) == 7 + 5 + 2
    assert all(name.startswith("without windows é_") for name in exported.files)
    assert {name.rpartition(".")[0] for name in exported.not_stored} == {"up4.norm", "up8.norm", "down4.norm"}
    for file in tmp_path.glob("9_*"):
        file.unlink()
    assert len(theano_dcgan.load(tmp_path / "without windows é_gen_params.jl").networks) == 2


def test_precision_of_what_is_not_edited_is_kept(tmp_path: Path) -> None:
    like = write_state(tmp_path)
    gan = torch_hdf5(like)
    edited = copy.deepcopy(gan)
    edited.generator.state_dict()["output.conv.weight"][0, 0, 0, 0] = 3
    export_gan(edited, like, tmp_path / "new.h5")
    old, new = arrays_in(like)["main.6.weight:"], arrays_in(tmp_path / "new.h5")["main.6.weight:"]
    assert new.dtype == np.float64
    assert np.argwhere(old != new).tolist() == [[0, 0, 0, 0]]
    assert new[0, 0, 0, 0] == 3


def test_a_format_that_somebody_else_brings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The one in docs/plugins.md."""
    page = (Path(__file__).parents[1] / "docs/plugins.md").read_text(encoding="utf-8")
    (example,) = [text for text in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "def rewrite" in text]
    (tmp_path / "somebodys.py").write_text(example)
    draw = torch.Generator().manual_seed(0)
    sizes = {"0.weight": (32, 8), "0.bias": (32,), "1.weight": (256, 32), "1.bias": (256,)}
    before = {key: torch.randn(size, generator=draw) / 4 for key, size in sizes.items()}
    save_file(before, tmp_path / "net.matrices")

    def run(*words: object) -> None:
        try:
            ended = command(capsys, "--plugin", tmp_path / "somebodys.py", "checkpoints", *words)
        finally:
            host.cache_clear()  # of the next command, and the next test
        assert ended.code == 0, ended.err

    said = ("--z", "normal", "--activation", "relu", "--output", "tanh", "--image-size", "16")
    run("convert", tmp_path / "net.matrices", "--out", tmp_path / "mine", *said)
    gan = load_gan(str(tmp_path / "mine"))
    save_gan(gan.without("dense1.act", [1, 5]), tmp_path / "edited")
    run("export", tmp_path / "edited", "--like", tmp_path / "net.matrices", "--out", tmp_path / "new.matrices")
    after = load_file(tmp_path / "new.matrices")
    before["1.weight"][:, [1, 5]] = 0
    assert all(torch.equal(after[key], values) for key, values in before.items())


# tracing


def test_every_number_is_found_wherever_a_reader_puts_it() -> None:
    """70,000 numbers in half precision, turned and cut; what is computed is none of them."""
    random = np.random.default_rng(0)
    arrays = {"a": random.normal(size=(200, 300)).astype(np.float16), "b": random.normal(size=10_000)}

    def rewrite(change: tracing.Change) -> dict[str, bytes]:
        return {key: change(key, values).astype(values.dtype).tobytes() for key, values in arrays.items()}

    def read(files: Mapping[str, bytes]) -> tracing.Tensors:
        a = np.frombuffer(files["a"], np.float16).reshape(200, 300).astype(np.float32)
        b = np.frombuffer(files["b"], np.float64).astype(np.float32)
        found = {"turned": a.T[::-1].copy(), "cut": b[100:200].copy(), "joined": np.concatenate([b[:2], a[0, :2]])}
        found |= {"ones": np.ones(5, np.float32), "zeros": np.zeros(5, np.float32), "fives": np.full(5, 5, np.float32)}
        found |= {"sum": b[:50] + b[50:100], "inverse": b[:50] ** -2, "none": b[:5] * np.float32(np.nan)}
        return {("generator", name): torch.from_numpy(values) for name, values in found.items()}

    places = {name: values.numpy() for (_, name), values in tracing.trace(rewrite, read).items()}
    count = np.arange(60_000).reshape(200, 300)
    assert np.array_equal(places["turned"], count.T[::-1])
    assert np.array_equal(places["cut"], 60_000 + np.arange(100, 200))
    assert places["joined"].tolist() == [60_000, 60_001, 0, 1]
    for computed in ("ones", "zeros", "fives", "sum", "inverse", "none"):
        assert (places[computed] == tracing.NOWHERE).all(), computed


# what is refused


def refused(gan: Gan, like: Path, out: Path, words: str) -> GanlabError:
    before = sorted(out.parent.iterdir())
    with pytest.raises(GanlabError, match=words) as caught:
        export_gan(gan, like, out)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert sorted(out.parent.iterdir()) == before
    return caught.value


def test_a_change_of_what_the_reader_filled_in(tmp_path: Path) -> None:
    like = fixture("chainer-snapshot.npz")(tmp_path)
    edited = chainer(like)
    edited.discriminator.state_dict()["down2.norm.weight"].mul_(2)
    refused(edited, like, tmp_path / "new.npz", "'down2.norm.weight' was computed from what the file holds")


def test_a_change_of_what_was_computed(tmp_path: Path) -> None:
    """The first version of Torch7's norms kept 1 / sqrt(variance + eps)."""
    modules = lua.lua_generator()
    for module in modules_of(modules):
        if "running_var" in module.fields:
            variance = module.fields.pop("running_var")
            module.fields["running_std"] = (variance + module.fields["eps"]) ** -0.5
    like = lua.save(tmp_path / "net.t7", modules)
    gan = t7(like)
    refused(changed_everywhere(gan, "running_var"), like, tmp_path / "new.t7", r"'modules.3.running_std' was computed")
    edited = changed_everywhere(gan, "running_mean")
    assert export_gan(edited, like, tmp_path / "new.t7").changed == 2
    assert same_networks(t7(tmp_path / "new.t7"), edited)


def test_files_that_it_did_not_come_from(tmp_path: Path) -> None:
    like = fixture("keras/keras2-generator.h5")(tmp_path)
    gan = keras(like)
    fixture("keras/keras3-functional.h5")(tmp_path)
    fixture("chainer-gen.npz")(tmp_path)
    (tmp_path / "bad.h5").write_bytes(like.read_bytes()[:20_000])
    new = tmp_path / "new.h5"
    refused(gan, tmp_path / "keras3-functional.h5", new, "has no '.*kernel")
    refused(gan, tmp_path / "chainer-gen.npz", new, "holds no config.json")
    refused(gan, tmp_path / "bad.h5", new, "is damaged")
    refused(gan, tmp_path, new, "There is no file")
    refused(gan, tmp_path / "none.h5", new, "There is no file")
    refused(gan, like, like, "already exists")
    assert "keras" in refused(with_source(gan, {}), like, new, "cannot|can be written back").hint
    keys = copy.deepcopy(gan.card.facts["source"])
    del keys["keys"]["generator"]["output.conv.weight"], keys["keys"]["generator"]["output.conv.bias"]
    refused(with_source(gan, keys), like, new, "does not say what 'output.conv.weight' was called")


def with_source(gan: Gan, source: dict[str, Any]) -> Gan:
    changed = copy.deepcopy(gan)
    changed.card.facts["source"] = source  # type: ignore[index]
    return changed


def test_a_number_that_half_precision_cannot_hold(tmp_path: Path) -> None:
    like = lua.save(tmp_path / "net.t7", lua.lua_generator(), element="Half")
    edited = t7(like)
    edited.generator.state_dict()["output.conv.weight"][0] = 1e6
    refused(edited, like, tmp_path / "new.t7", "cannot hold what 'modules.6.weight' has become")


def test_a_pair_of_dumps_keeps_the_ends_of_their_names(tmp_path: Path) -> None:
    like = write_dumps(tmp_path)
    refused(dumps(like), like, tmp_path / "new.jl", "belongs to a pair of dumps")


def test_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of files that belong together all are there in the end, or none is."""
    like = fixture("keras/keras2-alone")(tmp_path)
    gan = tf(like)
    (tmp_path / "new.index").write_bytes(b"mine")
    refused(gan, like, tmp_path / "new", "new.index already exists")
    link, calls = os.link, []

    def full(old: Any, new: Any) -> None:
        calls.append(new)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        link(old, new)

    monkeypatch.setattr("ganlab.writing.os.link", full)
    with pytest.raises(GanlabError, match="No space left"):
        write_new_files(tmp_path / "folder", {"a": b"1", "b": b"2"})
    assert len(calls) == 2
    assert not (tmp_path / "folder").exists()


# real files


def anime(path: Path, real: Path) -> Gan:
    """Of two trainings of one network, saved in two formats, one states the layers."""
    return gan_of(
        with_layers_of(tf_checkpoint.load(path), keras_files.load(real / "anime64-keras-and-tf/generator.h5"))
    )


REAL: dict[str, tuple[str, Callable[[Path, Path], Gan]]] = {
    "keras": ("anime64-keras-and-tf/generator.h5", lambda path, _: keras(path)),
    "keras zip": ("mnist28-keras-zip/generator.keras", lambda path, _: keras(path)),
    "tensorflow": ("anime64-keras-and-tf/generator_weights", anime),
    "theano": ("svhn32-theano/200_gen_params.jl", lambda path, _: dumps(path)),
}


@pytest.mark.parametrize("case", REAL.values(), ids=REAL)
def test_real_files(case: tuple[str, Callable[[Path, Path], Gan]], shared_data: Path, tmp_path: Path) -> None:
    name, opened = case
    like = shared_data / "checkpoints" / name
    gan = opened(like, shared_data / "checkpoints")
    same = export_gan(gan, like, tmp_path / "same" / like.name)
    assert same.changed == 0
    for file in same.files:
        assert equal(arrays_in(like.with_name(file)), arrays_in(tmp_path / "same" / file))
    edited = changed_everywhere(gan, "output.conv.weight")
    assert export_gan(edited, like, tmp_path / "new" / like.name).changed == 1
    assert same_networks(opened(tmp_path / "new" / like.name, shared_data / "checkpoints"), edited)
