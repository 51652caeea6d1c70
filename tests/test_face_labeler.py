"""The judge of faces: what it tells, what it must not be fooled by, and that its training can be repeated."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from ganlab import GanlabError, ImageSpec, Labeler
from ganlab_synthetic.faces import labeler_making
from ganlab_synthetic.faces.labeler import CONCEPTS, MEASURES, SHIPPED, FaceLabeler
from ganlab_synthetic.faces.labeler_augmentation import FaceAugmentation
from ganlab_synthetic.faces.labeler_network import FaceNet
from ganlab_synthetic.faces.labeler_training import (
    ANSWERS,
    FaceLabelerSettings,
    Faces,
    draw_faces,
    drawn_loss,
    train_labeler,
)
from ganlab_synthetic.faces.labeler_validation import CHANGES, r_squared
from ganlab_synthetic.faces.seen import FACING, QUESTIONS, UNSURE, SeenFaces, read_seen, seen_loss, write_seen
from ganlab_synthetic.labelers.blocks import without_batch_norm
from ganlab_synthetic.labelers.changes import UNIT
from ganlab_synthetic.labelers.folder import WEIGHTS, write_card

from .labeler_kit import repeats_itself


@pytest.fixture(scope="module")
def labeler() -> Labeler:
    return Labeler.from_spec("faces")


@pytest.fixture(scope="module")
def faces() -> Faces:
    return draw_faces(200, face_seed=79)


@pytest.fixture(scope="module")
def pictures(faces: Faces) -> torch.Tensor:
    return faces.batch(np.arange(len(faces.images)))[0]


# --- the shipped labeler ------------------------------------------------------------------------------------------


def test_the_shipped_labeler_is_small_and_has_its_card(labeler: Labeler) -> None:
    assert (SHIPPED / WEIGHTS).stat().st_size <= 1e6
    assert tuple(labeler.card["concepts"]) == labeler.concepts == CONCEPTS
    assert tuple(labeler.card["measures"]) == labeler.measures == MEASURES
    assert labeler.column("women") == 2
    assert labeler.domain
    assert labeler.card["licence"] == "MIT"
    assert labeler.card["training"]["command"]
    plain = labeler.card["validation"]["accuracy"]["as drawn"]
    assert min(plain.values()) >= 0.95
    assert labeler.card["validation"]["r2"]["as drawn"]["yaw"] >= 0.95


def test_it_tells_what_is_drawn(labeler: Labeler, pictures: torch.Tensor, faces: Faces) -> None:
    shown = labeler.shows(pictures, UNIT)
    assert (shown.shape, shown.dtype) == ((200, len(CONCEPTS)), bool)
    right = (shown == (faces.truth[:, : len(CONCEPTS)] > 0.5)).mean(0)
    assert right.min() >= 0.95, dict(zip(CONCEPTS, right, strict=True))


def test_it_measures_what_is_drawn(labeler: Labeler, pictures: torch.Tensor, faces: Faces) -> None:
    measured = labeler.measure(pictures, UNIT)
    assert (measured.shape, measured.dtype) == ((200, len(MEASURES)), np.float32)
    score = dict(zip(MEASURES, r_squared(measured, faces.truth[:, len(CONCEPTS) :]), strict=True))
    assert score["yaw"] >= 0.95, score
    stated = labeler.card["validation"]["r2"]["as drawn"]
    assert all(score[name] >= stated[name] - 0.1 for name in MEASURES), score


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_not_fooled_by_colour_blur_and_noise(
    labeler: Labeler, pictures: torch.Tensor, faces: Faces, change: str
) -> None:
    changed = CHANGES[change](pictures, torch.zeros(len(pictures), 1, 64, 64))
    right = (labeler.shows(changed, UNIT) == (faces.truth[:, : len(CONCEPTS)] > 0.5)).mean(0)
    assert right.min() >= 0.9, dict(zip(CONCEPTS, right, strict=True))
    assert r_squared(labeler.measure(changed, UNIT), faces.truth[:, len(CONCEPTS) :])[0] >= 0.9


def test_it_tells_and_measures_by_one_look(pictures: torch.Tensor) -> None:
    labeler, looks = FaceLabeler(), []
    labeler.network.register_forward_hook(lambda *_: looks.append(1))
    shows, measures = labeler.shows_and_measure(pictures[:50], UNIT)
    assert len(looks) == 1
    assert np.array_equal(shows, labeler.shows(pictures[:50], UNIT))
    assert np.array_equal(measures, labeler.measure(pictures[:50], UNIT))
    assert shows.any()
    assert not shows.all()


def test_a_mirrored_face_looks_the_other_way(labeler: Labeler, pictures: torch.Tensor) -> None:
    yaw = labeler.measures.index("yaw")
    there, back = (labeler.measure(images, UNIT)[:, yaw] for images in (pictures, pictures.flip(-1)))
    assert np.abs(there + back).mean() < 0.1


def test_range_channels_and_size_are_the_callers(labeler: Labeler, pictures: torch.Tensor) -> None:
    some = pictures[:40]
    shown = labeler.shows(some, UNIT)
    assert np.array_equal(labeler.shows(2 * some - 1, ImageSpec()), shown)
    doubled = torch.nn.functional.interpolate(some, scale_factor=2.0, mode="bilinear")
    assert (labeler.shows(doubled, ImageSpec(128, 3, 0.0, 1.0)) == shown).mean() > 0.95
    assert labeler.shows(some.mean(1, keepdim=True), ImageSpec(64, 1, 0.0, 1.0)).shape == shown.shape
    opaque = torch.cat([some, torch.ones(40, 1, 64, 64)], 1)
    assert np.array_equal(labeler.shows(opaque, ImageSpec(64, 4, 0.0, 1.0)), shown)
    assert labeler.shows(some[:0], UNIT).shape == (0, len(CONCEPTS))
    assert labeler.measure(some[:0], UNIT).shape == (0, len(MEASURES))


def test_it_labels_no_pixels(labeler: Labeler, pictures: torch.Tensor) -> None:
    with pytest.raises(GanlabError, match="'faces' labels whole pictures, not pixels"):
        labeler.masks(pictures, UNIT)


# --- its training -------------------------------------------------------------------------------------------------


SMALL = FaceLabelerSettings(faces=64, steps=2, batch=8)


@pytest.fixture(scope="module")
def drawn() -> Faces:
    return draw_faces(SMALL.faces, SMALL.face_seed)


def test_training_repeats_itself(drawn: Faces) -> None:
    assert repeats_itself(lambda: train_labeler(SMALL, drawn))


def test_a_made_labeler_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labeler_making, "HELD_OUT", 8)
    labeler_making.make_labeler(SMALL, tmp_path / "labeler")
    made = FaceLabeler(tmp_path / "labeler")
    assert made.shows(torch.zeros(2, 3, 64, 64), UNIT).shape == (2, len(CONCEPTS))
    card = tomllib.loads((tmp_path / "labeler" / "card.toml").read_text())
    assert "| as drawn |" in card["table"]
    assert card["validation"]["accuracy"].keys() == {*CHANGES, "control: the more frequent"}
    with pytest.raises(GanlabError, match="already holds something"):
        labeler_making.make_labeler(SMALL, tmp_path / "labeler")
    assert [entry.name for entry in tmp_path.iterdir()] == ["labeler"]


@pytest.fixture
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labelers are made of nothing."""
    monkeypatch.setattr(labeler_making, "draw_faces", lambda *given: None)
    monkeypatch.setattr(labeler_making, "train_labeler", lambda *given: None)
    monkeypatch.setattr(labeler_making, "write_labeler", lambda network, folder, *rest: write_card({}, folder))


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.usefixtures("in_no_time")
def test_the_current_folder_can_be_filled(absolute: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    labeler_making.make_labeler(SMALL, tmp_path if absolute else Path("."))
    assert os.listdir() == ["card.toml"] == os.listdir(tmp_path)  # it is still the one that the process is in


@pytest.mark.usefixtures("in_no_time")
def test_a_labeler_that_fails_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labeler_making, "write_labeler", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        labeler_making.make_labeler(SMALL, tmp_path / "below" / "labeler")
    assert os.listdir(tmp_path) == []


def test_folding_batch_norm_changes_nothing() -> None:
    torch.manual_seed(0)
    network = FaceNet(5).train()
    network(torch.randn(8, 3, 64, 64))
    pictures = torch.randn(2, 3, 64, 64)
    assert torch.allclose(network.eval()(pictures), without_batch_norm(network)(pictures), atol=1e-4)


def test_changed_colours_teach_no_colours() -> None:
    truth = torch.zeros(4, len(ANSWERS))
    answers = truth.clone()
    answers[:2, len(CONCEPTS) + 1 :] = 1.0
    unchanged, wrong = torch.tensor([True] * 4), torch.tensor([False, False, True, True])
    nothing = drawn_loss(truth, truth, unchanged)
    assert drawn_loss(answers, truth, wrong) == nothing
    assert drawn_loss(answers, truth, unchanged) > nothing


# --- what was seen ------------------------------------------------------------------------------------------------


def seen_faces(n: int, **texts: str) -> SeenFaces:
    return SeenFaces(np.zeros((n, 64, 64, 3), np.uint8), dict.fromkeys(QUESTIONS, UNSURE * n) | texts)


def test_what_was_seen_survives_its_files(tmp_path: Path) -> None:
    seen = SeenFaces(np.full((3, 64, 64, 3), 90, np.uint8), dict.fromkeys(CONCEPTS, "10?") | {FACING: "lcr"})
    write_seen(seen, tmp_path)
    again = read_seen(tmp_path)
    assert again.texts == seen.texts
    assert np.array_equal(again.images, seen.images)
    assert np.array_equal(again.answers[:, QUESTIONS.index(FACING)], [-1, 0, 1])
    assert np.isnan(again.answers[2, :4]).all()
    with pytest.raises(GanlabError, match="not installed with ganlab"):
        read_seen(tmp_path / "nowhere")


def test_shipped_samples_have_an_answer_to_every_question() -> None:
    seen = read_seen()
    assert len(seen.images) > 500
    assert seen.answers.shape == (len(seen.images), len(QUESTIONS))
    assert np.nanmax(np.abs(seen.answers)) == 1
    assert (~np.isnan(seen.answers)).mean(0).min() > 0.7


def test_what_nobody_knows_teaches_nothing_and_the_rest_its_own_way() -> None:
    answers = torch.randn(4, len(ANSWERS), generator=torch.Generator().manual_seed(0)).requires_grad_()
    _, unknown = seen_faces(4).batch(np.arange(4))
    assert seen_loss(answers, unknown) == 0
    _, glasses = seen_faces(4, glasses="10?1").batch(np.arange(4))
    (gradient,) = torch.autograd.grad(seen_loss(answers, glasses), answers)
    assert gradient[:, 1].sign().tolist() == [-1, 1, 0, -1]
    assert gradient[:, [0, *range(2, len(ANSWERS))]].abs().max() == 0


@pytest.mark.parametrize(
    ("said", "yaw", "pull"),
    [("l", 0.0, 1), ("l", -0.5, 0), ("r", 0.0, -1), ("r", 0.2, -1), ("c", 0.1, 0), ("c", 0.6, 1), ("c", -0.6, -1)],
)
def test_the_turn_is_pulled_to_where_people_saw_it(said: str, yaw: float, pull: int) -> None:
    answers = torch.zeros(1, len(ANSWERS))
    answers[0, ANSWERS.index("yaw")] = yaw
    answers.requires_grad_()
    _, seen = seen_faces(1, facing=said).batch(np.arange(1))
    (gradient,) = torch.autograd.grad(seen_loss(answers, seen), answers)
    assert gradient[0, ANSWERS.index("yaw")].sign() == pull


def test_a_sample_is_mirrored_with_where_it_turns() -> None:
    left_half = torch.zeros(32, 3, 64, 64)
    left_half[..., :32] = 1
    changed, facing = FaceAugmentation(torch.Generator().manual_seed(4)).mirror(left_half, -torch.ones(32))
    assert 4 < (facing == 1).sum() < 28
    assert torch.equal(changed[:, 0, 0, 0] == 0, facing == 1)
    unsure = FaceAugmentation(torch.Generator().manual_seed(4)).gently(left_half, torch.full((32,), torch.nan))[1]
    assert unsure.isnan().all()


# --- what the training shows it -----------------------------------------------------------------------------------


def test_augmentation_follows_from_its_generator_and_turns_mirrored_faces(drawn: Faces) -> None:
    pictures, truth = drawn.batch(np.arange(32))
    yaw = truth[:, ANSWERS.index("yaw")]
    (changed, turned, true), (again, *_) = (
        FaceAugmentation(torch.Generator().manual_seed(4))(pictures.clone(), yaw.clone()) for _ in range(2)
    )
    assert torch.equal(changed, again)
    assert changed.shape == pictures.shape
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert torch.equal(turned.abs(), yaw.abs())
    assert 4 < (turned == -yaw).sum() < 28
    assert 6 < true.sum() < 24


def test_erased_patches_are_small(drawn: Faces) -> None:
    pictures, _ = drawn.batch(np.arange(32))
    erased = FaceAugmentation(torch.Generator().manual_seed(4)).erase(pictures)
    share = (erased != pictures).any(1).float().mean((1, 2))
    assert 3 < (share > 0).sum() < 18
    assert share.max() <= 64 / 64**2
