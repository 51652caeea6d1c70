"""The judge of rooms that learnt from photographs: what it reads, what it refuses, and that its figures hold."""

from __future__ import annotations

import shutil
import tarfile
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganlab import GanlabError, Images, Labeler, open_images
from ganlab_synthetic.labelers.augmentation import IGNORED
from ganlab_synthetic.labelers.changes import UNIT
from ganlab_synthetic.labelers.folder import WEIGHTS
from ganlab_synthetic.photographs import making, validation
from ganlab_synthetic.photographs.augmentation import PhotoAugmentation
from ganlab_synthetic.photographs.choosing import Truth, choose_min_pixels, choose_threshold, truth_of
from ganlab_synthetic.photographs.intervals import interval
from ganlab_synthetic.photographs.making import make_labeler
from ganlab_synthetic.photographs.reading import GAP, IMAGES, MASKS, VALUES, Photographs, read_photographs, split
from ganlab_synthetic.photographs.scenes import learn_scenes
from ganlab_synthetic.photographs.settings import PhotoSettings
from ganlab_synthetic.photographs.training import train_network, verdict_loss
from ganlab_synthetic.photographs.validation import JUDGE, validate
from ganlab_synthetic.rooms import CONCEPTS
from ganlab_synthetic.rooms.labeler import SHIPPED_REAL, RoomLabeler

from .labeler_kit import repeats_itself

SMALL = PhotoSettings(steps=2, scene_steps=2, batch=8)


def write_photograph(folder: Path, number: int, mask: np.ndarray) -> None:
    for part in (IMAGES, MASKS):
        (folder / part).mkdir(parents=True, exist_ok=True)
    grey = np.random.default_rng(number).integers(256, size=(*mask.shape, 3)).astype(np.uint8)
    Image.fromarray(grey).save(folder / IMAGES / f"{number}.jpg")
    Image.fromarray(mask).save(folder / MASKS / f"{number}.png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As many made-up photographs as a split needs; every other one shows all concepts, and a curtain."""
    folder = tmp_path_factory.mktemp("photographs")
    for number in range(125):
        mask = np.zeros((80, 96), np.uint8)
        if number % 2:
            for place, value in enumerate([*VALUES, 15, 39]):
                mask[10:60, 12 * place : 12 * place + 12] = value
        write_photograph(folder, number, mask)
    return folder


@pytest.fixture(scope="module")
def photographs(folder: Path) -> Photographs:
    return read_photographs(folder)


# --- reading ------------------------------------------------------------------------------------------------------


def test_masks_become_concepts(photographs: Photographs) -> None:
    assert photographs.numbers.tolist() == list(range(125))
    assert photographs.images.shape == (125, 80, 96, 3)
    assert not photographs.labels[0].any()
    names = ("window", "window", "picture", "bed", "lamp", "door")
    expected = [*(1 + CONCEPTS.index(name) for name in names), IGNORED, IGNORED]
    assert photographs.labels[1, 30, 6::12].tolist() == expected
    assert photographs.curtains[1] == 50 / 80 * 12 / 96
    at64 = photographs.at64()
    assert at64.images.shape == (125, 64, 64, 3)
    assert set(np.unique(at64.labels)) == {*range(len(CONCEPTS) + 1), IGNORED}


def no_masks(folder: Path) -> None:
    (folder / IMAGES).mkdir()


def empty(folder: Path) -> None:
    no_masks(folder)
    (folder / MASKS).mkdir()


def mask_missing(folder: Path) -> None:
    write_photograph(folder, 3, np.zeros((64, 64), np.uint8))
    (folder / MASKS / "3.png").unlink()


def mask_of_another_size(folder: Path) -> None:
    write_photograph(folder, 3, np.zeros((64, 64), np.uint8))
    Image.new("L", (64, 65)).save(folder / MASKS / "3.png")


def photographs_of_two_sizes(folder: Path) -> None:
    for number, side in ((1, 64), (2, 72)):
        write_photograph(folder, number, np.zeros((side, side), np.uint8))


def mask_in_colour(folder: Path) -> None:
    write_photograph(folder, 3, np.zeros((64, 64), np.uint8))
    Image.new("RGB", (64, 64)).save(folder / MASKS / "3.png")


def too_small(folder: Path) -> None:
    write_photograph(folder, 3, np.zeros((63, 80), np.uint8))


def named_otherwise(folder: Path) -> None:
    empty(folder)
    Image.new("RGB", (64, 64)).save(folder / IMAGES / "bedroom.jpg")


def damaged(folder: Path) -> None:
    write_photograph(folder, 3, np.zeros((64, 64), np.uint8))
    file = folder / IMAGES / "3.jpg"
    file.write_bytes(file.read_bytes()[:300])


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (no_masks, "has no folder labels40"),
        (empty, "holds no pictures"),
        (mask_missing, "is not there"),
        (mask_of_another_size, "has 64x64, its mask 64x65"),
        (photographs_of_two_sizes, "has 72x72, its mask 72x72, the first photograph 64x64"),
        (mask_in_colour, "no grey picture"),
        (too_small, "has 80x63 pixels"),
        (named_otherwise, "not called by a number"),
        (damaged, "cannot be read"),
    ],
)
def test_what_it_refuses_to_read(tmp_path: Path, prepare: Callable[[Path], None], says: str) -> None:
    prepare(tmp_path)
    with pytest.raises(GanlabError, match=says):
        read_photographs(tmp_path)


def test_nothing_learns_near_what_is_held_out() -> None:
    numbers = np.arange(1449)
    parts = split(numbers)
    assert 0.2 < len(parts.held_out) / 1449 < 0.21
    for learnt, measured in ((parts.learn, parts.held_out), (parts.rehearse, parts.choose)):
        assert np.abs(learnt[:, None] - measured).min() == GAP + 1
    assert set(parts.choose) <= set(parts.learn)
    assert set(parts.rehearse) <= set(parts.learn)
    with pytest.raises(GanlabError, match="20 photographs are too few"):
        split(numbers[:20])


# --- the training -------------------------------------------------------------------------------------------------


def test_changes_follow_from_their_generator(photographs: Photographs) -> None:
    batch = photographs.batch(np.arange(16))
    results = [PhotoAugmentation(torch.Generator().manual_seed(4), len(CONCEPTS))(*batch) for _ in range(2)]
    (pictures, labels), (again, labels_again) = results
    assert torch.equal(pictures, again)
    assert torch.equal(labels, labels_again)
    assert pictures.shape == (16, 3, 64, 64)
    assert 0 <= pictures.min() <= pictures.max() <= 1
    assert set(labels.unique().tolist()) <= {*range(len(CONCEPTS) + 1), IGNORED}


def test_crops_move_labels_with_their_pixels(photographs: Photographs) -> None:
    """A picture that is its own mask is still that after the crop."""
    labels = torch.from_numpy((photographs.labels[:32] == 3).astype(np.int64))
    pictures = labels[:, None].float().expand(-1, 3, -1, -1)
    moved, named = PhotoAugmentation(torch.Generator().manual_seed(0), len(CONCEPTS)).crop(pictures, labels)
    assert ((moved[:, 0] > 0.5) == (named == 1)).float().mean() > 0.97
    assert 0.02 < named.float().mean() < 0.2


def test_a_whole_picture_is_told_by_its_most_likely_pixels() -> None:
    labels = torch.zeros(2, 64, 64, dtype=torch.long)
    labels[0, :10, :10] = 1
    labels[:, 40:] = IGNORED
    right = torch.full((2, 1 + len(CONCEPTS), 64, 64), -5.0)
    right[:, 0] = 5
    right[0, :2, :10, :10] = torch.tensor([-5.0, 5.0])[:, None, None]
    beside = right.clone()
    beside[1, 1, 50:60, 50:60] = 20  # where nobody knows
    imagined = right.clone()
    imagined[1, 1, 20:30, 20:30] = 20
    assert verdict_loss(right, labels) < 0.01
    assert torch.equal(verdict_loss(beside, labels), verdict_loss(right, labels))
    assert verdict_loss(imagined, labels) > 1


def test_training_repeats_itself(photographs: Photographs) -> None:
    assert repeats_itself(lambda: train_network(SMALL, photographs))


def test_thresholds_are_those_that_tell_best() -> None:
    shown = np.arange(20)[:, None].repeat(len(CONCEPTS), 1) < 10
    masks = np.zeros((20, len(CONCEPTS), 64, 64), bool)
    masks[:10, :, :10, :10] = True
    truth = Truth(masks, np.ones((20, 64, 64), bool), shown, np.ones_like(shown))
    noisy = masks.copy()
    noisy[10:, :, 0, :20] = True
    assert all(20 < pixels <= 100 for pixels in choose_min_pixels(noisy, truth).values())
    assert 0.4 <= choose_threshold(np.where(masks, 0.6, np.where(noisy, 0.4, 0.1)), truth) < 0.6


@pytest.fixture(scope="module")
def scenes(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Images:
    sorted_ones = tmp_path_factory.mktemp("scenes")
    for number in range(8):
        kind = sorted_ones / ("kitchen" if number % 2 else "bedroom")
        kind.mkdir(exist_ok=True)
        shutil.copy(folder / IMAGES / f"{number}.jpg", kind)
    return open_images(str(sorted_ones))


def test_scenes_change_what_the_training_begins_with(photographs: Photographs, scenes: Images) -> None:
    begin = learn_scenes(SMALL, scenes)
    before = {name: value.clone() for name, value in begin.state_dict().items()}
    fresh, taught = train_network(SMALL, photographs), train_network(SMALL, photographs, begin)
    assert all(torch.equal(before[name], value) for name, value in begin.state_dict().items())
    assert not torch.equal(fresh.at64[0].weight, taught.at64[0].weight)


def test_intervals_take_whole_runs() -> None:
    shown = np.arange(100)[:, None].repeat(len(CONCEPTS), 1) % 2 == 0
    truth = Truth(np.zeros((1, 5, 1, 1), bool), np.ones((1, 1, 1), bool), shown, np.ones_like(shown))
    wrong = np.where(np.arange(100)[:, None] < 25, ~shown, shown)  # the whole first run of four
    low, high = interval(wrong, truth, np.arange(100))
    assert low.max() < 0.6
    assert high.min() == 1
    above = interval(shown, truth, np.arange(100), beside=wrong)
    assert np.allclose(above, [1 - high, 1 - low], atol=1e-9)


def test_a_made_labeler_can_be_used(folder: Path, scenes: Images, tmp_path: Path) -> None:
    make_labeler(folder, SMALL, tmp_path / "labeler", scenes)
    made = RoomLabeler(tmp_path / "labeler")
    assert made.name == JUDGE
    assert made.masks(torch.zeros(2, 3, 64, 64), UNIT).shape == (2, len(CONCEPTS), 64, 64)
    card = tomllib.loads((tmp_path / "labeler" / "card.toml").read_text())
    assert "| window | control: colour alone |" in card["table"]
    assert "research" in card["licence"]
    assert "(colour alone " in card["trust"]
    assert "8 photographs of 2 kinds of rooms" in card["training"]["data"]
    with pytest.raises(GanlabError, match="already holds something"):
        make_labeler(folder, SMALL, tmp_path / "labeler")


def test_what_chooses_and_what_measures_was_not_learnt_from(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor from its neighbours, six numbers to either side."""
    trained, chosen, measured = [], [], []
    training, choosing, measuring = making.train_network, making.choose, making.validate
    monkeypatch.setattr(
        making,
        "train_network",
        lambda given, some, *others: trained.append((training(given, some, *others), some.numbers)) or trained[-1][0],
    )
    monkeypatch.setattr(
        making, "choose", lambda network, some: chosen.append((network, some.numbers)) or choosing(network, some)
    )
    monkeypatch.setattr(making, "validate", lambda *given: measured.append(given) or measuring(*given))
    make_labeler(folder, SMALL, tmp_path / "labeler")
    (rehearsal, first), (_, learnt) = trained
    ((asked, choose),) = chosen
    ((_, photographs, parts),) = measured
    assert asked is rehearsal
    assert np.abs(first[:, None] - choose).min() == 7
    assert np.abs(learnt[:, None] - photographs.numbers[parts.held_out]).min() == 7


def test_controls_choose_their_pixels_where_the_labeler_does(
    photographs: Photographs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On photographs that nothing is measured on, or they would look better than they are."""
    photographs = photographs[photographs.numbers != 110]
    parts, asked = split(photographs.numbers), []
    choosing = validation.choose_min_pixels
    monkeypatch.setattr(
        validation,
        "choose_min_pixels",
        lambda masks, truth: asked.append((len(masks), len(truth.shown))) or choosing(masks, truth),
    )
    validate(SHIPPED_REAL, photographs, parts)
    assert (len(parts.choose), len(parts.held_out)) == (24, 25)
    assert asked == [(24, 24)] * 2


def test_behind_much_curtain_a_window_is_in_doubt(photographs: Photographs) -> None:
    curtains = np.where(photographs.numbers % 4 == 0, 0.02, 0.0)
    decided = truth_of(replace(photographs, curtains=curtains)).decided
    window = CONCEPTS.index("window")
    assert np.array_equal(~decided[:, window], photographs.numbers % 4 == 0)
    assert np.delete(decided, window, 1).all()


def test_a_concept_that_is_nowhere_is_refused(photographs: Photographs) -> None:
    with pytest.raises(GanlabError, match="none show a window"):
        truth_of(photographs[np.arange(0, 20, 2)])


# --- the shipped labeler ------------------------------------------------------------------------------------------


def test_the_shipped_labeler_is_small_and_knows_its_concepts() -> None:
    labeler = Labeler.from_spec("rooms-real")
    assert labeler.name == JUDGE
    assert labeler.concepts == CONCEPTS
    assert set(labeler.card["min_pixels"]) == set(CONCEPTS)
    assert "Silberman" in labeler.card["licence"]
    assert (SHIPPED_REAL / WEIGHTS).stat().st_size <= 1.5e6


@pytest.mark.slow
def test_its_figures_hold(shared_data: Path, tmp_path: Path) -> None:
    with tarfile.open(shared_data / "nyuv2-128.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    source = next(path.parent for path in tmp_path.rglob(MASKS))
    photographs = read_photographs(source)
    report = validate(SHIPPED_REAL, photographs, split(photographs.numbers))
    stated = RoomLabeler(SHIPPED_REAL).card["validation"]
    assert report["pictures"] == stated["pictures"]
    for concept in CONCEPTS:
        for who, shares in report["balanced"].items():
            assert shares[concept] == pytest.approx(stated["balanced"][who][concept], abs=0.01), (who, concept)
        assert report["balanced"][JUDGE][concept] > report["balanced"]["control: colour alone"][concept]
