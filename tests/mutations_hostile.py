"""Files that were made to hurt: pickles that call functions, that exhaust their reader, archives that are bombs."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import random
import struct
import subprocess
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from tests.mutation_seeds import state, torch_saved

Lot = random.Random
FORMS = ("plain", "zip", "legacy", "inside a state")


class Calls:
    """Pickled, it calls a function when it is opened."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def callings(canary: Path) -> list[Any]:
    """Functions that would write the canary, those of torch and numpy among them that readers may know."""
    shell = f"touch {canary}"
    code = f"open({str(canary)!r}, 'w').write('it ran')"
    inner = pickle.dumps(Calls(os.system, shell))
    return [
        Calls(os.system, shell),
        Calls(builtins.eval, code),
        Calls(builtins.exec, code),
        Calls(builtins.open, str(canary), "w"),
        Calls(subprocess.getoutput, shell),
        Calls(Path.touch, canary),
        Calls(pickle.loads, inner),
        Calls(torch.storage._load_from_bytes, inner),
        Calls(torch._tensor._rebuild_from_type_v2, os.system, str, (shell,), None),
        Calls(torch._utils._rebuild_parameter, Calls(os.system, shell), False, OrderedDict()),
        Calls(torch.save, torch.zeros(1), str(canary)),
        Calls(np.save, str(canary), np.zeros(1)),
        Calls(np.load, str(canary)),
        Calls(torch.hub.load, str(canary.parent), "main"),
    ]


def _code(canary: Path, lot: Lot) -> bytes:
    """A pickle of a call, alone or among weights, in every wrapping in which one comes."""
    call, form = lot.choice(callings(canary)), lot.choice(FORMS)
    if form == "plain":
        return pickle.dumps(lot.choice([call, [call], {"weight": call}]), lot.choice([0, 1, 2, 4, 5]))
    return torch_saved({**state(), "more": call} if form == "inside a state" else call, legacy=form == "legacy")


def in_torch_zip(document: bytes, more: dict[str, bytes] | None = None) -> bytes:
    """A pickle as torch's zip holds it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", document)
        archive.writestr("archive/byteorder", b"little")
        for name, content in (more or {}).items():
            archive.writestr(f"archive/{name}", content)
        archive.writestr("archive/version", b"3\n")
    return buffer.getvalue()


def _opcodes(canary: Path, lot: Lot) -> bytes:
    """Pickles that make their reader nest, remember or allocate without end."""
    name = b"cos\nsystem\n"
    allowed = [b"cnumpy\nndarray\n", b"ctorch\nTensor\n", b"c__builtin__\nbytearray\n", b"ctorch\nSize\n"]
    size = lot.choice([b"J\xff\xff\xff\x7f", b"\x8a\x05" + struct.pack("<q", 2**36)[:5]])
    documents = [
        b"(" * 100_000 + b".",
        b"]" * 100_000 + b"a" * 99_999 + b".",
        b"]" + b"(" + b"]" * 10 + b"r" + struct.pack("<I", 2**31 - 1) + b"e.",
        b"]r" + struct.pack("<I", 2**31 - 1) + b".",
        b"]p" + b"9" * 30 + b"\n.",
        b"Vx\np99999999999\ng99999999999\n.",
        b"X" + struct.pack("<I", 2**31 - 1) + b"abc.",
        b"\x8d" + struct.pack("<Q", 2**62) + b"abc.",
        b"\x8e" + struct.pack("<Q", 2**40) + b"abc.",
        b"\x96" + struct.pack("<Q", 2**36) + b"abc.",
        b"\x95" + struct.pack("<Q", 2**62) + b"].",
        b"\x8b" + struct.pack("<i", 2**30) + b"\x01.",
        b"L" + b"9" * 200_000 + b"L\n.",
        b"I" + b"9" * 200_000 + b"\n.",
        b"(lp0\n" + b"(lp1\ng0\na" * 20_000 + b".",
        b"]q\0" + b"h\0h\0h\0e" + b".",
        b"]q\0(" + b"h\0" * 100_000 + b"e.",
        b"]q\0h\0a.",
        b"}q\0(h\0h\0u.",
        _doubling(),
        lot.choice(allowed) + b"(" + size + b"tR.",
        lot.choice(allowed) + b"((" + size + size + b"ttR.",
        b"c_codecs\nencode\n(Vx\nVzlib_codec\ntR.",
        b"(S'touch x'\nios\nsystem\n.",
        b"X\x02\0\0\0osq\0X\x06\0\0\0systemq\1h\0h\1\x93X\x01\0\0\0x\x85R.",
        name + b"(S'touch x'\ntR.",
        b"\x82\x01.",
        b"." * 1000,
        b"",
    ]
    document = b"\x80\x02" + lot.choice(documents)
    return document if lot.random() < 0.5 else in_torch_zip(document)


def _doubling() -> bytes:
    """A list of a list twice of a list twice ...: 2**60 lists to whoever walks through it."""
    document = b"]q\0"
    for number in range(60):
        document += b"](" + bytes([ord("h"), number, ord("h"), number]) + b"e" + bytes([ord("q"), number + 1])
    return document + b"."


def _storage(canary: Path, lot: Lot) -> bytes:
    """A tensor whose storage, by its pickle, holds more than the record of that name does."""
    count = lot.choice([5, 1000, 2**28, 2**31 - 1])
    key = lot.choice([b"0", b"../../etc/passwd", b"0", b"1"])
    document = (
        b"\x80\x02}X\x06\0\0\0weightctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storage"
        b"ctorch\nFloatStorage\nX" + struct.pack("<I", len(key)) + key + b"X\x03\0\0\0cpuJ" + struct.pack("<i", count)
    )
    document += b"tQK\0J" + struct.pack("<i", count) + b"\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRs."
    return in_torch_zip(document, {"data/0": bytes(16)})


def _zip_bomb(canary: Path, lot: Lot) -> bytes:
    """Members that unpack to a thousand times what they are, or that all are the same one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("archive/data.pkl", "archive/data/0", "gen/l0/W.npy", "config.json", "model.weights.h5"):
            if lot.random() < 0.7:
                archive.writestr(name, bytes(48 << 20))
    content = bytearray(buffer.getvalue())
    if lot.random() < 0.3:  # and say that they are small
        place = content.find(b"PK\1\2")
        content[place + 24 : place + 28] = struct.pack("<I", 100)
    return bytes(content)


def _many_members(canary: Path, lot: Lot) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"archive/data/{number}", b"")
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        archive.writestr("l0/W.npy", b"")
    return buffer.getvalue()


def _tar(canary: Path, lot: Lot) -> bytes:
    """torch's first format was a tar that was unpacked."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("storages", "tensors", "pickle", f"../{canary.name}", str(canary)):
            content = pickle.dumps(Calls(os.system, f"touch {canary}"), 2)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _hdf5(canary: Path, lot: Lot) -> bytes:
    """Data sets that lie elsewhere, in themselves, or nowhere and claim to be huge."""
    buffer = io.BytesIO()
    name = lot.choice(["l0/W", "model.0.weight", "layers/dense/vars/0"])
    kind = lot.choice(["external", "soft", "outside", "huge", "chunks", "packed", "loop", "virtual", "many"])
    with h5py.File(buffer, "w") as file:
        file.attrs["keras_version"] = "2.2.4"
        file["l1/W"] = np.zeros((4, 4), np.float32)
        if kind == "external":
            file[name] = h5py.ExternalLink(str(canary), "/")
        elif kind == "soft":
            file[name] = h5py.SoftLink(f"/{name}")
        elif kind == "outside":
            file.create_dataset(name, (10**6,), "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])
        elif kind == "huge":
            file.create_dataset(name, (10**6, 10**6), "f4", chunks=(1000, 1000))
        elif kind == "chunks":
            file.create_dataset(name, (8, 8), "f4", chunks=(16000, 16000), maxshape=(None, None))
        elif kind == "packed":
            file.create_dataset(name, (4000, 4000), "f4", compression="gzip", data=np.zeros((4000, 4000), "f4"))
        elif kind == "loop":
            file[f"{name}/in"] = file["l1"]
            file["l1/back"] = file["/"]
        elif kind == "virtual":
            layout = h5py.VirtualLayout((10**5,), "f4")
            layout[:] = h5py.VirtualSource(str(canary), "x", (10**5,))
            file.create_virtual_dataset(name, layout)
        else:
            for number in range(3000):
                file[f"{name}{number}/weight"] = np.zeros(1, np.float32)
    return buffer.getvalue()


def _safetensors(canary: Path, lot: Lot) -> bytes:
    """Headers that are larger than the file, nested, or whose tensors overlap."""
    tensor = '{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]}'
    headers = [
        '{"generator.a":' + tensor % (2**40, 2**42) + "}",
        '{"a":' * 50_000,
        "[" * 100_000,
        '{"a":' + tensor % (4, 16) + ',"b":' + tensor % (4, 16) + "}",
        '{"__metadata__":{"x":"' + "y" * 100_000 + '"}}',
    ]
    header = lot.choice(headers).encode()
    size = lot.choice([len(header), 2**62, 2**32, 0])
    return struct.pack("<Q", size) + header + bytes(16)


def _noise(canary: Path, lot: Lot) -> bytes:
    """A beginning that some reader knows, and nothing that follows from it."""
    starts = [b"", b"PK\3\4", b"PK\5\6" + bytes(18), b"\x80\x02", b"\x80\x04", b"\x89HDF\r\n\x1a\n", b"\x93NUMPY\1\0"]
    starts += [
        struct.pack("<3i", 4, 1, 3) + b"V 1",
        struct.pack("<2i", 3, 1),
        b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
    ]
    return lot.choice(starts) + lot.randbytes(lot.choice([0, 10, 300, 20_000]))


FILES: dict[str, Callable[[Path, Lot], bytes]] = {
    "bomb": _zip_bomb,
    "code": _code,
    "hdf5": _hdf5,
    "many members": _many_members,
    "noise": _noise,
    "opcodes": _opcodes,
    "safetensors": _safetensors,
    "storage": _storage,
    "tar": _tar,
}
