"""Torch7's files: what is written byte by byte comes back as the same network, and nothing else gets through."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ganlab.recovery.stored import StoredNetwork
from ganlab_formats import torch7
from tests.stored_kit import built, ends_with_flips, refused
from tests.torch7_writer import (
    WIDTH,
    Function,
    Lua,
    Sizes,
    View,
    Writer,
    Z,
    array,
    convolution,
    generator,
    lua_generator,
    norm,
    save,
    sequence,
    settled,
    view,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def read(path: Path) -> StoredNetwork:
    assert torch7.recognises(path)
    return torch7.load(path).networks[0]


def check_same(stored: StoredNetwork, network: nn.Module, inputs: torch.Tensor, atol: float = 1e-5) -> None:
    with torch.no_grad():
        torch.testing.assert_close(built(stored)(inputs), network(inputs), atol=atol, rtol=0)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("long_size", [8, 4])
@pytest.mark.parametrize("element", ["Float", "Double", "Cuda"])
@pytest.mark.parametrize("versions", [True, False])
def test_a_generator_comes_back(tmp_path: Path, long_size: int, element: str, versions: bool) -> None:
    path = save(tmp_path / "net_G.t7", lua_generator(), long_size=long_size, element=element, versions=versions)
    stored = torch7.load(path)
    assert (stored.format, stored.law, len(stored.networks), stored.networks[0].side) == ("torch7", None, 1, None)
    check_same(stored.networks[0], generator(), noise(5, Z))


def test_cudnn_and_half(tmp_path: Path) -> None:
    check_same(read(save(tmp_path / "g.t7", lua_generator("cudnn"))), generator(), noise(5, Z))
    check_same(read(save(tmp_path / "g.t7", lua_generator(), element="Half")), generator(), noise(5, Z), 0.02)


def test_z_as_a_map_of_one_pixel(tmp_path: Path) -> None:
    """dcgan.torch's later networks begin with the convolution and took z as (n, dim, 1, 1)."""
    check_same(read(save(tmp_path / "g.t7", lua_generator(first_view=False))), generator(), noise(5, Z))


def test_a_discriminator_comes_back(tmp_path: Path) -> None:
    network = settled(
        nn.Sequential(
            nn.Conv2d(3, WIDTH, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(WIDTH, 5, 4, 2, 1),
            nn.BatchNorm2d(5),
            nn.MaxPool2d(2),
            nn.Conv2d(5, 1, 2),
            nn.Sigmoid(),
            nn.Flatten(),
        ),
        1,
    )
    first, _, second, bn, _, last, *_ = network
    pool = Lua("nn.SpatialMaxPooling", kW=2, kH=2, dW=2, dH=2, padW=0, padH=0, ceil_mode=False)
    activations = Lua("nn.LeakyReLU", negval=0.2), Lua("nn.Sigmoid")
    lua = sequence(
        convolution(first), activations[0], convolution(second), norm(bn), pool, convolution(last), activations[1]
    )
    lua.fields["modules"][8.0] = view(1, axes=3)
    check_same(read(save(tmp_path / "net_D.t7", lua)), network, noise(3, 3, 16, 16))


def test_linear_layers_and_flat_norms(tmp_path: Path) -> None:
    network = settled(
        nn.Sequential(nn.Linear(Z, 8), nn.BatchNorm1d(8), nn.PReLU(), nn.Unflatten(1, (2, 2, 2)), nn.ELU(0.5)), 2
    )
    linear, bn, prelu, _, _ = network
    modules = [
        Lua("nn.Linear", weight=array(linear.weight), bias=array(linear.bias)),
        norm(bn),
        Lua("nn.PReLU", nOutputPlane=0, weight=array(prelu.weight)),
        Lua("nn.Dropout", p=0.5, v2=True),
        Lua("nn.Reshape", size=Sizes([2, 2, 2])),
        Lua("nn.ELU", alpha=0.5),
    ]
    check_same(read(save(tmp_path / "g.t7", sequence(*modules))), network, noise(4, Z))


def test_what_older_versions_kept_otherwise(tmp_path: Path) -> None:
    network = settled(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)), 3)
    conv, bn = convolution(network[0]), norm(network[1])
    conv.class_name = "nn.SpatialConvolutionMM"
    conv.fields |= {"weight": conv.fields["weight"].reshape(4, 27), "padding": 1}
    del conv.fields["padW"], conv.fields["padH"]
    bn.fields["running_std"] = (bn.fields.pop("running_var") + 1e-5) ** -0.5
    check_same(read(save(tmp_path / "d.t7", sequence(conv, bn))), network, noise(2, 3, 5, 5))


def test_weights_that_share_one_storage(tmp_path: Path) -> None:
    """``getParameters`` makes all weights views into one storage, whose rest must not be taken for theirs."""
    layer = settled(nn.Sequential(nn.Linear(3, 2)), 4)
    base = np.concatenate([[9], array(layer[0].bias), array(layer[0].weight).T.ravel()]).astype(np.float32)
    lua = Lua("nn.Linear", weight=View(base, (2, 3), (1, 2), 3), bias=View(base, (2,), (1,), 1))
    check_same(read(save(tmp_path / "a.t7", sequence(lua))), layer, noise(4, 3))


def test_networks_inside_tables(tmp_path: Path) -> None:
    network, other = lua_generator(), sequence(Lua("nn.Tanh"))
    table = {"epoch": 3, "net": {"G": network, "D": other}, "again": {1: 2.0}, "optim": {"t": 1}, "same": network}
    table["self"] = table
    stored = torch7.load(save(tmp_path / "all.t7", table))
    assert [one.name for one in stored.networks] == ["net.G", "net.D", "same"]
    check_same(stored.networks[0], generator(), noise(2, Z))


@pytest.mark.parametrize("kind", [6, 7, 8])
def test_code_is_skipped(tmp_path: Path, kind: int) -> None:
    network = lua_generator()
    network.fields = {"accUpdate": Function(kind), **network.fields, "hook": Function(kind)}
    check_same(read(save(tmp_path / "g.t7", network)), generator(), noise(2, Z))


# what is refused


def change(**fields: Any) -> Callable[[Lua], None]:
    return lambda lua: lua.fields.update(fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dW": 3}, "different dW and dH"),
        ({"padH": 2}, "different padW and padH"),
        ({"dW": 1.5}, "says 1.5"),
        ({"dW": float("inf")}, "says inf"),
        ({"dW": "two"}, "says 'two'"),
        ({"groups": 2}, "groups"),
        ({"weight": np.zeros(0, np.float32)}, "no weight"),
        ({"weight": np.zeros((2, 2, 2), np.float32)}, "3 axes"),
        ({"weight": View(np.zeros(4, np.float32), (9, 9, 3, 3), (0, 0, 0, 0), 0)}, "repeats"),
    ],
)
def test_convolutions_that_cannot_be_expressed(tmp_path: Path, fields: dict[str, Any], words: str) -> None:
    lua = convolution(nn.Conv2d(2, 3, 4, 2, 1))
    lua.fields |= fields
    refused(torch7.load, save(tmp_path / "a.t7", sequence(lua)), words)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (Lua("nn.Concat", modules={}), r"modules.1 \(nn.Concat\)"),
        (Lua("nn.gModule", modules={}), "nn.gModule"),
        (Lua("nn.Dropout", p=0.5, v2=False), "first version"),
        (view(2, -1), "depends on its input"),
        (Lua("nn.View"), "does not say its size"),
        (Lua("nn.Sequential"), "holds no modules"),
        (Lua("nn.Sequential", modules={1.0: 3.0}), "has no module 1"),
        (Lua("nn.Linear"), "no matrix"),
        (Lua("nn.BatchNormalization"), "do not fit"),
        (Lua("nn.SpatialMaxPooling", kW=2, kH=2, ceil_mode=True), "rounds"),
    ],
)
def test_modules_that_cannot_be_expressed(tmp_path: Path, module: Lua, words: str) -> None:
    refused(torch7.load, save(tmp_path / "a.t7", sequence(module)), words)


def test_other_contents(tmp_path: Path) -> None:
    refused(torch7.load, save(tmp_path / "a.t7", {"loss": 3.0}), "holds no network")
    refused(torch7.load, save(tmp_path / "a.t7", Lua("nn.gModule", modules={})), "nn.gModule")
    refused(torch7.load, save(tmp_path / "a.t7", 3.0), "holds no network")
    (tmp_path / "a.t7").write_bytes(b"4\n1\n3\nV 1\n13\nnn.Sequential\n")
    assert torch7.recognises(tmp_path / "a.t7")
    refused(torch7.load, tmp_path / "a.t7", "text mode")


def test_a_network_inside_itself(tmp_path: Path) -> None:
    network = sequence(Lua("nn.Tanh"))
    network.fields["modules"][2.0] = network
    refused(torch7.load, save(tmp_path / "a.t7", network), "twice")


def test_deep_nesting(tmp_path: Path) -> None:
    tables = b"".join(struct.pack("<4i", 3, number, 1, 0) for number in range(1, 5000))  # each the value of nil
    (tmp_path / "a.t7").write_bytes(tables)
    refused(torch7.load, tmp_path / "a.t7", "deep")
    (tmp_path / "a.t7").write_bytes(struct.pack("<3i", 3, 1, 1) + struct.pack("<2i", 6, 0) * 5000)
    refused(torch7.load, tmp_path / "a.t7", "deep")


def object_bytes(number: int, name: str) -> bytes:
    return struct.pack("<3i", 4, number, 3) + b"V 1" + struct.pack("<i", len(name)) + name.encode()


def tensor_bytes(axes: int, *longs: int, stored: int | None = None) -> bytes:
    """A tensor of sizes, strides and an offset, and the head of a storage of so many numbers, or none."""
    head = object_bytes(1, "torch.FloatTensor") + struct.pack(f"<i{len(longs)}q", axes, *longs)
    if stored is None:
        return head + struct.pack("<i", 0)
    return head + object_bytes(2, "torch.FloatStorage") + struct.pack("<q", stored)


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<3i", 3, 1, 2**31 - 1),
        struct.pack("<3i", 3, 1, -1),
        struct.pack("<2i", 2, 2**31 - 1),
        struct.pack("<2i", 2, -5),
        tensor_bytes(2**31 - 1),
        tensor_bytes(-1),
        tensor_bytes(1, 2**62, 1, 1),
        tensor_bytes(1, 2, 1, 1, stored=2**60),
        tensor_bytes(1, 9, 1, 1, stored=1) + bytes(4),
        tensor_bytes(1, -2, 1, 1, stored=1) + bytes(4),
        tensor_bytes(1, 1, 1, -3, stored=1) + bytes(4),
        object_bytes(1, "tds.Hash") + struct.pack("<2i", 1, 0),
        b"",
        bytes([9, 0, 0, 0]),
    ],
)
def test_absurd_sizes_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.t7").write_bytes(content)
    refused(torch7.load, tmp_path / "a.t7", "damaged|holds no network")


@pytest.mark.parametrize("long_size", [8, 4])
def test_every_shorter_file_is_refused(tmp_path: Path, long_size: int) -> None:
    whole = Writer(long_size).bytes_of(lua_generator())
    path = tmp_path / "a.t7"
    for length in range(0, len(whole), 23):
        path.write_bytes(whole[:length])
        refused(torch7.load, path, "damaged")


def test_flipped_bytes_never_surprise(tmp_path: Path) -> None:
    path = tmp_path / "a.t7"
    path.write_bytes(Writer().bytes_of(sequence(convolution(nn.Conv2d(1, 2, 2)), view(-1), norm(nn.BatchNorm2d(2)))))
    assert ends_with_flips(torch7.load, path, 0x01, 0x80) == {"read", "refused"}


def test_other_files_are_not_recognised(tmp_path: Path) -> None:
    for content in (b"", b"\x80\x02]", b"PK\x03\x04", b"4\n1\n"):
        (tmp_path / "a.bin").write_bytes(content)
        assert not torch7.recognises(tmp_path / "a.bin")
    assert not torch7.recognises(tmp_path)
