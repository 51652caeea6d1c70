"""CRC-32C (Castagnoli), the checksum in TensorFlow's checkpoints, over all of a tensor at once.

A checksum is linear in the data: the data are cut into equally long lanes whose checksums go side by side, and the
checksum of two lanes in a row is the first's, moved on by the second's length, plus the second's.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed
LANE = 256  # bytes
MASK_DELTA = 0xA282EAD8


def masked(data: bytes | memoryview) -> int:
    """The checksum as LevelDB's tables and TensorFlow's bundles store it."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF


def crc32c(data: bytes | memoryview) -> int:
    """The checksum of some bytes."""
    import numpy as np

    values = np.frombuffer(data, dtype=np.uint8)
    lanes = len(values) // LANE
    crc = 0xFFFFFFFF
    if lanes:
        whole = _lanes(values[: lanes * LANE].reshape(lanes, LANE))
        crc = whole ^ _moved(crc, lanes * LANE)
    table = _table().tolist()
    for byte in values[lanes * LANE :].tolist():
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _lanes(values: np.ndarray) -> int:
    """The remainder of (lanes, LANE) bytes that follow each other, begun at 0."""
    import numpy as np

    table = _table()
    crcs = np.zeros(len(values), dtype=np.uint32)
    for column in np.ascontiguousarray(values.T):
        crcs = table[(crcs ^ column) & 0xFF] ^ (crcs >> 8)
    length = LANE
    while len(crcs) > 1:
        if len(crcs) % 2:  # zeros in front change nothing
            crcs = np.concatenate([np.zeros(1, np.uint32), crcs])
        crcs = _apply(_zeros(length), crcs[::2]) ^ crcs[1::2]
        length *= 2
    return int(crcs[0])


def _moved(crc: int, length: int) -> int:
    """A remainder after ``length`` more bytes of zero."""
    import numpy as np

    crcs = np.array([crc], dtype=np.uint32)
    bit = 1
    while bit <= length:
        if length & bit:
            crcs = _apply(_zeros(bit), crcs)
        bit *= 2
    return int(crcs[0])


@cache
def _table() -> np.ndarray:
    """What each byte does to the remainder."""
    import numpy as np

    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(POLYNOMIAL), table >> 1)
    return table.astype(np.uint32)


@cache
def _zeros(length: int) -> np.ndarray:
    """(32,): what ``length`` bytes of zero, a power of two, turn each bit of a remainder into."""
    import numpy as np

    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    if length == 1:
        return _table()[bits & 0xFF] ^ (bits >> 8)
    half = _zeros(length // 2)
    return _apply(half, half)


def _apply(columns: np.ndarray, crcs: np.ndarray) -> np.ndarray:
    """A linear map, given by what becomes of each bit, on many remainders."""
    import numpy as np

    result = np.zeros_like(crcs)
    for bit, column in enumerate(columns):
        result ^= np.where((crcs >> np.uint32(bit)) & 1, column, np.uint32(0))
    return result
