"""What is measured of filters, and how it is drawn, against brute force and where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganlab.testing import tiny_gan
from ganlab_features.dissection import dissect
from ganlab_features.figures import colours, crops
from ganlab_features.judging import shares_on
from ganlab_features.pictures import Samples
from ganlab_features.receptive import Fields, receptive_fields
from ganlab_features.structure import structure

from .features_kit import SHAPE, Net, maps_of, pictures, planted
from .planted import SIZE, Truth

pytestmark = pytest.mark.usefixtures("one_thread")


def test_receptive_fields_are_those_of_brute_force() -> None:
    """Which units change at all when a row, or a column, of pixels does."""
    net = Net(nn.LeakyReLU(0.2)).double()
    image = pictures(1).double()
    before = maps_of(net, image)
    found = receptive_fields(Net(nn.LeakyReLU(0.2)), "maps", SHAPE)
    for axis, spans in ((2, found.rows), (3, found.columns)):
        for pixel in range(32):
            other = image.clone()
            other.select(axis, pixel).add_(1.0)
            changed = (maps_of(net, other) != before).any(1).any(5 - axis - 1).squeeze(0)
            assert torch.equal(changed, torch.tensor([first <= pixel < behind for first, behind in spans]))
    assert found.largest == (10, 10)


def test_receptive_fields_of_the_papers_layer_are_those_of_arithmetic() -> None:
    gan = tiny_gan(size=64, width=2)
    found = receptive_fields(gan.discriminator, "down4", (3, 64, 64))
    spans = [(max(0, 16 * unit - 15), min(64, 16 * unit + 31)) for unit in range(4)]  # 1 + 3 * (1 + 2 + 4 + 8) = 46
    assert found.rows.tolist() == found.columns.tolist() == [list(span) for span in spans]
    assert found.largest == (46, 46)


def test_overlaps_are_those_of_brute_force() -> None:
    gan, share = planted(), 0.1
    samples = Samples(gan, 40, seed=0)
    found = dissect([gan], "1", samples, Truth(), share)
    images = samples.some(np.arange(40))
    with gan.record("1", side="discriminator") as recording:
        gan.score(images)
    maps, masks = recording["1"], Truth().masks(images, gan.image)
    for number in range(maps.shape[1]):
        values = np.sort(maps[:, number].numpy(), axis=None)[::-1]
        threshold = values[round(share * len(values)) - 1]
        assert found.thresholds[0][number] == threshold
        large = F.interpolate(maps[:, number : number + 1], size=(SIZE, SIZE), mode="bilinear")[:, 0].numpy()
        fired = large > threshold
        for concept in range(2):
            for picked, table in ((masks, found.overlaps[0].iou), (np.roll(masks, 1, 0), found.overlaps[0].moved)):
                mask = picked[:, concept]
                assert table[number, concept] == pytest.approx((fired & mask).sum() / (fired | mask).sum())
    assert found.area == pytest.approx(masks.mean((0, 2, 3)))


def test_samples_are_of_the_gans_class_or_of_all_in_turn() -> None:
    gan, rows = tiny_gan(classes=3), np.array([5, 0, 70])
    for drawn, labels in ((gan, [2, 0, 1]), (gan.of_class(1), [1, 1, 1])):
        samples = Samples(drawn, 71, seed=4)
        expected = torch.cat(
            [gan.generate(gan.latents(71, seed=4, label=one)[[row]]) for row, one in zip(rows, labels, strict=True)]
        )
        torch.testing.assert_close(samples.some(rows), expected)
        torch.testing.assert_close(torch.cat(list(samples.batches()))[rows], expected)
        assert len(samples) == 71


def test_how_much_of_a_gradient_lies_on_a_concept() -> None:
    gradient, mask = np.zeros((3, 8, 8), np.float32), np.zeros((8, 8), bool)
    gradient[:, 2, 2], gradient[:, 5, 5], gradient[:, 7, 7] = 1.0, 2.0, 9.0  # the last lies outside the box
    mask[4:6, 4:6] = True
    assert shares_on(gradient, mask, (0, 6, 0, 6)) == (pytest.approx(0.8), pytest.approx(4 / 36))
    assert shares_on(0 * gradient, mask, (0, 6, 0, 6))[0] == 0


def test_structure_tells_edges_from_noise() -> None:
    random = np.random.default_rng(0)
    image = np.zeros((1, 3, 24, 24))
    image[..., 12:] = 1
    edges, noise = np.zeros((1, 3, 24, 24)), random.normal(size=(1, 3, 24, 24))
    edges[..., 11:13] = random.normal(size=(1, 3, 24, 2))
    box = [(0, 24, 0, 24)]
    found, control, blank = (structure(one, image, box) for one in (edges, noise, 0 * edges))
    assert found.on_edges[0] > 0.8
    assert found.in_tenth[0] > 0.9
    assert abs(control.on_edges[0]) < 0.1
    assert control.in_tenth[0] < 0.35
    assert np.isnan(blank.on_edges[0])
    assert np.isnan(blank.in_tenth[0])


def test_gradients_are_grey_where_they_are_zero_and_keep_their_sign() -> None:
    gradients = np.zeros((1, 3, 8, 8))
    gradients[0, :, 0, 0], gradients[0, :, 7, 7] = 2.0, -2.0
    shown = colours(gradients)[0]
    assert shown[0, 0].tolist() == [255] * 3
    assert shown[7, 7].tolist() == [0] * 3
    assert shown[4, 4].tolist() == [128] * 3


def test_crops_lie_inside_the_picture() -> None:
    fields = Fields(np.array([[0, 3], [1, 6], [5, 8]]), np.array([[0, 3], [1, 6], [5, 8]]), (8, 8))
    picture = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1).repeat(3, 0)
    cut = crops(picture, np.array([[0, 0, 0], [0, 1, 1], [0, 2, 2]]), fields)
    assert cut.shape == (3, 5, 5, 1)
    assert [tile[0, 0, 0] for tile in cut] == [0, 9, 27]
