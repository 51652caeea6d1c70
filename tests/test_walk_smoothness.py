"""The mathematics of a walk, on generators whose steps and jumps are known."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from ganlab import ImageSpec
from ganlab_walk import figures, walk
from ganlab_walk.distance import Features, in_pixels
from ganlab_walk.memoriser import Memoriser
from ganlab_walk.path import random_path
from ganlab_walk.smoothness import FINEST, Smoothness, measure

from .walk_kit import FAST, SIZE, Copier, Discriminator, Grid, Picture, known, values
from .walk_kit import no_curves as no_curves

pytestmark = pytest.mark.usefixtures("one_thread")

ENDS = (np.zeros((1, 11)), np.append(np.zeros(10), 1.0)[None])  # largest steps: nothing ever changes; only the last


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
    path = random_path(gan, 6, 0, loop=False)
    place = measure(path, 9, {"walk": lambda images: images}, Features(gan))["walk"].place
    true = (0.05 - z[:-1]) / (z[1:] - z[:-1])
    for leg in np.flatnonzero(crosses):
        low, high = place[leg]
        assert low - 1e-5 <= true[leg] <= high + 1e-5
        assert high - low == pytest.approx(1 / (9 * FINEST))


@pytest.mark.parametrize(("share", "jumps", "small"), [(0.001, 0, 0), (0.1, 0, 1), (0.6, 1, 0)])
def test_how_large_a_jump_must_be(share: float, jumps: int, small: int) -> None:
    """Relative to a leg's largest step: a thousandth is passed over, a tenth is a small one, six tenths is one."""
    smooth = walk(known(Picture()), points=2, stored=4).arrays["distance"].max() / 127.5
    gan = known(Picture(jump=smooth * share, edge=float(known(Picture()).latents(2).z[:, 0].mean())))
    found = values(walk(gan, points=2, stored=4))
    assert (found["jumps"], found["small_jumps"]) == (jumps, small)


@pytest.mark.parametrize("cells", [8, 32, 128])
def test_what_does_nothing_but_jump_a_little_is_not_smooth(cells: int) -> None:
    result = walk(known(Grid(cells)), **FAST)
    assert (values(result)["jumps"], values(result)["small_jumps"]) == (0, 2)
    assert "smoothly, small jumps remain on 2 of 2 legs" in result.summary
    assert "walks smoothly" not in result.summary


def test_a_planted_memoriser_jumps() -> None:
    for n in (20, 500):
        result = walk(known(Copier(n)), points=6, stored=8)
        changes = int((result.arrays["distance"] > 0).any(1).sum())  # where both ends have one nearest, nothing does
        assert changes >= 3
        assert values(result)["jumps"] == changes
        assert values(result)["largest_step_kept"] > 0.9
        assert values(result)["largest_step_per_doubling"] > 0.9


def test_a_trained_gan_does_not_and_its_own_memoriser_does() -> None:
    result = walk("rooms-64", points=3, stored=16)
    found = values(result)
    assert "rooms-64 walks smoothly" in result.summary
    assert found["jumps"] == found["small_jumps"] == 0
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
    discriminator = Discriminator(functional=False)
    gan = known(Picture(), discriminator=discriminator)
    images = torch.rand(4, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.no_grad():
        first = discriminator.first(images)
        second = discriminator.second(discriminator.act(first))
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
