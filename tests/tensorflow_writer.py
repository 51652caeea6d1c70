"""Checkpoints as TensorFlow writes them, from their description: protocol buffers in a LevelDB table."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ganlab_formats import tf_bundle
from ganlab_formats.crc32c import masked


def varint(number: int) -> bytes:
    found = b""
    while number >= 0x80:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def block(pairs: Mapping[bytes, bytes], every: int = 16) -> bytes:
    """Keys share what they begin with, but for every 16th, which is whole."""
    content, restarts, last = b"", [], b""
    for number, (key, value) in enumerate(pairs.items()):
        shared = 0
        if number % every == 0:
            restarts.append(len(content))
        else:
            while shared < min(len(key), len(last)) and key[shared] == last[shared]:
                shared += 1
        content += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    content += struct.pack(f"<{len(restarts) or 1}I", *(restarts or [0])) + struct.pack("<I", len(restarts) or 1)
    return content + b"\0" + struct.pack("<I", masked(content + b"\0"))


def table(pairs: Mapping[bytes, bytes], at_once: int = 5) -> bytes:
    content, index = b"", {}
    keys = sorted(pairs)
    for start in range(0, len(keys), at_once):
        some = keys[start : start + at_once]
        piece = block({key: pairs[key] for key in some})
        index[some[-1]] = varint(len(content)) + varint(len(piece) - 5)
        content += piece
    handles = b""
    for piece in (block({}), block(index, every=1)):
        handles += varint(len(content)) + varint(len(piece) - 5)
        content += piece
    return content + handles.ljust(40, b"\0") + struct.pack("<Q", tf_bundle.TABLE_MAGIC)


def entry(values: np.ndarray, offset: int, shard: int = 0, dtype: int = 1, size: int | None = None) -> bytes:
    shape = b"".join(field(2, field(1, side)) for side in values.shape)
    data = values.tobytes()
    message = field(1, dtype) + field(2, shape) + field(3, shard) + field(4, offset)
    return (
        message + field(5, len(data) if size is None else size) + varint(6 << 3 | 5) + struct.pack("<I", masked(data))
    )


def write(prefix: Path, arrays: Mapping[str, np.ndarray], shards: int = 1) -> Path:
    """A checkpoint of names; tensors go to its data files in turn."""
    data = [b""] * shards
    pairs = {b"": field(1, shards)}
    for number, (name, values) in enumerate(arrays.items()):
        shard = number % shards
        pairs[name.encode()] = entry(values, len(data[shard]), shard)
        data[shard] += values.tobytes()
    prefix.with_name(f"{prefix.name}.index").write_bytes(table(pairs))
    for shard, content in enumerate(data):
        prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{shards:05d}").write_bytes(content)
    return prefix


def arrays(**shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
