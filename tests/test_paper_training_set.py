"""The pictures that a card names are taken for those that its GAN was trained on where that is so, or said to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganlab import Gan
from ganlab.data import provenance
from ganlab.testing import tiny_gan
from ganlab.training import starting
from ganlab_paper.marks import Marks
from ganlab_paper.parts import Part, all_parts
from tests.kit import smooth_pictures, tiny_settings

pytestmark = pytest.mark.usefixtures("no_plots", "one_thread")


def trained(folder: Path, **options: Any) -> Gan:
    """A GAN that was trained for a step on 12 pictures in folder/data.npy."""
    np.save(folder / "data.npy", smooth_pictures(12, 16))
    settings = tiny_settings(str(folder / "data.npy"), epochs=1, batch=2, **options)
    starting.start(settings, starting.Reading(0, False), "cpu", folder / "run")
    return Gan.from_spec(str(folder / "run"))


def features_of(gan: Gan) -> Part:
    found = all_parts(gan, None, None, None, None, ("left", "right"), 2000, 0, Marks(gan))
    return next(part for part in found if part.command == "features")


def test_the_first_pictures_that_it_was_trained_on_are_taken(tmp_path: Path) -> None:
    gan = trained(tmp_path, limit=5)
    assert gan.card.facts["training"]["limit"] == 5
    part = features_of(gan)
    assert len(part.options["data"]) == 5
    assert not part.missing + part.note


def test_pictures_chosen_by_a_list_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "keep.txt").write_text("number 3\nnumber 5\nnumber 7\n")
    gan = trained(tmp_path, keep=str(tmp_path / "keep.txt"))
    assert gan.card.facts["training"]["keep"] == str(tmp_path / "keep.txt")
    part = features_of(gan)
    assert part.options["data"] is None
    assert "keep.txt names; give DATA with --data" in part.missing


@pytest.mark.parametrize("packed", [True, False])
def test_other_pictures_under_the_same_path_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    gan = trained(tmp_path)
    if not packed:
        monkeypatch.setenv("GANLAB_CACHE", str(tmp_path / "empty"))
    assert len(features_of(gan).options["data"]) == 12
    np.save(tmp_path / "data.npy", smooth_pictures(12, 16, seed=9))
    part = features_of(gan)
    assert part.options["data"] is None
    assert "holds other pictures now; give DATA with --data" in part.missing


def test_what_cannot_be_compared_is_said_to_be_assumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gan = trained(tmp_path)
    monkeypatch.setenv("GANLAB_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(provenance, "DECODED", 11)
    part = features_of(gan)
    assert len(part.options["data"]) == 12
    assert "not compared" in part.note
    assert str(tmp_path) in part.note
    gan.card = replace(gan.card, facts={"training": {"data": str(tmp_path / "data.npy")}})  # tells no fingerprint
    assert "not compared" in features_of(gan).note


def test_a_card_that_says_nonsense_names_no_pictures() -> None:
    gan = tiny_gan()
    for facts in (
        "by hand",
        {"data": 3},
        {"limit": 4},
        {"data": "rooms", "limit": "some"},
        {"data": "rooms", "limit": 0},
    ):
        gan.card = replace(gan.card, facts={"training": facts})
        assert "names no data set that is at hand" in features_of(gan).missing
