"""A seed and an index name a latent for ever."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ganlab.errors import GanlabError
from ganlab.latents import (
    STREAM_ANALYSIS,
    STREAM_LATENTS,
    STREAM_TRAINING_LATENTS,
    STREAM_TRAINING_ORDER,
    Latents,
    Prior,
    philox,
    random_bits,
)

pytestmark = pytest.mark.usefixtures("one_thread")

SEEDS = st.integers(0, 2**64 - 1)
INDICES = st.integers(0, 2**63 - 1)
DIMS = st.integers(1, 9)
LAWS = st.sampled_from(["uniform", "normal"])

# Random123's own known answers (kat_vectors, philox4x32 10): counter, key, result
KNOWN_ANSWERS = [
    ([0, 0, 0, 0], (0, 0), [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, (0xFFFFFFFF, 0xFFFFFFFF), [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        (0xA4093822, 0x299F31D0),
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]

# (law, seed, index) -> the first four values of z in 100 dimensions, float32, big-endian hexadecimal
PINNED = {
    ("uniform", 0, 0): "be4ec0c03f42d38a3ef15eb03e5806d8",
    ("uniform", 0, 1): "3d08a2a03f611adcbf61cc803cfe1d40",
    ("uniform", 7, 149): "bf0feff43e0beba8bf6a2ec4be53f180",
    ("uniform", 2**64 - 1, 2**63 - 1): "3f4d66be3f65767abeace9d8bf3b024a",
    ("uniform", 2**32, 2**32): "3e3593f0bf2efb26be493540bf6fd5ee",
    ("normal", 0, 0): "3f7dbb33bf6cb6b0bf1e1b9fbef6d1b2",
    ("normal", 0, 1): "3f88a6cbbed9c6b5c0178cdfbe6d0d85",
    ("normal", 7, 149): "bfcae0b6bf39baeabffff23e3fc2aa80",
    ("normal", 2**64 - 1, 2**63 - 1): "3edd4b69be1574763f7c27073f8e8cd0",
    ("normal", 2**32, 2**32): "3f0faa7d3f5cf15f3fa979233e884366",
}
# SHA-256 of the first 1000 uniform z of seed 0, float32, little-endian
PINNED_THOUSAND = "42e8a19ea34d5623aff1f990eba67648afd347b4f41c6c20d7c41c52d239212f"


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN_ANSWERS)
def test_philox_gives_the_published_answers(counter: list[int], key: tuple[int, int], expected: list[int]) -> None:
    assert philox(np.array([counter], dtype=np.uint64), key).tolist() == [expected]


def test_philox_agrees_with_one_in_plain_integers() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        counter = [int(word) for word in random.integers(0, 2**32, 4)]
        key = [int(word) for word in random.integers(0, 2**32, 2)]
        assert philox(np.array([counter], dtype=np.uint64), (key[0], key[1]))[0].tolist() == _plain_philox(counter, key)


def _plain_philox(counter: list[int], key: list[int]) -> list[int]:
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 % 2**32, (p0 >> 32) ^ c3 ^ k1, p0 % 2**32
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return [c0, c1, c2, c3]


@pytest.mark.parametrize(("law", "seed", "index"), PINNED)
def test_z_is_pinned(law: str, seed: int, index: int) -> None:
    z = Prior(100, law).at([index], seed).z
    assert z.shape == (1, 100)
    assert z.dtype == torch.float32
    assert z[0, :4].numpy().astype(">f4").tobytes().hex() == PINNED[law, seed, index]


def test_a_thousand_z_are_pinned() -> None:
    z = Prior().sample(1000, 0).z.numpy().astype("<f4")
    assert hashlib.sha256(z.tobytes()).hexdigest() == PINNED_THOUSAND


@given(seed=SEEDS, index=INDICES, stream=st.integers(0, 3))
@settings(max_examples=30)
def test_bits_are_philox_keyed_by_the_seed_and_counted_by_the_index(seed: int, index: int, stream: int) -> None:
    key = [seed % 2**32, seed >> 32]
    blocks = [_plain_philox([block, stream, index % 2**32, index >> 32], key) for block in range(2)]
    assert random_bits(seed, np.array([index]), 6, stream)[0].tolist() == [*blocks[0], *blocks[1]][:6]


@given(seed=SEEDS, first=st.integers(0, 2**62), n=st.integers(1, 20), dim=DIMS, law=LAWS, data=st.data())
@settings(max_examples=60)
def test_a_row_depends_on_neither_n_nor_first(
    seed: int, first: int, n: int, dim: int, law: str, data: st.DataObject
) -> None:
    prior = Prior(dim, law)
    many = prior.sample(n, seed, first)
    row = data.draw(st.integers(0, n - 1))
    assert torch.equal(prior.at([first + row], seed).z[0], many.z[row])
    order = data.draw(st.permutations(range(n)))
    assert torch.equal(prior.at([first + other for other in order], seed).z, many.z[order])
    assert many.index.tolist() == list(range(first, first + n))


@given(seed=SEEDS, dim=DIMS, law=LAWS)
@settings(max_examples=30)
def test_fewer_dimensions_are_a_prefix(seed: int, dim: int, law: str) -> None:
    assert torch.equal(Prior(dim, law).sample(3, seed).z, Prior(dim + 1, law).sample(3, seed).z[:, :dim])


def test_seeds_of_numpy_are_seeds() -> None:
    expected = Prior(4).sample(2, 2**31 - 1).z
    for kind in (np.int32, np.int64, np.uint64):
        assert torch.equal(Prior(4).sample(2, kind(2**31 - 1)).z, expected)


def test_global_random_state_is_untouched() -> None:
    torch.manual_seed(3)
    before, numpys = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 (that is the point)
    Prior(100, "normal").sample(10, 0)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numpys)  # noqa: NPY002


def test_uniform_is_uniform() -> None:
    z = Prior(100).sample(4000, 11).z.double().numpy()
    assert z.min() >= -1
    assert z.max() < 1
    assert stats.kstest(z.ravel(), stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert abs(np.corrcoef(z.T) - np.eye(100)).max() < 0.08
    neighbours = np.corrcoef(z[:-1].ravel(), z[1:].ravel())[0, 1]  # from one index to the next
    assert abs(neighbours) < 0.01


def test_normal_is_normal() -> None:
    z = Prior(100, "normal").sample(4000, 11).z.double().numpy()
    assert np.isfinite(z).all()
    assert stats.kstest(z.ravel(), stats.norm.cdf).pvalue > 1e-3
    assert abs(np.corrcoef(z.T) - np.eye(100)).max() < 0.08
    pairs = z.reshape(-1, 2)  # a pair comes from the same two words: its radius and angle must be independent
    assert stats.kstest(np.arctan2(pairs[:, 1], pairs[:, 0]) / np.pi, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert stats.kstest((pairs**2).sum(1), stats.chi2(2).cdf).pvalue > 1e-3


def test_extreme_bits_give_finite_normal_values() -> None:
    from ganlab.latents import _normal, _uniform

    bits = np.array([[0, 0, 2**32 - 1, 2**32 - 1, 0, 2**32 - 1]], dtype=np.uint32)
    assert np.isfinite(_normal(bits)).all()
    assert _uniform(bits).min() == -1.0
    assert _uniform(bits).max() == np.float32(1 - 2**-23)


def test_seeds_indices_and_streams_differ() -> None:
    drawn = [
        random_bits(seed, np.array([index]), 4, stream).tobytes()
        for seed in (0, 1, 2**32)
        for index in (0, 1, 2**32)
        for stream in (STREAM_LATENTS, STREAM_TRAINING_LATENTS, STREAM_TRAINING_ORDER, STREAM_ANALYSIS)
    ]
    assert len(set(drawn)) == len(drawn)


def test_rows_of_latents_keep_their_names() -> None:
    latents = Prior(3).sample(6, 5, first=10)
    for rows in (slice(1, 4), slice(None, None, -2), [4, 0], np.array([1, 1]), latents.index % 2 == 0):
        chosen = latents[rows]
        assert chosen.seed == 5
        assert torch.equal(chosen.z, Prior(3).at(chosen.index, 5).z)
        assert chosen.index.tolist() == latents.index[rows].tolist()
    with pytest.raises(TypeError, match="slice"):
        latents[2]  # type: ignore[index]
    with pytest.raises(IndexError):
        latents[[6]]
    labelled = Latents(latents.z, 5, latents.index, torch.arange(6))
    assert labelled[[3, 1]].labels.tolist() == [3, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Prior(0), "dimension"),
        (lambda: Prior(2.5), "dimension"),  # type: ignore[arg-type]
        (lambda: Prior(3, "cauchy"), "cauchy"),
        (lambda: Prior(3).sample(1, -1), "seed"),
        (lambda: Prior(3).sample(1, 2**64), "seed"),
        (lambda: Prior(3).sample(1, 0, first=-1), "index"),
        (lambda: Prior(3).sample(1, 0, first=10**20), "index"),
        (lambda: Prior(3).sample(2, 0, first=2**63 - 1), "index"),
    ],
)
def test_what_is_no_latent_is_told(make: object, word: str) -> None:
    with pytest.raises(GanlabError, match=word) as caught:
        make()  # type: ignore[operator]
    assert caught.value.hint


# between


@given(seed=st.integers(0, 1000), dim=st.integers(1, 50), law=LAWS)
@settings(max_examples=60)
def test_between_begins_and_ends_exactly(seed: int, dim: int, law: str) -> None:
    a, b = Prior(dim, law).sample(2, seed).z
    way = Prior(dim, law).between(a, b, torch.tensor([0.0, 0.5, 1.0]))
    assert way.shape == (3, dim)
    assert torch.equal(way[0], a)
    assert torch.equal(way[2], b)


def test_between_is_straight_in_the_cube_and_stays_inside() -> None:
    prior = Prior(100)
    a, b = prior.sample(2, 1).z
    t = torch.linspace(0, 1, 11)
    way = prior.between(a, b, t)
    torch.testing.assert_close(way, a + t[:, None] * (b - a))
    assert way.abs().max() <= 1


def test_between_turns_evenly_and_keeps_the_norm_for_a_normal_prior() -> None:
    prior = Prior(100, "normal")
    a, b = (10 * z / z.norm() for z in prior.sample(2, 1).z.double())
    way = prior.between(a, b, torch.linspace(0, 1, 9))
    torch.testing.assert_close(way.norm(dim=1), torch.full((9,), 10.0, dtype=torch.float64))
    cosines = torch.nn.functional.cosine_similarity(way[1:], way[:-1])
    torch.testing.assert_close(cosines, cosines[:1].expand(8))
    plane = torch.linalg.matrix_rank(torch.cat([a[None], b[None], way]), tol=1e-9)
    assert plane == 2
    straight = a + 0.5 * (b - a)
    assert straight.norm() < 8 < way[4].norm()  # the chord leaves the shell that a normal prior lives on


def test_between_takes_many_pairs_at_once() -> None:
    for law in ("uniform", "normal"):
        prior = Prior(7, law)
        a, b = prior.sample(5, 0).z, prior.sample(5, 1).z
        t = torch.linspace(0, 1, 4)
        way = prior.between(a, b, t)
        assert way.shape == (4, 5, 7)
        torch.testing.assert_close(way[:, 3], prior.between(a[3], b[3], t))


@pytest.mark.parametrize("factor", [1.0, 2.0, -1.0, -0.5, 1 + 1e-7])
def test_between_takes_the_chord_where_there_is_no_one_great_circle(factor: float) -> None:
    prior = Prior(100, "normal")
    a = prior.sample(1, 1).z[0]
    way = prior.between(a, factor * a, torch.tensor([0.0, 0.25, 1.0]))
    assert torch.isfinite(way).all()
    torch.testing.assert_close(way[1], 0.75 * a + 0.25 * factor * a, atol=1e-4, rtol=1e-4)
    zero = prior.between(a, torch.zeros_like(a), torch.tensor([0.0, 0.5, 1.0]))
    assert torch.isfinite(zero).all()
