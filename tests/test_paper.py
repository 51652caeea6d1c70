"""The paper's figures on one page: every part that can be run is there with its controls, the others are named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ganlab_paper
from ganlab import (
    Analysis,
    Box,
    Boxes,
    Exemplars,
    Figure,
    Gan,
    GanlabError,
    Labeler,
    Metric,
    PictureName,
    Result,
    Table,
    save_gan,
)
from ganlab.testing import check_analysis, check_plugin, tiny_gan
from ganlab_paper import paper, parts
from ganlab_paper.marks import Marks
from ganlab_paper.parts import PUBLISHED, Part, add, all_parts, on_one_page

TURN = ("left", "right")
NOTHING = (None, None, None, None)  # no data, nothing held out, no concept, no expression


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


class Always(Labeler):
    name, concepts, domain, card = "always", ("window",), "any pictures", {}

    def shows(self, images: Any, image: Any) -> np.ndarray:
        return np.ones((len(images), 1), bool)


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
    assert [(one.title, one.summary, list(one.figures)) for one in page.sections] == [
        (f"Figure of {key} ({key})", "Half of them.", [f"{key}_rows"]) for key in ("walk", "turn")
    ]
    assert set(page.arrays) == {"walk_z", "turn_z"}


def test_what_cannot_be_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(monkeypatch, {"walk": GanlabError("The GAN has no discriminator.", "Take another.")})
    gan = tiny_gan()
    page = on_one_page(gan, all_parts(gan, None, None, "window", None, TURN, 100, 0, Marks(gan)))
    page.check()
    assert set(fake.asked) == {"walk", "probe"}  # neither data nor exemplars
    assert page.summary.startswith("1 of 6 of the paper's investigations was run ")
    missing = [section.summary.startswith("Not run") for section in page.sections]
    assert missing == [True, True, False, True, True, True]
    assert [list(section.figures) for section in page.sections if section.figures] == [["probe_rows"]]
    text = " ".join(section.summary for section in page.sections)
    assert "The GAN has no discriminator. Take another." in text  # the hint as well
    assert "names no data set" in text
    assert "without exemplars" in text


def test_a_note_of_several_parts_stands_there_once(monkeypatch: pytest.MonkeyPatch) -> None:
    Fake(monkeypatch)
    chosen = [Part("walk", "figure 4", "walk"), Part("turn", "figure 8", "turn", note="Chosen for you.")]
    page = on_one_page(tiny_gan(), chosen)
    assert page.notes == ["Figure 4; figure 8: Mind this.", "Figure 8: Chosen for you."]


def test_a_discriminator_alone_is_shown_in_figure_5(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = Fake(monkeypatch)
    np.save(tmp_path / "data.npy", np.zeros((30, 16, 16, 3), np.uint8))
    data = parts.Images.from_spec(str(tmp_path / "data.npy"))
    gan = tiny_gan()
    alone = Gan(None, gan.discriminator, image=gan.image, card=gan.card)
    page = on_one_page(alone, all_parts(alone, data, data, None, None, TURN, 20, 0, Marks(alone)))
    assert set(fake.asked) == {"features"}
    others = [section.summary for section in page.sections if "(features)" not in section.title]
    assert others == ["Not run: it has no generator."] * 6
    with pytest.raises(GanlabError, match="None of the paper's figures") as caught:
        on_one_page(alone, all_parts(alone, None, None, "window", None, TURN, 20, 0, Marks(alone)))
    assert caught.value.hint.count("it has no generator") == 1
    assert "--data" in caught.value.hint


def test_a_conditional_gan_without_a_class_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(monkeypatch)
    plain = tiny_gan()
    gan = Gan(plain.generator, prior=plain.prior, image=plain.image, classes=3)
    chosen = all_parts(gan, None, None, "window", None, TURN, 20, 0, Marks(gan))
    with pytest.raises(GanlabError, match="needs one") as caught:
        on_one_page(gan, chosen)
    assert "--label" in caught.value.hint
    assert not fake.asked
    assert on_one_page(gan.of_class(1), chosen).figures


def test_a_part_that_crashes_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    Fake(monkeypatch, {"walk": ZeroDivisionError("by\nzero")})
    gan = tiny_gan()
    chosen = all_parts(gan, None, None, "window", None, TURN, 100, 0, Marks(gan))
    page = on_one_page(gan, chosen)
    page.check()
    assert page.summary.startswith("1 of 6 ")
    assert "probe_share" in page.metrics
    crashed = "crashed: ZeroDivisionError: by zero; `ganlab walk --traceback` shows where."
    assert page.sections[0].summary == crashed[0].upper() + crashed[1:]
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
    page = on_one_page(gan, all_parts(gan, data, data, "window", None, TURN, 20, 7, Marks(gan), True))
    assert page.summary.startswith("6 of 6 of the paper's ")
    assert page.summary.endswith(", and beyond the paper: nearest neighbours.")
    assert len(fake.asked["features"]["data"]) == 20
    assert [part for part, asked in fake.asked.items() if asked.get("skip_broken")] == ["features", "neighbors"]
    assert len(fake.asked["neighbors"]["data"]) == 30  # the test of memorising needs all of them
    assert fake.asked["arithmetic"]["expression"] == PUBLISHED[1]
    assert all(options["seed"] == 7 for options in fake.asked.values())
    assert {"arithmetic_1_share", "arithmetic_2_share", "neighbors_share"} <= set(page.metrics)


def test_typed_pictures_need_no_exemplars(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(monkeypatch)
    gan = tiny_gan()
    on_one_page(gan, all_parts(gan, None, None, "window", ["0:1,0:2 - 0:3"], TURN, 100, 0, Marks(gan)))
    assert fake.asked["arithmetic"]["expression"] == "0:1,0:2 - 0:3"


def test_a_labeler_of_whole_pictures_names_no_concept_to_forget(monkeypatch: pytest.MonkeyPatch) -> None:
    gan = Gan.from_spec("faces-64")
    assert Marks(gan).concept() is None
    assert Marks(Gan.from_spec("rooms-64")).concept() == "window"
    assert "--boxes" in missing(gan)["probe"]
    assert not missing(gan)["arithmetic"]


def test_an_analysis_is_found_by_its_command() -> None:
    assert Analysis.from_spec("probe").name == "probe"
    with pytest.raises(GanlabError, match="no command 'nothing'"):
        Analysis.from_spec("nothing")
    with pytest.raises(GanlabError, match="is no analysis"):
        Analysis.from_spec("synthetic")
    with pytest.raises(GanlabError, match="is no analysis"):
        Analysis.from_spec("probe windows")


def marks_of(gan: Gan, checkpoint: str = "") -> dict[str, Any]:
    """Boxes and groups of this GAN, as one gives their files."""
    picture = PictureName(checkpoint or gan.hash, 0, 1)
    size = (gan.image.size, gan.image.size)
    boxes = Boxes([Box(picture, "lamp", 1, 1, 4, 4)], [picture], size)
    return {"boxes": boxes, "exemplars": Exemplars(picture.checkpoint, {"up": [picture], "down": [picture]})}


def test_what_is_given_goes_to_the_figures_that_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(monkeypatch)
    gan, judge = tiny_gan(), Always()
    given = marks_of(gan)
    page = paper(gan, labeler=judge, turn_from="up", turn_to="down", **given)
    assert set(fake.asked) == {"walk", "probe", "arithmetic", "turn"}
    assert fake.asked["probe"]["concept"] == "lamp"
    assert fake.asked["probe"]["boxes"] is given["boxes"]
    assert (fake.asked["turn"]["first"], fake.asked["turn"]["second"]) == ("up", "down")
    for command in ("arithmetic", "turn"):
        assert fake.asked[command]["exemplars"] is given["exemplars"]
    for command in ("probe", "arithmetic", "turn"):
        assert fake.asked[command]["labeler"] is judge
    assert "labeler" not in fake.asked["walk"]
    assert "Figure 8: turning from up to down (turn)" in [section.title for section in page.sections]


def missing(gan: Gan, turn: tuple[str, str] = TURN, **given: Any) -> dict[str, str]:
    return {part.command: part.missing for part in all_parts(gan, *NOTHING, turn, 20, 0, Marks(gan, **given))}


def test_each_part_takes_the_options_that_it_is_given() -> None:
    gan = tiny_gan()
    for part in all_parts(gan, *NOTHING, TURN, 20, 0, Marks(gan)):
        known = {parameter.name for parameter in Analysis.from_spec(part.command).parameters}
        assert set(part.options) <= known


def test_a_labeler_that_is_given_knows_words_and_marks_concepts() -> None:
    without, judged = missing(tiny_gan()), missing(tiny_gan(), labeler=Labeler.from_spec("rooms"))
    assert [command for command, why in without.items() if why] == ["features", "probe", "arithmetic", "turn"]
    assert [command for command, why in judged.items() if why] == ["features"]


def test_a_turn_between_typed_pictures_needs_no_exemplars() -> None:
    typed = missing(tiny_gan(), ("0:1,0:2", "0:3"))
    assert not typed["turn"]
    assert "--exemplars" in typed["arithmetic"]
    assert "--exemplars" in missing(tiny_gan(), ("0:1,0:2", "left"))["turn"]


@pytest.mark.parametrize("what", ["boxes", "exemplars"])
def test_marks_of_another_checkpoint_are_refused_before_anything_is_run(
    monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    fake = Fake(monkeypatch)
    gan = tiny_gan()
    with pytest.raises(GanlabError, match="0" * 12):
        paper(gan, **{what: marks_of(gan, "0" * 12)[what]})
    assert not fake.asked
