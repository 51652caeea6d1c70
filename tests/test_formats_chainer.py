"""Chainer's checkpoints, as Chainer wrote them (tests/fixtures/make_chainer.py): the same pictures, and no bombs."""

from __future__ import annotations

import builtins
import io
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ganlab.recovery.stored import Part, StoredNetwork
from ganlab_formats import chainer_links
from tests.stored_kit import ends_with_flips, refused

FIXTURES = Path(__file__).parent / "fixtures"
EPS = 2e-5


def parts(network: StoredNetwork) -> dict[str, Part]:
    return {part.name: part for part in network.parts}


def norm(part: Part, features: torch.Tensor) -> torch.Tensor:
    got = part.tensors
    return F.batch_norm(features, got["mean"], got["variance"], got["weight"], got["bias"], eps=EPS)


def pictures(network: StoredNetwork, z: torch.Tensor) -> torch.Tensor:
    """What the fixture's generator computes, with its parts as a reader gave them."""
    got = parts(network)
    h = F.relu(norm(got["bn0"], F.linear(z, got["l0"].tensors["weight"], got["l0"].tensors["bias"])))
    h = h.reshape(-1, 8, 2, 2)
    for number, stride in ((1, 2), (2, 2)):
        dc = got[f"dc{number}"].tensors
        h = F.relu(norm(got[f"bn{number}"], F.conv_transpose2d(h, dc["weight"], dc.get("bias"), stride, 1)))
    return torch.tanh(F.conv_transpose2d(h, got["dc3"].tensors["weight"], got["dc3"].tensors["bias"], 1, 1))


def logits(network: StoredNetwork, images: torch.Tensor) -> torch.Tensor:
    got = parts(network)
    h = F.elu(F.conv2d(images, got["c0"].tensors["weight"], got["c0"].tensors["bias"], 2, 1))
    h = F.elu(norm(got["bn1"], F.conv2d(h, got["c1"].tensors["weight"], got["c1"].tensors["bias"], 2, 1)))
    return F.linear(h.flatten(1), got["l2"].tensors["weight"], got["l2"].tensors["bias"])


@pytest.fixture(scope="module")
def seen() -> dict[str, torch.Tensor]:
    """z, pictures and logits as Chainer computed them."""
    with np.load(FIXTURES / "chainer-seen.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays}


def check(made: StoredNetwork, judge: StoredNetwork, seen: Mapping[str, torch.Tensor]) -> None:
    torch.testing.assert_close(pictures(made, seen["z"]), seen["pictures"], atol=1e-5, rtol=0)
    torch.testing.assert_close(logits(judge, seen["pictures"]), seen["logits"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_single_networks(seen: dict[str, torch.Tensor], suffix: str) -> None:
    files = [FIXTURES / f"chainer-{name}.{suffix}" for name in ("gen", "dis")]
    assert all(chainer_links.recognises(file) for file in files)
    (made,), (judge,) = (chainer_links.load(file).networks for file in files)
    check(made, judge, seen)
    assert (made.name, made.side, made.layers) == ("", None, ())


def test_a_snapshot_holds_both(seen: dict[str, torch.Tensor]) -> None:
    path = FIXTURES / "chainer-snapshot.npz"
    assert chainer_links.recognises(path)
    stored = chainer_links.load(path)
    assert (stored.format, stored.law, stored.eps) == ("chainer", None, EPS)
    by_side = {network.side: network for network in stored.networks}
    assert {network.name for network in stored.networks} == {"updater/model:gen", "updater/model:dis"}
    check(by_side["generator"], by_side["discriminator"], seen)


def test_kinds_are_told_by_biases_and_names() -> None:
    made = parts(chainer_links.load(FIXTURES / "chainer-gen.npz").networks[0])
    assert {name: part.kind for name, part in made.items()} == {
        **{"l0": "linear", "bn0": "norm", "bn1": "norm", "bn2": "norm"},
        **{"dc1": "conv_transpose", "dc2": "conv_transpose", "dc3": "conv_transpose"},
    }
    judge = parts(chainer_links.load(FIXTURES / "chainer-dis.npz").networks[0])
    assert {part.kind for name, part in judge.items() if name[0] == "c"} == {"conv"}
    assert set(judge["bn1"].keys) == {"bias", "mean", "variance"}  # its scale is not in the file
    assert torch.equal(judge["bn1"].tensors["weight"], torch.ones(8))
    assert made["dc1"].keys == {"weight": "dc1/W", "bias": "dc1/b"}


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    np.savez(path, **arrays)
    return path


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("shape", "bias", "name", "kind"),
    [
        ((4, 3, 2, 2), 4, "dc1", "conv"),  # a bias knows better than a name
        ((4, 3, 2, 2), 3, "c1", "conv_transpose"),
        ((4, 4, 2, 2), 4, "dc1", "conv_transpose"),
        ((4, 4, 2, 2), 4, "c1", "convolution"),  # in a decoder's block even a transposed one is called c
        ((4, 4, 2, 2), 4, "dis/dc1", "convolution"),  # of a discriminator
        ((4, 4, 2, 2), None, "dis/conv1", "conv"),
        ((4, 4, 2, 2), None, "up", "convolution"),
        ((10, 4), None, "embed", "embedding"),
        ((10, 4), 10, "embed", "linear"),
        ((1,), None, "act", "prelu"),
    ],
)
def test_kinds(tmp_path: Path, shape: tuple[int, ...], bias: int | None, name: str, kind: str) -> None:
    arrays = {f"{name}/W": zeros(*shape)} | ({} if bias is None else {f"{name}/b": zeros(bias)})
    assert chainer_links.load(write(tmp_path / "a.npz", arrays)).networks[0].parts[0].kind == kind


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["predictor/l0", "predictor/dc1"], [("predictor", None, ["l0", "dc1"])]),
        (["gen/l0", "dis/c0", "dis/l1"], [("gen", "generator", ["l0"]), ("dis", "discriminator", ["c0", "l1"])]),
        (
            ["updater/model:main/gen/block/l0", "updater/model:main/gen/l1"],
            [("updater/model:main/gen", "generator", ["block/l0", "l1"])],
        ),
        (["l0"], [("", None, ["l0"])]),
        (["block1/l0", "block2/l0"], [("", None, ["block1/l0", "block2/l0"])]),
    ],
)
def test_networks_and_names(tmp_path: Path, paths: list[str], expected: list[Any]) -> None:
    stored = chainer_links.load(write(tmp_path / "a.npz", {f"{path}/W": zeros(2, 2) for path in paths}))
    assert [(one.name, one.side, [part.name for part in one.parts]) for one in stored.networks] == expected


# what is not its own


def test_data_sets_and_others_are_not_recognised(tmp_path: Path, shared_data: Path) -> None:
    assert not chainer_links.recognises(write(tmp_path / "a.npz", {"images": zeros(3, 4), "W": zeros(2)}))
    assert not chainer_links.recognises(write(tmp_path / "b.npz", {"l0/W/m": zeros(3, 4), "t": zeros(2)}))
    for name in ("anime64-keras-and-tf", "mnist32-torch-in-hdf5", "mnist28-keras-zip"):
        for file in (shared_data / "checkpoints" / name).iterdir():
            assert not chainer_links.recognises(file)
    assert not chainer_links.recognises(tmp_path)


# what is refused


def test_hdf5_without_h5py(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "h5py":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    refused(chainer_links.load, FIXTURES / "chainer-gen.h5", "needs h5py")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"l0/W": np.array([print], dtype=object)}, "floating point|no NumPy"),
        ({"l0/W": np.zeros((2, 2), np.int64)}, "floating point"),
        ({"l0/W": zeros(2, 2, 2)}, "3 axes"),
        ({"l0/W": zeros(2, 3, 1, 1), "l0/b": zeros(9)}, "bias that does not fit"),
        ({"l0/W": zeros(2, 2), "l0/u": zeros(2)}, "spectrally"),
        ({"bn/gamma": zeros(2), "bn/beta": zeros(3)}, "do not fit"),
        ({"images": zeros(2)}, "no network"),
    ],
)
def test_other_contents(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    refused(chainer_links.load, write(tmp_path / "a.npz", arrays), words)


def header(shape: str) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"shape": (1, 1), "fortran_order": False, "descr": "<f4"})
    return file.getvalue().replace(b"(1, 1)", shape.encode())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (header("(9, 9)"), "as long as"),
        (header("(2**9,)"), "damaged"),
        (header("(99999999999999, 9999999999)"), "as long as"),
        (header("(1, 1)") + bytes(8), "as long as"),
        (b"", "damaged"),
        (header("(1, 1)") + bytes(200 << 20), "far more"),
    ],
    ids=["short", "no shape", "absurd", "long", "empty", "a bomb"],  # else their bytes would be the tests' names
)
def test_bad_members(tmp_path: Path, content: bytes, words: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("l0/W.npy", content)
    refused(chainer_links.load, tmp_path / "a.npz", words)


def hdf5(path: Path, fill: Callable[[Any], None]) -> Path:
    import h5py

    with h5py.File(path, "w") as file:
        fill(file)
    return path


def test_bad_data_sets(tmp_path: Path) -> None:
    import h5py

    pytest.importorskip("h5py")
    bomb = hdf5(tmp_path / "a.h5", lambda file: file.create_dataset("l0/W", (1 << 20, 1 << 14), "f4", chunks=(64, 64)))
    refused(chainer_links.load, bomb, "far more")
    none = hdf5(tmp_path / "b.h5", lambda file: file.create_dataset("l0/W", data=h5py.Empty("f4")))
    refused(chainer_links.load, none, "floating point")
    (tmp_path / "secret").write_bytes(bytes(16))
    away = hdf5(
        tmp_path / "c.h5",
        lambda file: file.create_dataset("l0/W", (2, 2), "f4", external=[(str(tmp_path / "secret"), 0, 16)]),
    )
    refused(chainer_links.load, away, "another file")

    def link(file: Any) -> None:
        file["l0"] = h5py.ExternalLink(str(FIXTURES / "chainer-gen.h5"), "l0")

    assert not chainer_links.recognises(hdf5(tmp_path / "d.h5", link))
    refused(chainer_links.load, tmp_path / "d.h5", "no network")


@pytest.mark.parametrize("name", ["chainer-gen.npz", "chainer-dis.h5"])
def test_every_shorter_file_is_refused(tmp_path: Path, name: str) -> None:
    whole = (FIXTURES / name).read_bytes()
    path = tmp_path / name
    for length in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:length])
        refused(chainer_links.load, path, "damaged")


@pytest.mark.parametrize("name", ["chainer-gen.npz", "chainer-dis.h5"])
def test_flipped_bytes_never_surprise(tmp_path: Path, name: str) -> None:
    path = shutil.copy(FIXTURES / name, tmp_path / name)
    assert ends_with_flips(chainer_links.load, path, 0x24, step=path.stat().st_size // 300) == {"read", "refused"}
