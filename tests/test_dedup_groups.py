"""Which pictures are the same, and which of them is kept."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from ganlab_dedup import grouping
from ganlab_dedup.grouping import Verdict, decide
from ganlab_dedup.hamming import Pairs
from ganlab_dedup.planting import KINDS, planted_copy
from ganlab_dedup.verification import FINE, FLAT, REACH, WIDE, WINDOW, compare, same

from .dedup_kit import scenes

pytestmark = pytest.mark.usefixtures("one_thread")

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


@pytest.mark.parametrize(("factor", "copy"), [(0.75, True), (0.4, False)])
def test_brightness_goes_so_far_and_no_farther(factor: float, copy: bool) -> None:
    pictures = 150 + scenes(8, seed=5) // 3
    darker = np.rint(pictures * factor).astype(np.uint8)
    assert (same(*compare(pictures, darker), 0.5) == copy).all()


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
    verdict, compared = decide(copy_of, Pairs(first, second, np.arange(len(alike))), look)
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
    verdict, _ = judged(np.array([0, 1, 1, 3, -1]), {(0, 1): 0.93})
    assert verdict.keeper.tolist() == [0, 0, 0, 3, -1]
    assert verdict.similarity[2] == 0.93
    assert verdict.kept.tolist() == [0, 3]
    assert verdict.dropped.tolist() == [1, 2]
