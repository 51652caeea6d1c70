"""The cache: right pixels, found again, never out of date."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganlab.data import open_images, reading
from ganlab.data.packing import PackedImages, pack, packed_fingerprint
from ganlab.errors import GanlabError
from ganlab.locations import cache_folder
from tests.data_kit import broken_png, encoded, make_zip, pixels
from tests.packing.kit import add_a_picture, leftovers, one_by_one


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=12),
    st.sampled_from([4, 16]),
    st.sampled_from([1, 3, 4]),
    st.sampled_from([0, 1, 3]),
)
def test_a_pack_is_every_picture_in_turn(
    tmp_path_factory: pytest.TempPathFactory,
    sides: list[tuple[int, int]],
    size: int,
    channels: int,
    workers: int,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    for index, (height, width) in enumerate(sides):
        (folder / f"{index:02}.png").write_bytes(encoded(pixels(index, height, width)))
    images = open_images(str(folder))
    packed = pack(images, size, channels, cache=folder / ".cache", workers=workers)
    assert isinstance(packed.array, np.memmap)
    assert packed.array.dtype == np.uint8
    assert (packed.array == one_by_one(images, size, channels)).all()
    assert packed.rows.tolist() == list(range(len(sides)))
    assert packed.broken == []


def test_many_small_chunks_keep_their_order(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PART_BYTES", 1)
    images = open_images(str(folder))
    seen: list[tuple[int, int]] = []
    packed = pack(images, 16, 3, cache=cache, workers=3, progress=lambda done, total: seen.append((done, total)))
    assert (packed.array == one_by_one(images, 16, 3)).all()
    assert seen == [(i, 6) for i in range(1, 7)]


def test_batches(folder: Path, cache: Path) -> None:
    packed = pack(open_images(str(folder)), 8, 3, cache=cache)
    batch = packed.batch(np.array([5, 0, 0, 3]))
    assert batch.shape == (4, 8, 8, 3)
    assert batch.dtype == np.uint8
    assert (batch == packed.array[[5, 0, 0, 3]]).all()
    assert len(packed) == 6
    batch[:] = 0  # the caller's own
    with pytest.raises(ValueError, match="read-only"):
        packed.array[0] = 0


def test_folder_zip_and_array_give_the_same_pack(folder: Path, cache: Path, tmp_path: Path) -> None:
    images = open_images(str(folder))
    members = {images.name(i): (folder / images.name(i)).read_bytes() for i in range(6)}
    make_zip(tmp_path / "set.zip", members)
    np.save(tmp_path / "set.npy", np.stack([pixels(i) for i in range(6)]))
    packs = [pack(open_images(str(tmp_path / name)), 16, 3, cache=cache) for name in ("set", "set.zip", "set.npy")]
    assert len({one.fingerprint for one in packs}) == 1
    assert all((one.array == packs[0].array).all() for one in packs)
    assert pack(images, 16, 1, cache=cache).fingerprint != packs[0].fingerprint
    assert pack(images.first(5), 16, 3, cache=cache).fingerprint != packs[0].fingerprint


# the cache


def test_a_pack_is_found_again(folder: Path, cache: Path, decoded: list[int]) -> None:
    first = pack(open_images(str(folder)), 16, 3, cache=cache)
    assert len(decoded) == 6
    again = pack(open_images(str(folder)), 16, 3, cache=cache)
    assert len(decoded) == 6
    assert again.fingerprint == first.fingerprint
    assert (again.array == first.array).all()
    assert len(leftovers(cache)) == 2


def test_other_sizes_and_limits_are_other_packs(folder: Path, cache: Path, decoded: list[int]) -> None:
    images = open_images(str(folder))
    for _ in range(2):
        assert pack(images, 16, 3, cache=cache).array.shape == (6, 16, 16, 3)
        assert pack(images, 8, 3, cache=cache).array.shape == (6, 8, 8, 3)
        assert pack(images, 16, 1, cache=cache).array.shape == (6, 16, 16, 1)
        assert pack(images.first(2), 16, 3, cache=cache).array.shape == (2, 16, 16, 3)
    assert len(decoded) == 6 + 6 + 6 + 2


def change_a_picture(folder: Path) -> None:
    (folder / "a" / "000.png").write_bytes(encoded(pixels(77)))


def remove_a_picture(folder: Path) -> None:
    (folder / "a" / "000.png").unlink()


@pytest.mark.parametrize("change", [change_a_picture, add_a_picture, remove_a_picture])
def test_a_changed_folder_is_packed_anew(folder: Path, cache: Path, change: Callable[[Path], None]) -> None:
    before = pack(open_images(str(folder)), 16, 3, cache=cache)
    old = np.array(before.array)
    change(folder)
    images = open_images(str(folder))
    after = pack(images, 16, 3, cache=cache)
    assert after.fingerprint != before.fingerprint
    assert (after.array == one_by_one(images, 16, 3)).all()
    assert (before.array == old).all()  # whoever trains on the old pack goes on
    assert len(leftovers(cache)) == 2  # but it does not fill the disk


def test_a_touched_folder_has_the_same_pixels(folder: Path, cache: Path) -> None:
    before = pack(open_images(str(folder)), 16, 3, cache=cache).fingerprint
    os.utime(folder / "a" / "000.png", ns=(0, 0))
    assert pack(open_images(str(folder)), 16, 3, cache=cache).fingerprint == before


@pytest.mark.parametrize(
    "damage", ["cut array", "no array", "cut facts", "no facts", "other facts", "empty array", "deep facts"]
)
def test_a_damaged_pack_is_packed_anew(folder: Path, cache: Path, damage: str, decoded: list[int]) -> None:
    whole = np.array(pack(open_images(str(folder)), 16, 3, cache=cache).array)
    (array,) = cache.glob("*.npy")
    (facts,) = cache.glob("*.json")
    how, which = damage.split()
    path = array if which == "array" else facts
    if how == "no":
        path.unlink()
    else:
        data = path.read_bytes()
        damaged = {"cut": data[: len(data) * 2 // 3], "other": b'{"count": "x"}', "empty": b"", "deep": b"[" * 100_000}
        path.write_bytes(damaged[how])
    assert (pack(open_images(str(folder)), 16, 3, cache=cache).array == whole).all()
    assert len(decoded) == 12


def test_where_the_cache_is(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANLAB_CACHE", str(tmp_path / "elsewhere"))
    pack(open_images(str(folder)), 8, 3)
    assert len(leftovers(tmp_path / "elsewhere")) == 2
    monkeypatch.delenv("GANLAB_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "ganlab"
    monkeypatch.setenv("GANLAB_CACHE", "~/elsewhere")
    assert cache_folder() == tmp_path / "home" / "elsewhere"


# broken pictures


def broken_folder(folder: Path, count: int = 2) -> Path:
    for index in range(count):
        (folder / f"broken-{index}.png").write_bytes(broken_png(index))
    return folder


def test_broken_pictures_are_counted_and_named(folder: Path, cache: Path, decoded: list[int]) -> None:
    images = open_images(str(broken_folder(folder, 5)))
    for _ in range(2):
        with pytest.raises(GanlabError) as caught:
            pack(images, 16, 3, cache=cache)
        assert caught.value.message.startswith("5 of 11 pictures cannot be read: broken-0.png (")
        assert "broken-2.png" in caught.value.message
        assert caught.value.message.endswith(" and 2 more.")
        assert "--skip-broken" in caught.value.hint
    packed = pack(images, 16, 3, cache=cache, skip_broken=True)
    assert len(decoded) == 11  # once, not once for each attempt
    assert len(packed) == 6
    assert [name.split(" ")[0] for name in packed.broken] == [f"broken-{i}.png" for i in range(5)]
    assert packed.rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert (packed.array == one_by_one(images.first(6), 16, 3)).all()


def test_rows_say_which_picture_is_which(folder: Path, cache: Path) -> None:
    (folder / "a" / "001.png").write_bytes(broken_png())
    images = open_images(str(folder))
    packed = pack(images, 16, 3, cache=cache, skip_broken=True)
    assert packed.rows.tolist() == [0, 2, 3, 4, 5]
    assert all((packed.array[k] == images.array(int(i), 16, 3)).all() for k, i in enumerate(packed.rows))


def test_nothing_but_broken_pictures(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "set").mkdir()
    images = open_images(str(broken_folder(tmp_path / "set")))
    with pytest.raises(GanlabError, match="2 of 2 pictures"):
        pack(images, 16, 3, cache=cache)
    with pytest.raises(GanlabError, match="None of the 2 pictures"):
        pack(images, 16, 3, cache=cache, skip_broken=True)


def test_an_impossible_shape(folder: Path, cache: Path) -> None:
    with pytest.raises(GanlabError, match="2 channels"):
        pack(open_images(str(folder)), 16, 2, cache=cache)
    assert leftovers(cache) == []


def test_the_facts_of_a_pack_can_be_read(folder: Path, cache: Path) -> None:
    images = open_images(str(broken_folder(folder, 1)))
    packed = pack(images, 16, 3, cache=cache, skip_broken=True)
    (facts,) = (json.loads(path.read_text()) for path in cache.glob("*.json"))
    assert facts["count"] == 6
    assert facts["pixels"] == packed.fingerprint
    assert facts["spec"] == str(folder)
    assert facts["broken"] == [[6, packed.broken[0]]]
    assert isinstance(packed, PackedImages)


def test_the_fingerprint_of_a_pack_is_known_without_it(
    folder: Path, cache: Path, decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANLAB_CACHE", str(cache))
    (folder / "broken.png").write_bytes(broken_png())
    for images in (open_images(str(folder)), open_images(str(folder)).first(2)):
        before = set(cache.glob("*"))
        found = packed_fingerprint(images, 16, 3)
        assert set(cache.glob("*")) == before  # nothing is kept
        assert packed_fingerprint(images, 16, 3, most=len(images) - 1) is None
        assert found == pack(images, 16, 3, skip_broken=True).fingerprint
        decoded.clear()
        assert packed_fingerprint(images, 16, 3, most=0) == found  # the pack says it
        assert not decoded
    classes = [str(row % 2) for row in range(2)]
    labelled = open_images(str(folder)).first(2).with_labels(classes)
    found = packed_fingerprint(labelled, 16, 3, labelled=True)
    assert found == pack(labelled, 16, 3, labelled=True).fingerprint != packed_fingerprint(labelled, 16, 3)
