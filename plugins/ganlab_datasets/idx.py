"""idx files, as MNIST, Fashion-MNIST, KMNIST and EMNIST have them, packed by gzip or not, with labels beside."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from ganlab import GanlabError, Images

from .damage import AGAIN, check_unpacked, damaged, none_there, unknown_part
from .pixels import Block, PixelImages

if TYPE_CHECKING:
    import numpy as np

# two zeros, the type (8: unsigned bytes), how many dimensions; then each as a big-endian 32-bit number
IMAGES, LABELS = b"\0\0\x08\x03", b"\0\0\x08\x01"
NAME = re.compile(r"(.*?)[-_.]?images([-_.]idx3[-_.]ubyte)?(\.gz)?")
PARTS = {"t10k": "test"}
# of the name of a part: which set it is of, and which part of that
SPLIT = re.compile(r"(.*?)[-_.]?(train|test\d*k?|t10k|val(id(ation)?)?)?")


def recognises(path: Path) -> bool:
    if path.is_dir():
        return bool(_images_in(path))
    return path.is_file() and _magic(path) in (IMAGES, LABELS)


def open_idx(path: Path, part: str) -> Images:
    """The pictures of a file, or of all files of images in a folder; ``part`` chooses one of those."""
    if path.is_dir():
        found = _images_in(path)
    else:
        if _magic(path) == LABELS:
            raise GanlabError(f"{path} holds labels, not pictures.", "Give the file of images, or the folder of both.")
        found = {"": path}
    if not found:
        raise none_there(path, "idx file of images, such as train-images-idx3-ubyte")
    parts = tuple(filter(None, found))
    if part and part not in parts:
        raise unknown_part(path, part, parts)
    if not part and len({_set_of(name) for name in found}) > 1:
        there = ", ".join(parts)
        raise GanlabError(f"{path} holds several sets: {there}.", f"Write {path}:{parts[0]}, or another one of them.")
    chosen = {part: found[part]} if part else found
    labels = {name: _labels_beside(images) for name, images in chosen.items()}
    blocks = [_block(name, images, labels[name]) for name, images in chosen.items()]
    files = [*chosen.values(), *(file for file in labels.values() if file is not None)]
    return PixelImages(files, part, blocks, parts)


def _images_in(folder: Path) -> dict[str, Path]:
    """The files of images in a folder by part, in order; of a packed and an unpacked one, the unpacked."""
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir(), reverse=True):  # x.gz before x
        match = NAME.fullmatch(file.name)
        if match and file.is_file() and _magic(file) == IMAGES:
            found[PARTS.get(match[1], match[1])] = file
    return dict(sorted(found.items(), key=lambda pair: (pair[0] != "train", pair[0])))


def _set_of(part: str) -> str:
    """``emnist-letters`` of ``emnist-letters-train``; empty of ``train``."""
    match = SPLIT.fullmatch(part)
    return match[1] if match else part


def _labels_beside(images: Path) -> Path | None:
    before, _, after = images.name.rpartition("images")
    name = f"{before}labels{after.replace('idx3', 'idx1')}".removesuffix(".gz")
    beside = [images.with_name(name + suffix) for suffix in ("", ".gz")]
    return next((file for file in beside if "images" in images.name and file.is_file()), None)


def _block(part: str, images: Path, labels: Path | None) -> Block:
    pixels = _read(images, IMAGES)
    if not pixels.size:
        raise GanlabError(f"{images} holds no pictures: its shape is {pixels.shape}.", AGAIN)
    if labels is None:
        return Block(part, pixels, None)
    classes = _read(labels, LABELS)
    if len(classes) != len(pixels):
        raise GanlabError(
            f"{images} holds {len(pixels)} pictures, and {labels} beside it labels of {len(classes)}.",
            "Do they belong together? Without the labels beside it the pictures can be opened too.",
        )
    return Block(part, pixels, [str(label) for label in classes.tolist()])


def _read(path: Path, magic: bytes) -> np.ndarray:
    import numpy as np

    what = "idx file of unsigned bytes"
    with damaged(path, what), _opened(path) as file:
        if file.read(4) != magic:
            raise ValueError(f"it does not begin with {magic.hex(' ')}")
        shape = tuple(int(size) for size in np.frombuffer(file.read(4 * magic[3]), ">u4"))
        if len(shape) != magic[3]:
            raise ValueError("it ends within its header")
        needed, start = int(np.prod(shape, dtype=object)), file.tell()
        if not _packed(path):
            if path.stat().st_size != start + needed:
                raise ValueError(f"{needed:,} bytes should follow its header, not {path.stat().st_size - start:,}")
            return np.memmap(path, np.uint8, "r", start, shape) if needed else np.zeros(shape, np.uint8)
        check_unpacked(path, needed)
        content = file.read(needed + 1)
        if len(content) != needed:
            raise ValueError(f"{needed:,} bytes should follow its header, and {len(content):,} do")
        return np.frombuffer(content, np.uint8).reshape(shape)


def _magic(path: Path) -> bytes:
    """The first four bytes, unpacked."""
    try:
        with _opened(path) as file:
            return file.read(4)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return b""


def _packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if _packed(path) else path.open("rb")
