"""Files of PyTorch: no pickle ever runs, and what is wrong with one is told."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganlab.checkpoints import native, save_gan
from ganlab.testing import tiny_gan
from tests.door_kit import refused
from tests.kit import one_thread  # noqa: F401 (a fixture)


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
