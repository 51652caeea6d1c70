"""The turn on a GAN that is linear in what it draws, and everything a user can get wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganlab import Exemplars, Gan, GanlabError, Result
from ganlab import figures as draw
from ganlab.testing import check_analysis, check_plugin, tiny_gan
from ganlab_turn import turn
from ganlab_turn.direction import Direction, by_attribute, halves_agree
from ganlab_turn.judging import Judge

from .planted import Truth, planted_gan
from .planted_faces import CONCEPTS, DIM, Reader, axes, chosen, planted_faces, truth

FAST = {"n": 20, "pool": 200, "each": 16}


@pytest.fixture(scope="module")
def gan() -> Gan:
    return planted_faces()


@pytest.fixture(scope="module")
def turned(gan: Gan) -> Result:
    return turn(gan, "left", "right", by="yaw", labeler=Reader(), n=60, pool=1000)


def test_plugin_keeps_the_contract() -> None:
    import ganlab_turn

    check_plugin(ganlab_turn)


def test_analysis_keeps_the_contract(gan: Gan) -> None:
    check_analysis(turn, gan=gan, first="left", second="right", exemplars=chosen(gan), labeler=Reader(), **FAST)


# what must hold where attributes are linear in z


def test_from_64_and_64_the_yaw_turns_steadily_and_random_directions_do_not(turned: Result) -> None:
    value = {name: metric.value for name, metric in turned.metrics.items()}
    assert value["steady"] == 1
    assert value["steady_random"] < 0.3
    assert value["correlation"] > 0.999
    assert value["correlation_all"] == pytest.approx(0.91, abs=0.04)  # no more: samples differ to begin with
    assert value["correlation_all_random"] < 0.4
    assert value["travel"] > 4 * value["travel_random"]
    assert all(value[f"kept_{concept}"] > 0.75 for concept in CONCEPTS)


def test_the_papers_four_are_reported_and_drag_more_along(turned: Result) -> None:
    value = {name: metric.value for name, metric in turned.metrics.items()}
    assert value["kept_all_4_and_4"] < value["kept_all"] - 0.1
    names = [row[0] for row in turned.tables["directions"].rows]
    assert names == ["64 + 64", "random", "8 choices of 4 + 4", "random"]
    lengths = [row[1] for row in turned.tables["directions"].rows]
    assert lengths[0] == lengths[1] < lengths[2] == lengths[3]


def test_a_cleaned_direction_keeps_more_and_turns_as_far(gan: Gan) -> None:
    result = turn(gan, "left", "right", by="yaw", labeler=Reader(), n=60, pool=3000, clean=True)
    value = {name: metric.value for name, metric in result.metrics.items()}
    assert value["kept_all"] > value["kept_all_64_and_64"]
    assert value["travel"] == pytest.approx(value["travel_64_and_64"], rel=0.03)
    order = np.argsort(truth(gan.latents(3000, seed=0).z)[:, 3])
    z = gan.latents(3000, seed=0).z.numpy()
    plain = z[order[-64:]].mean(0) - z[order[:64]].mean(0)
    others = axes()[:3].numpy()
    assert np.abs(others @ result.arrays["direction"]).mean() < np.abs(others @ plain).mean() / 2


def test_attributes_that_say_the_same_or_nothing_are_cleaned_away_once(gan: Gan) -> None:
    pool = gan.latents(400, seed=1)
    level = truth(pool.z)
    values = np.stack([level[:, 0], level[:, 0], np.ones(400), level[:, 3]], axis=1)
    direction = Direction.between("any", pool.z[:5], pool.z[5:9]).cleaned(pool, values, column=3)
    assert abs(float(axes()[0] @ direction.vector)) < 1e-5
    expected = direction.vector.norm() ** 2 + float(axes()[0] @ (pool.z[5:9].mean(0) - pool.z[:5].mean(0))) ** 2
    assert float(expected) == pytest.approx(float((pool.z[5:9].mean(0) - pool.z[:5].mean(0)).norm() ** 2), rel=1e-4)


def test_a_concept_and_its_opposite_leave_nothing_of_a_third(gan: Gan) -> None:
    pool = gan.latents(1000, seed=1)
    level = truth(pool.z)
    first, second = (level[:, :2] > 0).T
    values = np.stack([first, ~first, second, level[:, 3] > 0], axis=1).astype(np.float32)
    vector = Direction.between("any", pool.z[:5], pool.z[5:9]).cleaned(pool, values, column=3).vector.double().numpy()
    z = pool.z.double().numpy()
    for shown in (first, second):
        slope = np.linalg.lstsq(z - z.mean(0), shown - shown.mean(), rcond=None)[0]
        assert abs(slope @ vector) < 1e-6 * np.linalg.norm(slope) * np.linalg.norm(vector)


@pytest.mark.parametrize(("pool", "told"), [(499, True), (500, False)])
def test_a_pool_too_small_to_clean_by_is_told(gan: Gan, pool: int, told: bool) -> None:
    options = {"labeler": Reader(), "by": "yaw", "each": 16, "n": 10, "steps": 3}
    result = turn(gan, "left", "right", pool=pool, clean=True, **options)
    assert any("--pool 500" in note for note in result.notes) == told
    assert not any("--clean" in note for note in turn(gan, "left", "right", pool=pool, **options).notes)


def test_halves_of_a_cleaned_direction_are_cleaned_like_it(gan: Gan) -> None:
    """What both halves share is no agreement once it is taken out."""
    pool = gan.latents(1000, seed=1)
    level = truth(pool.z)
    values = np.concatenate([level[:, :3] > 0, level[:, 3:]], axis=1).astype(np.float32)
    order = np.argsort(level[:, 0])
    smiles = Direction.between("smiles", pool.z[order[:32]], pool.z[order[-32:]])
    cleaned = smiles.cleaned(pool, values, column=3)
    assert halves_agree(smiles, 0)["halves_agree"].value > 0.5
    assert abs(halves_agree(cleaned, 0)["halves_agree"].value) < 0.2
    z = pool.z.double().numpy()
    slopes = np.linalg.lstsq(z - z.mean(0), values[:, :3] - values[:, :3].mean(0), rcond=None)[0]
    kept = torch.from_numpy(np.eye(DIM) - slopes @ np.linalg.pinv(slopes))
    by_hand = Direction.between("by hand", smiles.first.double() @ kept, smiles.second.double() @ kept)
    for name, metric in halves_agree(by_hand, 0).items():
        ours = halves_agree(cleaned, 0)[name]
        assert (ours.value, ours.low, ours.high) == pytest.approx((metric.value, metric.low, metric.high), abs=1e-6)


def test_the_direction_is_the_difference_of_the_means_of_the_extremes(gan: Gan, turned: Result) -> None:
    z = gan.latents(1000, seed=0).z.double().numpy()
    order = np.argsort(z @ axes()[3].double().numpy())
    expected = z[order[-64:]].mean(0) - z[order[:64]].mean(0)
    np.testing.assert_allclose(turned.arrays["direction"], expected, atol=1e-5)


def test_values_are_what_z_says(gan: Gan, turned: Result) -> None:
    """The first sample's way, computed from its z alone."""
    z = gan.latents(1, seed=0, first=1_000_000).z
    for step, t in enumerate(turned.arrays["coefficients"]):
        level = truth(z + float(t) * torch.from_numpy(turned.arrays["direction"]))[0]
        seen = turned.arrays["values"][0, step]
        assert seen[3] == pytest.approx(level[3], abs=1e-3)
        assert seen[:3].tolist() == (level[:3] > 0).tolist()


def test_halves_of_true_groups_agree_and_of_shuffled_ones_do_not(gan: Gan) -> None:
    by_yaw = turn(gan, "left", "right", by="yaw", labeler=Reader(), **FAST).metrics
    assert by_yaw["halves_agree"].value > by_yaw["halves_agree_shuffled"].high
    z = gan.latents(40, seed=8).z
    chance = halves_agree(Direction.between("chance", z[:20], z[20:]), seed=0)
    assert abs(chance["halves_agree"].value) < 0.2
    assert halves_agree(Direction.between("one", z[:1], z[1:3]), seed=0) == {}


def test_groups_chosen_by_eye_come_first_and_the_labelers_stand_beside(gan: Gan) -> None:
    result = turn(gan, "left", "right", exemplars=chosen(gan), labeler=Reader(), **FAST)
    names = [row[0] for row in result.tables["directions"].rows[::2]]
    assert names == ["groups, 6 + 6", "16 + 16", "4 choices of 4 + 4"]
    level = truth(torch.from_numpy(result.arrays["direction"])[None])[0]
    assert level[3] > 1.5
    assert "steady_16_and_16" in result.metrics


def test_groups_turn_where_the_pool_holds_too_few_for_the_labeler(gan: Gan) -> None:
    by_hand = {"exemplars": chosen(gan), "labeler": Reader(), "n": 20}
    few = turn(gan, "left", "right", pool=100, **by_hand)
    assert [row[0] for row in few.tables["directions"].rows[::2]] == ["groups, 6 + 6", "8 choices of 4 + 4"]
    assert [note for note in few.notes if "left out" in note] == [
        "The labeler's own choice is left out: 100 samples hold no 64 + 64 exemplars. Raise --pool, or lower --each."
    ]
    rare = turn(gan, "man", "man_with_glasses", pool=130, each=65, clean=True, **by_hand)
    assert [row[0] for row in rare.tables["directions"].rows[::2]][:2] == ["groups, 6 + 6, cleaned", "groups, 6 + 6"]
    assert any("too few or too many for 65 + 65" in note for note in rare.notes)


def test_there_are_as_many_choices_of_four_as_the_pool_and_the_exemplars_allow(gan: Gan) -> None:
    pool = gan.latents(100, seed=0)
    judge = Judge(Reader())
    values = judge.of_latents(gan, pool)
    values[:, 0] = np.arange(100) < 11  # shown by eleven
    for column, choices, count in ((3, 8, 8), (3, 20, 12), (0, 8, 2), (3, 1, 1)):
        found = by_attribute(judge, pool, values, column, 1, 4, choices)
        ends = torch.cat([end for direction in found for end in (direction.first, direction.second)])
        assert len(found) == count
        assert len(ends.unique(dim=0)) == 8 * count
    for each, expected in ((4, ["4 + 4"]), (7, ["7 + 7", "4 + 4"]), (8, ["8 + 8", "2 choices of 4 + 4"])):
        result = turn(gan, "left", "right", by="yaw", labeler=Reader(), n=10, pool=40, each=each)
        assert [row[0] for row in result.tables["directions"].rows[::2]] == expected
    alone = turn(gan, "left", "right", by="yaw", labeler=Reader(), n=20, pool=40, each=7)
    assert alone.metrics["travel_4_and_4"].low is None


def test_names_say_which_way_a_measure_goes(gan: Gan) -> None:
    """From right to left is the other way round, and the followed attribute still rises."""
    there, back = (
        turn(gan, *ends, by="yaw", labeler=Reader(), **FAST) for ends in (("left", "right"), ("right", "left"))
    )
    np.testing.assert_array_equal(there.arrays["direction"], -back.arrays["direction"])
    assert back.metrics["steady"].value == there.metrics["steady"].value == 1


def test_typed_pictures_say_which_way_a_measure_goes(gan: Gan) -> None:
    """From large to small: yaw falls, and a perfect turn counts as one."""
    order = np.argsort(truth(gan.latents(300, seed=0).z)[:, 3])
    small, large = (",".join(f"0:{row}" for row in rows) for rows in (order[:40], order[-40:]))
    there, back = (turn(gan, *ends, by="yaw", labeler=Reader(), **FAST) for ends in ((small, large), (large, small)))
    np.testing.assert_array_equal(there.arrays["direction"], -back.arrays["direction"])
    assert back.metrics["steady"].value == there.metrics["steady"].value == 1
    assert back.metrics["correlation"].value == pytest.approx(there.metrics["correlation"].value)
    assert there.metrics["correlation"].value > 0.99
    assert "yaw falls" in back.metrics["steady"].about
    assert "yaw rises" in there.metrics["steady"].about


def test_groups_say_which_way_a_measure_goes_where_their_names_do_not(gan: Gan) -> None:
    by_hand = chosen(gan)
    groups = Exemplars(gan.hash, {"ann": by_hand.group("left"), "bob": by_hand.group("right")})
    options = {"by": "yaw", "exemplars": groups, "labeler": Reader(), **FAST}
    there, back = (turn(gan, *ends, **options) for ends in (("ann", "bob"), ("bob", "ann")))
    np.testing.assert_array_equal(there.arrays["direction"], -back.arrays["direction"])
    np.testing.assert_array_equal(there.arrays["direction"], turn(gan, "left", "right", **options).arrays["direction"])
    assert "yaw falls" in back.metrics["steady"].about


def test_a_concept_turns_too(gan: Gan) -> None:
    result = turn(gan, "neutral", "smiling", labeler=Reader(), n=40, pool=400)
    assert result.metrics["correlation_all"].value > 0.5
    assert result.metrics["travel"].value > 0.7
    assert "kept_yaw" in result.metrics
    assert result.arrays["values"][:, :, 0].max() == 1


def test_a_concept_that_is_turned_away_from_is_shown_as_it_is(gan: Gan, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[dict, str]] = []
    curve = draw.curve
    monkeypatch.setattr(
        draw, "curve", lambda x, series, **words: drawn.append((series, words["ylabel"])) or curve(x, series, **words)
    )
    there, back = (
        turn(gan, *ends, labeler=Reader(), n=40, pool=400) for ends in (("neutral", "smiling"), ("smiling", "neutral"))
    )
    np.testing.assert_array_equal(back.arrays["values"], there.arrays["values"][:, ::-1])
    assert set(np.unique(back.arrays["values_random"][:, :, 0])) == {0, 1}
    (shares, _, _), label = drawn[1][0]["the turn"], drawn[1][1]
    np.testing.assert_array_equal(shares, back.arrays["values"][:, :, 0].mean(0))
    assert shares[0] > 0.8 > 0.2 > shares[-1]
    assert label == "share of samples with smile"
    for name in ("steady", "correlation", "travel"):
        assert 0 < back.metrics[name].value == pytest.approx(there.metrics[name].value)
    assert "smile falls" in back.metrics["steady"].about
    assert f"smile falls steadily in {back.metrics['steady'].value:.0%} of 40 samples" in back.summary
    assert f"by {back.metrics['travel'].value:.2f} of its spread on average (" in back.summary


def test_the_names_of_the_ends_stand_in_words_above_the_figure(gan: Gan, monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[list[str]] = []
    rows = draw.labelled_rows
    monkeypatch.setattr(
        draw, "labelled_rows", lambda *args, **words: heads.append(words["heads"]) or rows(*args, **words)
    )
    result = turn(gan, "0:1,0:2", "man_with_glasses", exemplars=chosen(gan), n=10, steps=5)
    typed = "from 0:1,0:2 to man_with_glasses"  # so that both can be typed again
    assert typed in result.summary
    assert typed in result.figures["turn"].caption
    assert heads == [["0:1 0:2 -1", "-0.5", "0", "+0.5", "man with glasses +1"]]


def test_a_gan_whose_pictures_do_not_depend_on_the_direction_fails(gan: Gan) -> None:
    """Exemplars that share nothing: the direction is one of chance and must not beat chance."""
    result = turn(gan, "0:0,0:1,0:2,0:3", "0:4,0:5,0:6,0:7", labeler=Reader(), **FAST)
    assert not any(name.startswith("steady") for name in result.metrics)  # nobody says what should turn
    assert any("--by" in note for note in result.notes)
    assert result.metrics["halves_agree"].value < 0.3
    followed_too = turn(gan, "0:0,0:1,0:2,0:3", "0:4,0:5,0:6,0:7", by="yaw", labeler=Reader(), **FAST)
    np.testing.assert_array_equal(followed_too.arrays["direction"], result.arrays["direction"])
    assert followed_too.metrics["correlation_all"].value < 0.8


# other GANs


@pytest.mark.parametrize(("size", "channels", "prior"), [(16, 1, "normal"), (64, 4, "uniform")])
def test_any_gan_will_do_without_a_labeler(size: int, channels: int, prior: str) -> None:
    gan = tiny_gan(size=size, channels=channels, prior=prior)
    result = turn(gan, "0:1,0:2", "0:3,0:4,1:5", n=10, steps=5)
    assert set(result.metrics) == {"halves_agree", "halves_agree_shuffled"}
    assert any("labeler" in note for note in result.notes)
    assert set(turn(gan, "0:1", "0:3", n=10).metrics) == set()


def test_masks_and_presence_will_do_for_a_labeler() -> None:
    result = turn(planted_gan(), "no_lamp", "lamp", labeler=Truth(), n=20, pool=200, each=20)
    assert result.metrics["correlation_all"].value > 0.3


# what a user can get wrong


@pytest.mark.parametrize(
    ("ends", "options", "words"),
    [
        (("left", "rigth"), {}, "Known groups: smiling_woman"),
        (("left", "up"), {"labeler": Reader()}, "knows the words: smiling, neutral, with_glasses"),
        (("left_side", "right"), {"labeler": Reader()}, "does not know the word 'side'"),
        (("left", "smilling_man"), {"labeler": Reader()}, "Did you mean smiling_man"),
        (("left", "neutral"), {"labeler": Reader()}, "--by with one of smile, glasses, woman, yaw"),
        (("rihgt", "lfet"), {"by": "yaw", "labeler": Reader()}, "no exemplars called 'rihgt'"),
        (("left", "lfet"), {"by": "yaw", "labeler": Reader()}, "no exemplars called 'lfet'"),
        (("left", "0:1,x"), {"by": "yaw", "labeler": Reader()}, "no picture"),
        (("smiling", "neutral"), {"by": "yaw", "labeler": Reader()}, "Words that say it: left, right."),
        (("0:1,0:2", "0:2,0:1"), {"by": "yaw", "labeler": Reader()}, "are the same pictures"),
        (("0:1,0:2", "0:2,0:1"), {}, "are the same pictures"),
        (("left", "left"), {}, "are the same pictures"),
        (("left", "left"), {"labeler": Reader()}, "are the same pictures"),
        (("left", "right"), {"by": "pitch", "labeler": Reader()}, "It knows: smile, glasses, woman, yaw"),
        (("left", "right"), {"by": "yaw"}, "--by needs a labeler"),
        (("left", "right"), {"clean": True}, "--clean needs a labeler"),
        (("left", "nobody"), {}, "empty"),
        (("left", "0:1,x"), {}, "no picture"),
        (("left", "right"), {"steps": 4}, "odd"),
        (("left", "right"), {"by": "yaw", "labeler": Reader(), "pool": 100}, "Raise --pool"),
        (("neutral", "smiling"), {"by": "smile", "labeler": Reader(), "pool": 130}, "too few or too many"),
        (("smiling_woman", "neutral_man"), {"labeler": Reader()}, "several"),
    ],
)
def test_wrong_options_are_told(gan: Gan, ends: tuple[str, str], options: dict, words: str) -> None:
    with pytest.raises(GanlabError) as error:
        turn(gan, *ends, exemplars=chosen(gan), **options)
    assert words in error.value.message + error.value.hint
    assert error.value.hint


def test_exemplars_of_another_checkpoint_are_refused(gan: Gan) -> None:
    with pytest.raises(GanlabError, match="were chosen on the checkpoint"):
        turn(tiny_gan(), "left", "right", exemplars=Exemplars(gan.hash, {}))
