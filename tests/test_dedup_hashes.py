"""Hashes and the search for near ones, each against a plain reference."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganlab import GanlabError
from ganlab_dedup import hamming
from ganlab_dedup.autoencoder import SIZE, Hasher, _Adam, train
from ganlab_dedup.hamming import bits_between, bits_to_each, near_pairs, neighbours
from ganlab_dedup.planting import planted_copy

from .dedup_kit import scenes

pytestmark = pytest.mark.usefixtures("one_thread")


def test_hash_says_which_code_units_are_above_zero() -> None:
    """Against numpy in float64, from the pictures up."""
    pictures = scenes(20)
    hasher = train(pictures, steps=3, seed=0)
    small = pictures.astype(np.float64).reshape(20, 32, 2, 32, 2, 3).mean((2, 4)) / 255
    flat = small.transpose(0, 3, 1, 2).reshape(20, -1)
    even = (flat - flat.mean(1, keepdims=True)) / (flat.std(1, keepdims=True, ddof=1) + 8 / 255)
    code = even @ hasher.weight.numpy().T.astype(np.float64) - hasher.threshold.numpy()
    bits = np.unpackbits(hasher.hashes(pictures)[:, 0].view(np.uint8), axis=1).astype(bool)
    clear = np.abs(code) > 1e-4
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(bits[clear], (code > 0)[clear])
    assert 0.3 < bits.mean() < 0.7


def test_views_are_the_picture_moved_by_two_pixels() -> None:
    hasher = train(scenes(20), steps=1, seed=0)
    wide = scenes(1)[0]
    views = hasher.hashes(wide[None])[0]
    padded = np.pad(wide, ((2, 2), (2, 2), (0, 0)), "edge")
    up_left, down_right = padded[:64, :64], padded[4:, 4:]
    # moved by whole pixels of 32, but for the corners' edges the same numbers
    assert bits_between(views[1], hasher.hashes(up_left[None])[0, 0]) <= 2
    assert bits_between(views[8], hasher.hashes(down_right[None])[0, 0]) <= 2
    assert bits_between(views[8], hasher.hashes(up_left[None])[0, 0]) > 4


def test_training_makes_hashes_that_copies_keep() -> None:
    """Bits that a copy changes, as a part of those that another picture changes: the untrained code is the control."""
    pictures = scenes(120)
    copies = np.stack([planted_copy(picture, "shift", 0, row) for row, picture in enumerate(pictures)])

    def lost(hasher: Hasher) -> float:
        own, moved = hasher.hashes(pictures)[:, 0], hasher.hashes(copies)[:, 0]
        return float(bits_between(own, moved).mean() / bits_between(own, np.roll(own, 1, 0)).mean())

    assert lost(train(pictures, 40, 0)) < 0.8 * lost(train(pictures, 1, 0))


@pytest.mark.slow
def test_optimizer_is_torchs_adam() -> None:
    start, target = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    ours, theirs = start.clone().requires_grad_(), start.clone().requires_grad_()
    adam, reference = _Adam([ours]), torch.optim.Adam([theirs])
    for rate in (0.1, 0.03, 0.2, 0.05):
        adam.step(torch.autograd.grad(((ours - target) ** 2).sum(), [ours]), rate)
        reference.param_groups[0]["lr"] = rate
        reference.zero_grad()
        ((theirs - target) ** 2).sum().backward()
        reference.step()
    torch.testing.assert_close(ours, theirs)


def test_training_leaves_no_trace_in_torch_and_repeats_itself() -> None:
    before = torch.get_rng_state()
    first, second = (train(scenes(30), 4, 7) for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first.weight, second.weight)
    assert not first.weight.requires_grad
    assert not torch.equal(first.weight, train(scenes(30), 4, 8).weight)


def test_size_of_the_hash_is_the_papers() -> None:
    hasher = train(scenes(8), 1, 0)
    assert hasher.weight.shape == (128, 3 * SIZE * SIZE) == (128, 3072)


# the search


def clustered(count: int, seed: int) -> np.ndarray:
    """Random hashes (count, 2), of which many differ by a few bits."""
    random = np.random.default_rng(seed)
    bits = random.integers(0, 2, (count // 4, 128), dtype=np.uint8)[random.integers(0, count // 4, count)]
    flipped = random.random((count, 128)) < random.choice([0, 0.03, 0.1, 0.2], (count, 1))
    return np.packbits(bits ^ flipped, axis=1).view(np.uint64)


@pytest.mark.parametrize("radius", [0, 5, 6, 11, 12, 15, 16, 31])
def test_search_is_exact(radius: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hamming, "COMPARED", 97)  # so that blocks have edges
    monkeypatch.setattr(hamming, "QUERIES", 50)
    monkeypatch.setattr(hamming, "PENDING", 1000)
    queries, base = clustered(120, 0), clustered(400, 0)
    bits = [np.unpackbits(side.view(np.uint8), axis=1).astype(int) for side in (queries, base)]
    distance = (bits[0][:, None] != bits[1][None]).sum(2)
    query, row, found = neighbours(queries[:, None], base, radius)
    expected = np.argwhere(distance <= radius)
    assert len(expected) > 0
    np.testing.assert_array_equal(np.stack([query, row], 1), expected)
    np.testing.assert_array_equal(found, distance[distance <= radius])


def test_pairs_of_views_are_those_of_brute_force() -> None:
    hashes = clustered(90, 2).reshape(30, 3, 2)
    pairs = near_pairs(hashes, 15)
    expected = {}
    for a in range(30):
        for b in range(a + 1, 30):
            nearest = min(*bits_between(hashes[a], hashes[b, 0]), *bits_between(hashes[b], hashes[a, 0]))
            if nearest <= 15:
                expected[a, b] = nearest
    assert len(expected) > 5
    found = zip(pairs.first.tolist(), pairs.second.tolist(), pairs.distance.tolist(), strict=True)
    assert {(a, b): d for a, b, d in found} == expected


def test_one_picture_is_compared_with_each_as_pairs_are() -> None:
    hashes = clustered(90, 2).reshape(30, 3, 2)
    for one in hashes:
        expected = [min(*bits_between(one, other[0]), *bits_between(other, one[0])) for other in hashes]
        np.testing.assert_array_equal(bits_to_each(one, hashes), expected)


def test_bits_are_counted_without_numpy_2(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = clustered(50, 1), clustered(50, 3)
    plain = [sum((int(x) ^ int(y)).bit_count() for x, y in zip(p, q, strict=True)) for p, q in zip(a, b, strict=True)]
    np.testing.assert_array_equal(bits_between(a, b), plain)
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    np.testing.assert_array_equal(bits_between(a, b), plain)


def test_too_many_pairs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hamming, "PENDING", 100)
    monkeypatch.setattr(hamming, "MOST_PAIRS", 3600)
    assert len(near_pairs(np.zeros((60, 9, 2), np.uint64), 0)) == 60 * 59 // 2  # found again and again, kept once
    monkeypatch.setattr(hamming, "MOST_PAIRS", 3599)
    with pytest.raises(GanlabError, match="too alike"):
        near_pairs(np.zeros((60, 9, 2), np.uint64), 0)
