"""The judge of rooms: what it finds, what it must not be fooled by, and that its training can be repeated."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from ganlab import GanlabError, ImageSpec, Labeler
from ganlab_synthetic.labelers.augmentation import IGNORED, Augmentation
from ganlab_synthetic.labelers.blocks import without_batch_norm
from ganlab_synthetic.labelers.changes import GONE, KEPT, UNIT
from ganlab_synthetic.labelers.folder import WEIGHTS
from ganlab_synthetic.labelers.learning import learn
from ganlab_synthetic.labelers.pixels import blurred
from ganlab_synthetic.rooms import CONCEPTS, draw_room, labeler_making
from ganlab_synthetic.rooms.decoys import draw_decoy_room
from ganlab_synthetic.rooms.labeler import SHIPPED, RoomLabeler
from ganlab_synthetic.rooms.labeler_network import RoomUnet
from ganlab_synthetic.rooms.labeler_training import LabelerSettings, Rooms, draw_rooms, train_labeler
from ganlab_synthetic.rooms.labeler_validation import (
    WITH_DECOYS,
    held_out_rooms,
    overlap,
    table,
    told_by_colour,
    validate,
)

from .labeler_kit import repeats_itself


@pytest.fixture(scope="module")
def labeler() -> Labeler:
    return Labeler.from_spec("rooms")


@pytest.fixture(scope="module")
def rooms() -> Rooms:
    return held_out_rooms(60, seed=79)


@pytest.fixture(scope="module")
def pictures(rooms: Rooms) -> torch.Tensor:
    return rooms.batch(np.arange(len(rooms.images)))[0]


@pytest.fixture(scope="module")
def window(rooms: Rooms) -> torch.Tensor:
    return torch.from_numpy(rooms.labels == 1).float()[:, None]


def found(labeler: Labeler, pictures: torch.Tensor) -> np.ndarray:
    return labeler.shows(pictures, UNIT)[:, labeler.column("windows")]


# --- the shipped labeler ------------------------------------------------------------------------------------------


def test_the_shipped_labeler_is_small_and_has_its_card(labeler: Labeler) -> None:
    assert (SHIPPED / WEIGHTS).stat().st_size <= 2e6
    assert labeler.concepts == CONCEPTS
    assert set(labeler.card["min_pixels"]) == set(CONCEPTS)
    assert labeler.domain
    assert labeler.card["licence"] == "MIT"
    assert labeler.card["training"]["command"]


def test_it_costs_at_most_a_tenth_of_a_billion_multiplications() -> None:
    products = 0

    def count(module: torch.nn.Conv2d, _: object, output: torch.Tensor) -> None:
        nonlocal products
        products += output[0].numel() * module.weight[0].numel()

    network = RoomUnet(len(CONCEPTS), batch_norm=False).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    network(torch.zeros(1, 3, 64, 64))
    assert 0.05e9 < products <= 0.1e9


def test_it_finds_what_is_drawn(labeler: Labeler, pictures: torch.Tensor, rooms: Rooms) -> None:
    masks = labeler.masks(pictures, UNIT)
    assert masks.shape == (60, len(CONCEPTS), 64, 64)
    assert masks.dtype == bool
    floors = labeler.card["validation"]["iou"]["as drawn"]
    for place, concept in enumerate(CONCEPTS):
        truth = rooms.labels == place + 1
        iou = (masks[:, place] & truth).sum() / (masks[:, place] | truth).sum()
        assert iou > floors[concept] - 0.08, concept
    assert floors["window"] > 0.85


def test_shows_counts_the_pixels_of_the_masks(labeler: Labeler, pictures: torch.Tensor) -> None:
    needed = np.array([labeler.card["min_pixels"][concept] for concept in CONCEPTS])
    assert np.array_equal(labeler.shows(pictures, UNIT), labeler.masks(pictures, UNIT).sum((2, 3)) >= needed)


def test_it_answers_the_same_alone_and_in_company(labeler: Labeler, pictures: torch.Tensor) -> None:
    together = labeler.masks(pictures, UNIT)
    assert np.array_equal(together, RoomLabeler().masks(pictures, UNIT))
    alone = np.concatenate([labeler.masks(one[None], UNIT) for one in pictures[:5]])
    assert (alone != together[:5]).mean() < 1e-3


def test_range_channels_and_size_are_the_callers(labeler: Labeler, pictures: torch.Tensor) -> None:
    masks = labeler.masks(pictures[:20], UNIT)
    signed = labeler.masks(2 * pictures[:20] - 1, ImageSpec())
    assert (signed != masks).mean() < 1e-3
    doubled = torch.nn.functional.interpolate(pictures[:20], scale_factor=2.0, mode="bilinear")
    large = ImageSpec(128, 3, 0.0, 1.0)
    assert labeler.masks(doubled, large).shape == (20, len(CONCEPTS), 128, 128)
    assert (labeler.shows(doubled, large) == labeler.shows(pictures[:20], UNIT)).mean() > 0.95
    grey = pictures[:20].mean(1, keepdim=True)
    assert labeler.masks(grey, ImageSpec(64, 1, 0.0, 1.0)).shape == masks.shape
    opaque = torch.cat([pictures[:20], torch.ones(20, 1, 64, 64)], 1)
    assert np.array_equal(labeler.masks(opaque, ImageSpec(64, 4, 0.0, 1.0)), masks)
    assert labeler.masks(pictures[:0], UNIT).shape == (0, len(CONCEPTS), 64, 64)


@pytest.mark.parametrize(
    "change",
    ["windows red", "windows grey", "red light", "grey", "blur of 1 pixel"],
)
def test_a_window_recoloured_is_a_window(
    labeler: Labeler, pictures: torch.Tensor, window: torch.Tensor, change: str
) -> None:
    shown = window.sum((1, 2, 3)).numpy() >= labeler.card["min_pixels"]["window"]
    assert found(labeler, KEPT[change](pictures, window))[shown].mean() >= 0.9


FOOLED = pytest.mark.xfail(
    reason="a frame around one colour is still taken for a window in half of the rooms", strict=True
)


@pytest.mark.parametrize(
    "change",
    [pytest.param(change, marks=FOOLED if change == "gone: one colour inside the frame" else ()) for change in GONE],
)
def test_a_window_without_panes_is_none(
    labeler: Labeler, pictures: torch.Tensor, window: torch.Tensor, change: str
) -> None:
    shown = window.sum((1, 2, 3)).numpy() >= labeler.card["min_pixels"]["window"]
    assert found(labeler, GONE[change](pictures, window))[shown].mean() <= 0.15


def test_it_takes_decoys_for_windows_as_often_as_its_card_says(labeler: Labeler) -> None:
    said = labeler.card["validation"]["windows"][WITH_DECOYS]
    decoys = held_out_rooms(300, seed=79, draw=draw_decoy_room)
    masks = decoys.labels == 1
    shown, absent = masks.sum((1, 2)) >= labeler.card["min_pixels"]["window"], ~masks.any((1, 2))
    seen = found(labeler, decoys.batch(np.arange(300))[0])
    assert abs(seen[shown].mean() - said["found"]) < 0.07
    assert abs(seen[absent].mean() - said["imagined"]) < 0.05
    assert said["imagined"] > 0.02
    assert said["imagined_of"] > 300


# --- its validation -----------------------------------------------------------------------------------------------


class SeesAll(RoomLabeler):
    """Every concept in every pixel."""

    def masks(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        return np.ones((len(images), len(CONCEPTS), *images.shape[2:]), bool)


def test_what_is_imagined_stands_beside_how_many_rooms_could_be_imagined_in() -> None:
    plain, decoys = held_out_rooms(20, seed=79), held_out_rooms(20, seed=79, draw=draw_decoy_room)
    report = validate(SeesAll(), plain, decoys, plain)
    assert set(report["windows"]) == {*KEPT, *GONE, WITH_DECOYS}
    assert set(report["pictures"]) == {*KEPT, WITH_DECOYS}
    needed = SeesAll().card["min_pixels"]
    for place, what in ((1, "windows"), (2, "pictures")):
        for rooms, row in ((plain, "as drawn"), (decoys, WITH_DECOYS)):
            pixels = [int((labels == place).sum()) for labels in rooms.labels]
            counts = {
                "found_of": sum(count >= needed[what[:-1]] for count in pixels),
                "imagined_of": sum(count == 0 for count in pixels),
            }
            assert all(counts.values())
            assert report[what][row] == {"found": 1.0, "imagined": 1.0, **counts}
    assert "imagined_of" in report["windows"]["gone: wall instead of windows"]
    absent = report["windows"][WITH_DECOYS]["imagined_of"]
    row = next(line for line in table(report).splitlines() if line.startswith(f"| {WITH_DECOYS} |"))
    assert row.split("|")[3].strip() == f"100.0% of {absent:.0f}"


# --- its training -------------------------------------------------------------------------------------------------


SMALL = LabelerSettings(rooms=200, steps=2, batch=8)


@pytest.fixture(scope="module")
def drawn() -> Rooms:
    return draw_rooms(SMALL)


def test_training_repeats_itself(drawn: Rooms) -> None:
    assert repeats_itself(lambda: train_labeler(SMALL, drawn))


def test_the_rooms_that_measure_are_neither_learnt_from_nor_the_gans() -> None:
    count = 6
    measured = held_out_rooms(count).images
    learnt = draw_rooms(LabelerSettings(rooms=count)).images[:count]
    gans = np.stack([draw_room(0, index).image for index in range(count)])
    for one, other in ((measured, learnt), (measured, gans), (learnt, gans)):
        assert not (one[:, None] == other).all((2, 3, 4)).any()


def test_weights_are_the_moving_average_of_those_of_all_steps() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 1, bias=False))
    pictures, seen = torch.rand(4, 3, 8, 8), []

    def loss_of(answers: torch.Tensor) -> torch.Tensor:
        seen.append(network[0].weight.detach().clone())
        return (answers - 1).square().mean()

    found = learn(network, iter([(pictures,)] * 40), loss_of, LabelerSettings(steps=40))
    after = [*seen[1:], network[0].weight.detach()]
    mean = after[0]
    for count, weight in enumerate(after[1:], 1):
        mean = mean + (weight - mean) / min(400, 1 + count // 4)
    torch.testing.assert_close(found[0].weight, mean)
    assert not torch.allclose(mean, after[-1], rtol=1e-3)
    assert not found.training


def test_a_made_labeler_can_be_used(drawn: Rooms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labeler_making, "HELD_OUT", 4)
    monkeypatch.setattr(labeler_making, "draw_rooms", lambda settings: drawn)
    labeler_making.make_labeler(SMALL, tmp_path / "labeler")
    made = RoomLabeler(tmp_path / "labeler")
    assert made.masks(torch.zeros(2, 3, 64, 64), UNIT).shape == (2, len(CONCEPTS), 64, 64)
    card = tomllib.loads((tmp_path / "labeler" / "card.toml").read_text())
    assert "| as drawn |" in card["table"]
    assert card["validation"]["windows"].keys() == {*KEPT, *GONE, WITH_DECOYS}
    with pytest.raises(GanlabError, match="already holds something"):
        labeler_making.make_labeler(SMALL, tmp_path / "labeler")
    assert [entry.name for entry in tmp_path.iterdir()] == ["labeler"]


def test_colour_alone_does_not_tell_concepts(rooms: Rooms, drawn: Rooms) -> None:
    truth = np.stack([rooms.labels == place for place in range(1, len(CONCEPTS) + 1)], 1)
    assert overlap(told_by_colour(drawn, rooms), truth).max() < 0.5


def test_folding_batch_norm_changes_nothing() -> None:
    torch.manual_seed(0)
    network = RoomUnet(5).train()
    network(torch.randn(8, 3, 64, 64))
    pictures = torch.randn(2, 3, 64, 64)
    assert torch.allclose(network.eval()(pictures), without_batch_norm(network)(pictures), atol=1e-4)


# --- what the training shows it -----------------------------------------------------------------------------------


def test_decoy_rooms_are_fixed_and_hold_windows_and_blanks() -> None:
    first, again = draw_decoy_room(3, 9), draw_decoy_room(3, 9)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.masks, again.masks)
    shown = np.mean([draw_decoy_room(3, index).masks[0].any() for index in range(60)])
    assert 0.2 < shown < 0.8


@pytest.fixture
def augmentation() -> Augmentation:
    return Augmentation(torch.Generator().manual_seed(1), len(CONCEPTS))


@pytest.fixture(scope="module")
def batch(rooms: Rooms) -> tuple[torch.Tensor, torch.Tensor]:
    return rooms.batch(np.arange(32))


def test_augmentation_follows_from_its_generator(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    results = [
        Augmentation(torch.Generator().manual_seed(4), len(CONCEPTS))(batch[0].clone(), batch[1].clone())
        for _ in range(2)
    ]
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    pictures, labels = results[0]
    assert pictures.shape == batch[0].shape
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    assert set(labels.unique().tolist()) <= {*range(len(CONCEPTS) + 1), IGNORED}


def test_faded_objects_lose_their_label(augmentation: Augmentation, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    pictures, labels = batch
    faded, kept = augmentation.fade(pictures, labels)
    gone = (labels == 1) & (kept == 0)
    assert gone.any(2).any(1).sum() >= 5
    detail = [(image - blurred(image, 2.0)).square().mean(1)[gone].mean() for image in (pictures, faded)]
    assert detail[1] < 0.25 * detail[0]
    assert torch.equal(kept[labels == 0], labels[labels == 0])


def test_invisible_objects_are_ignored(augmentation: Augmentation, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    pictures, labels = batch
    assert (augmentation.forget_invisible(pictures, labels) == labels).float().mean() > 0.95
    dim = augmentation.forget_invisible(0.5 + 0.02 * pictures, labels)
    assert (dim[labels > 0] == IGNORED).all()
    assert (dim[labels == 0] == 0).all()
