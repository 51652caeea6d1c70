"""TensorFlow's checkpoints that were made to hurt: small files that would grow large, or list things twice."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ganlab import GanlabError
from ganlab_formats import tf_bundle, tf_checkpoint
from ganlab_formats.crc32c import masked
from tests.tensorflow_writer import entry, field, table, varint

Pair = tuple[int, bytes, bytes]  # how much of the key before is shared, what follows, and the value


def block(pairs: Sequence[Pair]) -> bytes:
    content = b"".join(
        varint(shared) + varint(len(key)) + varint(len(value)) + key + value for shared, key, value in pairs
    )
    content += struct.pack("<II", 0, 1) + b"\0"
    return content + struct.pack("<I", masked(content))


def of_blocks(blocks: Sequence[bytes], order: Sequence[int]) -> bytes:
    """A table whose block of blocks names these, by their numbers."""
    content, handles = b"", []
    for one in blocks:
        handles.append(varint(len(content)) + varint(len(one) - 5))
        content += one
    of_all = block([(0, b"%06d" % number, handles[one]) for number, one in enumerate(order)])
    footer = varint(0) + varint(0) + varint(len(content)) + varint(len(of_all) - 5)
    return content + of_all + footer.ljust(40, b"\0") + struct.pack("<Q", tf_bundle.TABLE_MAGIC)


def refused(folder: Path, index: bytes, words: str) -> None:
    (folder / "a.index").write_bytes(index)
    with pytest.raises(GanlabError, match=words) as caught:
        tf_checkpoint.load(folder / "a")
    assert caught.value.hint


HEADER: Pair = (0, b"", field(1, 1))


def test_keys_that_grow_on_each_other(tmp_path: Path) -> None:
    """Each is one byte longer than the one before: n bytes of a file would be n * n / 20 of keys."""
    growing = [HEADER, *((number, b"a", b"") for number in range(3000))]
    refused(tmp_path, of_blocks([block(growing)], [0]), "far longer")


def test_more_tensors_than_any_network_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf_bundle, "MOST_TENSORS", 99)
    tensors = {b"": field(1, 1)} | {b"%05d" % number: field(1, 1) for number in range(100)}
    refused(tmp_path, table(tensors), "more than 99 tensors")


def test_blocks_that_are_listed_twice(tmp_path: Path) -> None:
    blocks = [block([HEADER]), block([(0, b"a", b"")])]
    for order in ([0, 1, 1], [1, 0], [0] * 1000):
        refused(tmp_path, of_blocks(blocks, order), "do not follow each other")


def test_tensors_in_the_same_place(tmp_path: Path) -> None:
    """A hundred of the same four megabytes would be four hundred."""
    values = np.ones((2, 3), np.float32)
    (tmp_path / "a.data-00000-of-00001").write_bytes(bytes(100))
    for first, second in ((0, 0), (0, 20), (30, 8)):
        tensors = {b"": field(1, 1), b"a/kernel": entry(values, first), b"b/kernel": entry(values, second)}
        refused(tmp_path, table(tensors), "in the same place")


def test_tensors_beside_each_other(tmp_path: Path) -> None:
    """Empty ones take no place; data files are counted one by one."""
    values, none = np.ones((2, 3), np.float32), np.zeros(0, np.float32)
    tensors = {b"a/kernel": entry(values, 24), b"b/kernel": entry(values, 0), b"c/bias": entry(none, 30)}
    (tmp_path / "a.index").write_bytes(table({b"": field(1, 2), **tensors, b"d/kernel": entry(values, 0, shard=1)}))
    assert len(tf_bundle.open_bundle(tmp_path / "a").entries) == 4


def test_a_checksum_of_zero_which_the_index_leaves_out(tmp_path: Path) -> None:
    """Of proto3, zeros are not written: no new checksum can be put in their place."""
    values = np.frombuffer(with_checksum_zero(b"\0\0\x80\x3f"), np.float32)
    message = entry(values, 0)
    assert masked(values.tobytes()) == 0
    (tmp_path / "a.index").write_bytes(table({b"": field(1, 1), b"a/bias": message[:-5]}))
    (tmp_path / "a.data-00000-of-00001").write_bytes(values.tobytes())
    assert tf_bundle.open_bundle(tmp_path / "a").floats("a/bias")[0] == 1
    assert list(tf_checkpoint.rewrite(tmp_path / "a", "new", lambda key, numbers: numbers))[-1] == "new.index"
    with pytest.raises(GanlabError, match="checksum of a/bias is zero"):
        tf_checkpoint.rewrite(tmp_path / "a", "new", lambda key, numbers: numbers * 2)


def with_checksum_zero(start: bytes) -> bytes:
    """Bytes with four more behind them: every bit of those flips its own bits of the checksum, whatever the others."""

    def rotated(content: bytes) -> int:
        return (masked(content) - masked_zero) % (1 << 32)

    masked_zero = 0xA282EAD8  # what masking adds to the checksum, once turned
    base = rotated(start + bytes(4))
    reached = [(rotated(start + (1 << bit).to_bytes(4, "little")) ^ base, 1 << bit) for bit in range(32)]
    wanted, tail = base ^ -masked_zero % (1 << 32), 0
    for bit in range(32):  # Gauss's elimination over single bits
        pivot = next(pair for pair in reached if pair[0] >> bit & 1)
        reached.remove(pivot)
        reached = [(a ^ pivot[0], b ^ pivot[1]) if a >> bit & 1 else (a, b) for a, b in reached]
        if wanted >> bit & 1:
            wanted, tail = wanted ^ pivot[0], tail ^ pivot[1]
    return start + tail.to_bytes(4, "little")
