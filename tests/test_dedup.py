"""De-duplication where the copies are known, on any pictures, and what a user can get wrong."""

from __future__ import annotations

import csv
import errno
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganlab import GanlabError, Result, open_images
from ganlab.testing import check_analysis, check_plugin
from ganlab_dedup import dedup, investigation
from ganlab_dedup.planting import KINDS, planted_copy

from .dedup_kit import scenes

pytestmark = pytest.mark.usefixtures("one_thread")

FAST = {"steps": 25, "planted": 20}
DIFFERENT, COPIES = 90, 30


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
    assert value["flipped_taken_for_copies"] == value["dropped_by_mistake"] == 0
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
