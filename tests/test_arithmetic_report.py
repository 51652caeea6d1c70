"""What an equation's figures, table and summary show: the pictures that they say, judged as they say."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from ganlab import Gan, ImageSpec, Latents, Prior
from ganlab import figures as draw
from ganlab_arithmetic import arithmetic, figures, investigation
from ganlab_arithmetic.success import Success

from .kit import spied
from .planted_faces import CONCEPTS, DIM, SIZE, Reader, ToldFaces, chosen, planted_faces, truth

SMILING_MAN = "smiling_woman - neutral_woman + neutral_man"
SIGNS = torch.tensor([1.0, -1, 1])[:, None, None, None]
FAST = {"labeler": Reader(), "draws": 20, "pool": 300}


@pytest.fixture(scope="module")
def gan() -> Gan:
    return planted_faces()


def drawn_from(gan: Gan, z: np.ndarray) -> torch.Tensor:
    """Pictures (n, c, h, w) of points (n, dim)."""
    return gan.generate(Latents(torch.from_numpy(z), None, np.arange(len(z))))


def pixel_means(gan: Gan, names: list[str]) -> torch.Tensor:
    """The mean pictures of the first three of each group, (groups, c, h, w)."""
    groups = chosen(gan)
    rows = [[picture.index for picture in groups.group(name)[:3]] for name in names]
    return torch.stack([gan.generate(gan.latents(300, seed=0)[one]).mean(0) for one in rows])


def test_the_table_says_what_the_labeler_sees_in_the_results(gan: Gan) -> None:
    """Noise so large that a corner of the grid, the middle, all nine and the pixels look different."""
    result = arithmetic(gan, SMILING_MAN, exemplars=chosen(gan), noise=2.0, clear=False, **FAST)
    near = Reader().shows(drawn_from(gan, result.arrays["around"]), gan.image)
    means = pixel_means(gan, ["smiling_woman", "neutral_woman", "neutral_man"])
    pixels = Reader().shows((SIGNS * means).sum(0).clamp(-1, 1)[None], gan.image)[0]
    assert result.tables["attributes"].columns[-3:] == ["G(Y)", "G(Y) and around", "on pixels"]
    found = [row[-3:] for row in result.tables["attributes"].rows]
    assert found == [[near[4, at], f"{near[:, at].sum()} of 9", pixels[at]] for at in range(len(CONCEPTS))]
    assert (near[4] != near[0]).any()
    assert (near[4] != pixels).any()


def test_the_labeler_takes_the_first_samples_that_show_what_a_name_says(gan: Gan) -> None:
    result = arithmetic(gan, SMILING_MAN, clear=False, **FAST)
    z = gan.latents(FAST["pool"], seed=0).z
    smile, _, woman = (truth(z)[:, :3] > 0).T
    first = [np.flatnonzero(one)[:3] for one in (smile & woman, ~smile & woman, ~smile & ~woman)]
    np.testing.assert_allclose(result.arrays["means"], np.stack([z[rows].mean(0) for rows in first]), atol=1e-6)
    for rows in first:
        assert any(note.endswith(f"the labeler took {', '.join(f'0:{row}' for row in rows)}.") for note in result.notes)


def test_figure_7_shows_what_means_and_sums_draw(gan: Gan, monkeypatch: pytest.MonkeyPatch) -> None:
    sheets, grids = spied(monkeypatch, draw, "labelled_rows"), spied(monkeypatch, draw, "grid")
    result = arithmetic(gan, SMILING_MAN, exemplars=chosen(gan), noise=2.0)
    scale = figures.scale_of(gan)
    rows = {name: tiles[:, ::scale, figures.STRIP :: scale] for name, tiles in sheets[0].args[0].items()}
    in_z = drawn_from(gan, np.concatenate([result.arrays["means"], result.arrays["y"][None]]))
    means = pixel_means(gan, ["smiling_woman", "neutral_woman", "neutral_man"])
    on_pixels = torch.cat([means, (SIGNS * means).sum(0).clamp(-1, 1)[None]])
    for name, pictures in (("drawn from the mean z", in_z), ("mean of the pixels", on_pixels)):
        np.testing.assert_allclose(rows[name].astype(int), gan.image.shown(pictures).astype(int), atol=1)
    assert np.array_equal(grids[-1].args[0], gan.image.shown(drawn_from(gan, result.arrays["around"])))


# random draws


def success_by_hand() -> Success:
    """Of 1 and 5 exemplars four draws each: every picture of a level of its own, every share another."""
    hits = np.array([[True, True, True, False], [True, True, True, True]])
    pixel_hits = np.array([[False, False, False, False], [False, False, True, True]])
    passes = np.array([[False, False, False, False], [True, False, False, False]])
    levels = torch.linspace(-0.8, 0.8, 16).reshape(2, 2, 4, 1, 1, 1).expand(-1, -1, -1, 3, SIZE, SIZE)
    rows = np.arange(60).reshape(4, 3, 5)
    return Success((1, 5), rows, (60, 60, 60), hits, pixel_hits, passes, passes & False, levels[0], levels[1])


def test_the_summary_says_each_share_by_its_name(gan: Gan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(investigation, "count_successes", lambda *_: success_by_hand())
    result = arithmetic(gan, SMILING_MAN, clear=False, **FAST)
    plain = f"{result.metrics['plain_samples'].value:.0%}"
    assert (
        "in 100% of 20 random draws of 5 exemplars (75% with 1); on pixels in 50%, plain samples in " in result.summary
    )
    assert re.findall(r"\d+%", result.summary) == ["100%", "75%", "50%", plain, "25%", "0%"]
    assert plain == f"{((truth(gan.latents(300, seed=0).z)[:, [0, 2]] > 0) == [True, False]).all(1).mean():.0%}"


def test_what_is_judged_wrong_is_outlined_and_what_is_right_is_not(gan: Gan, monkeypatch: pytest.MonkeyPatch) -> None:
    sheets = spied(monkeypatch, draw, "labelled_rows")
    success = success_by_hand()
    figures.random_draws(gan, success, "smile")
    for name, pictures, right in (
        ("1 exemplar", success.pictures[0], success.hits[0]),
        ("5 exemplars", success.pictures[1], success.hits[1]),
        ("5 exemplars, on pixels", success.pixel_pictures[1], success.pixel_hits[1]),
    ):
        tiles, plain = sheets[0].args[0][name], gan.image.shown(pictures)
        assert np.array_equal(tiles[:, 1:-1, 1:-1], plain[:, 1:-1, 1:-1])
        assert [np.array_equal(*both) for both in zip(tiles, plain, strict=True)] == right.tolist()


def test_the_curves_of_success_are_those_of_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    curves, success = spied(monkeypatch, draw, "curve"), success_by_hand()
    figures.success_rates(success, np.array([True, False, False, False]), "smile")
    expected = {"in Z": [75, 100], "on pixels": [0, 50], "in Z, passes": [0, 25], "on pixels, passes": [0, 0]}
    series = curves[0].args[1]
    assert {name: one[0].tolist() for name, one in series.items()} == expected
    for name, hits in (("in Z", success.hits), ("on pixels", success.pixel_hits)):
        bands = [(100 * share.low, 100 * share.high) for share in success.shares(hits)]
        np.testing.assert_allclose(np.transpose(series[name][1:]), bands)
    assert curves[0].words["levels"]["plain samples"][0] == 25


# classes


def test_of_a_class_exemplars_and_results_are_of_that_class() -> None:
    gan = Gan(ToldFaces(), prior=Prior(DIM), image=ImageSpec(SIZE, 3), classes=3)
    result = arithmetic(gan, "0:1:2,0:5:2 - man", **FAST)
    assert any("Nobody chose exemplars for 'man'" in note for note in result.notes)
    assert isinstance(gan.generator, ToldFaces)
    assert gan.generator.told == {2}
