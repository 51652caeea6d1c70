"""The walk on generators whose steps and jumps are known, and everything a user can get wrong."""

from __future__ import annotations

import io
import math
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ganlab import Gan, GanlabError, ImageSpec, Prior, Result
from ganlab.architectures.mlp import MlpSettings
from ganlab.testing import check_analysis, check_plugin, tiny_gan
from ganlab_walk import figures, walk
from ganlab_walk.distance import Features, in_pixels
from ganlab_walk.memoriser import Memoriser
from ganlab_walk.path import chosen_path, random_path
from ganlab_walk.smoothness import FINEST, Smoothness, measure

from .kit import one_thread as one_thread

SIZE, DIM = 8, 64
ENDS = (np.zeros((1, 11)), np.append(np.zeros(10), 1.0)[None])  # largest steps: nothing ever changes; only the last
FAST = {"points": 3, "stored": 8}


@pytest.fixture(autouse=True)
def no_curves(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots take most of a walk's time on tiny networks; only the contract draws them."""
    if "contract" not in request.node.name:
        monkeypatch.setattr("ganlab.figures.curve", lambda *_, **__: Image.new("RGB", (4, 4)))


class Picture(nn.Module):
    """z (n, 64) is the picture itself, and beyond ``edge`` in its first value much brighter."""

    def __init__(self, jump: float = 0.0, edge: float = 0.0) -> None:
        super().__init__()
        self.jump, self.edge = jump, edge

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        picture = 0.2 * z.reshape(-1, 1, SIZE, SIZE)
        return picture + self.jump * (z[:, 0] > self.edge)[:, None, None, None]


class Copier(nn.Module):
    """Learnt by heart: the stored picture whose own z is nearest."""

    def __init__(self, n: int, seed: int = 0) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.keys = nn.Parameter(torch.rand(n, DIM, generator=rng) * 2 - 1)
        self.pictures = nn.Parameter(torch.rand(n, 1, SIZE, SIZE, generator=rng) * 2 - 1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.pictures[torch.cdist(z, self.keys).argmin(1)]


class Classes(nn.Module):
    """A conditional generator: the class is the brightness."""

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return 0.1 * z.reshape(-1, 1, SIZE, SIZE) + labels[:, None, None, None] / 4


class Judge(nn.Module):
    """A discriminator that uses one activation for all its layers, or a function."""

    def __init__(self, *, functional: bool) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.first, self.second = nn.Conv2d(1, 4, 4, 2, 1), nn.Conv2d(4, 8, 4, 2, 1)
            self.last = nn.Linear(32, 1)
        self.act = None if functional else nn.LeakyReLU(0.2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        act = self.act or (lambda features: nn.functional.leaky_relu(features, 0.2))
        return self.last(act(self.second(act(self.first(images)))).flatten(1)).flatten()


def known(
    generator: nn.Module, law: str = "uniform", judge: nn.Module | None = None, classes: int | None = None
) -> Gan:
    return Gan(generator, judge, prior=Prior(DIM, law), image=ImageSpec(SIZE, 1), classes=classes)


def values(result: Result) -> dict[str, float]:
    return {name: metric.value for name, metric in result.metrics.items()}


def test_plugin_keeps_the_contract() -> None:
    import ganlab_walk

    check_plugin(ganlab_walk)


def test_analysis_keeps_the_contract() -> None:
    result = check_analysis(walk, **FAST, steps=3)
    assert set(result.figures) == {"walk", "animation", "sharpest", "doubling", "distance", "features"}
    assert all(metric.control or metric.no_control for metric in result.metrics.values())


# --- the mathematics


@pytest.mark.parametrize("law", ["uniform", "normal"])
def test_steps_are_as_long_as_geometry_says(law: str) -> None:
    gan = known(Picture(), law)
    result = walk(gan, points=4, steps=6, stored=4)
    z = gan.latents(4, seed=0).z.double().numpy()
    for leg, (a, b) in enumerate(pairwise(z)):
        t = np.linspace(0, 1, 7)[:, None]
        way = (1 - t) * a + t * b
        if law == "normal":
            angle = math.acos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
            way = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / math.sin(angle)
        expected = np.sqrt((np.diff(way, axis=0) ** 2).mean(1)) * 0.2 * 127.5
        np.testing.assert_allclose(result.arrays["distance"][leg], expected, rtol=1e-4)
    assert result.arrays["distance"].shape == (3, 6)


def test_what_is_straight_halves_exactly() -> None:
    found = values(walk(known(Picture()), **FAST))
    assert found["largest_step_per_doubling"] == pytest.approx(0.5, rel=1e-4)
    assert found["largest_step_kept"] == pytest.approx(1 / FINEST, rel=0.02)
    assert found["jumps"] == 0


def test_a_jump_is_found_where_it_is() -> None:
    gan = known(Picture(jump=0.5, edge=0.05))
    result = walk(gan, points=6, stored=8)
    z = gan.latents(6, seed=0).z[:, 0].double().numpy()
    crosses = (z[:-1] > 0.05) != (z[1:] > 0.05)
    assert crosses.any()
    assert not crosses.all()
    jumps = [row[result.tables["legs"].columns.index("jumps")] for row in result.tables["legs"].rows]
    assert jumps == crosses.tolist()
    path = random_path(gan, 6, 0, None, loop=False)
    place = measure(path, 9, {"walk": lambda images: images}, Features(gan))["walk"].place
    true = (0.05 - z[:-1]) / (z[1:] - z[:-1])
    for leg in np.flatnonzero(crosses):
        low, high = place[leg]
        assert low - 1e-5 <= true[leg] <= high + 1e-5
        assert high - low == pytest.approx(1 / (9 * FINEST))


@pytest.mark.parametrize(("share", "jumps"), [(0.1, False), (0.6, True)])
def test_how_large_a_jump_must_be(share: float, jumps: bool) -> None:
    """Relative to a leg's largest step: a tenth is passed over, six tenths are not."""
    smooth = walk(known(Picture()), points=2, stored=4).arrays["distance"].max() / 127.5
    gan = known(Picture(jump=smooth * share, edge=float(known(Picture()).latents(2).z[:, 0].mean())))
    assert bool(values(walk(gan, points=2, stored=4))["jumps"]) is jumps


def test_a_planted_memoriser_jumps() -> None:
    for n in (20, 500):
        result = walk(known(Copier(n)), points=6, stored=8)
        changes = int((result.arrays["distance"] > 0).any(1).sum())  # where both ends have one nearest, nothing does
        assert changes >= 3
        assert values(result)["jumps"] == changes
        assert values(result)["largest_step_kept"] > 0.9
        assert values(result)["largest_step_per_doubling"] > 0.9


def test_a_trained_gan_does_not_and_its_own_memoriser_does() -> None:
    found = values(walk("rooms-64", points=3, stored=16))
    assert found["jumps"] == 0
    assert found["largest_step_kept"] < 0.003
    assert 0.45 < found["largest_step_per_doubling"] < 0.6
    assert found["jumps_memoriser"] == 2
    assert found["largest_step_kept_memoriser"] > 0.5
    assert found["largest_step_features"] < found["largest_step_features_memoriser"]


def test_what_flashes_up_between_two_steps_is_a_jump() -> None:
    """Another picture for a moment, gone before the next step: with as many steps as asked for nothing is seen."""

    class Flash(nn.Module):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            shown = ((z[:, 0] - middle).abs() < width)[:, None, None, None]
            return shown * torch.ones(1, 1, SIZE, SIZE) - 0.5

    ends = known(Picture()).latents(2).z[:, 0].double()
    middle, width = float(ends[0] + (ends[1] - ends[0]) * 0.4375), float((ends[1] - ends[0]).abs() / 20)
    result = walk(known(Flash()), points=2, steps=4, stored=4)
    assert result.arrays["distance"].max() == 0
    assert values(result)["largest_step_kept"] == 1
    assert values(result)["jumps"] == 1


def test_a_plot_of_what_does_not_change_contracts_to_its_bottom() -> None:
    nothing, something = (Smoothness(np.zeros((1, 9)), None, largest, np.zeros((1, 2))) for largest in ENDS)
    plot = figures.doubling({"walk": something, "memoriser": nothing}, 9)
    assert plot.image.size[0] > 400


def test_the_control_shows_the_nearest_of_what_is_stored() -> None:
    rng = torch.Generator().manual_seed(1)
    stored, images = torch.rand(9, 3, 4, 4, generator=rng), torch.rand(20, 3, 4, 4, generator=rng)
    nearest = ((images[:, None].double() - stored[None].double()) ** 2).flatten(2).sum(2).argmin(1)
    assert torch.equal(Memoriser(stored)(images), stored[nearest])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pixels_are_levels_of_the_range(channels: int) -> None:
    black, white = torch.zeros(2, channels, 4, 4), torch.ones(2, channels, 4, 4)
    assert in_pixels(black, white, ImageSpec(4, channels, 0.0, 1.0)).tolist() == [255.0, 255.0]
    assert in_pixels(black, white, ImageSpec(4, channels)).tolist() == [127.5, 127.5]


def test_features_are_those_of_a_forward_pass_written_out() -> None:
    judge = Judge(functional=False)
    gan = known(Picture(), judge=judge)
    images = torch.rand(4, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.no_grad():
        first = judge.first(images)
        second = judge.second(judge.act(first))
    layers = [layer.flatten(1).double().numpy() for layer in (first, second)]
    expected = []
    for k in range(3):
        apart = [
            np.linalg.norm(layer[k + 1] - layer[k])
            / math.sqrt((np.linalg.norm(layer[k]) ** 2 + np.linalg.norm(layer[k + 1]) ** 2) / 2)
            for layer in layers
        ]
        expected.append(np.mean(apart))
    np.testing.assert_allclose(Features(gan).steps(images).numpy(), expected, rtol=1e-6)


# --- any GAN


@pytest.mark.parametrize("functional", [False, True])
def test_a_shared_or_functional_activation_leaves_the_layers_before_it(functional: bool) -> None:
    assert Features(known(Picture(), judge=Judge(functional=functional))).layers == ["first", "second"]


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
    one, two = (walk(gan, label=label, **FAST) for label in (1, 2))
    np.testing.assert_allclose(one.arrays["distance"], two.arrays["distance"], rtol=1e-4)
    apart = np.asarray(two.figures["walk"].image, int) - np.asarray(one.figures["walk"].image, int)
    assert apart.max() > 20
    with pytest.raises(GanlabError, match="needs one"):
        walk(gan, **FAST)
    with pytest.raises(GanlabError, match="draws no classes"):
        walk(known(Picture()), label=1, **FAST)


def test_named_samples_are_of_one_class() -> None:
    gan = known(Classes(), classes=3)
    named = chosen_path(gan, ["0:1:2", "0:2:2"], None, loop=False)
    given = chosen_path(gan, ["0:1", "0:2"], 2, loop=False)
    drawn = gan.generate(gan.latents(3, label=2))[1:]
    for path in (named, given):
        assert path.text(0) == "0:1:2 to 0:2:2"
        torch.testing.assert_close(path.draw(np.array([0, 0]), np.array([0.0, 1.0])), drawn)
    for through, label, words in (
        (["0:1:0", "0:2:2"], None, r"classes \[0, 2\]"),
        (["0:1:0", "0:2:0"], 1, r"classes \[0, 1\]"),
        (["0:1:0", "0:2"], None, "without their class"),
        (["0:1:99", "0:2:99"], None, "picture 0:1:99 is of class 99"),
        (["0:1", "0:2"], 99, "no class 99"),
        (["0:1", "0:2"], None, "needs one"),
    ):
        with pytest.raises(GanlabError, match=words):
            chosen_path(gan, through, label, loop=False)


def test_a_discriminator_that_judges_by_class_is_told_the_walks() -> None:
    one, two = (walk(tiny_gan(classes=3), label=label, **FAST) for label in (0, 2))
    assert "features" in one.figures
    assert one.metrics["largest_step_features"].value != two.metrics["largest_step_features"].value


def test_a_discriminator_of_linear_layers_is_looked_into_where_it_computes() -> None:
    generator, discriminator = MlpSettings(12, 1, 4, 10, classes=3).build(0)
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
    assert all(np.array_equal(frame, rest[0]) for frame in rest)


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
    figures.distances({"pixels": np.ones((1, 3))}, 1, "distance", "Steps.")
    assert np.array_equal(asked["ticks"], [1, 2])


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
