"""The strongest filters of a discriminator: planted ones are found, any GAN will do, and what can go wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from ganlab import Gan, GanlabError, ImageSpec, Labeler, Metric, Prior, open_images
from ganlab.testing import check_analysis, check_plugin, tiny_gan
from ganlab_features import features
from ganlab_features.guided import Layer
from ganlab_features.investigation import _summary, last_convolution
from ganlab_features.pictures import Data
from ganlab_features.strongest import strongest

from .features_kit import Net, planted
from .kit import smooth_pictures
from .planted import SIZE, Truth

pytestmark = pytest.mark.usefixtures("one_thread")


def test_plugin_keeps_the_contract() -> None:
    import ganlab_features

    check_plugin(ganlab_features)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "pictures.npy"
    blocks = np.random.default_rng(0).integers(0, 256, (70, 4, 4, 3), dtype=np.uint8)
    np.save(file, blocks.repeat(4, 1).repeat(4, 2))
    return file


def test_the_strongest_are_those_of_brute_force(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gan, images = tiny_gan(), open_images(str(data))
    monkeypatch.setattr("ganlab_features.pictures.AT_ONCE", 16)
    monkeypatch.setattr("ganlab_features.strongest.AT_ONCE", 16)
    found = strongest([gan], "down4", Data(images, gan), 4)[0]
    everything = gan.image.from_uint8(np.load(data))
    with gan.record("down4", side="discriminator") as recording:
        gan.score(everything)
    maps = recording["down4"].numpy()
    order = np.argsort(-maps.max((2, 3)), axis=0, kind="stable")[:4].T
    assert np.array_equal(found.pictures, order)
    for number in range(maps.shape[1]):
        for rank in range(4):
            row, column = found.places[number, rank]
            assert maps[order[number, rank], number, row, column] == pytest.approx(found.responses[number, rank])
            assert maps[order[number, rank], number].max() == pytest.approx(found.responses[number, rank])


def test_finds_the_planted_filter_and_an_untrained_one_does_not(data: Path) -> None:
    result = features(planted(), str(data), filters=2, top=3, n=64, labeler=Truth(), layer="3", share=0.08)
    window = next(row for row in result.tables["concepts"].rows if row[0] == "window")
    table = dict(zip(result.tables["concepts"].columns, window, strict=True))
    assert table["best filter"] == 2
    assert table["best IoU"] > 0.6
    assert table["masks moved"] < 0.3
    assert table["best IoU, untrained"] < 0.45


@pytest.mark.parametrize(("size", "channels", "prior"), [(16, 3, "uniform"), (16, 1, "normal"), (32, 4, "uniform")])
def test_analysis_keeps_the_contract(data: Path, size: int, channels: int, prior: str) -> None:
    gan = tiny_gan(size=size, channels=channels, prior=prior)
    result = check_analysis(features, gan=gan, data=str(data), filters=2, top=2, rule="leaky-guided")
    assert set(result.figures) == {"strongest"}
    assert result.metrics["gradient_on_edges"].control == "gradient_on_edges_untrained"
    assert "No labeler" in " ".join(result.notes)


def test_analysis_keeps_the_contract_with_a_labeler(data: Path) -> None:
    result = check_analysis(
        features, gan=planted(), data=str(data), which=[2, 0], top=2, n=20, labeler=Truth(), layer="3", rule="guided"
    )
    assert set(result.figures) == {"strongest", "concepts"}
    assert result.arrays["filters"].tolist() == [2, 0]
    assert result.arrays["gradients"].shape == (4, 3, SIZE, SIZE)


def test_last_convolution() -> None:
    assert last_convolution(tiny_gan(size=32)) == "down4"
    network = Net(lambda x: F.leaky_relu(x, 0.2))
    functional = Gan(nn.Identity(), network, prior=Prior(8), image=ImageSpec(32, 3))
    assert last_convolution(functional) == "maps"


def test_bad_input_is_a_sentence(data: Path, tmp_path: Path) -> None:
    gan = tiny_gan()
    for options, words in (
        ({"layer": "down5"}, "no layer called 'down5'"),
        ({"layer": "down8.conv"}, "No activation"),
        ({"which": [-1]}, "none is number -1"),
        ({"which": [1000]}, "so none is number 1000"),
        ({"top": 5, "limit": 3}, "fewer than the 5"),
        ({"labeler": "nobody"}, "no labeler 'nobody'"),
    ):
        with pytest.raises(GanlabError, match=words):
            features(gan, str(data), **options)
    alone = Gan(gan.generator, None, prior=gan.prior, image=gan.image)
    with pytest.raises(GanlabError, match="no discriminator"):
        features(alone, str(data))
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(GanlabError, match=r"b\.png cannot be read"):
        features(gan, str(tmp_path), top=1)


def test_labeler_that_sees_nothing(data: Path) -> None:
    class Blind(Truth):
        def masks(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
            return np.zeros((len(images), 2, image.size, image.size), bool)

    with pytest.raises(GanlabError, match="sees none of its concepts"):
        features(planted(), str(data), filters=2, top=2, n=10, labeler=Blind(), layer="3")


def test_a_labeler_of_whole_pictures_leaves_the_concepts_out(tmp_path: Path) -> None:
    class Whole(Labeler):
        name, concepts, domain, card = "whole", ("smile",), "faces", {}

        def shows(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
            return np.ones((len(images), 1), bool)

    np.save(tmp_path / "data.npy", np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), np.uint8))
    result = features(tiny_gan(), str(tmp_path / "data.npy"), labeler=Whole(), filters=2, top=2)
    assert "concepts" not in result.figures
    assert any("labels whole pictures" in note for note in result.notes)


@pytest.mark.parametrize(
    ("trained", "before", "words"),
    [
        ((0.53, 0.50, 0.56), (0.55, 0.52, 0.58), "53% of .* tenth of the pixels .55% before training, no clear diff"),
        ((0.53, 0.50, 0.56), (0.33, 0.30, 0.36), "33% before training, clearly less; even: 10%"),
        ((0.33, 0.30, 0.36), (0.53, 0.50, 0.56), "53% before training, clearly more; even: 10%"),
        ((0.53, None, None), (0.33, None, None), "33% before training; even: 10%"),  # one filter
    ],
)
def test_the_sentence_says_what_the_control_allows(trained: tuple, before: tuple, words: str) -> None:
    gan = tiny_gan()
    layer = Layer.of(gan.discriminator, last_convolution(gan), (3, 16, 16), "cpu")
    control = "gradient_in_tenth_untrained"
    numbers = {
        "gradient_in_tenth": Metric(*trained, control=control),
        control: Metric(*before, no_control="it is the control"),
    }
    assert re.search(words, _summary(gan, layer, numbers, "leaky-guided"))


@pytest.mark.parametrize("judged", ["samples", "data"])
def test_broken_pictures_stop_it_or_are_left_out_and_counted_once(
    tmp_path: Path, judged: Literal["samples", "data"]
) -> None:
    for row, picture in enumerate(smooth_pictures(12)):
        Image.fromarray(picture).save(tmp_path / f"{row:02}.png")
    (tmp_path / "03.png").write_bytes(b"no picture")
    few = {"filters": 2, "top": 2, "n": 12, "judged": judged, "labeler": Truth(), "layer": "3", "share": 0.08}
    with pytest.raises(GanlabError, match=r"03\.png"):
        features(planted(), str(tmp_path), **few)
    result = features(planted(), str(tmp_path), **few, skip_broken=True)
    assert [note for note in result.notes if "not decode" in note] == [
        f"Left out 1 of 12 pictures of {tmp_path} that do not decode: 03.png."
    ]
    assert not any("03.png" in row for row in result.tables["strongest"].rows)
