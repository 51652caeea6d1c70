"""The DCGAN authors' Theano networks: their kernels, their layers, and dumps that are no such thing."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from ganlab.recovery.stored import StoredNetwork
from ganlab_formats import theano_dcgan
from tests.stored_kit import built, ends_with_flips, refused, with_statistics
from tests.theano_writer import Wrapper, discriminator, generator, pickled, random, write

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    return write(tmp_path / "9_gen_params.jl", generator())


def read(path: Path) -> StoredNetwork:
    return theano_dcgan.load(path).networks[0]


def convolution(pictures: np.ndarray, kernels: np.ndarray, stride: int = 2) -> np.ndarray:
    """What Theano's ``dnn_conv`` computes of (n, c, h, w) and kernels (outputs, c, k, k), zeros around the pictures."""
    pad = kernels.shape[-1] // 2
    padded = np.pad(pictures, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    maps = [[sum(map(_valid, picture, kernel)) for kernel in kernels] for picture in padded]
    return np.array(maps)[:, :, ::stride, ::stride]


def _valid(plane: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return convolve2d(plane, kernel, "valid")


# the real ones


def test_the_authors_networks_are_read_whole(shared_data: Path) -> None:
    folder = shared_data / "checkpoints/svhn32-theano"
    assert theano_dcgan.recognises(folder)
    assert theano_dcgan.recognises(folder / "200_gen_params.jl")
    stored = theano_dcgan.load(folder)
    assert (stored.format, stored.law, stored.eps, len(stored.notes)) == ("theano", "normal", 1e-8, 1)
    assert [network.side for network in stored.networks] == ["generator", "discriminator"]
    assert theano_dcgan.load(folder / "200_discrim_params.jl").networks[1].layers == stored.networks[1].layers
    assert sum(len(part.tensors) for network in stored.networks for part in network.parts) == 18


def test_their_discriminator_takes_the_pictures_of_their_generator_only_as_read(shared_data: Path) -> None:
    """Seen too: house numbers as read, smudges where kernels are not turned. The discriminator was trained on such."""
    stored = theano_dcgan.load(shared_data / "checkpoints/svhn32-theano")
    z = torch.from_numpy(np.random.default_rng(0).standard_normal((500, 100)).astype(np.float32))

    def verdict(turn: bool) -> float:
        made = built(stored.networks[0])
        for layer in made.modules() if turn else ():
            if isinstance(layer, torch.nn.ConvTranspose2d):
                layer.weight.data = layer.weight.data.flip(2, 3)
        with torch.no_grad():
            pictures = with_statistics(made, z)(z)
            assert pictures.shape == (500, 3, 32, 32)
            return float(built(stored.networks[1]).train()(pictures).mean())

    assert verdict(turn=False) > verdict(turn=True) + 5


# kernels and layers, against convolutions of another library


def test_a_discriminator_convolves(tmp_path: Path) -> None:
    arrays = discriminator()
    network = built(read(write(tmp_path / "d.jl", arrays)))
    pictures = random(2, 3, 16, 16)
    with torch.no_grad():
        maps = network[0](torch.from_numpy(pictures))
        logits = network(torch.from_numpy(pictures))
    np.testing.assert_allclose(maps, convolution(pictures, arrays[0]), atol=1e-4)
    assert logits.shape == (2, 1)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_generator_undoes_convolutions(tmp_path: Path, stride: int) -> None:
    """A transposed convolution is the convolution's adjoint: <conv(x), y> = <x, deconv(y)> for all x and y."""
    size = 5 if stride == 2 else 3
    kernels = random(8, 4, size, size)
    blocks = [random(8, 8, 3, 3), random(8), random(8)] if stride == 1 else []  # 3x3 kernels: every second has stride 1
    arrays = [random(7, 128), *blocks, kernels, random(4), random(4), random(4, 3, size, size)]
    network = built(read(write(tmp_path / "g.jl", arrays)))
    deconv = next(layer for layer in network if getattr(layer, "out_channels", None) == 4)
    y = random(2, 8, 4, 4)
    with torch.no_grad():
        out = deconv(torch.from_numpy(y)).numpy()
    assert out.shape == (2, 4, 4 * stride, 4 * stride)
    x = random(*out.shape)
    assert np.vdot(convolution(x, kernels, stride), y) == pytest.approx(np.vdot(x, out), rel=1e-4)


def test_layers_and_order(dump: Path) -> None:
    write(dump.with_name("9_discrim_params.jl"), discriminator())
    made, judge = theano_dcgan.load(dump.parent).networks
    assert [table["kind"] for table in made.layers] == (
        ["linear", "batch_norm", "relu", "reshape", "conv_transpose", "batch_norm", "relu", "conv_transpose", "tanh"]
    )
    assert made.layers[3]["shape"] == [8, 4, 4]
    assert [table["kind"] for table in judge.layers] == (
        ["conv", "leaky_relu", "conv", "batch_norm", "leaky_relu", "flatten", "linear"]
    )
    z = torch.from_numpy(random(3, 7))
    with torch.no_grad():
        first = built(made)[0](z)
    np.testing.assert_allclose(first, random(3, 7) @ generator()[0], atol=1e-4)
    assert all("mean" not in part.tensors for part in made.parts)


def test_the_imagenet_networks_strides(tmp_path: Path) -> None:
    """Six convolutions of 3x3: strides 2, 1, 2, 1, 2, 1, backwards in the discriminator."""
    up, down = [random(5, 32)], []
    for number in range(6):
        norm = [random(2), random(2)]
        up += [random(2, 2 if number < 5 else 3, 3, 3), *(norm if number < 5 else [])]
        down += [random(2, 2 if number else 3, 3, 3), *(norm if number else [])]
    made = read(write(tmp_path / "g.jl", up))
    judge = read(write(tmp_path / "d.jl", [*down, random(32, 1)]))
    assert [table["stride"] for table in made.layers if "stride" in table] == [2, 1, 2, 1, 2, 1]
    assert [table["stride"] for table in judge.layers if "stride" in table] == [1, 2, 1, 2, 1, 2]
    with torch.no_grad():
        pictures = built(made)(torch.zeros(2, 5))
        assert pictures.shape == (2, 3, 32, 32)
        assert built(judge)(pictures).shape == (2, 1)
    assert theano_dcgan.load(tmp_path / "g.jl").law == "uniform"


# what is refused


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch ran",)


def test_no_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for content in (Evil(), [Evil()], [Wrapper("a.npy"), Evil()]):
        path = tmp_path / "evil.jl"
        path.write_bytes(pickled(content))
        refused(theano_dcgan.load, path, "could run code")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "name", ["../a.npy", "/a.npy", "sub/a.npy", "..\\a.npy", "C:a.npy", "a.txt", "a\n.npy", "\x00.npy"]
)
def test_names_lead_nowhere_else(tmp_path: Path, name: str) -> None:
    refused(theano_dcgan.load, write(tmp_path / "d.jl", discriminator(), [name]), "which is no array's")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"a": Wrapper("a.npy")}, "does not hold a list"),
        ([1.0], "more than a list"),
        ([None], "something else than arrays"),
        ([Wrapper("a.npy"), Wrapper("a.npy")], "twice"),
        ([np.ndarray], "something else than arrays"),
        ([Wrapper("missing.npy")], "which is not there"),
        ((Wrapper("a.npy"),), "more than a list"),
        ([], "no generator and no discriminator"),
    ],
)
def test_other_pickles_are_refused(tmp_path: Path, content: Any, words: str) -> None:
    path = tmp_path / "a.jl"
    path.write_bytes(pickled(content))
    refused(theano_dcgan.load, path, words)


def test_absurd_memory_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.jl"
    path.write_bytes(b"\x80\x02]r\xff\xff\xff\x7f.")  # remembers a list under number 2147483647
    refused(theano_dcgan.load, path, "more than a list")
    path.write_bytes(b"\x80\x02" + b"]" * (1 << 20))
    refused(theano_dcgan.load, path, "too large")


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        npy(np.array([Evil()], dtype=object)),
        npy(np.zeros((7, 128), np.int32)),
        npy(np.zeros((7, 128), np.float32)) + b"more",
        npy(np.zeros((7, 128), np.float32)).replace(b"(7, 128)", b"(7, 999)"),
        npy(np.zeros((7, 128), np.float32)).replace(b"(7, 128)", b"(-7,128)"),
        npy(np.zeros((7, 128), np.float32)).replace(b"(7, 128), }", b"(7, 128,"),
        b"PK\x03\x04" + bytes(100),
        b"",
    ],
)
def test_bad_arrays_are_refused(dump: Path, content: bytes) -> None:
    dump.with_name(dump.name + "_01.npy").write_bytes(content)
    refused(theano_dcgan.load, dump, "array|as long as|floating point")


@pytest.mark.parametrize("which", ["", "_01.npy", "_04.npy"])
def test_every_shorter_file_is_refused(dump: Path, which: str) -> None:
    path = dump.with_name(dump.name + which)
    whole = path.read_bytes()
    for length in sorted({*range(0, min(len(whole), 200), 7), *range(0, len(whole), len(whole) // 20 + 1)}):
        path.write_bytes(whole[:length])
        refused(theano_dcgan.load, dump, "damaged|as long as|cut short|more than a list")


def test_flipped_bytes_never_surprise(dump: Path) -> None:
    assert "refused" in ends_with_flips(theano_dcgan.load, dump, 0x15)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ([random(7, 128), random(128, 64), random(8, 4, 5, 5)], "no generator and no discriminator"),
        ([random(128)], "has the shape"),
        ([random(7, 128), random(128), *generator()[3:]], "gain and a shift"),
        ([random(7, 100), random(100), random(100), *generator()[3:]], "no square maps"),
        ([*generator()[:3], random(8, 4, 5, 5), random(4), random(4), random(5, 3, 5, 5)], "fit together"),
        ([*generator()[:3], random(8, 4, 4, 4), random(4), random(4), random(4, 3, 4, 4)], "did not use"),
        ([*generator()[:3], random(8, 4, 5, 5), random(9), random(9), random(4, 3, 5, 5)], "fit together"),
        ([random(4, 3, 5, 5), random(99, 1)], "no square maps"),
    ],
)
def test_other_layouts_are_refused(tmp_path: Path, arrays: list[np.ndarray], words: str) -> None:
    refused(theano_dcgan.load, write(tmp_path / "a.jl", arrays), words)


def test_a_folder_of_several_generators_is_not_guessed(dump: Path) -> None:
    write(dump.with_name("10_gen_params.jl"), generator())
    assert not theano_dcgan.recognises(dump.parent)
    refused(theano_dcgan.load, dump.parent, "holds 2 files")


def test_other_files_are_not_recognised(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps([1, 2, 3]))
    assert not theano_dcgan.recognises(path)
    assert not theano_dcgan.recognises(tmp_path)
    path.write_bytes(b"")
    assert not theano_dcgan.recognises(path)
