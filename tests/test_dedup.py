"""De-duplication where the copies are known, each step against a plain reference, and what a user can get wrong."""

from __future__ import annotations

import csv
import errno
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from ganlab import GanlabError, Result, open_images
from ganlab.testing import check_analysis, check_plugin
from ganlab_dedup import dedup, grouping, hamming, investigation
from ganlab_dedup.autoencoder import SIZE, Hasher, _Adam, train
from ganlab_dedup.control import Planted
from ganlab_dedup.grouping import Verdict, first_copies, judge
from ganlab_dedup.hamming import Pairs, bits_between, near_pairs, neighbours
from ganlab_dedup.investigation import Choices, _report_planted
from ganlab_dedup.planting import KINDS, planted_copy
from ganlab_dedup.verification import FINE, FLAT, REACH, WIDE, WINDOW, compare, same

from .kit import one_thread  # noqa: F401 (a fixture)

FAST = {"steps": 25, "planted": 20}
DIFFERENT, COPIES = 90, 30


def scenes(count: int, seed: int = 0) -> np.ndarray:
    """(count, 64, 64, 3) uint8: clouds with rectangles on them, somewhat coloured, all different."""
    random = np.random.default_rng(seed)
    pictures = ndimage.gaussian_filter(random.normal(size=(count, 64, 64, 1)), (0, 9, 9, 0)) * 9 + np.zeros(3)
    for picture in pictures:
        for _ in range(9):
            top, left = random.integers(0, 56, 2)
            height, width = random.integers(6, 30, 2)
            picture[top : top + height, left : left + width] = random.normal(0, 0.6) + random.normal(0, 0.15, 3)
    return np.clip(128 + 80 * pictures, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 different pictures, then a copy of each of the first 30: five kinds of distortion, and exact ones."""
    pictures = scenes(DIFFERENT)
    copies = [
        pictures[row] if row % 6 == 5 else planted_copy(pictures[row], KINDS[row % 6], 3, row) for row in range(COPIES)
    ]
    path = tmp_path_factory.mktemp("data") / "planted.npy"
    np.save(path, np.concatenate([pictures, copies]))
    return path


@pytest.fixture(scope="module")
def result(planted: Path) -> Result:
    return dedup(str(planted), **FAST)


def test_plugin_keeps_the_contract() -> None:
    import ganlab_dedup

    check_plugin(ganlab_dedup)


def test_analysis_keeps_the_contract(planted: Path, tmp_path: Path) -> None:
    check_analysis(dedup, data=open_images(str(planted)).first(40), steps=5, planted=5)


def test_finds_the_planted_copies_and_nothing_else(result: Result) -> None:
    keeper = result.arrays["keeper"]
    assert (keeper[:DIFFERENT] == np.arange(DIFFERENT)).all()  # none of the different ones is dropped
    found = keeper[DIFFERENT:] == np.arange(COPIES)
    assert found.mean() >= 0.9
    assert found[5::6].all()  # the exact ones
    assert set(keeper[DIFFERENT:][~found]) <= set(DIFFERENT + np.flatnonzero(~found))  # others are kept
    assert result.metrics["exact_copies"].value == COPIES // 6
    assert result.metrics["dropped"].value == found.sum()


def test_equal_hashes_alone_find_fewer(result: Result) -> None:
    value = {name: metric.value for name, metric in result.metrics.items()}
    assert value["recall_planted"] >= 0.9
    assert value["others_taken_for_copies"] == 0
    assert value["recall_planted_equal_hashes"] < value["recall_planted"] - 0.3
    assert value["equal_hashes"] < value["dropped"]


def test_without_a_radius_only_equal_hashes_are_found(planted: Path, result: Result) -> None:
    alone = dedup(str(planted), radius=0, **FAST)
    hashes = alone.arrays["hashes"]
    for row in np.flatnonzero(alone.arrays["keeper"] != np.arange(DIFFERENT + COPIES)):
        assert row >= DIFFERENT
    assert alone.metrics["dropped"].value < result.metrics["dropped"].value
    np.testing.assert_array_equal(hashes, result.arrays["hashes"])


def test_lists_say_what_is_kept_and_dropped(planted: Path, result: Result) -> None:
    keep = result.files["keep.txt"].decode().splitlines()
    rows = list(csv.DictReader(result.files["dropped.csv"].decode().splitlines()))
    kept = [f"number {row}" for row in np.flatnonzero(result.arrays["keeper"] == np.arange(DIFFERENT + COPIES))]
    assert keep == kept
    assert len(rows) == result.metrics["dropped"].value
    assert {row["kept"] for row in rows} <= set(keep)
    assert not {row["dropped"] for row in rows} & set(keep)
    assert {row["dropped"] for row in rows if row["exact copy"] == "yes"} == {
        f"number {DIFFERENT + row}" for row in range(5, COPIES, 6)
    }
    assert len(open_images(str(planted)).only(keep)) == len(keep)


def test_too_low_a_threshold_is_noticed_and_a_better_one_named() -> None:
    found = Planted(
        row=np.arange(50), kind=np.arange(50) % 5, distance=np.full(50, 3), similarity=np.linspace(0.9, 1, 50),
        same=np.ones(50, bool), equal=np.zeros(50, bool), other=np.arange(50), other_distance=np.full(50, 9),
        other_similarity=np.linspace(0.5, 0.943, 50), other_same=np.linspace(0.5, 0.943, 50) > 0.87,
    )  # fmt: skip
    choices = Choices(15, 0.87, 600, 50, False, 0)
    warned, calm = Result("Said."), Result("Said.")
    _report_planted(warned, found, choices)
    _report_planted(calm, replace(found, other_distance=np.full(50, 30)), choices)
    assert calm.notes == []
    assert "--similarity 0.95" in warned.notes[0]
    assert "50%" in warned.notes[0]
    assert warned.metrics["others_taken_for_copies"].value > 0.1


# hashes


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


# the comparison


@pytest.mark.parametrize("kind", KINDS)
def test_comparison_tells_copies_from_different_pictures(kind: str) -> None:
    pictures = scenes(24, seed=5)
    copies = np.stack([planted_copy(picture, kind, 1, row) for row, picture in enumerate(pictures)])
    similarity, difference = compare(pictures, copies)
    assert same(similarity, difference, 0.87).all()
    similarity, difference = compare(np.roll(pictures, 1, 0), copies)
    assert not same(similarity, difference, 0.87).any()
    assert similarity.max() < 0.7


def test_correlation_is_that_of_a_plain_search() -> None:
    """Every shift at zoom 1, with scipy's filters in float64; of a moved picture that is the best of all."""
    picture = scenes(1, seed=6)[0]
    moved = np.pad(picture, ((5, 5), (5, 5), (0, 0)), "edge")[2:66, 9:73]  # 3 up, 4 left

    def detail(x: np.ndarray) -> np.ndarray:
        inside = ndimage.uniform_filter(np.ones((64, 64)), FINE, mode="constant")
        wide = ndimage.uniform_filter(np.ones((64, 64)), WIDE, mode="constant")
        x = np.asarray(x, np.float64) @ [0.299, 0.587, 0.114] / 255
        fine, coarse = (ndimage.uniform_filter(x, size, mode="constant") for size in (FINE, WIDE))
        return fine / inside - coarse / wide

    a, b = detail(picture), detail(moved)
    wanted = b[REACH : REACH + WINDOW : 2, REACH : REACH + WINDOW : 2]
    best = -1.0
    for y in range(2 * REACH + 1):
        for x in range(2 * REACH + 1):
            window = a[y : y + WINDOW : 2, x : x + WINDOW : 2]
            norm = np.sqrt(((window**2).mean() + FLAT**2) * ((wanted**2).mean() + FLAT**2))
            best = max(best, ((window * wanted).mean() + FLAT**2) / norm)
    similarity, _ = compare(picture[None], moved[None])
    assert similarity[0] == pytest.approx(best, abs=1e-4)
    assert similarity[0] > 0.95


def test_flat_pictures_are_told_by_their_colour() -> None:
    levels = np.array([0, 128, 132, 255], np.uint8)
    flat = np.broadcast_to(levels[:, None, None, None], (4, 64, 64, 3))
    red = np.broadcast_to(np.array([200, 0, 0], np.uint8), (64, 64, 3))
    blue = np.broadcast_to(np.array([0, 0, 200], np.uint8), (64, 64, 3))
    pairs = [(flat[1], flat[2]), (flat[0], flat[3]), (flat[0], flat[1]), (red, blue), (red, red)]
    found = same(*compare(*(np.stack(side) for side in zip(*pairs, strict=True))), 0.87)
    assert found.tolist() == [True, False, False, False, True]


# groups


Alike = dict[tuple[int, int], float]


def judged(copy_of: np.ndarray, alike: Alike) -> tuple[Verdict, list[tuple[int, int]]]:
    """The verdict where these pairs are this alike, and the pairs that were looked at."""
    asked = []

    def look(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        here = list(zip(first.tolist(), second.tolist(), strict=True))
        asked.extend(here)
        similarity = np.array([alike[pair] for pair in here])
        return similarity, similarity > 0.87

    first, second = np.array(sorted(alike)).T
    verdict, compared = judge(copy_of, Pairs(first, second, np.arange(len(alike))), look)
    assert list(zip(compared.pairs.first.tolist(), compared.pairs.second.tolist(), strict=True)) == asked
    return verdict, asked


def test_resemblance_is_not_handed_on() -> None:
    verdict, _ = judged(np.arange(4), {(0, 1): 0.9, (1, 2): 0.95, (2, 3): 0.9, (0, 3): 0.5})
    assert verdict.keeper.tolist() == [0, 0, 2, 2]
    assert verdict.groups() == [[0, 1], [2, 3]]


def test_a_picture_is_dropped_for_the_first_that_is_the_same() -> None:
    verdict, _ = judged(np.arange(3), {(0, 2): 0.9, (1, 2): 0.99})
    assert verdict.keeper.tolist() == [0, 1, 0]
    assert verdict.similarity[2] == 0.9


def test_what_is_dropped_is_not_compared_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "BLOCK", 1)
    count = 12
    verdict, asked = judged(np.arange(count), {(a, b): 0.99 for a in range(count) for b in range(a + 1, count)})
    assert verdict.keeper.tolist() == [0] * count
    assert asked == [(0, b) for b in range(1, count)]


def test_exact_copies_go_where_their_twin_goes() -> None:
    digests = np.array([[1, 1], [2, 1], [2, 1], [1, 2], [9, 9]], np.uint64)
    copies = first_copies(digests, np.array([True, True, True, True, False]))
    assert copies.tolist() == [0, 1, 1, 3, -1]
    verdict, _ = judged(copies, {(0, 1): 0.93})
    assert verdict.keeper.tolist() == [0, 0, 0, 3, -1]
    assert verdict.similarity[2] == 0.93
    assert verdict.kept.tolist() == [0, 3]
    assert verdict.dropped.tolist() == [1, 2]


# other pictures, and none


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (100, 4)])
def test_any_size_and_channels(size: int, channels: int, tmp_path: Path) -> None:
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    for row, picture in enumerate(scenes(12, seed=8)):
        image = Image.fromarray(picture).convert(mode).resize((size, size + row % 3))
        image.save(tmp_path / f"{row:02}.png")
        if row % 4 == 0:
            image.save(tmp_path / f"{row:02}-again.png")
    result = dedup(str(tmp_path), steps=5, planted=5)
    assert result.metrics["exact_copies"].value == 3
    assert result.files["keep.txt"].decode().splitlines()[0] == "00-again.png"


def test_all_pictures_the_same(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.repeat(scenes(1), 10, axis=0))
    result = dedup(str(tmp_path / "one.npy"), steps=2)
    assert result.metrics["kept"].value == 1
    assert result.tables["groups"].rows[0][1] == 10
    assert "recall_planted" not in result.metrics
    assert any("different" in note for note in result.notes)


def test_too_few_pictures(tmp_path: Path) -> None:
    np.save(tmp_path / "few.npy", scenes(5))
    with pytest.raises(GanlabError, match="5 pictures"):
        dedup(str(tmp_path / "few.npy"))


def test_broken_pictures_stop_it_or_are_left_out_and_named(tmp_path: Path) -> None:
    for row, picture in enumerate(scenes(10)):
        Image.fromarray(picture).save(tmp_path / f"{row}.png")
    (tmp_path / "3.png").write_bytes(b"no picture")
    with pytest.raises(GanlabError, match=r"3\.png") as caught:
        dedup(str(tmp_path), steps=2)
    assert "--skip-broken" in caught.value.hint
    result = dedup(str(tmp_path), steps=2, skip_broken=True)
    assert result.arrays["keeper"][3] == -1
    assert "3.png" not in result.files["keep.txt"].decode()
    assert any("3.png" in note for note in result.notes)
    assert "groups" not in result.tables, "nothing was dropped, and no table says nothing"


def test_pictures_that_cannot_be_reached_are_not_taken_for_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row, picture in enumerate(scenes(10)):
        Image.fromarray(picture).save(tmp_path / f"{row}.png")
    read = Path.read_bytes

    def failing(path: Path) -> bytes:
        if path.name == "3.png":
            raise OSError(errno.EIO, "Input/output error")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", failing)
    with pytest.raises(GanlabError, match=r"3\.png failed"):
        dedup(str(tmp_path), steps=2, skip_broken=True)


@pytest.mark.parametrize(
    ("names", "words"),
    [(["a\nb.png"], "line break"), (["a\rb.png"], "line break"), (["\udcff.png", "\udcfe.png"], "tell them apart")],
)
def test_names_that_no_list_can_hold_are_told_before_anything_is_learnt(
    names: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(investigation, "train", None)
    for name, picture in zip([*names, *(f"{row}.png" for row in range(9))], scenes(11), strict=False):
        Image.fromarray(picture).save(tmp_path / name)
    with pytest.raises(GanlabError, match=words) as caught:
        dedup(str(tmp_path))
    assert caught.value.hint


def test_nothing_readable(tmp_path: Path) -> None:
    for row in range(9):
        (tmp_path / f"{row}.png").write_bytes(b"no picture")
    with pytest.raises(GanlabError, match="can be read"):
        dedup(str(tmp_path), skip_broken=True)


def test_size_of_the_hash_is_the_papers() -> None:
    hasher = train(scenes(8), 1, 0)
    assert hasher.weight.shape == (128, 3 * SIZE * SIZE) == (128, 3072)
