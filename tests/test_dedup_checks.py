"""How far the result can be trusted: planted copies, and pictures that the data does not hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ganlab import Result, open_images
from ganlab_dedup import checks, dedup
from ganlab_dedup.autoencoder import Hasher, train
from ganlab_dedup.control import Flipped, Planted, Searched, flip, plant
from ganlab_dedup.grouping import Verdict, decide
from ganlab_dedup.hamming import near_pairs
from ganlab_dedup.planting import KINDS, planted_copy
from ganlab_dedup.reading import Reader
from ganlab_dedup.verification import compare, same

from .dedup_kit import bars

pytestmark = pytest.mark.usefixtures("one_thread")

RADIUS, SIMILARITY = 15, 0.87
TRIED = 24  # flipped pictures


def look(pictures: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    similarity, difference = compare(pictures[first], pictures[second])
    return similarity, same(similarity, difference, SIMILARITY)


@pytest.fixture(scope="module")
def alike() -> np.ndarray:
    """(120, 64, 64, 3) uint8: none is there twice, and many are alike."""
    return bars(120)


@pytest.fixture(scope="module")
def searched(alike: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Searched:
    path = tmp_path_factory.mktemp("data") / "alike.npy"
    np.save(path, alike)
    hasher = train(alike, 25, 0)
    hashes = hasher.hashes(alike)
    verdict, _ = decide(np.arange(120), near_pairs(hashes, RADIUS), lambda *pair: look(alike, *pair))
    assert len(verdict.dropped) > 5, "pictures that are so alike that some are dropped by mistake"
    reader = Reader(open_images(str(path)), skip_broken=False)
    return Searched(reader, hasher, hashes, verdict.keeper, verdict.exact, RADIUS, SIMILARITY)


def test_copies_are_looked_up_by_the_rule_of_the_search(alike: np.ndarray, searched: Searched) -> None:
    """What the search itself says of the same copies, added at the end."""
    found = plant(searched, 40, 0)
    made = zip(found.row.tolist(), found.kind.tolist(), strict=True)
    copies = np.stack([planted_copy(alike[row], KINDS[kind], 0, row) for row, kind in made])
    pairs = near_pairs(np.concatenate([searched.hashes, searched.hasher.hashes(copies)]), RADIUS)
    across = (pairs.first < 120) & (pairs.second >= 120)
    row, copy = pairs.first[across], pairs.second[across]
    _, taken = look(np.concatenate([alike, copies]), row, copy)
    recalled = np.isin(np.arange(40), copy[taken & (row == found.row[copy - 120])] - 120)
    np.testing.assert_array_equal((found.distance <= RADIUS) & found.same, recalled)
    assert set(found.row) <= set(searched.kept)


def test_flipped_pictures_are_dropped_where_the_search_would_drop_them(alike: np.ndarray, searched: Searched) -> None:
    """What the whole search says, run again with one picture flipped where it stands."""
    flips = flip(searched, TRIED, TRIED // 2, 0)
    assert [one.way for one in flips] == ["left to right", "top to bottom", "both ways"]
    assert any(one.taken.any() for one in flips)
    for one, axes in zip(flips, [(1,), (0,), (0, 1)], strict=True):
        assert len(set(one.row)) == TRIED
        for number, row in enumerate(one.row):
            pictures, hashes = alike.copy(), searched.hashes.copy()
            pictures[row] = np.flip(alike[row], axes)
            hashes[row] = searched.hasher.hashes(pictures[row : row + 1])[0]
            before, own = searched.kept[searched.kept < row], searched.keeper[row]
            rows = np.append(before[before != own], row)
            pairs = near_pairs(hashes[rows], RADIUS)
            mine = pairs.second == len(rows) - 1
            similarity, taken = look(pictures, rows[pairs.first[mine]], rows[pairs.second[mine]])
            assert one.taken[number] == taken.any()
            assert (one.like[number] == -1) == np.isnan(one.similarity[number])
            assert (one.like[number] == -1) == (number >= TRIED // 2 and not len(taken))
            if taken.any():
                assert one.similarity[number] == pytest.approx(similarity[taken].max(), abs=1e-6)
                assert one.distance[number] <= RADIUS
                assert one.like[number] in rows[pairs.first[mine]][taken]


def test_as_many_are_expected_to_be_dropped_by_mistake_as_are(tmp_path: Path) -> None:
    """Bars: none is a copy, and flipped they are what they were, bars anywhere and at any angle."""
    np.save(tmp_path / "bars.npy", bars(150))
    result = dedup(str(tmp_path / "bars.npy"), steps=25, planted=30)
    dropped, expected = result.metrics["dropped"], result.metrics["dropped_by_mistake"]
    assert dropped.control == "dropped_by_mistake"
    assert dropped.value > 15
    assert 0.7 < expected.value / dropped.value < 1.4
    (note,) = result.notes
    assert "no copies" in note
    assert "--similarity" in note
    expecting = [row[3] for row in result.tables["flipped"].rows]
    assert expected.value == max(expecting)
    assert min(expecting) > 0.6 * dropped.value


# what is said


def planted(similarity: np.ndarray) -> Planted:
    count = len(similarity)
    return Planted(
        row=np.arange(count),
        kind=np.arange(count) % 5,
        distance=np.full(count, 3),
        similarity=similarity,
        same=np.ones(count, bool),
        equal=np.zeros(count, bool),
    )


def flipped(similarity: np.ndarray) -> Flipped:
    count = len(similarity)
    return Flipped(
        way="left to right",
        row=np.arange(1, count + 1),
        distance=np.full(count, 9),
        like=np.zeros(count, int),
        similarity=similarity,
        taken=similarity > SIMILARITY,
    )


def said(planted: Planted, flips: list[Flipped], dropped: int) -> Result:
    """Of 1,000 pictures, so many of them dropped for being like the first."""
    keeper = np.arange(1000)
    keeper[1 : dropped + 1] = 0
    verdict = Verdict(keeper, np.full(1000, np.nan), np.zeros(1000, int), np.zeros(1000, bool))
    reader = Reader(open_images(np.zeros((1000, 4, 4, 3), np.uint8)), skip_broken=False)
    result = Result("Said.")
    hasher, hashes = Hasher(torch.zeros(0), torch.zeros(0)), np.zeros((1000, 9, 2), np.uint64)  # not asked any more
    searched = Searched(reader, hasher, hashes, keeper, verdict.exact, RADIUS, SIMILARITY)
    checks.report(result, planted, flips, verdict, searched)
    return result


def test_what_lies_beyond_the_radius_is_not_found_however_alike_it_is() -> None:
    found = Planted(
        row=np.arange(50), kind=np.arange(50) % 5, distance=np.arange(50), similarity=np.ones(50),
        same=np.arange(50) % 5 != 0, equal=np.zeros(50, bool),
    )  # fmt: skip
    result = said(found, [flipped(np.zeros(50))], 10)
    assert result.metrics["recall_planted"].value == 12 / 50  # 0 to 15, less every fifth
    assert [row[2] for row in result.tables["planted"].rows] == [0, 0.3, 0.3, 0.3, 0.3]


def test_too_low_a_threshold_is_noticed_and_a_better_one_named() -> None:
    copies, alike = planted(np.linspace(0.9, 1, 50)), flipped(np.linspace(0.5, 0.953, 50))
    warned = said(copies, [flipped(np.zeros(50)), alike], 200)
    assert warned.metrics["flipped_taken_for_copies"].value == 9 / 50
    assert warned.metrics["dropped_by_mistake"].value == 180
    (note,) = warned.notes
    assert "Of the 200 pictures" in note
    assert warned.summary == "Said. At least some 180 of the near-duplicates are no copies."
    assert "--similarity 0.94, by which 2 of these" in note
    assert f"{(copies.similarity >= 0.94).mean():.0%} of the planted copies" in note


def test_no_warning_where_little_of_what_is_dropped_is_dropped_by_mistake() -> None:
    copies = planted(np.linspace(0.9, 1, 50))
    calm = said(copies, [flipped(np.zeros(50))], 10)
    assert (calm.summary, calm.notes) == ("Said.", [])
    few = np.zeros(1000)
    few[:2] = 0.9
    assert said(copies, [flipped(few)], 2).notes == [], "two may be chance"
    few[:9] = 0.9
    assert said(copies, [flipped(few)], 100).notes == [], "nine of a hundred"
    assert said(copies, [flipped(few)], 80).notes


def test_no_threshold_is_named_where_none_would_do() -> None:
    (note,) = said(planted(np.ones(50)), [flipped(np.full(50, 0.995))], 900).notes
    assert "No --similarity" in note
