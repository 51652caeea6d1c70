"""Named groups of pictures: read, written, held to their checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganlab import (
    Exemplars,
    GanlabError,
    PictureName,
    latents_of,
    load_gan,
    one_class,
    picture_text,
    read_picture,
    save_gan,
)
from ganlab.testing import tiny_gan

HASH = "3fa9c1d2e4b0"


def write(path: Path, document: Any) -> Path:
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_groups_come_back_in_the_order_in_which_they_were_chosen(tmp_path: Path) -> None:
    gan = tiny_gan()
    pictures = [PictureName(gan.hash, 3, 40), PictureName(gan.hash, 0, 7)]
    Exemplars(gan.hash, {"woman": pictures, "nobody": []}).save(tmp_path / "exemplars.json")
    read = Exemplars.from_spec(str(tmp_path / "exemplars.json"))
    assert read.group("woman") == pictures
    latents = read.latents(gan, "woman")
    assert torch.equal(latents.z[0], gan.latents(1, seed=3, first=40).z[0])
    assert torch.equal(latents.z[1], gan.latents(1, seed=0, first=7).z[0])
    assert latents.index.tolist() == [40, 7]
    with pytest.raises(GanlabError, match="'nobody' is empty"):
        read.group("nobody")
    with pytest.raises(GanlabError, match="no exemplars called 'women'") as caught:
        read.latents(gan, "women")
    assert "woman" in caught.value.hint


def test_a_file_may_begin_with_a_mark_of_its_encoding(tmp_path: Path) -> None:
    content = json.dumps({"checkpoint": HASH, "groups": {"left": ["0:1"]}}).encode("utf-8-sig")
    (tmp_path / "exemplars.json").write_bytes(content)
    assert Exemplars.load(tmp_path / "exemplars.json").group("left") == [PictureName(HASH, 0, 1)]


def test_a_checkpoint_brings_its_own(tmp_path: Path) -> None:
    gan = tiny_gan()
    assert Exemplars.of_checkpoint(gan) is None
    save_gan(gan, tmp_path / "gan")
    Exemplars(gan.hash, {"left": [PictureName(gan.hash, 0, 1)]}).save(tmp_path / "gan" / "exemplars.json")
    found = Exemplars.of_checkpoint(type(gan).from_spec(str(tmp_path / "gan")))
    assert found is not None
    assert list(found.groups) == ["left"]


def test_another_checkpoints_exemplars_are_refused() -> None:
    chosen = Exemplars(HASH, {"left": [PictureName(HASH, 0, 1)]})
    with pytest.raises(GanlabError, match=f"chosen on the checkpoint {HASH}"):
        chosen.latents(tiny_gan(), "left")


@given(st.integers(0, 2**40), st.integers(0, 2**40), st.none() | st.integers(0, 99))
def test_pictures_are_written_as_they_are_read(seed: int, index: int, label: int | None) -> None:
    picture = PictureName(HASH, seed, index, label)
    assert read_picture(picture_text(picture), HASH) == picture


@pytest.mark.parametrize("text", ["", "12", "0:", "a:1", "-1:2", "0:1:2:3", "0:1 ", "0:1.5"])
def test_what_names_no_picture_is_told(text: str) -> None:
    assert read_picture(text, HASH) is None


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ([], "lacks"),
        ({"groups": {}}, "lacks"),
        ({"checkpoint": "x", "groups": {}}, "hash"),
        ({"checkpoint": HASH}, "groups"),
        ({"checkpoint": HASH, "groups": {"a": "0:1"}}, "groups"),
        ({"checkpoint": HASH, "groups": {"a": [12]}}, "12 is no picture"),
        ({"checkpoint": HASH, "groups": {"a": ["0-1"]}}, "'0-1' is no picture"),
        ({"checkpoint": HASH, "groups": {"a": ["0:1", "0:1"]}}, "twice"),
        ({"checkpoint": HASH, "groups": {"a - b": ["0:1"]}}, "no name"),
    ],
)
def test_a_file_of_something_else_is_told(tmp_path: Path, document: Any, why: str) -> None:
    path = write(tmp_path / "e.json", document)
    with pytest.raises(GanlabError, match=why) as caught:
        Exemplars.load(path)
    assert "smiling_woman" in caught.value.hint


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(GanlabError, match=r"no\.json cannot be read"):
        Exemplars.load(tmp_path / "no.json")


def test_a_person_types_a_group_or_pictures() -> None:
    groups = Exemplars(HASH, {"woman": [PictureName(HASH, 3, 40)]})
    assert groups.pictures(" woman ") == [PictureName(HASH, 3, 40)]
    assert groups.pictures("0:12, 5:1") == [PictureName(HASH, 0, 12), PictureName(HASH, 5, 1)]
    for text, why in (("0:1,woman", "'woman' is no picture"), ("0:1,0:1", "twice"), ("man", "no exemplars called")):
        with pytest.raises(GanlabError, match=why):
            groups.pictures(text)


def test_given_groups_go_before_the_checkpoints_own(tmp_path: Path) -> None:
    gan = tiny_gan()
    given = Exemplars(gan.hash, {"woman": []})
    assert Exemplars.of(gan, given) is given
    assert Exemplars.of(gan, None).groups == {}
    save_gan(gan, tmp_path / "gan")
    given.save(tmp_path / "gan/exemplars.json")
    assert Exemplars.of(load_gan(str(tmp_path / "gan")), None).groups == given.groups
    with pytest.raises(GanlabError, match="were chosen on"):
        Exemplars.of(gan, Exemplars(HASH, {}))


def test_latents_share_one_class_or_none() -> None:
    gan = tiny_gan()
    assert one_class(gan, [latents_of(gan, [PictureName(gan.hash, 0, 1)])]) is None
    gan = tiny_gan(classes=4)
    plain, classed, other = (latents_of(gan, [PictureName(gan.hash, 0, 1, label)]) for label in (None, 3, 1))
    assert one_class(gan, [classed]) == one_class(gan.of_class(3), []) == one_class(gan.of_class(3), [classed]) == 3
    assert one_class(gan.of_class(3), [latents_of(gan.of_class(3), [PictureName(gan.hash, 0, 1)])]) == 3
    for asked, parts, why in (
        (gan.of_class(2), [classed], "of class 3, and the GAN draws class 2"),
        (gan, [classed, other], r"classes \[1, 3\]"),
        (gan, [plain, classed], "without their class"),
        (gan, [plain], "needs one"),
    ):
        with pytest.raises(GanlabError, match=why):
            one_class(asked, parts)
    with pytest.raises(GanlabError) as caught:
        one_class(gan.of_class(2), [classed])
    assert "--label 3" in caught.value.hint


def test_where_nobody_has_chosen_a_group_the_way_to_one_is_told() -> None:
    with pytest.raises(GanlabError, match="no exemplars called 'left'") as caught:
        Exemplars(HASH, {}).pictures("left")
    for told in ("`ganlab mark --gan GAN --group left`", "--exemplars FILE", "0:12,0:40"):
        assert told in caught.value.hint
    assert "none" not in caught.value.hint
    with pytest.raises(GanlabError) as caught:
        Exemplars(HASH, {"right": []}).pictures("left")
    assert "Known groups: right." in caught.value.hint
    assert "ganlab mark" not in caught.value.hint
