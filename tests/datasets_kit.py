"""Files of data sets, laid out byte by byte as their formats say, and what is seen of them."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from ganlab.data import Images
from tests.data_kit import encoded, pixels

TEN = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def python2_pickle(value: Any) -> bytes:
    """As Python 2 pickled dictionaries of texts, numbers, lists and uint8 arrays: protocol 2, texts as bytes."""
    return b"\x80\x02" + _opcodes(value) + b"."


def _opcodes(value: Any) -> bytes:
    if isinstance(value, dict):
        return b"}(" + b"".join(_opcodes(key) + _opcodes(one) for key, one in value.items()) + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(_opcodes, value)) + b"e"
    if isinstance(value, int):
        return b"K" + bytes([value]) if value in range(256) else b"J" + struct.pack("<i", value)
    if isinstance(value, np.ndarray):
        made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\0\x85U\x01btR"
        kind = b"cnumpy\ndtype\n(U\x02u1K\0K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
        shape = b"(" + b"".join(map(_opcodes, value.shape)) + b"t"
        content = b"T" + struct.pack("<i", value.nbytes) + value.tobytes()
        return made + b"(K\x01" + shape + kind + b"\x89" + content + b"tb"
    text = value.encode() if isinstance(value, str) else value
    return b"U" + bytes([len(text)]) + text


def cifar_pixels(seed: int, count: int) -> np.ndarray:
    """uint8 (count, 32, 32, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def cifar_batch(seed: int, count: int, key: str = "labels") -> bytes:
    """A batch whose picture i is of class i modulo ten: a row holds all red, then all green, then all blue."""
    planes = cifar_pixels(seed, count).transpose(0, 3, 1, 2).reshape(count, -1)
    return python2_pickle({"batch_label": "a batch", key: [i % 10 for i in range(count)], "data": planes})


def cifar_files(count: int = 4) -> dict[str, bytes]:
    files = {f"data_batch_{number}": cifar_batch(number, count) for number in range(1, 6)}
    meta = python2_pickle({"num_cases_per_batch": count, "label_names": TEN, "num_vis": 3072})
    return {"batches.meta": meta, **files, "test_batch": cifar_batch(6, count), "readme.html": b"<html>"}


def cifar100_files(count: int = 4) -> dict[str, bytes]:
    fine = python2_pickle({"fine_label_names": [f"fine{i}" for i in range(100)], "coarse_label_names": ["x"] * 20})
    return {"meta": fine, "train": cifar_batch(1, count, "fine_labels"), "test": cifar_batch(2, count, "fine_labels")}


def idx(array: np.ndarray) -> bytes:
    """Two zeros, 8 for unsigned bytes, the number of dimensions, each as a big-endian 32-bit number, the bytes."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def digits(seed: int, count: int, side: int = 28) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side), dtype=np.uint8)


def mnist_folder(folder: Path, packed: bool) -> Path:
    """Seven pictures to learn from, three to test on; picture i is a digit i modulo ten."""
    folder.mkdir()
    for name, seed, count in (("train", 1, 7), ("t10k", 2, 3)):
        labels = np.arange(count, dtype=np.uint8)
        for file, array in ((f"{name}-images-idx3-ubyte", digits(seed, count)), (f"{name}-labels-idx1-ubyte", labels)):
            content = idx(array)
            (folder / f"{file}{'.gz' if packed else ''}").write_bytes(gzip.compress(content) if packed else content)
    return folder


def tar_of(path: Path, members: dict[str, bytes], mode: str = "w", format: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, mode, format=format) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def shard(first: int, count: int) -> dict[str, bytes]:
    """WebDataset's files of so many pictures: a .png, and the class in .cls for even ones, in .json for the others."""
    members = {}
    for i in range(first, first + count):
        members[f"{i:06}.png"] = encoded(pixels(i))
        beside = {".cls": str(i % 3).encode()} if i % 2 == 0 else {".json": json.dumps({"label": i % 3}).encode()}
        members |= {f"{i:06}{ending}": content for ending, content in beside.items()}
    return members


def shows(images: Images, i: int, index: int) -> bool:
    """Whether picture ``i`` is that of `pixels` with this index."""
    return bool((np.asarray(images.picture(i)) == pixels(index)).all())


def survives_a_process(images: Images) -> bool:
    """Whether another process that gets it as a pickle reads the same last picture."""
    script = (
        "import pickle, sys; images = pickle.loads(sys.stdin.buffer.read());"
        "sys.stdout.buffer.write(images.array(len(images) - 1, 16, 3).tobytes())"
    )
    run = subprocess.run([sys.executable, "-c", script], input=pickle.dumps(images), capture_output=True, check=True)
    return run.stdout == images.array(len(images) - 1, 16, 3).tobytes()
