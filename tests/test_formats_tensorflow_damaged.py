"""Damaged checkpoints of TensorFlow end in a sentence."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from ganlab import GanlabError, Stored
from ganlab_formats import tf_bundle, tf_checkpoint
from ganlab_formats.crc32c import masked
from tests.kit import read_or_refused
from tests.tensorflow_writer import entry, field, table

FIXTURES = Path(__file__).parent / "fixtures" / "keras"


def copied(folder: Path) -> Path:
    for path in FIXTURES.glob("keras2-alone.*"):
        shutil.copy(path, folder / path.name)
    return folder / "keras2-alone.index"


def refused(path: Path) -> bool:
    with read_or_refused():
        assert isinstance(tf_checkpoint.load(path), Stored)
        return False
    return True


@pytest.mark.parametrize("suffix", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("part", [0.0, 0.01, 0.2, 0.5, 0.8, 0.95, 0.999])
def test_truncated(suffix: str, part: float, tmp_path: Path) -> None:
    index = copied(tmp_path)
    path = tmp_path / f"keras2-alone.{suffix}"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    assert refused(index)


@pytest.mark.parametrize("suffix", ["index", "data-00000-of-00001"])
def test_every_flipped_bit_of_weights_is_found(suffix: str, tmp_path: Path) -> None:
    """Both files have checksums; only the object graph's text and what is after it may change unseen."""
    index = copied(tmp_path)
    path = tmp_path / f"keras2-alone.{suffix}"
    content = path.read_bytes()
    random = np.random.default_rng(0)
    seen = 0
    for place in random.integers(0, len(content), 150):
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(random.integers(8))
        path.write_bytes(flipped)
        seen += refused(index)
    bundle = tf_bundle.open_bundle(FIXTURES / "keras2-alone")
    weights = sum(one.size for one in bundle.entries.values() if one.dtype == 1) / len(content)
    assert seen >= 150 * (0.9 if suffix == "index" else 0.9 * min(weights, 1))


def test_missing_data(tmp_path: Path) -> None:
    index = copied(tmp_path)
    (tmp_path / "keras2-alone.data-00000-of-00001").unlink()
    with pytest.raises(GanlabError, match="missing"):
        tf_checkpoint.load(index)


@pytest.mark.parametrize(
    "message",
    [
        field(1, 1) + field(2, field(2, field(1, 1 << 40))) + field(5, 1 << 42),  # claims 4 TB
        field(1, 1) + field(2, field(2, field(1, 1 << 62)) * 2) + field(5, 24),
        field(1, 1) + field(2, field(2, field(1, 6))) + field(4, 1 << 62) + field(5, 24),
        field(1, 1) + field(2, field(2, field(1, 6))) + field(3, 77) + field(5, 24),
        field(1, 1) + field(2, field(2, field(1, (1 << 64) - 1))) + field(5, 24),
        field(2, b"\xff\xff"),
        b"\x0b",
        b"\x08",
        b"\xff" * 12,
    ],
)
def test_absurd_entries(message: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.data-00000-of-00001").write_bytes(bytes(24))
    (tmp_path / "a.index").write_bytes(table({b"": field(1, 1), b"fc/kernel": message}))
    assert refused(tmp_path / "a")


def test_a_data_file_beside_is_not_left(tmp_path: Path) -> None:
    """No name in an index leads out of the checkpoint's own files."""
    with pytest.raises(GanlabError, match="is missing"):
        tf_checkpoint.load(_with_shard(tmp_path, 1 << 31))


def _with_shard(folder: Path, shard: int) -> Path:
    values = np.zeros((2, 3), np.float32)
    (folder / "a.index").write_bytes(table({b"": field(1, 1), b"fc/kernel": entry(values, 0, shard)}))
    return folder / "a"


def test_compressed_and_big_endian_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.index").write_bytes(table({b"": field(1, 1) + field(2, 1)}))
    with pytest.raises(GanlabError, match="big-endian"):
        tf_checkpoint.load(tmp_path / "a")
    whole = table({b"": field(1, 1)})
    first = whole[: whole.index(struct.pack("<I", 1)) + 4]  # the block's content
    squeezed = first + b"\1" + struct.pack("<I", masked(first + b"\1"))
    (tmp_path / "a.index").write_bytes(squeezed + whole[len(squeezed) :])
    with pytest.raises(GanlabError, match="compressed"):
        tf_checkpoint.load(tmp_path / "a")
