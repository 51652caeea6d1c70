"""Files of PyTorch: no pickle ever runs, and what is wrong with one is told."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ganlab import GanlabError
from ganlab.checkpoints import native, pytorch, save_gan
from ganlab.testing import tiny_gan
from tests.door_kit import refused

pytestmark = pytest.mark.usefixtures("one_thread")


class Payload:
    """What a hostile pickle does when it is loaded."""

    def __init__(self, evidence: Path) -> None:
        self.evidence = evidence

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.evidence, "it ran"))


def hostile_files(folder: Path, evidence: Path) -> list[Path]:
    """A pickle that would write a file, in every wrapping in which one comes."""
    payload = Payload(evidence)
    paths = []
    for protocol in (0, 2, 5):
        paths.append(folder / f"pickle{protocol}.pkl")
        paths[-1].write_bytes(pickle.dumps(payload, protocol))
    for name, legacy in (("new.pth", False), ("old.pt", True)):
        paths.append(folder / name)
        torch.save({"weight": torch.zeros(2), "more": payload}, paths[-1], _use_new_zipfile_serialization=not legacy)
    paths.append(folder / "no_suffix")
    paths[-1].write_bytes(pickle.dumps(payload))
    return paths


def test_no_pickle_ever_runs(tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    paths = hostile_files(tmp_path, evidence)
    for path in paths:
        refused(path, "pickles whole objects")
        assert not evidence.exists(), path
        refused(f"pytorch:{path}", "pickles whole objects")
        assert not evidence.exists(), path
    for path in paths:  # under the names of a checkpoint, too
        folder = tmp_path / f"{path.name}-folder"
        save_gan(tiny_gan(), folder)
        (folder / native.WEIGHTS).write_bytes(path.read_bytes())
        refused(folder, "damaged or is no safetensors file")
        assert not evidence.exists(), path
    pickle.loads(paths[0].read_bytes())
    assert evidence.read_text() == "it ran"  # the payload was a live one


def test_pickled_modules_are_told_from_bare_weights(tmp_path: Path) -> None:
    network = nn.Linear(2, 2)
    torch.save(network, tmp_path / "module.pth")
    error = refused(tmp_path / "module.pth", r"whole objects \(torch\.nn\.modules\.linear\.Linear\)")
    assert "state_dict" in error.hint
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    refused(tmp_path / "weights.pth", "2 numbers make no square picture")
    torch.save(network.state_dict(), tmp_path / "old.pkl", _use_new_zipfile_serialization=False)
    refused(tmp_path / "old.pkl", "2 numbers make no square picture")


def test_damaged_pytorch_files_are_told(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save(nn.Linear(50, 50).state_dict(), buffer)
    whole = buffer.getvalue()
    for number, content in enumerate([b"", whole[:10], whole[: len(whole) // 2], b"\x80", b"\x80\x05" + bytes(50)]):
        path = tmp_path / f"{number}.pth"
        path.write_bytes(content)
        refused(path, "damaged")
    with zipfile.ZipFile(tmp_path / "other.pt", "w") as archive:
        archive.writestr("notes.txt", "hello")
    refused(tmp_path / "other.pt", "damaged")


ROOM = {
    "torch FloatTensor": (3000, 500),
    "torch.sparse FloatTensor": (3000, 500),
    "torch.storage TypedStorage": (1 << 20,),
    "torch.storage UntypedStorage": (1 << 20,),
    "builtins bytearray": (1 << 20,),
}


def asking(name: str, numbers: tuple[int, ...], then: bytes) -> bytes:
    """A pickled dictionary whose only value is made by a call."""
    called = b"c" + name.replace(" ", "\n").encode() + b"\n("
    told = b"".join(b"J" + number.to_bytes(4, "little") for number in numbers)
    return b"\x80\x02}(X\x06\x00\x00\x00weight" + called + told + then


def in_parts(document: bytes) -> bytes:
    """As old torch wrote it: pickle after pickle."""
    before = (torch.serialization.MAGIC_NUMBER, 1001, {"protocol_version": 1001, "little_endian": True})
    return b"".join(pickle.dumps(one, 2) for one in before) + document + pickle.dumps([], 2)


def in_a_zip(document: bytes) -> bytes:
    buffer = io.BytesIO()
    torch.save({}, buffer)
    with zipfile.ZipFile(buffer) as whole:
        entries = {entry: whole.read(entry) for entry in whole.namelist()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, document if name.endswith("data.pkl") else content)
    return buffer.getvalue()


def behind_a_zip(document: bytes) -> bytes:
    """One that is a zip to those who look at its end, and none to torch."""
    return in_parts(document) + in_a_zip(pickle.dumps({}, 2))


@pytest.mark.parametrize("then", [b"tRu.", b"tRu\xff"], ids=["whole", "damaged"])
@pytest.mark.parametrize("wrap", [in_parts, in_a_zip, behind_a_zip])
@pytest.mark.parametrize("name", ROOM)
def test_memory_that_a_file_asks_for_and_does_not_fill_is_not_taken(
    tmp_path: Path, name: str, wrap: Any, then: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.pth").write_bytes(wrap(asking(name, ROOM[name], then)))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(GanlabError, match=f"calls {name.replace(' ', '.')}"):
        pytorch.read(tmp_path / "a.pth")


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members:
            archive.writestr(f"archive/{name}", content)
    return buffer.getvalue()


ROOMY, PLAIN = asking("builtins bytearray", (1 << 20,), b"tRu."), pickle.dumps({}, 2)
BESIDE = (("version", b"3\n"), ("byteorder", b"little"))
TWOFOLD = {
    "a decoy": (zipped(("DATA.PKL", ROOMY), *BESIDE, ("zz/data.pkl", PLAIN)), "several data.pkl"),
    "names": (zipped(("DATA.PKL", ROOMY), *BESIDE, ("data.pkl", PLAIN)), "differ by case alone"),
    "versions": (zipped(("data.pkl", PLAIN), *BESIDE, ("VERSION", b"3\n")), "differ by case alone"),
    "shifted": (zipped(("data.pkl", ROOMY)) + zipped(("data.pkl", PLAIN), *BESIDE), "does not lie where it says"),
}


@pytest.mark.parametrize("kind", TWOFOLD)
def test_zips_that_torch_would_read_otherwise_are_refused(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, why = TWOFOLD[kind]
    (tmp_path / "a.pth").write_bytes(content)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(GanlabError, match=f"two faces.*{why}"):
        pytorch.read(tmp_path / "a.pth")


def test_a_pickle_in_capitals_is_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.pth").write_bytes(zipped(("DATA.PKL", ROOMY), *BESIDE))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(GanlabError, match=r"calls builtins\.bytearray"):
        pytorch.read(tmp_path / "a.pth")
    (tmp_path / "a.pth").write_bytes(zipped(("DATA.PKL", pickle.dumps(Payload(tmp_path / "x"), 2)), *BESIDE))
    with pytest.raises(GanlabError, match="pickles whole objects"):
        pytorch.read(tmp_path / "a.pth")
