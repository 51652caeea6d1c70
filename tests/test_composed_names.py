"""Names whose letters and accents are written apart, as on a Mac, and those written as one are the same names."""

from __future__ import annotations

import json
from pathlib import Path
from unicodedata import normalize

import pytest

from ganlab.checkpoints import load_gan, save_gan, store_folder
from ganlab.classes import class_names, class_number
from ganlab.data import open_images
from ganlab.data.labelled import classes_and_labels, classes_of, labels_of
from ganlab.data.survey import survey
from ganlab.errors import GanlabError
from ganlab.labels.concepts import concept_name
from ganlab.labels.exemplars import Exemplars
from ganlab.labels.pictures import PictureName
from ganlab.labels.vocabulary import said_by
from ganlab.testing import tiny_gan
from ganlab_arithmetic.expression import parse
from ganlab_mark.marking import _groups
from ganlab_turn import turn
from tests.data_kit import encoded, pixels
from tests.planted import Truth

ONE, APART = (normalize(form, "Tür") for form in ("NFC", "NFD"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures of one class, from two systems, and one of another class."""
    folder = tmp_path / "set"
    for number, name in enumerate([APART, ONE, "Tor"]):
        (folder / name).mkdir(parents=True)
        (folder / name / f"{number}.png").write_bytes(encoded(pixels(number)))
    if len(list(folder.iterdir())) < 3:
        pytest.skip("this file system takes both for one")
    return folder


def test_a_class_is_one_however_it_is_written(folder: Path) -> None:
    images = open_images(str(folder))
    assert classes_of(images) == ("Tor", ONE)
    names = [images.name(row) for row in range(3)]
    expected = [0 if name.startswith("Tor") else 1 for name in names]
    assert classes_and_labels(images)[1].tolist() == expected
    assert labels_of(images, ["Tor", APART]).tolist() == expected
    assert all((folder / name).is_file() for name in names)  # which stay as they are on the disk


def test_a_survey_counts_one_class(folder: Path) -> None:
    assert survey(open_images(str(folder))).metrics["classes"].value == 2


def test_a_class_of_a_gan_is_meant_however_it_is_written() -> None:
    for known in (ONE, APART):
        for typed in (ONE, APART):
            assert class_number(typed, ["Tor", known], "some") == 1
    assert class_names({"class_names": ["Tor", APART]}, 2, "some") == ["Tor", ONE]


def test_a_list_from_another_system_names_the_same_pictures(folder: Path) -> None:
    (folder / ONE / "1.png").rename(folder / ONE / "2.png")  # a name in one form alone
    images = open_images(str(folder))
    chosen = images.only([f"{APART}/2.png", "Tor/2.png"])
    assert {chosen.name(row) for row in range(len(chosen))} == {f"{ONE}/2.png", "Tor/2.png"}


def test_names_that_differ_in_form_alone_are_still_told_apart(folder: Path) -> None:
    (folder / ONE / "1.png").rename(folder / ONE / "0.png")
    images = open_images(str(folder))
    for name in (f"{ONE}/0.png", f"{APART}/0.png"):
        assert images.only([name]).name(0) == name
    with pytest.raises(GanlabError, match="are not in"):
        images.only([f"{ONE}/7.png"])


def test_groups_of_exemplars(tmp_path: Path) -> None:
    gan = tiny_gan()
    file = tmp_path / "exemplars.json"
    file.write_text(json.dumps({"checkpoint": gan.hash, "groups": {APART: ["0:1"]}}))
    groups = Exemplars.load(file)
    assert list(groups.groups) == [ONE]
    assert groups.pictures(APART) == groups.pictures(ONE)
    assert _groups(gan, groups, [ONE]) == groups.groups
    file.write_text(json.dumps({"checkpoint": gan.hash, "groups": {APART: ["0:1"], ONE: ["0:2"]}}))
    with pytest.raises(GanlabError, match="two groups have one name"):
        Exemplars.load(file)


def test_concepts_and_expressions() -> None:
    labeler = Truth()
    labeler.card = {**labeler.card, "words": {ONE.casefold(): {"window": True}}}
    assert said_by(labeler, APART).attributes == {"window": True}
    assert concept_name(APART) == concept_name(ONE)
    assert [term.text for term in parse(f"{APART} - {ONE}")] == [ONE, ONE]


def test_the_ends_of_a_turn() -> None:
    gan = tiny_gan()
    pictures = {name: [PictureName(gan.hash, 0, index)] for index, name in enumerate([ONE, "Tor"])}
    turned = [turn(gan, name, "Tor", exemplars=Exemplars(gan.hash, pictures), n=10, steps=3) for name in (ONE, APART)]
    assert turned[0].metrics == turned[1].metrics


def test_a_gan_is_found_under_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANLAB_RUNS", str(tmp_path))
    save_gan(tiny_gan(), store_folder() / APART)
    assert load_gan(ONE).hash == load_gan(APART).hash
