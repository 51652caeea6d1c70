"""Latents that keep their names: a seed and an index mean the same z for ever.

Row ``index`` of seed ``seed`` is computed from counter-based random bits (Philox4x32-10, Salmon et al. 2011) whose
key is the seed and whose counter holds the index, so it depends neither on how many rows are drawn nor on the
device, nor on the random generators of numpy or torch, which may change between versions.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ganlab.errors import GanlabError

if TYPE_CHECKING:
    import torch

LARGEST_DIM = 2**14  # of z: a batch of larger ones would not fit into memory
LAWS = ("uniform", "normal", "uniform01")

# Streams keep draws made for different purposes apart even when they share a seed: the counter's second word.
STREAM_LATENTS = 0
STREAM_TRAINING_LATENTS = 1
STREAM_TRAINING_ORDER = 2
STREAM_ANALYSIS = 3
STREAM_TRAINING_LABELS = 4
STREAM_TRAINING_DROPOUT = 5
STREAM_TRAINING_FLIPS = 6
STREAM_TRAINING_NOISE = 7
STREAM_WEIGHTS = 8
FREE_STREAMS = range(10_000, 2**32)  # for plugins of other people; those before are ganlab's own and its plugins'

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def philox(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Philox4x32-10: four random 32-bit words for every counter.

    Args:
        counter: (n, 4) unsigned integers below 2**32.
        key: two integers below 2**32.

    Returns:
        (n, 4) uint32.
    """
    a, b, c, d = (counter[:, column].astype(np.uint64) for column in range(4))
    key_a, key_b = key
    for _ in range(10):
        product_a, product_c = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, b, c, d = (
            (product_c >> _32) ^ b ^ np.uint64(key_a),
            product_c & _LOW,
            (product_a >> _32) ^ d ^ np.uint64(key_b),
            product_a & _LOW,
        )
        key_a, key_b = (key_a + _WEYL[0]) % 2**32, (key_b + _WEYL[1]) % 2**32
    return np.stack([a, b, c, d], axis=1).astype(np.uint32)


def random_bits(seed: int, index: np.ndarray, words: int, stream: int = STREAM_ANALYSIS) -> np.ndarray:
    """Random 32-bit words that belong to ``(seed, index)``, whatever else is drawn.

    Args:
        seed: 0 to 2**64 - 1.
        index: (n,) integers from 0 to 2**63 - 1.
        words: how many words a row gets, 0 to 2**34.
        stream: keeps draws for different purposes apart, 0 to 2**32 - 1; plugins of other people take numbers from
            10000 on, and ganlab and its own plugins those below.

    Returns:
        (n, words) uint32.

    Raises:
        GanlabError: a seed or an index out of range.
        TypeError: an index that is no integer.
        ValueError: ``words`` or ``stream`` out of range.
    """
    seed = operator.index(seed)  # also of numpy's integers, which overflow below
    if not 0 <= seed < 2**64:
        raise GanlabError(f"The seed must lie between 0 and 2**64 - 1, not {seed}.", "Try --seed 0.")
    if not 0 <= words <= 2**34:
        raise ValueError(f"words must lie between 0 and 2**34, not {words}")
    if not 0 <= stream < 2**32:
        raise ValueError(f"a stream lies between 0 and 2**32 - 1, not {stream}")
    index = _checked(index)
    blocks = -(-words // 4)
    counter = np.empty((len(index), blocks, 4), dtype=np.uint64)
    counter[..., 0] = np.arange(blocks, dtype=np.uint64)
    counter[..., 1] = stream
    counter[..., 2] = (index.astype(np.uint64) & _LOW)[:, None]
    counter[..., 3] = (index.astype(np.uint64) >> _32)[:, None]
    bits = philox(counter.reshape(-1, 4), (seed & 0xFFFFFFFF, seed >> 32))
    return bits.reshape(len(index), blocks * 4)[:, :words]


def _checked(index: np.ndarray | list[int]) -> np.ndarray:
    """The same indices as int64."""
    given = np.asarray(index)
    if not given.size:
        return given.astype(np.int64)
    if given.dtype.kind not in "iuO":
        raise TypeError(f"indices are integers, not {given.dtype}")
    if given.min() < 0:
        raise GanlabError("A latent's index cannot be negative.", "Indices count from 0.")
    if given.max() >= 2**63:
        raise GanlabError("A latent's index goes up to 2**63 - 1.", "Indices count from 0.")
    return given.astype(np.int64)


def shuffled(rows: np.ndarray | int, seed: int, stream: int = STREAM_ANALYSIS) -> np.ndarray:
    """Rows in an order that belongs to the seed; each finds its place by bits of its own, whatever else is shuffled.

    Args:
        rows: (n,) integers from 0 to 2**63 - 1, or a count n, which means 0 to n - 1.
        seed: 0 to 2**64 - 1.
        stream: keeps draws for different purposes apart, as for :func:`random_bits`.

    Returns:
        (n,) the same rows.

    Raises:
        GanlabError: a seed or a row out of range.
        TypeError: a row that is no integer.
        ValueError: ``stream`` out of range.
    """
    rows = np.arange(rows) if isinstance(rows, int | np.integer) else np.asarray(rows)
    return rows[np.argsort(random_bits(seed, rows, 1, stream)[:, 0], kind="stable")]


def _uniform(bits: np.ndarray) -> np.ndarray:
    """Uniform on [-1, 1): the upper 24 bits, so that every value is exact in float32."""
    return ((bits >> np.uint32(8)).astype(np.float64) * 2.0**-23 - 1.0).astype(np.float32)


def _normal(bits: np.ndarray) -> np.ndarray:
    """Standard normal by Box and Muller, in float64, from an even number of columns."""
    first, second = (bits[:, half::2].astype(np.float64) + 0.5 for half in (0, 1))
    radius, angle = np.sqrt(-2.0 * np.log(first * 2.0**-32)), 2.0 * np.pi * second * 2.0**-32
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2).reshape(len(bits), -1).astype(np.float32)


def _uniform01(bits: np.ndarray) -> np.ndarray:
    """Uniform on [0, 1)."""
    return ((bits >> np.uint32(8)).astype(np.float64) * 2.0**-24).astype(np.float32)


_DRAWN_AS = {"uniform": _uniform, "normal": _normal, "uniform01": _uniform01}


@dataclass(frozen=True, eq=False, repr=False)
class Latents:
    """Points of Z that know their names.

    Attributes:
        z: (n, dim) float32, on the CPU.
        seed: the seed they were drawn with, or None for points that were computed (a mean, a walk).
        index: (n,) int64, each row's index under that seed.
        labels: (n,) int64 classes for a conditional GAN, or None.
    """

    z: torch.Tensor
    seed: int | None
    index: np.ndarray
    labels: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.z)

    def __repr__(self) -> str:
        drawn = "computed" if self.seed is None else f"seed {self.seed}"
        told = "" if self.labels is None else ", with labels"
        return f"Latents({tuple(self.z.shape)}, {drawn}{told})"

    def __getitem__(self, rows: slice | list[int] | np.ndarray) -> Latents:
        """The chosen rows, names and all."""
        chosen = np.arange(len(self))[rows].copy()  # torch takes no negative strides
        if chosen.ndim != 1:
            raise TypeError("rows of Latents are chosen by a slice, a list or an array, not by one number")
        labels = None if self.labels is None else self.labels[chosen]
        return replace(self, z=self.z[chosen], index=self.index[chosen], labels=labels)


@dataclass(frozen=True)
class Prior:
    """The law z is drawn from. The paper's is uniform on [-1, 1] in 100 dimensions (section 4).

    Attributes:
        dim: dimensions of z.
        law: "uniform" on [-1, 1], "normal" with variance 1, or "uniform01", uniform on [0, 1].
    """

    dim: int = 100
    law: str = "uniform"

    def __post_init__(self) -> None:
        if self.law not in LAWS:
            raise GanlabError(f"There is no prior called {self.law!r}.", f"Choose one of: {', '.join(LAWS)}.")
        if not isinstance(self.dim, int) or not 1 <= self.dim <= LARGEST_DIM:
            raise GanlabError(f"z has from 1 to {LARGEST_DIM} dimensions, not {self.dim!r}.", "The paper's z has 100.")

    def sample(self, n: int, seed: int, first: int = 0, *, stream: int = STREAM_LATENTS) -> Latents:
        """The latents ``first`` to ``first + n - 1`` of a seed.

        Raises:
            GanlabError: a seed beyond 2**64 - 1 or an index beyond 2**63 - 1, or negative ones.
            ValueError: ``stream`` out of range, see :func:`random_bits`.
        """
        if n < 0:
            raise GanlabError(f"There are no {n} latents.", "Ask for at least none.")
        if first + n > 2**63:  # told before so many are listed
            raise GanlabError("A latent's index goes up to 2**63 - 1.", "Indices count from 0.")
        return self.at(np.arange(first, first + n), seed, stream=stream)

    def at(self, index: np.ndarray | list[int], seed: int, *, stream: int = STREAM_LATENTS) -> Latents:
        """The latents with these indices under this seed, in the order given.

        Raises:
            GanlabError: a seed beyond 2**64 - 1 or an index beyond 2**63 - 1, or negative ones.
            TypeError: an index that is no integer.
            ValueError: ``stream`` out of range, see :func:`random_bits`.
        """
        import torch

        index = _checked(index)
        bits = random_bits(seed, index, self.dim + self.dim % 2, stream)
        z = _DRAWN_AS[self.law](bits)[:, : self.dim]
        # a copy in torch's own memory, which is aligned: elsewhere kernels may take another path and round differently
        return Latents(torch.from_numpy(np.ascontiguousarray(z)).clone(), seed, index)

    def between(self, a: torch.Tensor, b: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Points on the way from ``a`` to ``b``: straight in a cube, along the great circle for a normal prior.

        Args:
            a, b: (dim,) or (n, dim).
            t: (steps,) from 0 to 1.

        Returns:
            (steps, dim) or (steps, n, dim); ``a`` and ``b`` themselves at t = 0 and 1.
        """
        import torch

        t = t.reshape(-1, *([1] * a.ndim)).to(a)
        straight = (1 - t) * a + t * b
        if self.law != "normal":
            return straight
        # in float64: near opposite directions float32 would magnify its rounding a thousandfold
        cosine = torch.nn.functional.cosine_similarity(a.double(), b.double(), dim=-1).clamp(-1, 1).unsqueeze(-1)
        angle = torch.arccos(cosine)
        sine = torch.sin(angle)
        along = torch.sin((1 - t) * angle) / sine * a + torch.sin(t * angle) / sine * b
        # where a and b point the same or opposite ways there is no one great circle: stay on the chord
        return torch.where(sine > 1e-4, along.to(a), straight)
