"""The paper's figures on one page: every part that can be run is there with its controls, the others are named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ganlab_paper
from ganlab import Analysis, Exemplars, Figure, Gan, GanlabError, Metric, PictureName, Result, Table, save_gan
from ganlab.testing import check_analysis, check_plugin, tiny_gan
from ganlab.training import runs
from ganlab_paper import paper, parts, training_set
from ganlab_paper.parts import PUBLISHED, Part, add, all_parts, on_one_page
from tests.kit import no_plots, one_thread, smooth_pictures, tiny_settings  # noqa: F401 (two are fixtures)


def test_plugin_keeps_the_contract() -> None:
    check_plugin(ganlab_paper)


@pytest.mark.slow
def test_analysis_keeps_the_contract() -> None:
    check_analysis(paper, gan=tiny_gan())


def found(value: float = 0.5) -> Result:
    return Result(
        "Half of them.",
        metrics={"share": Metric(value, control="share_random"), "share_random": Metric(0.1, no_control="is one")},
        figures={"rows": Figure(Image.new("RGB", (4, 4)), "Some rows.")},
        tables={"all": Table(["a"], [[1]])},
        arrays={"z": np.arange(3)},
        notes=["Mind this."],
    )


class Fake:
    """Stands for every installed analysis; knows what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failing: Mapping[str, BaseException] | None = None) -> None:
        self.asked: dict[str, dict[str, Any]] = {}
        self.failing = failing or {}
        monkeypatch.setattr(parts.Analysis, "from_spec", self.from_spec)

    def from_spec(self, command: str) -> Any:
        def run(gan: Gan, **options: Any) -> Result:
            self.asked[command] = options
            if command in self.failing:
                raise self.failing[command]
            return found()

        return run


def test_names_and_controls_stay_together() -> None:
    page = Result("A page.")
    for key in ("walk", "turn"):
        add(page, Part(key, f"figure of {key}", key), found())
    page.check()
    assert page.metrics["turn_share"].control == "turn_share_random"
    assert set(page.figures) == {"walk_rows", "turn_rows"}
    assert page.figures["walk_rows"].caption == "Figure of walk. Some rows."
    assert page.notes == ["Figure of walk: Mind this.", "Figure of turn: Mind this."]
    assert set(page.arrays) == {"walk_z", "turn_z"}


def test_what_cannot_be_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(monkeypatch, {"walk": GanlabError("The GAN has no discriminator.", "Take another.")})
    gan = tiny_gan()
    page = on_one_page(gan, all_parts(gan, None, None, "window", None, 100, 0))
    page.check()
    assert set(fake.asked) == {"walk", "probe"}  # neither data nor exemplars
    assert page.summary.startswith("1 of 6 of the paper's investigations was run ")
    assert [row[2].startswith("not run") for row in page.tables["parts"].rows] == [True, True, False, True, True, True]
    text = " ".join(page.notes)
    assert "The GAN has no discriminator. Take another." in text  # the hint as well
    assert "names no data set" in text
    assert "without exemplars" in text


def test_a_discriminator_alone_is_shown_in_figure_5(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = Fake(monkeypatch)
    np.save(tmp_path / "data.npy", np.zeros((30, 16, 16, 3), np.uint8))
    data = parts.Images.from_spec(str(tmp_path / "data.npy"))
    gan = tiny_gan()
    alone = Gan(None, gan.discriminator, image=gan.image, card=gan.card)
    page = on_one_page(alone, all_parts(alone, data, data, None, None, 20, 0))
    assert set(fake.asked) == {"features"}
    others = [found for _, command, found in page.tables["parts"].rows if command != "features"]
    assert others == ["not run: it has no generator."] * 6
    with pytest.raises(GanlabError, match="None of the paper's figures") as caught:
        on_one_page(alone, all_parts(alone, None, None, "window", None, 20, 0))
    assert caught.value.hint.count("it has no generator") == 1
    assert "--data" in caught.value.hint


def test_a_conditional_gan_without_a_class_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(monkeypatch)
    plain = tiny_gan()
    gan = Gan(plain.generator, prior=plain.prior, image=plain.image, classes=3)
    chosen = all_parts(gan, None, None, "window", None, 20, 0)
    with pytest.raises(GanlabError, match="needs one") as caught:
        on_one_page(gan, chosen)
    assert "--label" in caught.value.hint
    assert not fake.asked
    assert on_one_page(gan.of_class(1), chosen).figures


def test_a_part_that_crashes_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    Fake(monkeypatch, {"walk": ZeroDivisionError("by\nzero")})
    gan = tiny_gan()
    chosen = all_parts(gan, None, None, "window", None, 100, 0)
    page = on_one_page(gan, chosen)
    page.check()
    assert page.summary.startswith("1 of 6 ")
    assert "probe_share" in page.metrics
    crashed = "crashed: ZeroDivisionError: by zero; `ganlab walk --traceback` shows where."
    assert page.tables["parts"].rows[0][2] == crashed
    assert f"Figure 4: walking in Z: {crashed}" in page.notes
    Fake(monkeypatch, {"walk": KeyboardInterrupt()})
    with pytest.raises(KeyboardInterrupt):
        on_one_page(gan, chosen)


def test_a_checkpoint_with_everything_runs_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = Fake(monkeypatch)
    gan = tiny_gan()
    save_gan(gan, tmp_path / "gan")
    Exemplars(gan.hash, {"left": [PictureName(gan.hash, 0, 1)]}).save(tmp_path / "gan" / "exemplars.json")
    gan = Gan.from_spec(str(tmp_path / "gan"))
    np.save(tmp_path / "data.npy", np.zeros((30, 16, 16, 3), np.uint8))
    data = parts.Images.from_spec(str(tmp_path / "data.npy"))
    page = on_one_page(gan, all_parts(gan, data, data, "window", None, 20, 7))
    assert page.summary.startswith("6 of 6 of the paper's ")
    assert page.summary.endswith(", and beyond the paper: nearest neighbours.")
    assert len(fake.asked["features"]["data"]) == 20
    assert len(fake.asked["neighbors"]["data"]) == 30  # the test of memorising needs all of them
    assert fake.asked["arithmetic"]["expression"] == PUBLISHED[1]
    assert all(options["seed"] == 7 for options in fake.asked.values())
    assert {"arithmetic_1_share", "arithmetic_2_share", "neighbors_share"} <= set(page.metrics)


def test_typed_pictures_need_no_exemplars(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(monkeypatch)
    gan = tiny_gan()
    on_one_page(gan, all_parts(gan, None, None, "window", ["0:1,0:2 - 0:3"], 100, 0))
    assert fake.asked["arithmetic"]["expression"] == "0:1,0:2 - 0:3"


def test_a_labeler_of_whole_pictures_names_no_concept_to_forget(monkeypatch: pytest.MonkeyPatch) -> None:
    gan = Gan.from_spec("faces-64")
    assert parts.own_concept(gan) is None
    assert parts.own_concept(Gan.from_spec("rooms-64")) == "window"
    missing = {part.command: part.missing for part in all_parts(gan, None, None, None, None, 100, 0)}
    assert "draws boxes" in missing["probe"]
    assert not missing["arithmetic"]


def test_an_analysis_is_found_by_its_command() -> None:
    assert Analysis.from_spec("probe").name == "probe"
    with pytest.raises(GanlabError, match="no command 'nothing'"):
        Analysis.from_spec("nothing")
    with pytest.raises(GanlabError, match="is no analysis"):
        Analysis.from_spec("synthetic")
    with pytest.raises(GanlabError, match="is no analysis"):
        Analysis.from_spec("probe windows")


# the pictures that the card names


def trained(folder: Path, **options: Any) -> Gan:
    """A GAN that was trained for a step on 12 pictures in folder/data.npy."""
    np.save(folder / "data.npy", smooth_pictures(12, 16))
    settings = tiny_settings(str(folder / "data.npy"), epochs=1, batch=2, **options)
    runs.start(settings, runs.Reading(0, False), "cpu", folder / "run")
    return Gan.from_spec(str(folder / "run"))


def features_of(gan: Gan) -> Part:
    return next(part for part in all_parts(gan, None, None, None, None, 2000, 0) if part.command == "features")


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
    monkeypatch.setattr(training_set, "DECODED", 11)
    Fake(monkeypatch)
    part = features_of(gan)
    assert len(part.options["data"]) == 12
    assert any("not compared" in note and str(tmp_path) in note for note in on_one_page(gan, [part]).notes)
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
