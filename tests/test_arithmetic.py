"""Arithmetic on a GAN that is linear in what it draws, and everything a user can get wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ganlab import Exemplars, Gan, GanlabError, ImageSpec, Labeler, Metric, Prior, Result, latents_of, save_gan
from ganlab.testing import check_analysis, check_plugin, tiny_gan
from ganlab_arithmetic import arithmetic
from ganlab_arithmetic.expression import Term, parse, written
from ganlab_arithmetic.meaning import in_words, read
from ganlab_arithmetic.points import Space, combined, combined_pixels
from ganlab_arithmetic.pool import Pool
from ganlab_arithmetic.success import draw_rows

from .planted import Truth, planted_gan
from .planted_faces import CONCEPTS, DIM, Faces, Reader, chosen, planted_faces, truth

SMILING_MAN = "smiling_woman - neutral_woman + neutral_man"
GLASSES = "man_with_glasses - man + woman"
FAST = {"draws": 60, "pool": 300}


@pytest.fixture(scope="module")
def gan() -> Gan:
    return planted_faces()


@pytest.fixture(scope="module")
def rated(gan: Gan) -> Result:
    return arithmetic(gan, SMILING_MAN, exemplars=chosen(gan), labeler=Reader(), draws=300, pool=600, clear=False)


def test_plugin_keeps_the_contract() -> None:
    import ganlab_arithmetic

    check_plugin(ganlab_arithmetic)


def test_analysis_keeps_the_contract(gan: Gan) -> None:
    check_analysis(arithmetic, gan=gan, expression=GLASSES, exemplars=chosen(gan), labeler=Reader(), **FAST)


# the expression


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("a", [Term(1, "a")]),
        ("a-b+c", [Term(1, "a"), Term(-1, "b"), Term(1, "c")]),
        (" - a +b ", [Term(-1, "a"), Term(1, "b")]),
        ("a \N{MINUS SIGN} b", [Term(1, "a"), Term(-1, "b")]),
        ("0:12, 0:40,7:1 - 0:3:2", [Term(1, "0:12,0:40,7:1"), Term(-1, "0:3:2")]),
        ("frau_mit_schuhgröße_40", [Term(1, "frau_mit_schuhgröße_40")]),
    ],
)
def test_expressions_are_read(text: str, terms: list[Term]) -> None:
    assert parse(text) == terms
    assert parse(written(terms)) == terms


@pytest.mark.parametrize(
    ("text", "column", "there"),
    [
        ("a - - b", 5, "'-'"),
        ("a b", 3, "'b'"),
        ("a +", 4, "the end"),
        ("(a)", 1, "'('"),
        ("a - 0:", 5, "'0'"),
        ("0:1,b", 4, "','"),
        ("a + 3", 5, "'3'"),
        ("0:1:2:3", 1, "'0'"),
    ],
)
def test_faults_are_told_with_their_column(text: str, column: int, there: str) -> None:
    with pytest.raises(GanlabError, match=f"Column {column} of ") as error:
        parse(text)
    assert error.value.message.endswith(f"there is {there}.")
    assert "For example" in error.value.hint


def test_nothing_is_no_expression() -> None:
    with pytest.raises(GanlabError, match="empty"):
        parse("  ")


# what names say of the result


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (SMILING_MAN, {"smile": True, "woman": False}),
        (GLASSES, {"glasses": True, "woman": True}),
        ("smiling_woman", {"smile": True, "woman": True}),
        ("smiling - neutral + woman", {"woman": True}),  # one silence on the smile is left over: not derived
        ("smiling - neutral", {"smile": True}),
        ("neutral_woman - smiling_woman + smiling_man", {"smile": False, "woman": False}),
        ("smiling_man + smiling_woman", {"smile": True, "woman": True}),
    ],
)
def test_what_the_result_should_show_follows_from_the_names(text: str, wanted: dict) -> None:
    meaning = read(Reader(), parse(text))
    assert meaning.wanted == wanted


def test_silence_takes_the_cards_default_where_another_name_speaks() -> None:
    meaning = read(Reader(), parse(GLASSES))
    assert meaning.terms[1] == {"glasses": False, "woman": False}
    assert "glasses" not in read(Reader(), parse("man - woman")).terms[0]


def test_what_cannot_be_read_is_said() -> None:
    meaning = read(Reader(), parse("smiling_old_left_man - woman"))
    assert any("'old'" in note for note in meaning.notes)
    assert any("'yaw'" in note and "measured" in note for note in meaning.notes)
    assert any("'smile' cannot be derived" in note for note in meaning.notes)
    assert in_words({"smile": True, "woman": False}) == "smile and not woman"


# the mathematics


def test_y_is_the_sum_of_means_in_float64(gan: Gan) -> None:
    groups = chosen(gan)
    result = arithmetic(gan, SMILING_MAN, exemplars=groups, exemplars_each=5)
    expected = np.zeros(gan.prior.dim)
    for sign, name in ((1, "smiling_woman"), (-1, "neutral_woman"), (1, "neutral_man")):
        rows = [gan.latents(1, seed=0, first=picture.index).z.double().numpy()[0] for picture in groups.group(name)[:5]]
        expected += sign * np.mean(rows, axis=0)
    np.testing.assert_allclose(result.arrays["y"], expected, atol=1e-6)
    level = truth(torch.from_numpy(result.arrays["y"])[None])[0]
    assert (level[0] > 0, level[2] > 0) == (True, False)


def test_the_grid_is_y_with_uniform_noise_around_it(gan: Gan) -> None:
    results = [arithmetic(gan, "0:1,0:2", seed=seed, noise=0.25) for seed in (0, 0, 1)]
    moves = [result.arrays["around"] - result.arrays["y"] for result in results]
    assert not moves[0][4].any()
    others = np.delete(moves[0], 4, axis=0)
    assert 0.24 < np.abs(others).max() <= 0.25 + 1e-6
    assert abs(others.std() - 0.5 / 12**0.5) < 0.01
    assert np.array_equal(moves[0], moves[1])
    assert not np.array_equal(moves[0], moves[2])


def test_success_in_an_ideal_linear_gan_is_what_it_should_be(rated: Result) -> None:
    """Two attributes at 50/50: 61, 83 and 92% with 1, 3 and 5 exemplars; on pixels the faces only overlap."""
    value = {name: metric.value for name, metric in rated.metrics.items()}
    for count, expected in ((1, 0.605), (3, 0.825), (5, 0.914)):
        assert value[f"success_{count}"] == pytest.approx(expected, abs=0.06)
    assert max(value[f"success_{count}_pixels"] for count in (1, 2, 3, 5)) < 0.1
    assert value["plain_samples"] == pytest.approx(0.25, abs=0.06)
    assert "smile and not woman" in rated.summary


def test_success_is_counted_as_by_hand(gan: Gan) -> None:
    """The same draws solved one by one and read off z itself."""
    result = arithmetic(gan, SMILING_MAN, labeler=Reader(), clear=False, **FAST)
    pool = gan.latents(FAST["pool"], seed=0)
    shows = truth(pool.z)[:, :3] > 0
    kinds = [(True, True), (False, True), (False, False)]
    candidates = [np.flatnonzero((shows[:, [0, 2]] == kind).all(1)) for kind in kinds]
    rows = draw_rows(candidates, FAST["draws"], 5, seed=0)
    for number, count in enumerate((1, 2, 3, 5)):
        hits = []
        for a, b, c in rows:
            y = pool.z[a[:count]].mean(0) - pool.z[b[:count]].mean(0) + pool.z[c[:count]].mean(0)
            smile, _, woman = truth(y[None])[0, :3] > 0
            hits.append(smile and not woman)
        assert np.mean(result.arrays["hits"][number] == hits) > 0.98  # rounding may flip what lies at zero


def test_a_gan_without_the_attributes_does_not_succeed() -> None:
    """Marks that have nothing to do with z: the control of the whole experiment."""

    class Chance(Reader):
        def shows(self, images, image):
            seen = np.abs(images.double().sum((1, 2, 3)).numpy()) * 1e4 % 8
            return (seen[:, None].astype(int) >> np.arange(3) & 1).astype(bool)

    value = arithmetic(tiny_gan(size=16), SMILING_MAN, labeler=Chance(), draws=200, pool=300).metrics
    low, high = value["success_5"].low, value["success_5"].high
    assert low < 0.25 < high


def test_the_intervals_of_success_are_wider_than_those_of_independent_draws(rated: Result) -> None:
    for number, count in enumerate((1, 2, 3, 5)):
        naive = Metric.of_share(rated.arrays["hits"][number])
        ours = rated.metrics[f"success_{count}"]
        assert ours.value == naive.value
        assert ours.low < naive.low < naive.high < ours.high


def test_rescaling_brings_means_and_y_to_the_priors_length() -> None:
    gan = planted_faces("normal")
    plain = arithmetic(gan, "0:0,0:1,0:2,0:3,0:4,0:5")
    scaled = arithmetic(gan, "0:0,0:1,0:2,0:3,0:4,0:5", rescale=True)
    assert np.linalg.norm(plain.arrays["y"]) == pytest.approx(10 / 6**0.5, rel=0.2)
    assert np.linalg.norm(scaled.arrays["y"]) == pytest.approx(10, rel=1e-5)
    assert np.linalg.norm(scaled.arrays["means"], axis=1) == pytest.approx(10, rel=1e-5)
    assert any("--rescale" in note for note in plain.notes)
    assert not any("--rescale" in note for note in scaled.notes)


@pytest.mark.parametrize("law", ["uniform", "normal", "uniform01"])
def test_the_length_of_the_prior_is_measured_from_its_middle(law: str) -> None:
    gan = planted_faces(law)
    space, z = Space(gan, None, False), gan.latents(4000, seed=9).z
    assert float(z.mean()) == pytest.approx(space.middle, abs=0.01)
    assert float(((z - space.middle) ** 2).sum(1).mean()) ** 0.5 == pytest.approx(space.length, rel=0.02)


@pytest.mark.parametrize(
    "expression", ["0:0,0:1,0:2,0:3", "0:0,0:1 - 0:2,0:3 + 0:4,0:5", "0:0,0:1 + 0:2,0:3", "0:0 - 0:3"]
)
def test_rescaling_in_a_cube_from_0_to_1_is_that_in_one_from_minus_1_to_1(expression: str) -> None:
    """The same GAN told to take z from another cube draws the same pictures at the same places."""

    class FromZero(Faces):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return super().forward(2 * z - 1)

    there = planted_faces()
    here = Gan(FromZero(), prior=Prior(DIM, "uniform01"), image=there.image)
    torch.testing.assert_close(here.latents(20, seed=0).z * 2 - 1, there.latents(20, seed=0).z)
    ours, theirs = (arithmetic(one, expression, rescale=True) for one in (here, there))
    for name in ("y", "means"):
        np.testing.assert_allclose(2 * ours.arrays[name] - 1, theirs.arrays[name], atol=1e-5)
    assert ours.notes == theirs.notes


def test_how_far_y_lies_is_told_from_the_priors_middle() -> None:
    gan = planted_faces("uniform01")
    near, _ = arithmetic(gan, "0:0,0:1,0:2,0:3,0:4,0:5").notes
    assert "--rescale" in near
    assert float(near.split()[2]) == pytest.approx(1 / 6**0.5, rel=0.2)  # a mean of six
    as_far = arithmetic(gan, "0:0,0:1,0:2 - 0:3,0:4,0:5 + 0:6,0:7,0:8")
    assert not any("--rescale" in note for note in as_far.notes)


def test_pixel_arithmetic_is_clipped_to_the_range(gan: Gan) -> None:
    pictures = torch.tensor([[0.9], [-0.8], [0.5]])
    signs = torch.tensor([1.0, -1.0, 1.0])
    assert combined(signs, pictures).item() == pytest.approx(2.2)
    assert combined_pixels(gan, signs, pictures).item() == 1.0


def test_a_pool_that_keeps_no_pictures_draws_the_same_ones(gan: Gan, monkeypatch: pytest.MonkeyPatch) -> None:
    latents, rows = gan.latents(40, seed=2), np.array([3, 3, 17])
    kept = Pool(gan, Reader(), latents)
    monkeypatch.setattr("ganlab_arithmetic.pool.KEPT", 0)
    drawn = Pool(gan, Reader(), latents)
    assert np.array_equal(kept.shows, drawn.shows)
    assert (kept.pictures(rows) - drawn.pictures(rows)).abs().max() <= 1 / 255 + 1e-6


# exemplars


def test_groups_of_the_checkpoint_are_taken(tmp_path: Path) -> None:
    tiny = tiny_gan()
    save_gan(tiny, tmp_path / "tiny")
    file = tmp_path / "tiny/exemplars.json"
    file.write_text(f'{{"checkpoint": "{tiny.hash}", "groups": {{"a": ["0:1", "0:2", "0:3", "0:4"], "b": ["5:0"]}}}}')
    result = arithmetic(str(tmp_path / "tiny"), "a - b")
    z = latents_of(tiny, Exemplars.load(file).group("a")[:3]).z.mean(0) - tiny.latents(1, seed=5).z[0]
    np.testing.assert_allclose(result.arrays["y"], z.numpy(), atol=1e-6)
    assert any("'b' has only 1 exemplar," in note for note in result.notes)
    assert not result.metrics  # nobody judges, so no number is invented
    assert any("labeler" in note for note in result.notes)


def test_the_labeler_stands_in_for_groups_that_nobody_chose(gan: Gan) -> None:
    result = arithmetic(gan, SMILING_MAN, labeler=Reader(), **FAST)
    assert sum("Nobody chose exemplars" in note for note in result.notes) == 3
    rows = {row[0]: row[1:] for row in result.tables["attributes"].rows}
    assert rows["smile"][:3] == ["3 of 3", "0 of 3", "0 of 3"]
    assert rows["woman"][:3] == ["3 of 3", "3 of 3", "0 of 3"]


def test_exemplars_that_are_not_what_their_name_says_are_remarked_on(gan: Gan) -> None:
    groups = chosen(gan)
    wrong = Exemplars(gan.hash, {**groups.groups, "smiling_woman": groups.group("neutral_woman")})
    result = arithmetic(gan, SMILING_MAN, exemplars=wrong, labeler=Reader(), **FAST)
    assert any("disagrees with 3 of 3 exemplars of 'smiling_woman'" in note for note in result.notes)


def test_a_name_that_comes_twice_takes_no_others_words(gan: Gan) -> None:
    result = arithmetic(gan, "smiling_woman + smiling_woman - neutral_man", labeler=Reader(), **FAST)
    note = next(note for note in result.notes if note.startswith("Random exemplars"))
    assert note.count("smiling_woman (smile and woman)") == 1
    assert "neutral_man (not smile and not woman)" in note


def test_typed_pictures_are_drawn_and_not_rated(gan: Gan) -> None:
    result = arithmetic(gan, "0:1,0:2 - 3:4", labeler=Reader())
    assert not result.metrics
    assert "attributes" in result.tables
    assert any("not every name says" in note for note in result.notes)


def test_too_few_that_fit_are_told_and_the_figure_stays(gan: Gan) -> None:
    result = arithmetic(gan, GLASSES, labeler=Reader(), pool=40, draws=10)
    assert not result.metrics
    assert "equation" in result.figures
    assert any("Raise --pool" in note for note in result.notes)


def test_a_labeler_without_words_is_asked_by_its_concepts() -> None:
    result = arithmetic(planted_gan(), "window_lamp - lamp", labeler=Truth(), draws=20, pool=300)
    assert {row[0] for row in result.tables["attributes"].rows} == {"window", "lamp"}


# other GANs


@pytest.mark.parametrize(("size", "channels", "prior"), [(16, 1, "normal"), (64, 4, "uniform"), (16, 3, "normal")])
def test_any_gan_will_do(size: int, channels: int, prior: str) -> None:
    gan = tiny_gan(size=size, channels=channels, prior=prior)
    result = arithmetic(gan, "0:1,0:2,0:3,0:4,0:5,0:6,0:7 - 0:9 + 1:3 - 2:2")
    assert "Only the first 5 exemplars" in result.figures["equation"].caption


class Coloured(nn.Module):
    """A conditional generator: the class is the level of the whole picture."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        level = labels[:, None].float() / 4 + 0.01 * self.scale * z
        return level[:, :1, None, None].expand(-1, 1, 8, 8)


def test_classes_of_a_conditional_gan() -> None:
    gan = Gan(Coloured(), prior=Prior(5), image=ImageSpec(8, 1), classes=4)
    result = arithmetic(gan, "0:1:2,0:5:2 - 0:3:2")
    assert result.arrays["y"].shape == (5,)
    for expression, words in (("0:1:2 - 0:3:1", "classes"), ("0:1 - 0:3:1", "without their class"), ("0:1", "needs")):
        with pytest.raises(GanlabError, match=words):
            arithmetic(gan, expression)
    with pytest.raises(GanlabError, match="is of class 9"):
        arithmetic(gan, "0:1:9")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gan_on_a_gpu_draws_the_same(gan: Gan) -> None:
    on_gpu = arithmetic(gan.to("cuda"), SMILING_MAN, exemplars=chosen(gan), labeler=Reader(), **FAST)
    on_cpu = arithmetic(gan, SMILING_MAN, exemplars=chosen(gan), labeler=Reader(), **FAST)
    assert on_gpu.metrics["success_5"].value == pytest.approx(on_cpu.metrics["success_5"].value, abs=0.05)


# what a user can get wrong


@pytest.mark.parametrize(
    ("expression", "labeler", "words"),
    [
        ("smiling_woman - grumpy", None, "Known groups: smiling_woman, neutral_woman"),
        ("smiling_woman - grumpy", Reader(), "knows the words: smiling, neutral, with_glasses"),
        ("smiling_womn - man", Reader(), "Did you mean smiling_woman"),
        ("smiling_woman - glases", Reader(), "Did you mean with_glasses?"),
        ("neutral_hats", Reader(), "'neutral_hats', and the labeler 'reader' does not know the word 'hats'."),
        ("nobody - man", None, "empty"),
        ("0:1,0:1", None, "twice"),
        ("99999999999999999999:1", None, "seed"),
    ],
)
def test_wrong_names_are_told(gan: Gan, expression: str, labeler: Labeler | None, words: str) -> None:
    with pytest.raises(GanlabError) as error:
        arithmetic(gan, expression, exemplars=chosen(gan), labeler=labeler)
    assert words in error.value.message + error.value.hint


def test_exemplars_of_another_checkpoint_are_refused(gan: Gan) -> None:
    with pytest.raises(GanlabError, match="were chosen on the checkpoint"):
        arithmetic(tiny_gan(), "woman", exemplars=chosen(gan))


def test_a_labeler_that_finds_none_says_so(gan: Gan) -> None:
    class Blind(Reader):
        def shows(self, images, image):
            return np.zeros((len(images), len(CONCEPTS)), bool)

    with pytest.raises(GanlabError, match="None of 300 samples shows"):
        arithmetic(gan, SMILING_MAN, labeler=Blind(), **FAST)
