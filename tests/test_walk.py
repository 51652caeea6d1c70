"""The walk on any GAN, the way it takes, and everything a user can get wrong."""

from __future__ import annotations

import io
import math
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from ganlab import Gan, GanlabError, ImageSpec, Prior
from ganlab.architectures import build
from ganlab.architectures.mlp import MlpSettings
from ganlab.testing import check_analysis, check_plugin, tiny_gan
from ganlab_walk import figures, walk
from ganlab_walk.distance import Features
from ganlab_walk.path import chosen_path, random_path

from .walk_kit import FAST, Classes, Discriminator, Picture, known
from .walk_kit import no_curves as no_curves

pytestmark = pytest.mark.usefixtures("one_thread")


def test_plugin_keeps_the_contract() -> None:
    import ganlab_walk

    check_plugin(ganlab_walk)


def test_analysis_keeps_the_contract() -> None:
    result = check_analysis(walk, **FAST, steps=3)
    assert set(result.figures) == {"walk", "animation", "sharpest", "doubling", "distance", "features"}
    assert all(metric.control or metric.no_control for metric in result.metrics.values())


# --- any GAN


@pytest.mark.parametrize("functional", [False, True])
def test_a_shared_or_functional_activation_leaves_the_layers_before_it(functional: bool) -> None:
    assert Features(known(Picture(), discriminator=Discriminator(functional=functional))).layers == ["first", "second"]


def test_activations_are_preferred() -> None:
    gan = tiny_gan()
    assert Features(gan).layers == [layer.name for layer in gan.hidden_layers("discriminator")]


def test_without_a_discriminator_pixels_alone_are_measured() -> None:
    result = walk(known(Picture()), **FAST)
    assert "features" not in result.figures
    assert not any("features" in name for name in result.metrics)
    assert any("no discriminator" in note for note in result.notes)


def test_a_conditional_gan_walks_within_its_class() -> None:
    gan = known(Classes(), classes=3)
    one, two = (walk(gan.of_class(label), **FAST) for label in (1, 2))
    np.testing.assert_allclose(one.arrays["distance"], two.arrays["distance"], rtol=1e-4)
    apart = np.asarray(two.figures["walk"].image, int) - np.asarray(one.figures["walk"].image, int)
    assert apart.max() > 20
    with pytest.raises(GanlabError, match="needs one"):
        walk(gan, **FAST)


def test_named_samples_are_of_one_class() -> None:
    gan = known(Classes(), classes=3)
    named = chosen_path(gan, ["0:1:2", "0:2:2"], loop=False)
    given = chosen_path(gan.of_class(2), ["0:1", "0:2"], loop=False)
    drawn = gan.generate(gan.latents(3, label=2))[1:]
    for path in (named, given):
        assert path.text(0) == "0:1:2 to 0:2:2"
        torch.testing.assert_close(path.draw(np.array([0, 0]), np.array([0.0, 1.0])), drawn)
    for through, label, words in (
        (["0:1:0", "0:2:2"], None, r"classes \[0, 2\]"),
        (["0:1:0", "0:2:0"], 1, "of class 0, and the GAN draws class 1"),
        (["0:1:0", "0:2"], None, "without their class"),
        (["0:1:99", "0:2:99"], None, "picture 0:1:99 is of class 99"),
        (["0:1", "0:2"], None, "needs one"),
    ):
        with pytest.raises(GanlabError, match=words):
            chosen_path(gan if label is None else gan.of_class(label), through, loop=False)


@pytest.mark.parametrize("label", [1, 2])
def test_a_discriminator_that_scores_by_class_is_told_the_walks(label: int) -> None:
    gan = tiny_gan(classes=3)
    result = walk(gan, through=[f"0:1:{label}", f"0:2:{label}"], steps=3, stored=4)
    images = chosen_path(gan, [f"0:1:{label}", f"0:2:{label}"], loop=False).draw(np.zeros(4, int), np.arange(4) / 3)
    by_class = [Features(gan.of_class(told)).steps(images).numpy() for told in range(3)]
    np.testing.assert_allclose(result.arrays["features"][0], by_class[label], rtol=1e-5)
    assert not np.allclose(by_class[0], by_class[label], rtol=1e-3)


def test_a_discriminator_of_linear_layers_is_looked_into_where_it_computes() -> None:
    generator, discriminator = build(MlpSettings(12, 1, 4, 10, classes=3).to_card())
    gan = Gan(generator, discriminator, prior=Prior(10), image=ImageSpec(12, 1), classes=3)
    assert Features(gan.of_class(1)).layers == ["hidden1.linear", "hidden1.act", "hidden2.linear", "hidden2.act"]


@pytest.mark.parametrize("channels", [1, 4])
def test_other_channels_and_a_normal_prior(channels: int) -> None:
    result = walk(tiny_gan(channels=channels, prior="normal"), steps=1, points=2, stored=2)
    assert result.arrays["distance"].shape == (1, 1)
    assert any("great circles" in note for note in result.notes)


# --- the way


def test_a_loop_comes_back() -> None:
    gan = tiny_gan()
    open_way, loop = (walk(gan, steps=2, loop=loop, **FAST) for loop in (False, True))
    assert [row[0] for row in loop.tables["legs"].rows] == ["0:0 to 0:1", "0:1 to 0:2", "0:2 to 0:0"]
    np.testing.assert_array_equal(loop.arrays["distance"][:2], open_way.arrays["distance"])
    frames = [np.asarray(frame).astype(int) for frame in loop.figures["animation"].frames]
    apart = [np.abs(after - before).mean() for before, after in zip(frames, [*frames[1:], frames[0]], strict=True)]
    assert apart[-1] < 2 * np.mean(apart)  # the last frame leads on to the first
    rest = [np.asarray(frame) for frame in open_way.figures["animation"].frames[-16:]]
    last = gan.image.to_uint8(gan.generate(gan.latents(3)))[2]
    assert all(np.array_equal(frame[::16, ::16], last) for frame in rest)


def test_through_named_samples() -> None:
    gan = tiny_gan()
    chosen = walk(gan, through=["0:1", "0:2", "5:7"], steps=4, stored=8)
    assert [row[0] for row in chosen.tables["legs"].rows] == ["0:1 to 0:2", "0:2 to 5:7"]
    np.testing.assert_array_equal(
        chosen.arrays["distance"][0], walk(gan, points=3, steps=4, stored=8).arrays["distance"][1]
    )
    sheet = np.asarray(chosen.figures["walk"].image)
    last = gan.image.to_uint8(gan.generate(gan.latents(1, seed=5, first=7)))[0]
    np.testing.assert_array_equal(sheet[-2 - 128 : -2 : 8, -2 - 128 : -2 : 8], last)


def test_the_grid_goes_from_sample_to_sample() -> None:
    gan = tiny_gan(size=32)
    sheet = np.asarray(walk(gan, points=3, steps=2, stored=4).figures["walk"].image)
    ends = gan.image.to_uint8(gan.generate(gan.latents(3, seed=0)))
    left = sheet.shape[1] - (3 * 130 + 2)
    for row, column, sample in [(0, 0, 0), (0, 2, 1), (1, 0, 1), (1, 2, 2)]:
        y, x = 2 + row * 132, left + 2 + column * 130
        np.testing.assert_array_equal(sheet[y : y + 128 : 4, x : x + 128 : 4], ends[sample])


def test_many_legs_and_steps_are_measured_whole_and_shown_in_part() -> None:
    result = walk(known(Picture()), points=20, steps=40, stored=4)
    assert result.arrays["distance"].shape == (19, 40)
    assert "of 41 pictures" in result.figures["walk"].caption
    assert "first 16 of 19" in result.figures["walk"].caption
    assert "first 16 of 19" in result.figures["animation"].caption
    assert "first 16 of 19" in result.figures["distance"].caption


def test_the_way_is_marked_at_its_points_however_few_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setattr("ganlab.figures.curve", lambda *_, **options: asked.update(options) or Image.new("RGB", (4, 4)))
    path = random_path(tiny_gan(), 2, 7, loop=True)
    figures.distances({"pixels": np.ones((2, 3))}, path.passed, "distance", "Steps.")
    assert asked["ticks"] == {0: "7:0", 1: "7:1", 2: "7:0"}


# --- what a user can get wrong


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"points": 1}, "points"),
        ({"steps": 0}, "steps"),
        ({"stored": 1}, "stored"),
        ({"through": ["0:1"]}, "two pictures"),
        ({"through": ["0:1", "bed"]}, "'bed' names no picture"),
        ({"through": ["0:1:2", "0:2:2"]}, "draws no classes"),
        ({"through": ["0:2", "0:1", "0:1"]}, "goes from 0:1 to itself"),
        ({"through": ["0:1", "0:2", "0:1"], "loop": True}, "goes from 0:1 to itself"),
    ],
)
def test_refused_in_one_sentence(options: dict[str, object], words: str) -> None:
    with pytest.raises(GanlabError, match=words) as caught:
        walk(tiny_gan(), **options)
    assert caught.value.hint


def test_a_collapsed_or_broken_gan_is_refused() -> None:
    class Grey(Picture):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return super().forward(z) * self.jump

    with pytest.raises(GanlabError, match="the same picture all along"):
        walk(known(Grey()), **FAST)
    with pytest.raises(GanlabError, match="NaN"):
        walk(known(Grey(jump=math.nan)), **FAST)


def test_mp4_shows_the_frames() -> None:
    av = pytest.importorskip("av", reason="the extra `video` is not installed")
    first, second = (walk(tiny_gan(), steps=2, mp4=True, **FAST) for _ in range(2))
    assert first.files == second.files
    with av.open(io.BytesIO(first.files["walk.mp4"])) as video:
        shown = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    frames = first.figures["animation"].frames
    assert len(shown) >= len(frames)
    assert np.abs(shown[3].astype(int) - np.asarray(frames[3], int)).mean() < 6


def test_mp4_without_the_extra_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(GanlabError, match="needs PyAV") as caught:
        walk(tiny_gan(), mp4=True)
    assert "ganlab[video]" in caught.value.hint
